"""The entry point of the console script ``evertask`` and of ``python -m evertask.cli``."""

from __future__ import annotations

import sys

from evertask.cli.exits import CLUSTER

EXTRA = frozenset({"typer", "yaml"})
"""What the extra ``cli`` installs, by the names under which it is imported."""


def main() -> None:
    """Run the command line; it ends the process with one of the codes of ``evertask.cli.exits``."""
    try:
        from evertask.cli.app import app  # noqa: PLC0415  (what it needs may be absent)

        app(prog_name="evertask")
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        print(  # noqa: T201  (there is nothing else to speak with)
            f"evertask: the command line needs {error.name}: pip install 'evertask[cli]'", file=sys.stderr
        )
        sys.exit(CLUSTER)


if __name__ == "__main__":
    main()
