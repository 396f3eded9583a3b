"""Building the operator's and the runner's image, and giving them to the picked cluster.

A tag is ``<version>-<hash of what is in the image>``: code that changed is rolled out because the name changed, and
what did not change is neither built nor rolled out again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from hack.cluster import images as local_images
from hack.cluster import pick
from hack.cluster.full import FullCluster
from hack.cluster.paths import locked
from hack.images import wheels


@dataclass(frozen=True)
class Image:
    """One image of the product."""

    name: str
    dockerfile: str
    sources: tuple[str, ...]
    """What of the checkout decides its content."""

    @property
    def tag(self) -> str:
        """Name and tag of the image as the sources are now, without a registry of the cluster's."""
        version = tomllib.loads((wheels.ROOT / "pyproject.toml").read_text())["project"]["version"]
        parties = sorted(path.name for path in wheels.third_party().iterdir())
        bases = [os.environ.get(name, "") for name in ("BASE_IMAGE", "BUILD_IMAGE")]
        content = wheels.digest_of(wheels.source_files((self.dockerfile, *self.sources)), *parties, *bases)
        return f"localhost/evertask/{self.name}:{version}-{content}"


OPERATOR = Image("operator", "operator/Dockerfile", ("pyproject.toml", "sdk", "operator"))
RUNNER = Image("runner", "runner/Dockerfile", ("pyproject.toml", "sdk", "runner"))


def build_images() -> dict[str, str]:
    """Build both images unless they are there, bring them to the picked cluster; return the names that pods use.

    The environment's BASE_IMAGE and BUILD_IMAGE, where set, go to the builds as arguments.

    Raises:
        ImageError: wheels could not be fetched or built.
        ClusterError: a build failed, or the way to the cluster.
    """
    # Two builds of one checkout would take each other's wheels away.
    with locked("build"):
        choice = pick.chosen()
        return {image.name: _publish(image, choice) for image in (OPERATOR, RUNNER)}


def _publish(image: Image, choice: pick.Choice) -> str:
    tag = image.tag
    if choice.kind == "local" and local_images.image_id(tag):
        # buildah does not tell that nothing changed; the tag does.
        cluster = FullCluster()
        local_images.load_image(tag, cluster.folder, cluster.node.socket)
        return tag
    arguments = {name: os.environ[name] for name in ("BASE_IMAGE", "BUILD_IMAGE") if os.environ.get(name)}
    with tempfile.TemporaryDirectory(dir=wheels.CACHE) as scratch:
        context = Path(scratch)
        (context / "wheels").mkdir()
        for folder in (wheels.third_party(), wheels.own()):
            for wheel in folder.iterdir():
                shutil.copy(wheel, context / "wheels")
        return pick.publish(tag, wheels.ROOT / image.dockerfile, context, arguments)
