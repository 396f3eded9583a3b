"""Container images without a registry and without Docker: mmdebstrap, buildah, and the cluster's containerd.

The base images hold Debian's own Python. Everything else is the project's ordinary Dockerfiles, whose
bases are build arguments (``BASE_IMAGE``, ``BUILD_IMAGE``).
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hack.cluster.node import PAUSE_IMAGE
from hack.cluster.paths import SOURCES, ClusterError, home, locked, say
from hack.cluster.prerequisites import FULL_PACKAGES, require_packages, require_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RUN_PACKAGES = ("python3", "ca-certificates")
_BUILD_PACKAGES = (*_RUN_PACKAGES, "python3-pip", "python3-venv", "binutils")


def _base_tag(name: str, packages: Sequence[str]) -> str:
    """Name a base image by what is in it, so that a change of the list makes it anew."""
    return f"localhost/evertask/{name}:bookworm-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:8]}"


BASE_IMAGE = _base_tag("python-base", _RUN_PACKAGES)
"""What the project's images run on: Debian and its Python."""

BUILD_IMAGE = _base_tag("python-build", _BUILD_PACKAGES)
"""What they are built with: the same, with pip and venv, and binutils to leave debug symbols out."""

BASE_PACKAGES = {BASE_IMAGE: _RUN_PACKAGES, BUILD_IMAGE: _BUILD_PACKAGES}

_UNWANTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_STRIP = 'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/debconf/* "$1"/var/log/*'


def _run(command: Sequence[str], what: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{what} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout


@functools.cache
def _storage() -> tuple[str, ...]:
    """Return buildah's storage options: overlay where the kernel allows it here, else plain copies."""
    folder = home() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    places = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"))
    # One driver for the life of the folder: the images of one are invisible to the other.
    chosen = folder / "driver"
    if not chosen.exists():
        probe = ["buildah", *places, "--storage-driver", "overlay", "info"]
        works = subprocess.run(probe, capture_output=True, check=False).returncode == 0
        chosen.write_text("overlay" if works else "vfs")
    return (*places, "--storage-driver", chosen.read_text())


def _buildah(*arguments: str, what: str) -> str:
    return _run(["buildah", *_storage(), *arguments], what)


def image_id(tag: str) -> str | None:
    """Return the id of the built image ``tag``, None when there is none."""
    command = ["buildah", *_storage(), "inspect", "--type", "image", "--format", "{{.FromImageID}}", tag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None if done.returncode == 0 else None


def _prepare() -> None:
    require_root()
    require_packages(FULL_PACKAGES)


def base_images() -> None:
    """Make the two base images, once per machine."""
    _prepare()
    if all(image_id(tag) for tag in BASE_PACKAGES):
        return
    with locked("base-images"):
        for tag, packages in BASE_PACKAGES.items():
            if image_id(tag) is None:
                _make_base(tag, packages)


def _make_base(tag: str, packages: Sequence[str]) -> None:
    say(f"making {tag} from Debian packages (about half a minute)")
    with tempfile.TemporaryDirectory(dir=home() / "images") as folder:
        excludes = [f"--dpkgopt=path-exclude={pattern}" for pattern in _UNWANTED]
        python_link = 'ln -s python3 "$1"/usr/bin/python'
        _run(
            [
                *("mmdebstrap", "--variant=minbase", "--quiet", f"--include={','.join(packages)}"),
                *excludes,
                *(f"--customize-hook={python_link}", f"--customize-hook={_STRIP}"),
                *("bookworm", f"{folder}/rootfs.tar"),
            ],
            "mmdebstrap",
        )
        environment = "ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1"
        Path(folder, "Dockerfile").write_text(
            f'FROM scratch\nADD rootfs.tar /\n{environment}\nCMD ["python3"]\n'
        )
        _bud(Path(folder, "Dockerfile"), Path(folder), tag, {})


def _bud(dockerfile: Path, context: Path, tag: str, arguments: Mapping[str, str]) -> None:
    options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    # No cache of intermediate layers: the callers' tags name the content, and the cache only ever grows.
    _buildah(
        *("bud", "--isolation", "chroot", "--network", "host", "--layers=false", "--format", "docker"),
        *("--pull-never", "--tag", tag, "--file", str(dockerfile), *options, str(context)),
        what=f"building {tag}",
    )


def build_image(dockerfile: Path, context: Path, tag: str, arguments: Mapping[str, str]) -> str:
    """Build ``tag`` on the local base images; return the image's id.

    Raises:
        ClusterError: the build failed; the message ends with what it printed.
    """
    base_images()
    bases = {"BASE_IMAGE": BASE_IMAGE, "BUILD_IMAGE": BUILD_IMAGE}
    say(f"building {tag}")
    _bud(dockerfile, context, tag, bases | dict(arguments))
    found = image_id(tag)
    if found is None:
        raise ClusterError(f"{tag} was built and is not there: remove {home() / 'images'} and try again")
    return found


def pause_image() -> None:
    """Make the image that holds each pod's namespaces, once per machine."""
    if image_id(PAUSE_IMAGE) is not None:
        return
    with locked("base-images"):
        say(f"making {PAUSE_IMAGE}")
        with tempfile.TemporaryDirectory(dir=home() / "images") as folder:
            source = SOURCES / "modules" / "pause" / "pause.c"
            _run(["gcc", "-Os", "-static", "-s", "-o", f"{folder}/pause", str(source)], "compiling pause.c")
            Path(folder, "Dockerfile").write_text('FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
            _bud(Path(folder, "Dockerfile"), Path(folder), PAUSE_IMAGE, {})


def push_image(name: str) -> None:
    """Push a built image to the registry that its name says."""
    say(f"pushing {name}")
    _buildah("push", name, what=f"pushing {name}")


def load_image(tag: str, folder: Path, socket: Path) -> None:
    """Give the built image ``tag`` to the containerd at ``socket``; instant when it has it already.

    Raises:
        ClusterError: there is no such image, or containerd refused it.
    """
    built = image_id(tag)
    if built is None:
        raise ClusterError(f"no image {tag}: build it first with `python3 -m hack.cluster build-image`")
    loaded = folder / "loaded-images"
    loaded.mkdir(exist_ok=True)
    record = loaded / (tag.replace("/", "_") + ".json")
    if record.exists() and json.loads(record.read_text()) == built and _has_image(tag, socket):
        return
    with tempfile.TemporaryDirectory(dir=home() / "images") as scratch:
        say(f"loading {tag}")
        archive = Path(scratch, "image.tar")
        _buildah("push", tag, f"docker-archive:{archive}:{tag}", what=f"exporting {tag}")
        _run([*_ctr(socket), "images", "import", str(archive)], f"importing {tag}")
    record.write_text(json.dumps(built))


def _ctr(socket: Path) -> list[str]:
    return [shutil.which("ctr") or "/usr/bin/ctr", "-a", str(socket), "-n", "k8s.io"]


def _has_image(tag: str, socket: Path) -> bool:
    return tag in _run([*_ctr(socket), "images", "ls", "-q", f"name=={tag}"], "listing images").split()
