"""From ``module:attribute`` to the object, and from a failure to a sentence that says what to change.

Imported before the user's module, so it imports nothing itself that is not loaded already.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask_runner.origins import refuse_attribute, refuse_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHOWN_NAMES = 8
"""How many existing names a message lists where none is similar."""


class Loaded(NamedTuple):
    """The handler was found."""

    attribute: Any
    setup: Any = None
    """``setup`` of the module of a handler class; None where there is none. Functions have nothing to set up."""


class LoadFailure(NamedTuple):
    """The handler was not found, its module raised, or it may not be named."""

    found: bool
    """True: the module exists and raised while it was imported."""
    message: str
    exception: BaseException | None
    refused: bool = False
    """True: it is no code that a task may name as its handler."""


def import_handler(path: str) -> Loaded | LoadFailure:
    """Import a handler; never raises, whatever the user's module does.

    Args:
        path: ``package.module:attribute``, the attribute dotted at will.
    """
    module_name, _, attribute_path = path.partition(":")
    _ensure_working_directory()
    try:
        if refusal := refuse_path(path):
            return _refused(refusal)
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(missing + "."):
            return LoadFailure(found=False, message=_missing_module(path, missing), exception=None)
        return _raised(module_name, error)
    except BaseException as error:  # noqa: BLE001  (a module may raise anything; it becomes the run's error)
        return _raised(module_name, error)
    try:
        return _resolve(path, module, attribute_path)
    except BaseException as error:  # noqa: BLE001  (a module's __getattr__ may raise anything too)
        return _raised(module_name, error)


def _ensure_working_directory() -> None:
    """Make modules of the working directory importable, as ``python -m`` does, under ``-P`` and ``-I`` too."""
    import os  # noqa: PLC0415  (loaded already)

    here = os.getcwd()  # noqa: PTH109  (pathlib is not imported here)
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def _refused(message: str) -> LoadFailure:
    return LoadFailure(found=False, message=message, exception=None, refused=True)


def _raised(module_name: str, error: BaseException) -> LoadFailure:
    name = type(error).__name__
    message = f"importing {module_name} raised {name}: {error}".rstrip(": ")
    return LoadFailure(found=True, message=message, exception=error)


def _resolve(path: str, module: Any, attribute_path: str) -> Loaded | LoadFailure:
    value = module
    reached = module.__name__
    for name in attribute_path.split("."):
        if value is not module and isinstance(value, type(sys)):
            return _refused(
                f"spec.handler {path!r}: {reached} is a module; write the handler's own module before the colon: "
                f"{value.__name__}:…"
            )
        try:
            value = getattr(value, name)
        except AttributeError:
            public = [known for known in dir(value) if not known.startswith("_")]
            hint = _similar(name, public) or _listing("it has", public)
            message = f"spec.handler {path!r}: {reached} has no attribute {name!r}; {hint}"
            return LoadFailure(found=False, message=message, exception=None)
        reached += f".{name}"
    if refusal := refuse_attribute(path, value):
        return _refused(refusal)
    return Loaded(value, vars(module).get("setup") if isinstance(value, type) else None)


def _missing_module(path: str, missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    folders: Sequence[str] = sys.path
    if parent:
        folders = list(getattr(sys.modules.get(parent), "__path__", ()))
        if not folders:
            return (
                f"spec.handler {path!r}: {parent} is a module and not a package, so it has no module {last!r}"
            )
    names = sorted(set(_modules_in(folders)))
    prefix = f"{parent}." if parent else ""
    hint = _similar(last, names, prefix)
    if not hint:
        hint = _listing("the package has", names) if parent else "is it installed in the image?"
    looked = ", ".join(folder or "." for folder in folders)
    return f"spec.handler {path!r}: there is no module {missing!r} in the image (looked in {looked}); {hint}"


def _modules_in(folders: Iterable[str]) -> Iterable[str]:
    import pkgutil  # noqa: PLC0415  (only for a message)

    return (found.name for found in pkgutil.iter_modules(list(folders)))


def _similar(name: str, known: Iterable[str], prefix: str = "") -> str:
    import difflib  # noqa: PLC0415  (only for a message)

    matches = difflib.get_close_matches(name, list(known), n=3)
    return f"did you mean {' or '.join(repr(prefix + match) for match in matches)}?" if matches else ""


def _listing(introduction: str, names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN_NAMES]) + (", …" if len(names) > SHOWN_NAMES else "")
    return f"{introduction} {shown or 'none'}"
