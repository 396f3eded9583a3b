"""The command line: what a person asks EverTask for at a terminal.

``__main__`` is the entry point and ``app`` the verbs. A verb reads (``documents`` from files, ``objects`` from a
cluster), asks pure code (``forecasts``), and writes (``output``): each of them is loaded when its verb is called,
so that ``--help`` answers at once. Only this package may import typer and yaml, the extra ``cli``.
"""
