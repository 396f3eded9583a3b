"""``status`` of an EverTask: how the task goes, as the operator and the runner write it.

Field docs are contract text: ``kubectl explain``, the CRD and the reference page are made from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from evertask.api import protocol
from evertask.api.rules import ANY_JSON, ApiModel, TimeText


class Progress(ApiModel):
    """How far a handler says it is."""

    percent: Annotated[int, Field(ge=0, le=100)] | None = None
    """percent done, 0 to 100."""
    message: Annotated[str, StringConstraints(max_length=protocol.MESSAGE_LIMIT)] | None = None
    """message of the handler, at most 1,024 characters."""
    time: TimeText | None = None
    """time of the report, RFC 3339."""


class CallbackError(ApiModel):
    """A callback of the handler that raised. It changes nothing of the outcome."""

    callback: Annotated[str, StringConstraints(max_length=64)]
    """callback that raised: on_started, on_completed, on_error or on_retry."""
    message: Annotated[str, StringConstraints(max_length=protocol.HISTORY_MESSAGE_LIMIT)]
    """message: the exception's class and text, at most 512 characters. The traceback is in the pod's log."""


class FailedAttempt(ApiModel):
    """An attempt that failed and was, or will be, followed by another."""

    attempt: Annotated[int, Field(ge=1, le=1_000_000)]
    """attempt that failed, from 1."""
    time: TimeText
    """time at which it failed, RFC 3339."""
    type: Annotated[str, StringConstraints(max_length=protocol.ERROR_TYPE_LIMIT)]
    """type is the exception's class, or one of EverTask's own error types."""
    message: Annotated[str, StringConstraints(max_length=protocol.HISTORY_MESSAGE_LIMIT)] | None = None
    """message of the exception, at most 512 characters."""
    delay: Annotated[str, StringConstraints(max_length=32)] | None = None
    """delay before the attempt that follows, as a duration such as 500ms."""


class Run(ApiModel):
    """One execution of the task, from its launch to its outcome."""

    scheduled_time: TimeText
    """scheduledTime is the nominal time of the run, RFC 3339."""
    due_time: TimeText | None = None
    """dueTime is the nominal time and its jitter, RFC 3339, where there is any."""
    launch: Annotated[int, Field(ge=1, le=999_999_999)]
    """launch is the number of the Job that works for the run. Numbers are never used twice."""
    phase: protocol.Phase
    """phase is Launching until a pod was let in (Held while it may not be, because the run before is not over),
    Running until the outcome (Backoff while it waits without a pod for its next attempt), then Succeeded, Failed or
    Cancelled."""
    pod_name: Annotated[str, StringConstraints(max_length=253)] | None = None
    """podName is the pod that was let in to the run: only it may report."""
    launch_time: TimeText | None = None
    """launchTime is when the launch was decided, RFC 3339; startDeadline counts from it."""
    ready_time: TimeText | None = None
    """readyTime is when the pod was up and ready to take the run, RFC 3339. The operator learns from it how long
    before its time a pod must be made."""
    start_time: TimeText | None = None
    """startTime is when the handler starts, RFC 3339: when the pod was let in, or the nominal time where the pod was
    let in before it."""
    first_start_time: TimeText | None = None
    """firstStartTime is when the handler started in the first pod of the run, RFC 3339, where the run was given back
    between two attempts: runTimeout counts from it."""
    stop: Annotated[str, StringConstraints(max_length=64)] | None = None
    """stop is why the operator ends the run before its outcome: Replaced."""
    end_time: TimeText | None = None
    """endTime is when the outcome was reported, RFC 3339."""
    message: Annotated[str, StringConstraints(max_length=protocol.MESSAGE_LIMIT)] | None = None
    """message about the outcome of a series' run, for its entry in the history."""
    attempt: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """attempt counts the calls of the handler in this run, from 1."""
    failed_attempts: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """failedAttempts counts the attempts that have failed and were, or will be, followed by another."""
    failures: Annotated[list[FailedAttempt], Field(max_length=protocol.MAX_FAILURES)] | None = None
    """failures lists these attempts, newest first. At most 8."""
    next_attempt_time: TimeText | None = None
    """nextAttemptTime is when the next attempt begins, RFC 3339, while a delay before a retry passes."""
    interruptions: Annotated[int, Field(ge=0, le=9999)] | None = None
    """interruptions counts the pods that were lost during this run."""
    progress: Progress | None = None
    """progress is the newest report of the handler."""
    callback_errors: Annotated[list[CallbackError], Field(max_length=protocol.MAX_CALLBACK_ERRORS)] | None = (
        None
    )
    """callbackErrors lists callbacks of the handler that raised. At most 4."""
    children: (
        Annotated[
            list[Annotated[str, StringConstraints(max_length=253)]], Field(max_length=protocol.MAX_CHILDREN)
        ]
        | None
    ) = None
    """children names the tasks that the run has dispatched, as far as its runner could report: the first 32."""
    children_count: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """childrenCount counts the tasks that the run has dispatched."""


class WaitingOccurrence(ApiModel):
    """An occurrence that is due and waits for its turn."""

    scheduled_time: TimeText
    """scheduledTime is the nominal time of the occurrence, RFC 3339."""
    reason: Annotated[str, StringConstraints(max_length=64)] | None = None
    """reason why it waits: Overlap (a run is not over), CatchUp (it was missed, and runs in its turn), Room
    (maxRunning is reached), RunNow (spec.runNow asked for it)."""
    run: Annotated[str, StringConstraints(max_length=32)] | None = None
    """run is the id that the run will have."""


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


class PastError(ApiModel):
    """Why a past run failed."""

    type: Annotated[str, StringConstraints(max_length=protocol.ERROR_TYPE_LIMIT)]
    """type is the exception's class, or one of EverTask's own error types."""
    traceback: Annotated[str, StringConstraints(max_length=protocol.HISTORY_TRACEBACK_LIMIT)] | None = None
    """traceback, at most 2,048 characters: the innermost frames are kept."""


class Transition(ApiModel):
    """One change of the task's state."""

    time: TimeText
    """time of the change, RFC 3339."""
    state: protocol.State
    """state that the task was in from then on."""
    run: Annotated[str, StringConstraints(max_length=32)] | None = None
    """run that it was about, where it was about one."""
    message: Annotated[str, StringConstraints(max_length=protocol.HISTORY_MESSAGE_LIMIT)] | None = None
    """message: why, where there is more to say than the state."""


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
    """skipped occurrences: the run before was not over, or the task was suspended."""
    cancelled: Count | None = None
    """cancelled runs: replaced by a later one, or their pod was deleted by hand."""
    incarnation_runs: Count | None = None
    """incarnationRuns counts the runs of the present incarnation: maxRuns bounds these."""
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
    """startTime is when the handler started, RFC 3339; absent where it did not."""
    lateness: Annotated[str, StringConstraints(max_length=32)] | None = None
    """lateness is how long after its time (the nominal time and its jitter) the handler started, as a duration such
    as 3ms."""
    end_time: TimeText | None = None
    """endTime is when the outcome was reported, RFC 3339."""
    outcome: Literal["Succeeded", "Failed", "Cancelled"] | None = None
    """outcome: Succeeded, Failed or Cancelled."""
    message: Annotated[str, StringConstraints(max_length=protocol.MESSAGE_LIMIT)] | None = None
    """message about the outcome; absent for a plain success."""
    error: PastError | None = None
    """error of a failed run; its message is the entry's message."""
    callback_errors: Annotated[list[CallbackError], Field(max_length=protocol.MAX_CALLBACK_ERRORS)] | None = (
        None
    )
    """callbackErrors lists callbacks of the handler that raised."""
    children_count: Count | None = None
    """childrenCount counts the tasks that the run has dispatched."""
    attempts: Count | None = None
    """attempts of the run, where there was more than one."""


class TaskCondition(ApiModel):
    """One aspect of the task's situation, in the usual form."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """type of the condition: Accepted, Launched, Suspended, MissedRuns, SeriesEnded."""
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


class RunNowAnswer(ApiModel):
    """What became of the newest request for an extra run."""

    token: Annotated[str, StringConstraints(max_length=64)]
    """token of spec.runNow that this answers."""
    time: TimeText
    """time at which the operator took the request up, RFC 3339."""
    run: Annotated[str, StringConstraints(max_length=32)] | None = None
    """run is the id of the extra run."""
    answer: Literal["Started", "Waiting", "Skipped"]
    """answer: Started, Waiting (for its turn), or Skipped (a run was not over, and overlap is Skip)."""


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
    schedule: Annotated[str, StringConstraints(max_length=256)] | None = None
    """schedule of a series in words, for a person."""
    schedule_digest: Annotated[str, StringConstraints(max_length=32)] | None = None
    """scheduleDigest tells whether the schedule was edited since the operator last looked: then it starts anew."""
    next_run_time: TimeText | None = None
    """nextRunTime is when the next run starts, RFC 3339."""
    last_run_time: TimeText | None = None
    """lastRunTime is when the handler last started, RFC 3339."""
    last_scheduled_time: TimeText | None = None
    """lastScheduledTime is the nominal time of the newest occurrence that was dealt with (a run was opened for it,
    or it waits, or was skipped or missed): the watermark."""
    last_success_time: TimeText | None = None
    """lastSuccessTime is when a run last succeeded, RFC 3339."""
    last_failure_time: TimeText | None = None
    """lastFailureTime is when a run last failed, RFC 3339."""
    finish_time: TimeText | None = None
    """finishTime is when the task reached its final state, RFC 3339; ttlAfterFinished counts from it."""
    runs: Annotated[dict[str, Run], Field(max_length=protocol.MAX_OPEN_RUNS)] | None = None
    """runs maps run ids to the runs that are open, and for a finished one-shot task to its last run. At
    most 16."""
    waiting: Annotated[list[WaitingOccurrence], Field(max_length=protocol.MAX_WAITING)] | None = None
    """waiting lists due occurrences that wait for their turn. At most 100."""
    run_now: RunNowAnswer | None = None
    """runNow says what became of the newest request of spec.runNow."""
    launches: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """launches counts the Jobs made for the task. A launch number is never used twice."""
    result: Annotated[Any, Field(json_schema_extra=ANY_JSON)] = None
    """result is what the handler returned, as JSON of at most 32 KiB."""
    error: TaskError | None = None
    """error says why the newest run failed."""
    counts: Counts | None = None
    """counts over the life of the task."""
    history: Annotated[list[HistoryEntry], Field(max_length=50)] | None = None
    """history of a series' past runs, newest first, as far as auditLevel keeps them: the last 10, as far as they fit
    into 16 KiB."""
    transitions: Annotated[list[Transition], Field(max_length=protocol.MAX_TRANSITIONS)] | None = None
    """transitions lists changes of the state, newest first, as far as auditLevel keeps them: the last 32, as far as
    they fit into 8 KiB. What a run's own pod reports is added with its outcome."""
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
    """conditions: Accepted, Launched, Suspended, MissedRuns, SeriesEnded."""
