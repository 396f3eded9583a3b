"""``EverTask``: one piece of background work, as the user writes it.

Field docs are contract text: ``kubectl explain``, the CRD and the reference page are made from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from evertask.api.durations import MAX_LENGTH
from evertask.api.mutability import AT_MOST_ONE_TIMING, RUN_NOW_NEEDS_SERIES, TASK_RULES
from evertask.api.recurrence import Recurrence
from evertask.api.retry import RetryPolicy
from evertask.api.rules import (
    ANY_JSON,
    DNS_LABEL,
    DNS_SUBDOMAIN,
    HANDLER_PATTERN,
    POD_TEMPLATE,
    ApiModel,
    Rule,
    duration_between,
    instant,
    matches,
    rule,
    validations,
)
from evertask.api.status import (
    CallbackError,
    Counts,
    EverTaskStatus,
    FailedAttempt,
    HistoryEntry,
    Progress,
    Run,
    TaskCondition,
    TaskError,
    Transition,
    WaitingOccurrence,
)

__all__ = [
    "CallbackError",
    "Counts",
    "EverTask",
    "EverTaskSpec",
    "EverTaskStatus",
    "FailedAttempt",
    "HistoryEntry",
    "PayloadSource",
    "Progress",
    "Run",
    "SourceReference",
    "TaskCondition",
    "TaskError",
    "Transition",
    "WaitingOccurrence",
]

ONE_YEAR = "8760h"
TEN_YEARS = "87600h"

Bounded = StringConstraints(max_length=MAX_LENGTH)


class SourceReference(ApiModel):
    """Names a Secret or ConfigMap in the task's namespace."""

    name: Annotated[
        str,
        StringConstraints(max_length=253),
        matches(
            DNS_SUBDOMAIN,
            "name must be the name of an object in the task's namespace: lower-case letters, digits, - "
            "and ., for example smtp-credentials",
        ),
    ]
    """name of the object. Required."""
    optional: bool | None = None
    """optional: true lets the run start although the object does not exist. Default false."""


_ONE_SOURCE = "each payloadFrom entry must set exactly one of secretRef and configMapRef"


class PayloadSource(ApiModel):
    """One object whose keys become keys of the payload."""

    model_config = ConfigDict(
        json_schema_extra=validations(rule("has(self.secretRef) != has(self.configMapRef)", _ONE_SOURCE))
    )

    secret_ref: SourceReference | None = None
    """secretRef takes the keys of a Secret. Its values reach the handler through a mounted volume and are
    never copied into an object. Exactly one of secretRef and configMapRef is set."""
    config_map_ref: SourceReference | None = None
    """configMapRef takes the keys of a ConfigMap. Exactly one of secretRef and configMapRef is set."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.secret_ref is None) == (self.config_map_ref is None):
            raise ValueError(_ONE_SOURCE)
        return self


class EverTaskSpec(ApiModel):
    """What to run, and when."""

    handler: Annotated[
        str,
        StringConstraints(max_length=253),
        matches(
            HANDLER_PATTERN,
            "handler must be written module:attribute, for example shop.reports:DailyReportHandler",
        ),
    ]
    """handler is the path of the code to run in the runner's image, written module:attribute, for example
    shop.reports:DailyReportHandler, at most 253 characters. The attribute is a handler class or a function
    that takes the payload. Required. Can be changed until the run starts; for a series until it has ended,
    from the next run on."""
    payload: Annotated[dict[str, Any], Field(max_length=1024, json_schema_extra=ANY_JSON)] | None = None
    """payload is the handler's input: any JSON object of at most 1,024 keys and 512 KiB. Numbers follow JSON:
    1.0 arrives as 1, integers must fit 64 bits. Keys whose value is null are kept, but kubectl apply drops
    them unless it is told --server-side. Default {}. Can be changed until the run starts; for a series until
    it has ended, from the next run on."""
    payload_from: Annotated[list[PayloadSource], Field(max_length=16)] | None = None
    """payloadFrom lists Secrets and ConfigMaps whose keys are merged under payload as strings: a later source
    wins over an earlier one, payload wins over all. At most 16. Can be changed until the run starts; for a
    series until it has ended, from the next run on."""
    task_key: (
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=200),
            Rule(
                "self.trim() == self",
                lambda text: text.strip() == text,
                "taskKey must not begin or end with white space; remove it",
            ),
        ]
        | None
    ) = None
    """taskKey is an idempotency key of your choice, 1 to 200 characters, case-sensitive: of the tasks of a namespace
    that have the same key one can run, the others are not accepted (reason DuplicateKey) while it exists. Cannot be
    changed: make another task for another key."""
    queue: (
        Annotated[
            str,
            StringConstraints(max_length=63),
            matches(
                DNS_LABEL,
                "queue must be a name of lower-case letters, digits and -, at most 63 characters, for example emails",
            ),
        ]
        | None
    ) = None
    """queue names the group that the task belongs to, for selecting, and for learning how long before its time a
    pod must be made: lower-case letters, digits and -, at most 63 characters. Default default. Can be changed until
    the run starts; for a series until it has ended, from the next run on."""
    delay: Annotated[str, Bounded, duration_between("delay", "0s", TEN_YEARS)] | None = None
    """delay starts the run this long after the task was created (or armed anew by a higher incarnation),
    as a duration such as 30m, 1h30m or 500ms, from 0s to 87600h. At most one of delay, runAt and recurrence;
    with none of them the run starts now. Can be changed until the run starts; the delay counts from creation all the
    same. The moment of creation is known to the second, and rounded up: the run is never early."""
    run_at: Annotated[str, StringConstraints(max_length=64), instant("runAt")] | None = None
    """runAt starts the run at an instant: RFC 3339 with a zone, fractions allowed, for example
    2026-12-25T10:00:00.250-05:00, from 1970 to 2999. An instant in the past means now. At most one of
    delay, runAt and recurrence. Can be changed until the run starts."""
    recurrence: Recurrence | None = None
    """recurrence makes the task a series: it runs again and again, by a cron expression, at an interval or by a
    calendar, until it ends. At most one of delay, runAt and recurrence. Can be changed until the series has ended:
    the next run is computed anew, counters are kept. It can be added or removed only while the task is Pending or
    Queued, or together with a higher incarnation."""
    cancel: bool = False
    """cancel asks to end the task: one that has not started never starts; in one that runs the handler's
    token fires, and after gracePeriod it is killed. Final: it may go back to false only together with a
    higher incarnation. Default false. Has no effect on a finished task."""
    suspend: bool = False
    """suspend keeps the task from being started while it is true; a run that has started goes on. Occurrences of
    a series that are due meanwhile are skipped. Default false. Can be changed at any time."""
    run_now: Annotated[str, StringConstraints(max_length=64)] | None = None
    """runNow asks a series for one extra run at once, under its overlap policy: put a token here that was not here
    before, at most 64 characters, for example the time of day. status.runNow says what became of it. Needs
    recurrence. Can be changed at any time."""
    incarnation: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    """incarnation counts how often the task was armed anew, from 0 to 1000000000. Raising it starts a
    finished or cancelled task again, and with it every other field but taskKey may change. Only grows, and
    not while the task runs. Default 0."""
    grace_period: Annotated[str, Bounded, duration_between("gracePeriod", "0s", "1h")] | None = None
    """gracePeriod is the time a handler has between the signal to stop (cancellation, timeout, the loss of
    its node) and being killed, from 0s to 1h. Default 30s. Can be changed until the run starts; for a series
    until it has ended, from the next run on."""
    timeout: Annotated[str, Bounded, duration_between("timeout", "0s", ONE_YEAR)] | None = None
    """timeout is the longest time that one attempt of the handler may take, from 0s to 8760h, counted from its first
    line. Then its token fires, after gracePeriod it is killed, and the attempt fails with TimeoutError, which is
    retried only where retry.onlyFor names it. 0s: no limit; absent: the handler class's own, or no limit. Can be
    changed until the run starts; for a series until it has ended, from the next run on."""
    run_timeout: Annotated[str, Bounded, duration_between("runTimeout", "0s", ONE_YEAR)] | None = None
    """runTimeout is the longest time that a run may take from its first attempt's start to its end, all attempts and
    the delays between them included, from 0s to 8760h. Then the run is ended as by timeout, and not retried. 0s or
    absent: no limit. Can be changed until the run starts; for a series until it has ended, from the next run on."""
    retry: RetryPolicy | None = None
    """retry says how a handler that fails is tried again. Absent: as the handler's class says, or else as the operator
    is told (3 times, 500ms apart). Can be changed until the run starts; for a series until it has ended, from the next
    run on."""
    start_deadline: Annotated[str, Bounded, duration_between("startDeadline", "1s", "168h")] | None = None
    """startDeadline is the longest time from the creation of the run's Job to the start of the handler, from
    1s to 168h. A pod that cannot be scheduled or whose image cannot be pulled fails the run then; the
    condition Launched names the cause long before. Default 15m. Can be changed until the run starts; for a
    series until it has ended, from the next run on."""
    on_interruption: Literal["Relaunch", "Fail"] | None = None
    """onInterruption says what follows when the pod is lost (eviction, preemption, a lost node) after its
    handler had started: Relaunch runs the handler again from the beginning (at-least-once, the default), Fail
    ends the run as Failed with the error type Interrupted (at-most-once). A pod lost before the handler
    started is always replaced. Can be changed until the run starts; for a series until it has ended, from the
    next run on."""
    max_interruptions: Annotated[int, Field(ge=0, le=1000)] | None = None
    """maxInterruptions is how many pods one run may lose before it fails with the error type Interrupted, from 0 to
    1000. A pod that is lost uses up no attempt. Default 10. Can be changed until the run starts; for a series until it
    has ended, from the next run on."""
    fence_after: Annotated[str, Bounded, duration_between("fenceAfter", "10s", "24h")] | None = None
    """fenceAfter lets a run be relaunched although the node of its pod does not answer: a runner that has not reached
    the API server for this long kills its handler, and the run is relaunched only after it. From 10s to 24h. Absent: a
    pod on a node that does not answer may be running still when its run is relaunched. Can be changed until the run
    starts; for a series until it has ended, from the next run on."""
    audit_level: Literal["Full", "Minimal", "ErrorsOnly", "None"] | None = None
    """auditLevel says what the status keeps of the past: Full (every change of the state, every run of a series; the
    default), Minimal (failures, every run of a series), ErrorsOnly (failures), None (nothing). The present state,
    result, error and counts are kept at every level. Can be changed at any time; it holds for what comes after."""
    ttl_after_finished: (
        Annotated[str, Bounded, duration_between("ttlAfterFinished", "0s", TEN_YEARS)] | None
    ) = None
    """ttlAfterFinished is how long the finished task is kept before it is deleted, from 0s to 87600h.
    Default 1h, 24h for a failed one. It goes earlier where its namespace has more finished tasks than the chart's
    retention.maxFinishedPerNamespace. Can be changed at any time."""
    pod_template: Annotated[dict[str, Any], Field(json_schema_extra=POD_TEMPLATE)] | None = None
    """podTemplate is merged over the operator's own pod template: metadata.labels, metadata.annotations and
    any field of a pod's spec. The container named runner (or the only container without a name) is merged
    into the handler's container, its env by name; other containers run beside it. Needs the right to create
    pods in the namespace. Can be changed until the run starts; for a series until it has ended, from the next
    run on."""

    @model_validator(mode="after")
    def _has_one_timing(self) -> Self:
        if sum(timing is not None for timing in (self.delay, self.run_at, self.recurrence)) > 1:
            raise ValueError(AT_MOST_ONE_TIMING)
        if self.run_now and self.recurrence is None:
            raise ValueError(RUN_NOW_NEEDS_SERIES)
        return self


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
