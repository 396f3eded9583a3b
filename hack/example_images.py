"""The images of the example applications: the runner's image with the application and its packages in ``/app``.

An image's tag is a hash of what is in it: what did not change is neither built again nor rolled out again.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hack.cluster import images as local_images
from hack.cluster import pick
from hack.cluster.full import FullCluster
from hack.images import wheels
from hack.images.build import build_images
from hack.images.wheels import ImageError

PART_OF = ("app.kubernetes.io/part-of", "evertask-examples")
"""Label of the examples' namespaces: one of the same name without it is somebody's own, and is left alone."""


@dataclass(frozen=True)
class Example:
    """An example application: a folder with a Dockerfile, requirements.txt, manifests and one package."""

    folder_name: str
    """Below examples/."""
    package: str
    """The Python package; the image is called like it."""
    placeholder: str
    """Stands in the manifests where the image's name belongs."""

    @property
    def folder(self) -> Path:
        """Where it is in the checkout."""
        return wheels.ROOT / "examples" / self.folder_name

    def manifest(self, path: str, image: str) -> str:
        """Read a manifest, the image's name in the placeholder's place.

        Args:
            path: relative to the example's folder.
            image: the name that pods use.
        """
        return (self.folder / path).read_text("utf-8").replace(self.placeholder, image)

    def build_image(self) -> str:
        """Build the image unless it is there, bring it to the picked cluster; return the name that pods use.

        Raises:
            ImageError: wheels could not be fetched.
            ClusterError: the build failed, or the way to the cluster.
        """
        runner = build_images()["runner"]
        parts = ("Dockerfile", "requirements.txt", self.package)
        sources = wheels.source_files(f"examples/{self.folder_name}/{name}" for name in parts)
        tag = f"localhost/evertask/{self.package}:{wheels.digest_of(sources, runner)}"
        if pick.chosen().kind == "local" and local_images.image_id(tag):
            cluster = FullCluster()
            local_images.load_image(tag, cluster.folder, cluster.node.socket)
            return tag
        with tempfile.TemporaryDirectory(dir=wheels.CACHE) as scratch:
            context = Path(scratch)
            without = shutil.ignore_patterns("__pycache__")
            shutil.copytree(self.folder / self.package, context / self.package, ignore=without)
            shutil.copy(self.folder / "requirements.txt", context)
            self._fetch_wheels(context / "wheels")
            return pick.publish(tag, self.folder / "Dockerfile", context, {"RUNNER_IMAGE": runner})

    def _fetch_wheels(self, folder: Path) -> None:
        machine = wheels.MACHINES.get(platform.machine(), platform.machine())
        for python in wheels.PYTHONS:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                    *("--only-binary=:all:", "--implementation=cp", f"--python-version={python}"),
                    *(f"--platform={name}_{machine}" for name in wheels.PLATFORMS),
                    *(f"--dest={folder}", f"--requirement={self.folder / 'requirements.txt'}"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                said = (done.stdout + done.stderr)[-2000:]
                raise ImageError(f"the wheels of examples/{self.folder_name} could not be fetched:\n{said}")
