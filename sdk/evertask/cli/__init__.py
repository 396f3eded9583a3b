"""The command line: what a person asks EverTask for at a terminal.

``__main__`` is the entry point, ``app`` the whole; ``verbs_*`` have the verbs' options and their help, ``options``
those that several share. What a verb does is in modules that are loaded when it is called, so that ``--help`` answers
at once: some read (``documents`` from files, ``sessions`` and ``observations`` from a cluster), some are pure
(``orders``, ``forecasts``, ``rows``, ``histories``, ``trees``, ``descriptions``), some write (``printing``,
``displays``). All text of a cluster goes through ``texts``; ``exits`` has the exit codes, ``endings`` ends every
command with one of them. Only this package may import typer, rich and yaml, the extra ``cli``.
"""
