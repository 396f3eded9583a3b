"""Which code a task may name as its handler: the application's own, and not what is installed beside it.

Whoever may create tasks chooses ``spec.handler`` and the payload, and needs no right to pods for it. If everything that
the image can import would do, ``subprocess:run`` with a payload whose keys are a command line would be a shell in
the namespace. So two modules are judged: the one that the path names, before it is imported, and the one that *defines*
what was found there, because ``from subprocess import run`` in the application's code lends nothing out.

``EVERTASK_HANDLER_MODULES`` in the runner's environment replaces the rule by a list. Imported before the user's
module: nothing here imports what is not loaded already.
"""

from __future__ import annotations

import os
import sys
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

ENV_HANDLER_MODULES = "EVERTASK_HANDLER_MODULES"
"""Modules, separated by commas, whose handlers may be named, each with everything below it: ``shop.handlers,mails``.
Nothing else may be named then. Empty or absent: the application's code may, and classes derived from ``Handler``."""

EXAMPLES = "evertask_runner.examples"
"""The one module of EverTask's own that holds handlers."""

_OWN_PACKAGES = ("evertask", "evertask_operator", "evertask_runner")
_PYTHON_FOLDER = os.path.dirname(os.__file__)  # noqa: PTH120  (pathlib is not imported here)
_SITE_FOLDERS = {"site-packages", "dist-packages"}
_HANDLER_BASE = ("evertask.tasks", "Handler")
_WRITE_ONE = "write a function, or a class with a method handle, in your application that calls it"


class Origin(Enum):
    """Where a module comes from, as the middle of a sentence."""

    PYTHON = "is part of Python"
    EVERTASK = "is part of EverTask"
    LIBRARY = "is an installed library"
    APPLICATION = "is the application's"
    UNKNOWN = "cannot be found"


def refuse_path(path: str) -> str | None:
    """Judge a path before anything is imported; the answer says why it is refused, None where it is not."""
    module_name, separator, attribute_path = path.partition(":")
    names = [*module_name.split("."), *attribute_path.split(".")]
    if not separator or not all(name.isascii() and name.isidentifier() for name in names):
        return f"spec.handler {path!r} is no path such as shop.reports:DailyReportHandler, module:attribute"
    private = [name for name in module_name.split(".") if name.startswith("__")]
    private += [name for name in attribute_path.split(".") if name.startswith("_")]
    if private:
        return (
            f"spec.handler {path!r}: {private[0]} is private by its name; name a handler class or a function "
            "whose name begins with a letter"
        )
    if (modules := _listed()) is not None:
        return None if _covers(modules, module_name) else f"spec.handler {path!r}: {_not_listed(module_name)}"
    origin = origin_of(module_name)
    if origin in (Origin.PYTHON, Origin.EVERTASK):
        return (
            f"spec.handler {path!r}: the module {module_name} {origin.value}, and no handler is; {_WRITE_ONE}"
        )
    return None


def refuse_attribute(path: str, attribute: Any) -> str | None:
    """Judge what was found under a path; the answer says why it is refused, None where it is not.

    What cannot be called is not judged: that it is no handler is said elsewhere.
    """
    if not callable(attribute):
        return None
    definer = defining_module(attribute)
    if (modules := _listed()) is not None:
        return (
            None
            if _covers(modules, definer)
            else f"spec.handler {path!r} is defined in {definer}, and {_not_listed(definer)}"
        )
    origin = origin_of(definer)
    if origin in (Origin.APPLICATION, Origin.UNKNOWN) or (
        origin is Origin.LIBRARY and _is_declared(attribute)
    ):
        return None
    way_out = _WRITE_ONE
    if origin is Origin.LIBRARY:
        top = definer.partition(".")[0]
        way_out += (
            f"; or, where {top} is your application, derive the class from evertask.Handler, or name {top} in the "
            f"chart's runners.handlerModules (in an image: ENV {ENV_HANDLER_MODULES})"
        )
    return f"spec.handler {path!r} is defined in {definer}, which {origin.value}; {way_out}"


def defining_module(value: Any) -> str:
    """Name the module whose code runs when a value is called."""
    while type(value) is partial:
        value = value.func
    name = getattr(value, "__module__", None)
    if isinstance(name, str) and _find(name.partition(".")[0]) is not None:
        return name
    # Methods of built-in types name none, and a library may give its functions a nicer name than a module's.
    return str(getattr(value, "__globals__", {}).get("__name__") or name or type(value).__module__)


def _is_declared(value: Any) -> bool:
    """Whether a class says of itself that it is a handler."""
    bases = value.__mro__ if isinstance(value, type) else ()
    return any((base.__module__, base.__qualname__) == _HANDLER_BASE for base in bases)


def _listed() -> list[str] | None:
    given = [one.strip() for one in os.environ.get(ENV_HANDLER_MODULES, "").split(",")]
    return [one for one in given if one] or None


def _covers(modules: Iterable[str], name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _not_listed(module: str) -> str:
    return (
        f"the module {module} is not among {ENV_HANDLER_MODULES}={os.environ[ENV_HANDLER_MODULES]}; "
        "add it to the chart's runners.handlerModules (in an image: ENV), or name a handler from there"
    )


def origin_of(module_name: str) -> Origin:
    """Say where a module comes from, by the place of its outermost package."""
    top = module_name.partition(".")[0]
    if top in _OWN_PACKAGES:
        return Origin.APPLICATION if module_name == EXAMPLES else Origin.EVERTASK
    spec = _find(top)
    if spec is None:
        return Origin.UNKNOWN
    if spec.origin in ("built-in", "frozen"):
        return Origin.PYTHON
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    folders = [os.path.dirname(place) for place in places]  # noqa: PTH120
    if any(_is_installed(folder, top) for folder in folders):
        return Origin.LIBRARY
    if any(f"{folder}/".startswith(f"{_PYTHON_FOLDER}/") for folder in folders):
        return Origin.PYTHON
    return Origin.APPLICATION


def _find(top: str) -> Any:
    """Give the spec by which a module was, or would be, imported; None where there is none."""
    spec = getattr(sys.modules.get(top), "__spec__", None)
    if spec is not None:
        return spec
    finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
    return next((spec for find in finders if find and (spec := find(top, None)) is not None), None)


def _is_installed(folder: str, top: str) -> bool:
    """Whether pip has put a package there: by the folder's name, or by the records that ``--target`` leaves.

    An application may stand in one folder with its libraries (``--target=/app``), so that each package is asked for.
    """
    if not _SITE_FOLDERS.isdisjoint(folder.split(os.sep)):  # noqa: PTH206  (pathlib is not imported here)
        return True
    try:
        records = [name for name in os.listdir(folder or ".") if name.endswith(".dist-info")]  # noqa: PTH208
    except OSError:
        return False  # an archive
    return any(_has_files(f"{folder}/{record}/RECORD", top.encode()) for record in records)


def _has_files(record: str, top: bytes) -> bool:
    try:
        with open(record, "rb") as file:  # noqa: PTH123
            listed = b"\n" + file.read()
    except OSError:
        return False
    return b"\n" + top + b"/" in listed or b"\n" + top + b"." in listed
