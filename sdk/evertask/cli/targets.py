"""Which tasks a command is about: by name, by id, or by key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from evertask.api.keys import key_fault
from evertask.api.rules import DNS_SUBDOMAIN
from evertask.cli.exits import INVALID, NOT_FOUND, CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evertask.cli.sessions import Session
    from evertask.views import TaskView

_UUID_LENGTH = 36
_NAME_LIMIT = 253


@dataclass(frozen=True)
class Target:
    """One task, as the person named it."""

    text: str
    is_key: bool = False

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"of the key {self.text!r}" if self.is_key else repr(self.text)

    @property
    def ref(self) -> UUID | str:
        """The id, where it looks like one, or else the name."""
        try:
            return UUID(self.text) if len(self.text) == _UUID_LENGTH else self.text
        except ValueError:
            return self.text

    async def find(self, session: Session) -> TaskView:
        """Look the task up.

        Raises:
            CommandFailedError: there is none.
        """
        dispatcher = session.dispatcher
        found = await (dispatcher.get(key=self.text) if self.is_key else dispatcher.get(self.ref))
        if found is None:
            raise CommandFailedError(
                f"there is no EverTask {self.label} in namespace {session.namespace!r}: it was never there, was "
                "deleted, or has expired; name another namespace with -n, or see: evertask list",
                code=NOT_FOUND,
            )
        return found


def targets_of(names: Iterable[str] | None, key: str | None) -> list[Target]:
    """Read the names and the key of a command line; each task once.

    Raises:
        CommandFailedError: there is none, both are given, or one cannot be a name or a key.
    """
    texts = list(dict.fromkeys(_bare(name) for name in names or ()))
    if bool(texts) == (key is not None):
        raise CommandFailedError("give one of them: the NAME of a task, or --key KEY", code=INVALID)
    if key is not None:
        if fault := key_fault(key):
            raise CommandFailedError(f"--key {key!r}: {fault}", code=INVALID)
        return [Target(key, is_key=True)]
    return [Target(text) for text in texts]


def target_of(name: str | None, key: str | None) -> Target:
    """Read the one name or key of a command line."""
    return targets_of(None if name is None else [name], key)[0]


def _bare(name: str) -> str:
    """Take what ``kubectl get -o name`` prints too."""
    kind, slash, rest = name.rpartition("/")
    bare = rest if slash and kind.partition(".")[0] in {"evertask", "evertasks"} else name
    is_name = len(bare) <= _NAME_LIMIT and re.fullmatch(DNS_SUBDOMAIN[1:-1], bare)
    if not is_name and not isinstance(Target(bare).ref, UUID):
        raise CommandFailedError(
            f"NAME {name!r} cannot be the name of a task, which has lower-case letters, digits, - and . only; "
            "see the names with: evertask list, or look a task up by its key with --key",
            code=INVALID,
        )
    return bare
