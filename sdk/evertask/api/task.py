"""``EverTask``: one piece of background work, as the user writes it (spec) and as it goes (status).

Field docs are contract text: ``kubectl explain``, the CRD and the reference page are made from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from evertask.api import protocol
from evertask.api.rules import (
    ANY_JSON,
    DNS_SUBDOMAIN,
    HANDLER_PATTERN,
    DurationText,
    TimeText,
    duration_rule,
    rule,
    validations,
)

TEN_YEARS = "87600h"
ONE_YEAR = "8760h"

ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]


class ApiModel(BaseModel):
    """Base of all API types: camelCase on the wire, unknown fields refused, docs from docstrings."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", use_attribute_docstrings=True
    )


class SourceReference(ApiModel):
    """Names a Secret or ConfigMap in the task's namespace."""

    name: ObjectName
    """name of the object. Required."""
    optional: bool | None = None
    """optional: true lets the run start although the object does not exist. Default false."""


class PayloadSource(ApiModel):
    """One object whose keys become keys of the payload."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "has(self.secretRef) != has(self.configMapRef)",
                "each payloadFrom entry must set exactly one of secretRef and configMapRef",
            )
        )
    )

    secret_ref: SourceReference | None = None
    """secretRef takes the keys of a Secret. Its values reach the handler through a mounted volume and are never
    copied into an object."""
    config_map_ref: SourceReference | None = None
    """configMapRef takes the keys of a ConfigMap."""


class EverTaskSpec(ApiModel):
    """What to run, and when."""

    handler: Annotated[str, StringConstraints(min_length=3, max_length=253, pattern=HANDLER_PATTERN)]
    """handler is the path of the code to run in the runner's image, written module:attribute, for example
    shop.reports:DailyReportHandler. The attribute is a handler class or a function that takes the payload.
    Required. Can be changed until the run starts."""
    payload: Annotated[dict[str, Any], Field(max_length=1024, json_schema_extra=ANY_JSON)] | None = None
    """payload is the handler's input: any JSON object of at most 1,024 keys and 512 KiB. Numbers follow JSON:
    1.0 arrives as 1, integers must fit 64 bits. Default {}. Can be changed until the run starts."""
    payload_from: Annotated[list[PayloadSource], Field(max_length=16)] | None = None
    """payloadFrom lists Secrets and ConfigMaps whose keys are merged under payload as strings: a later source wins
    over an earlier one, payload wins over all. At most 16. Can be changed until the run starts."""
    task_key: Annotated[
        str,
        StringConstraints(min_length=1, max_length=200),
        Field(
            json_schema_extra=validations(
                rule(
                    "self.trim() == self",
                    "taskKey must not begin or end with white space",
                )
            )
        ),
    ] | None = None
    """taskKey is an idempotency key of your choice, 1 to 200 characters, case-sensitive. It is stored and
    selectable. Cannot be changed: make another task for another key."""
    delay: Annotated[DurationText, Field(json_schema_extra=duration_rule("delay", "0s", TEN_YEARS))] | None = None
    """delay starts the run this long after the task was created (or armed anew by a higher incarnation), as a
    duration such as 30m, 1h30m or 500ms, from 0s to 87600h. At most one of delay and runAt; with neither the run
    starts now. Can be changed until the run starts; the delay counts from creation all the same. The moment of
    creation is known to the second, and rounded up: the run is never early."""
    run_at: TimeText | None = None
    """runAt starts the run at an instant: RFC 3339 with a zone, fractions allowed, for example
    2026-12-25T10:00:00.250-05:00. An instant in the past means now. At most one of delay and runAt. Can be changed
    until the run starts."""
    cancel: bool = False
    """cancel asks to end the task: one that has not started never starts; in one that runs the handler's token
    fires, and after gracePeriod it is killed. Final: it may go back to false only together with a higher
    incarnation. Default false. Has no effect on a finished task."""
    suspend: bool = False
    """suspend keeps the task from being started while it is true; a run that has started goes on. Default false.
    Can be changed at any time."""
    incarnation: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    """incarnation counts how often the task was armed anew. Raising it starts a finished or cancelled task again,
    and with it every other field may change. It only grows. Default 0."""
    grace_period: (
        Annotated[DurationText, Field(json_schema_extra=duration_rule("gracePeriod", "0s", "1h"))] | None
    ) = None
    """gracePeriod is the time a handler has between the signal to stop (cancellation, timeout, the loss of its
    node) and being killed, from 0s to 1h. Default 30s. Can be changed until the run starts."""
    timeout: Annotated[DurationText, Field(json_schema_extra=duration_rule("timeout", "0s", ONE_YEAR))] | None = None
    """timeout is the longest time the handler may take, from 0s to 8760h, counted from its first line. Then its
    token fires, after gracePeriod it is killed, and the run fails with TimeoutError. 0s or absent: no limit.
    Can be changed until the run starts."""
    start_deadline: (
        Annotated[DurationText, Field(json_schema_extra=duration_rule("startDeadline", "1s", "168h"))] | None
    ) = None
    """startDeadline is the longest time from the creation of the run's Job to the start of the handler, from 1s to
    168h. A pod that cannot be scheduled or whose image cannot be pulled fails the run then; the condition Launched
    names the cause long before. Default 15m. Can be changed until the run starts."""
    on_interruption: Literal["Relaunch", "Fail"] | None = None
    """onInterruption says what follows when the pod is lost (eviction, preemption, a lost node) after its handler
    had started: Relaunch runs the handler again from the beginning (at-least-once, the default), Fail ends the run
    as Failed with the error type Interrupted (at-most-once). A pod lost before the handler started is always
    replaced. Can be changed until the run starts."""
    ttl_after_finished: (
        Annotated[DurationText, Field(json_schema_extra=duration_rule("ttlAfterFinished", "0s", TEN_YEARS))] | None
    ) = None
    """ttlAfterFinished is how long the finished task is kept before it is deleted, from 0s to 87600h. Default 1h,
    24h for a failed one. Can be changed at any time."""
    pod_template: Annotated[dict[str, Any], Field(max_length=8, json_schema_extra=ANY_JSON)] | None = None
    """podTemplate is merged over the operator's own pod template: metadata.labels, metadata.annotations and any
    field of a pod's spec. The container named runner (or the only container without a name) is merged into the
    handler's container, its env by name; other containers run beside it. Needs the right to create pods in the
    namespace. Can be changed until the run starts."""


class Progress(ApiModel):
    """How far a handler says it is."""

    percent: Annotated[int, Field(ge=0, le=100)] | None = None
    """percent done, 0 to 100."""
    message: Annotated[str, StringConstraints(max_length=protocol.MESSAGE_LIMIT)] | None = None
    """message of the handler, at most 1,024 characters."""
    time: TimeText | None = None
    """time of the report, RFC 3339."""


class Run(ApiModel):
    """One execution of the task, from its launch to its outcome."""

    scheduled_time: TimeText
    """scheduledTime is the nominal time of the run, RFC 3339."""
    launch: Annotated[int, Field(ge=1, le=9999)]
    """launch is the number of the Job that works for the run. Numbers are never used twice."""
    phase: protocol.Phase
    """phase is Launching until a pod was let in, Running until the outcome, then Succeeded, Failed or Cancelled."""
    pod_name: Annotated[str, StringConstraints(max_length=253)] | None = None
    """podName is the pod that was let in to the run: only it may report."""
    launch_time: TimeText | None = None
    """launchTime is when the launch was decided, RFC 3339; startDeadline counts from it."""
    start_time: TimeText | None = None
    """startTime is when the pod was let in, RFC 3339."""
    end_time: TimeText | None = None
    """endTime is when the outcome was reported, RFC 3339."""
    attempt: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """attempt counts the calls of the handler in this run, from 1."""
    interruptions: Annotated[int, Field(ge=0, le=9999)] | None = None
    """interruptions counts the pods that were lost during this run."""
    progress: Progress | None = None
    """progress is the newest report of the handler."""


class WaitingOccurrence(ApiModel):
    """An occurrence that is due and waits for its turn."""

    scheduled_time: TimeText
    """scheduledTime is the nominal time of the occurrence, RFC 3339."""
    reason: Annotated[str, StringConstraints(max_length=64)] | None = None
    """reason why it waits."""


class TaskError(ApiModel):
    """Why a run failed."""

    type: Annotated[str, StringConstraints(max_length=protocol.ERROR_TYPE_LIMIT)]
    """type is the exception's class, or one of EverTask's own error types."""
    message: Annotated[str, StringConstraints(max_length=protocol.ERROR_MESSAGE_LIMIT)] | None = None
    """message of the exception, at most 2,048 characters."""
    traceback: Annotated[str, StringConstraints(max_length=protocol.TRACEBACK_LIMIT)] | None = None
    """traceback, at most 8,192 characters: the innermost frames are kept."""
    attempt: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """attempt that failed, from 1."""
    time: TimeText | None = None
    """time of the failure, RFC 3339."""
    log_tail: Annotated[str, StringConstraints(max_length=protocol.LOG_TAIL_LIMIT)] | None = None
    """logTail is the end of the pod's log where the pod died without a word."""


Count = Annotated[int, Field(ge=0, le=2**53)]


class Counts(ApiModel):
    """Totals over the life of the task."""

    runs: Count | None = None
    """runs that reached an outcome other than cancelled."""
    succeeded: Count | None = None
    """succeeded runs."""
    failed: Count | None = None
    """failed runs."""
    missed: Count | None = None
    """missed occurrences: due while nothing could launch them."""
    skipped: Count | None = None
    """skipped occurrences: the run before was not over."""
    retries: Count | None = None
    """retries of handlers."""
    consecutive_failures: Count | None = None
    """consecutiveFailures since the last success."""


class HistoryEntry(ApiModel):
    """A run that is over."""

    run: Annotated[str, StringConstraints(max_length=32)]
    """run is the id of the run."""
    scheduled_time: TimeText | None = None
    """scheduledTime is the nominal time, RFC 3339."""
    start_time: TimeText | None = None
    """startTime, RFC 3339."""
    end_time: TimeText | None = None
    """endTime, RFC 3339."""
    outcome: protocol.Phase | None = None
    """outcome: Succeeded, Failed or Cancelled."""
    message: Annotated[str, StringConstraints(max_length=protocol.MESSAGE_LIMIT)] | None = None
    """message about the outcome."""


class TaskCondition(ApiModel):
    """One aspect of the task's situation, in the usual form."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """type of the condition: Accepted, Launched, Suspended."""
    status: Literal["True", "False", "Unknown"]
    """status: True, False or Unknown."""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """reason in one CamelCase word."""
    message: Annotated[str, StringConstraints(max_length=protocol.MESSAGE_LIMIT)] | None = None
    """message for a person: what is the matter and what to do."""
    last_transition_time: TimeText
    """lastTransitionTime is when the status last changed, RFC 3339."""
    observed_generation: Count | None = None
    """observedGeneration of the spec that the condition speaks of."""


class EverTaskStatus(ApiModel):
    """How the task goes. Written by the operator, and by the runner for its own run."""

    observed_generation: Count | None = None
    """observedGeneration of the spec that the operator last decided on."""
    incarnation: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    """incarnation of the spec that this status speaks of."""
    state: protocol.State | None = None
    """state: Pending (waits for its time, or is not accepted), Queued (due, waits for room or for its pod),
    InProgress, then Completed, Failed or Cancelled, which are final within an incarnation."""
    message: Annotated[str, StringConstraints(max_length=protocol.MESSAGE_LIMIT)] | None = None
    """message is one sentence about the state, for a person."""
    job: Annotated[str, StringConstraints(max_length=63)] | None = None
    """job is the name of the newest Job."""
    armed_time: TimeText | None = None
    """armedTime is when the operator took up the present incarnation, RFC 3339, where it is higher than 0;
    delay counts from it."""
    next_run_time: TimeText | None = None
    """nextRunTime is when the next run starts, RFC 3339."""
    last_scheduled_time: TimeText | None = None
    """lastScheduledTime is the nominal time of the newest run that was opened: the watermark."""
    last_success_time: TimeText | None = None
    """lastSuccessTime is when a run last succeeded, RFC 3339."""
    last_failure_time: TimeText | None = None
    """lastFailureTime is when a run last failed, RFC 3339."""
    finish_time: TimeText | None = None
    """finishTime is when the task reached its final state, RFC 3339; ttlAfterFinished counts from it."""
    runs: Annotated[dict[str, Run], Field(max_length=protocol.MAX_OPEN_RUNS)] | None = None
    """runs maps run ids to the runs that are open, and for a finished one-shot task to its last run. At most 16."""
    waiting: Annotated[list[WaitingOccurrence], Field(max_length=100)] | None = None
    """waiting lists due occurrences that wait for their turn. At most 100."""
    launches: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """launches counts the Jobs made for the task. A launch number is never used twice."""
    result: Annotated[Any, Field(json_schema_extra=ANY_JSON)] = None
    """result is what the handler returned, as JSON of at most 32 KiB."""
    error: TaskError | None = None
    """error says why the newest run failed."""
    counts: Counts | None = None
    """counts over the life of the task."""
    history: Annotated[list[HistoryEntry], Field(max_length=50)] | None = None
    """history of past runs, newest first. At most 50."""
    runner: Annotated[str, StringConstraints(max_length=253)] | None = None
    """runner is the warm runner that the task is assigned to."""
    conditions: (
        Annotated[
            list[TaskCondition],
            Field(
                max_length=16,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
            ),
        ]
        | None
    ) = None
    """conditions: Accepted, Launched, Suspended."""


# The mutability table (docs/reference/mutability.md) as rules. They stand at the root, because a rule on a field is
# bypassed by removing the field or its parent, and because they need spec and status together.
_FROZEN_ONCE_STARTED = (
    "handler",
    "payload",
    "payloadFrom",
    "delay",
    "runAt",
    "gracePeriod",
    "timeout",
    "startDeadline",
    "onInterruption",
    "podTemplate",
)
_RE_ARMED = "self.spec.?incarnation.orValue(0) > oldSelf.spec.?incarnation.orValue(0)"
_NOT_STARTED = "oldSelf.?status.?state.orValue('Pending') in ['Pending', 'Queued']"


def _same(field: str) -> str:
    return (
        f"has(self.spec.{field}) == has(oldSelf.spec.{field}) && "
        f"(!has(self.spec.{field}) || self.spec.{field} == oldSelf.spec.{field})"
    )


def _frozen(field: str) -> dict[str, str]:
    return rule(
        f"{_NOT_STARTED} || {_RE_ARMED} || ({_same(field)})",
        f"spec.{field} cannot be changed once the run has started; raise spec.incarnation after it has finished, "
        "or make a new task",
        reason="FieldValueForbidden",
        field=f".spec.{field}",
    )


TASK_RULES = validations(
    rule(
        "!(has(self.spec.delay) && has(self.spec.runAt))",
        "set at most one of spec.delay and spec.runAt (neither means now)",
        field=".spec.runAt",
    ),
    rule(
        "self.spec.?incarnation.orValue(0) >= oldSelf.spec.?incarnation.orValue(0)",
        "spec.incarnation only grows; use a number that is not lower than before",
        reason="FieldValueForbidden",
        field=".spec.incarnation",
    ),
    rule(
        f"!oldSelf.spec.?cancel.orValue(false) || self.spec.?cancel.orValue(false) || {_RE_ARMED}",
        "spec.cancel is final; to start the task again, set it to false and raise spec.incarnation in one update",
        reason="FieldValueForbidden",
        field=".spec.cancel",
    ),
    rule(
        _same("taskKey"),
        "spec.taskKey cannot be changed; make another task for another key",
        reason="FieldValueForbidden",
        field=".spec.taskKey",
    ),
    *(_frozen(field) for field in _FROZEN_ONCE_STARTED),
    rule(
        "!(oldSelf.?status.?state.orValue('Pending') in ['Completed', 'Failed', 'Cancelled']) || "
        "self.?status.?state.orValue('Pending') == oldSelf.status.state || "
        "(self.?status.?incarnation.orValue(0) > oldSelf.?status.?incarnation.orValue(0) && "
        "self.?status.?incarnation.orValue(0) == self.spec.?incarnation.orValue(0))",
        "status.state is final; a higher spec.incarnation starts the task again",
        reason="FieldValueForbidden",
        field=".status",
    ),
)


class EverTask(ApiModel):
    """EverTask is one piece of background work: a handler of yours, run in its own pod, now or later."""

    model_config = ConfigDict(extra="ignore", json_schema_extra=TASK_RULES)

    api_version: Literal["evertask.io/v1alpha1"] = "evertask.io/v1alpha1"
    """apiVersion is evertask.io/v1alpha1."""
    kind: Literal["EverTask"] = "EverTask"
    """kind is EverTask."""
    metadata: dict[str, Any]
    """metadata is the standard object's metadata."""
    spec: EverTaskSpec
    """spec says what to run, and when."""
    status: EverTaskStatus | None = None
    """status says how the task goes."""
