"""The entry point of the console scripts ``evertask`` and ``kubectl-evertask``, and of ``python -m evertask.cli``.

kubectl runs the second one for ``kubectl evertask …``, and gives it all that stands after that.
"""

from __future__ import annotations

import sys
from pathlib import PurePath

from evertask.cli.exits import CLUSTER

EXTRA = frozenset({"rich", "typer", "yaml"})
"""What the extra ``cli`` installs, by the names under which it is imported."""

PLUGIN = "kubectl-evertask"


def main() -> None:
    """Run the command line; it ends the process with one of the codes of ``evertask.cli.exits``."""
    try:
        from evertask.cli.app import app  # noqa: PLC0415  (what it needs may be absent)

        is_plugin = PurePath(sys.argv[0]).stem == PLUGIN
        app(prog_name="kubectl evertask" if is_plugin else "evertask")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        print(  # noqa: T201  (there is nothing else to speak with)
            f"evertask: the command line needs {error.name}: pip install 'evertask[cli]'", file=sys.stderr
        )
        sys.exit(CLUSTER)


if __name__ == "__main__":
    main()
