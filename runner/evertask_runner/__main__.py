"""``python3 -m evertask_runner``: what a run's container executes.

Order matters here. What both processes need is imported first, once for the two; then comes the fork, because the
user's import begins with it; the parent's own imports (ssl above all) happen meanwhile.
"""

from __future__ import annotations

import gc
import os
import sys
from time import monotonic
from typing import NoReturn

import evertask.api.outcomes
import evertask.context  # noqa: F401  (shared: imported before the fork, processor time is spent once)
from evertask.api import protocol
from evertask_runner.environment import MisconfiguredError, read_environment
from evertask_runner.handler_process import fork_handler_process
from evertask_runner.signals import Signals


def main() -> int:
    """Run the pod's one run; the answer is the exit code (``evertask.api.protocol.EXIT_*``)."""
    started = monotonic()
    try:
        environment = read_environment(os.environ)
    except MisconfiguredError as error:
        from evertask_runner.exits import complain  # noqa: PLC0415  (not on the way of a run)

        path = os.environ.get(protocol.ENV_TERMINATION_MESSAGE_PATH) or protocol.TERMINATION_MESSAGE_PATH
        return complain(str(error), path)
    _empty_stdin()
    # Until the run is under way there is little garbage; what both processes share is not to be touched, so that it
    # stays shared. The child switches the collector on again before the user's import, the parent after the hand-over.
    gc.disable()
    gc.freeze()
    signals = Signals()
    process = fork_handler_process(environment.handler, signals)
    _forget_working_directory()
    from evertask_runner.parent import run_parent  # noqa: PLC0415  (imports ssl: after the fork)

    return run_parent(environment, signals, process, started)


def _empty_stdin() -> None:
    """Give handlers an empty standard input: one that asks for a line fails at once and does not hang."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _forget_working_directory() -> None:
    """Take the user's folder off the parent's path: a ``queue.py`` there must not replace Python's own."""
    here = os.getcwd()  # noqa: PTH109  (pathlib is not imported here)
    # The packages evertask and evertask_runner are loaded and know their own folders, wherever they are.
    sys.path[:] = [entry for entry in sys.path if entry not in ("", here)]


def _end(code: int) -> NoReturn:
    """End at once: taking an interpreter apart costs processor time, and nothing here needs it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _end(main())
