"""What an application writes: a ``Task`` is a payload that knows its handler, a ``Handler`` does the work.

    class WelcomeEmail(Task):
        handler = "shop.emails:SendWelcomeEmail"
        user_id: int

    class SendWelcomeEmail(Handler[WelcomeEmail]):
        async def handle(self, task: WelcomeEmail, ctx: Context) -> None: ...

Naming the handler by path keeps the application free of the handler's code and its dependencies. Needs
pydantic and nothing else, because the runner imports it in the pod.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel

from evertask.api.audit import AuditLevel
from evertask.api.rules import HANDLER_PATTERN
from evertask.errors import ConfigurationError
from evertask.retries import Retry

if TYPE_CHECKING:
    from uuid import UUID

    from evertask.context import Context
    from evertask.retries import RetryPolicy

Audit: TypeAlias = AuditLevel | Literal["Full", "Minimal", "ErrorsOnly", "None"]
"""How an audit level may be said in Python."""
Interruption: TypeAlias = Literal["Relaunch", "Fail"]

OPTIONS = (
    "handler",
    "pod_template",
    "queue",
    "audit_level",
    "timeout",
    "run_timeout",
    "retry",
    "grace_period",
    "start_deadline",
    "on_interruption",
    "max_interruptions",
    "fence_after",
    "ttl_after_finished",
)
"""Class attributes of a task that are not part of its payload."""

_HANDLER = re.compile(HANDLER_PATTERN)


class Task(BaseModel):
    """Base of your payload models: the fields are the payload, the class attributes say how it runs.

    A field may not have the name of one of the attributes; give it an alias (``timeout_: int =
    Field(alias="timeout")``) where the payload must have that name.
    """

    handler: ClassVar[str | type[Handler[Self]]]
    """Path of the handler in the runner's image, ``module:attribute``, or the handler class itself, whose own
    options then count where the task and the dispatch say nothing. Required."""
    pod_template: ClassVar[dict[str, Any] | None] = None
    """Merged over the operator's pod template, as ``spec.podTemplate``. ``Dispatcher(pod_template=…)`` goes
    first. Whoever dispatches it needs the right to create pods in the namespace."""
    queue: ClassVar[str | None] = None
    """The group that the task belongs to, for selecting: lower-case letters, digits and ``-``. Default
    ``default``."""
    audit_level: ClassVar[Audit | None] = None
    """What the task's status keeps of the past; see ``AuditLevel``. Default Full."""
    timeout: ClassVar[timedelta | None] = None
    """The longest time that one attempt of the handler may take; zero is no limit. Default: no limit."""
    run_timeout: ClassVar[timedelta | None] = None
    """The longest time that a run may take, all attempts and the delays between them included; zero is no limit.
    Default: no limit."""
    retry: ClassVar[Retry | None] = None
    """How a handler that fails is called again; ``Retry.none()``: not at all. Default: as the handler class says, or
    else as the operator is told (3 times, 500 ms apart)."""
    grace_period: ClassVar[timedelta | None] = None
    """The time between the signal to stop and being killed, up to an hour. Default 30 s."""
    start_deadline: ClassVar[timedelta | None] = None
    """The longest time from the creation of the Job to the start of the handler. Default 15 min."""
    on_interruption: ClassVar[Interruption | None] = None
    """What follows when the pod is lost after the handler had started: it is run again from its beginning
    (Relaunch: at least once, the default), or the task fails (Fail: at most once)."""
    max_interruptions: ClassVar[int | None] = None
    """How many pods one run may lose before it fails, from 0 to 1000. A lost pod uses up no attempt. Default 10."""
    fence_after: ClassVar[timedelta | None] = None
    """After so long without the API server a runner kills its handler, and only then is the run launched elsewhere;
    from 10 s to 24 h. Default: a pod on a node that does not answer may be running still when its run is relaunched."""
    ttl_after_finished: ClassVar[timedelta | None] = None
    """How long the finished task is kept. Default one hour, 24 hours for a failed one."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name in OPTIONS:
            if name in cls.model_fields:
                raise ConfigurationError(
                    f"{cls.__qualname__}.{name} is a payload field named like a task option; rename it, "
                    f'for example {name}_: ... = Field(alias="{name}"), or write {name} = ... without an '
                    "annotation to set the option"
                )


# Contravariant: who handles a task handles those that are derived from it too.
TTask = TypeVar("TTask", bound=Task, contravariant=True)  # noqa: PLC0105  (a public name)


class Handler(ABC, Generic[TTask]):
    """Base of your handlers. The runner makes one for each run and calls ``handle``.

    The attributes are options of the tasks that name the class itself, not its path; an attribute of the task
    class goes before, an argument of the dispatch before both. The callbacks do nothing unless you override
    them, plain or ``async``; they run before the outcome is written, and one that raises is recorded in the
    status (``callbackErrors``) and changes nothing. An override may leave out trailing parameters that it does
    not need.
    """

    queue: ClassVar[str | None] = None
    """As ``Task.queue``."""
    audit_level: ClassVar[Audit | None] = None
    """As ``Task.audit_level``."""
    timeout: ClassVar[timedelta | None] = None
    """As ``Task.timeout``; read by the runner too, for tasks that name the class by its path."""
    run_timeout: ClassVar[timedelta | None] = None
    """As ``Task.run_timeout``."""
    retry: ClassVar[RetryPolicy | None] = None
    """As ``Task.retry``; read by the runner too, for tasks that name the class by its path. Here it may also be a
    ``Retry`` with ``when``, or a policy of your own (see ``RetryPolicy``)."""
    grace_period: ClassVar[timedelta | None] = None
    """As ``Task.grace_period``."""
    start_deadline: ClassVar[timedelta | None] = None
    """As ``Task.start_deadline``."""
    on_interruption: ClassVar[Interruption | None] = None
    """As ``Task.on_interruption``."""
    max_interruptions: ClassVar[int | None] = None
    """As ``Task.max_interruptions``."""
    fence_after: ClassVar[timedelta | None] = None
    """As ``Task.fence_after``."""
    ttl_after_finished: ClassVar[timedelta | None] = None
    """As ``Task.ttl_after_finished``."""

    @abstractmethod
    def handle(self, task: TTask, ctx: Context) -> Any:
        """Do the work: plain or ``async``. What it returns is the task's result.

        Args:
            task: the payload.
            ctx: task id, attempt, cancellation token, progress, logger.

        Returns:
            A JSON value or a pydantic model, at most 32 KiB as JSON; None for no result.

        Raises:
            Exception: any; it is called again as the policy says, or else the task fails with its type, message and
                traceback.
            RetryAfter: it is called again after that delay, if there is a retry left.
            NonRetryable: the task fails at once, whatever the policy says.
        """

    def on_started(self, task_id: UUID, ctx: Context) -> Any:
        """Is called once in each process that works for the run, before its first attempt there; not per retry.

        Args:
            task_id: the task's id, as ``dispatch`` returned it.
            ctx: as ``handle`` gets it; ``ctx.payload`` is the payload.
        """

    def on_retry(
        self, task_id: UUID, attempt: int, error: BaseException, delay: timedelta, ctx: Context
    ) -> Any:
        """Is called right before an attempt that follows a failed one, after the delay.

        Args:
            task_id: the task's id.
            attempt: number of the retry, from 1: ``ctx.attempt`` is one more.
            error: what the failed attempt raised; in another process than that attempt's, an exception with its type
                and message in the text.
            delay: that was waited since.
            ctx: as ``handle`` gets it.
        """

    def on_completed(self, task_id: UUID, ctx: Context) -> Any:
        """Is called after ``handle`` has returned.

        Args:
            task_id: the task's id.
            ctx: as ``handle`` gets it; ``ctx.result`` is what ``handle`` returned.
        """

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> Any:
        """Is called when the run has failed, timed out or was cancelled; not when it will be launched again.

        Args:
            task_id: the task's id.
            exception: what ended the run; None where there is no exception.
            message: one sentence about it; None where there is nothing to say beyond the exception.
            ctx: as ``handle`` gets it.
        """


def handler_path(task_type: type[Task]) -> str:
    """Give the path ``module:attribute`` of a task's handler.

    Raises:
        ConfigurationError: there is no handler, or the runner could not import it by a path.
    """
    handler = getattr(task_type, "handler", None)
    who = task_type.__qualname__
    if handler is None:
        raise ConfigurationError(
            f'{who} names no handler; write handler = "package.module:HandlerClass" in the class'
        )
    if isinstance(handler, str):
        if not _HANDLER.match(handler) or "\n" in handler:
            raise ConfigurationError(
                f"{who}.handler is {handler!r}; write module:attribute, for example "
                '"shop.emails:SendWelcomeEmail"'
            )
        return handler
    if not isinstance(handler, type) or not callable(getattr(handler, "handle", None)):
        raise ConfigurationError(
            f"{who}.handler is {handler!r}; give a class with a handle method, or its path module:attribute"
        )
    return _path_of(handler, who)


def _path_of(handler: type, who: str) -> str:
    module, name = handler.__module__, handler.__qualname__
    if module == "__main__":
        raise ConfigurationError(
            f"{who}.handler is {name}, defined in the script that runs (__main__): the runner cannot import "
            "it; move the class into a module of the runner's image"
        )
    if "<locals>" in name:
        raise ConfigurationError(
            f"{who}.handler is {module}:{name}, defined inside a function: the runner cannot import it; "
            "move the class to the top level of its module"
        )
    return f"{module}:{name}"
