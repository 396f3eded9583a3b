"""Build the product's images and give them to the picked cluster: ``python3 -m hack.images``.

The last line printed is JSON with the names that pods use: ``{"operator": "…", "runner": "…"}``.
"""

from __future__ import annotations

import json
import sys

from hack.cluster.paths import ClusterError
from hack.images.build import build_images
from hack.images.wheels import ImageError


def main() -> int:
    """Build both images; return the exit code."""
    try:
        names = build_images()
    except (ClusterError, ImageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
