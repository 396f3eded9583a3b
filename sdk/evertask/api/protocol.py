"""Names and numbers that the operator, the runner and the SDK must agree on.

The write protocol (docs/discussions/write-protocol.md) numbers every write that EverTask makes; ``Write``
lists them. Standard library only: the runner imports this module in every pod.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

GROUP = "evertask.io"
"""API group of every EverTask object."""

VERSION = "v1alpha1"
"""The only served version."""

API_VERSION = f"{GROUP}/{VERSION}"
KIND = "EverTask"
PLURAL = "evertasks"


class Write(IntEnum):
    """The numbered writes of the protocol, in the order in which a one-shot task makes them."""

    REGISTER = 1
    """Create (or register again) the EverTask. By the client; guarded by the name or the resourceVersion."""
    OPEN_RUN = 2
    """Open a run in the status, raise the launch counter, move the watermark. By the operator,
    compare-and-set."""
    CREATE_JOB = 3
    """Create the Job of a launch. By the operator; guarded by its name, which is derived from the launch."""
    CLAIM = 4
    """Let one pod in to a run. By the runner; guarded by uid, run, launch, no holder, not cancelled or
    suspended."""
    PROGRESS = 5
    """Report progress of a run. By the runner that holds it."""
    OUTCOME = 6
    """Commit the outcome of a run. By the runner that holds it."""
    FOLD = 7
    """Commit what the runner could not: outcomes of pods that died, cancellation, refusal. By the
    operator, CAS."""
    DELETE = 8
    """Delete the Job of a launch that is over. By the operator; guarded by uid and resourceVersion."""
    GIVE_BACK = 9
    """Give a run back until its next attempt: phase Backoff, no holder. By the runner that holds it."""


class State(StrEnum):
    """``status.state``. The last three are terminal: they never change within an incarnation."""

    PENDING = "Pending"
    QUEUED = "Queued"
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


TERMINAL_STATES = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})


class Phase(StrEnum):
    """``status.runs.<id>.phase``: how far a run is. The last three carry its outcome."""

    HELD = "Held"
    """A pod is being prepared before its time, and may not be let in yet: the run before is not over."""
    LAUNCHING = "Launching"
    RUNNING = "Running"
    BACKOFF = "Backoff"
    """An attempt has failed, the next is far off, and the pod was given back: nobody holds the run until its next
    launch."""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


OPEN_PHASES = frozenset({Phase.HELD, Phase.LAUNCHING, Phase.RUNNING, Phase.BACKOFF})


class Condition(StrEnum):
    """Condition types in ``status.conditions``."""

    ACCEPTED = "Accepted"
    """False: the task cannot run as it is written; reason and message say what to change."""
    LAUNCHED = "Launched"
    """False: the task is due, but its pod does not start; reason and message say why."""
    SUSPENDED = "Suspended"
    """True: ``spec.suspend`` keeps the task from being started."""
    MISSED_RUNS = "MissedRuns"
    """True: occurrences of the series were due while nothing could start them; the message says how many, and what
    ``catchUp`` made of them."""
    SERIES_ENDED = "SeriesEnded"
    """True: the series has no further occurrence; reason and message say why."""


# --- labels on Jobs and their pods ---------------------------------------------------------------------

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "evertask"
"""Value of the managed-by label: the operator's watches of Jobs and pods select by it."""

LABEL_TASK_UID = f"{GROUP}/task-uid"
"""UID of the EverTask that a Job or pod works for."""

LABEL_RUN = f"{GROUP}/run"
"""Run id: ``s<unix second>`` of the nominal time."""

LABEL_LAUNCH = f"{GROUP}/launch"
"""Launch number of a Job: a number is never used twice for one task."""

LABEL_TASK_ID = f"{GROUP}/task-id"
"""On an EverTask that the SDK made: the UUID that ``dispatch`` returned."""

LABEL_PARENT_UID = f"{GROUP}/parent-uid"
"""On an EverTask that was dispatched inside a run: UID of the task whose run it was. Only a pod of that task may set
it (the chart's policies see to that), so what it says is true."""

# --- annotations on EverTasks --------------------------------------------------------------------------

ANNOTATION_PARENT_NAME = f"{GROUP}/parent-name"
"""Name of the task whose run dispatched this one."""
ANNOTATION_PARENT_RUN = f"{GROUP}/parent-run"
"""Id of the run that dispatched this task: while it is open, this task is not deleted, so that a relaunch finds it."""
ANNOTATION_REGISTRATION = f"{GROUP}/registration"
"""A token of the newest registration under the task's key: a caller whose answer was lost knows its own write by it."""

# --- annotations on Jobs and pods ----------------------------------------------------------------------

ANNOTATION_TASK_NAME = f"{GROUP}/task-name"
"""Name of the EverTask (a name may be longer than a label's value may be)."""

ANNOTATION_TEMPLATE = f"{GROUP}/template"
"""Digest of what the Job was made from: a launch that is not yet claimed is replaced when it changes."""

# --- the environment of a runner's container: identifiers only -----------------------------------------
# Nothing that a user wrote may stand here, because the kubelet expands $(X) and $$ in values. The handler's
# path is the exception that proves the rule: its pattern admits no dollar sign, and knowing it lets the
# import begin while the claim is in flight.

ENV_TASK_NAMESPACE = "EVERTASK_TASK_NAMESPACE"
ENV_TASK_NAME = "EVERTASK_TASK_NAME"
ENV_TASK_UID = "EVERTASK_TASK_UID"
ENV_RUN = "EVERTASK_RUN"
ENV_LAUNCH = "EVERTASK_LAUNCH"
ENV_POD_NAME = "EVERTASK_POD_NAME"
"""From the downward API: the holder's name in the claim."""
ENV_HANDLER = "EVERTASK_HANDLER"
"""``module:attribute`` as it was when the Job was made; the claim's answer decides if it differs."""
ENV_SCHEDULED_TIME = "EVERTASK_SCHEDULED_TIME"
"""Nominal time of the run, RFC 3339 in UTC, written by the operator. A pod that is up before it waits: it claims at
most ``CLAIM_LEAD_SECONDS`` earlier, and starts the handler at the instant. Absent: at once."""
ENV_ATTEMPT = "EVERTASK_ATTEMPT"
"""Number of the attempt that the pod begins with: one more than have failed in this run. Absent: 1."""
ENV_DEFAULTS = "EVERTASK_DEFAULTS"
"""JSON, written by the operator from its settings: ``retry`` (as ``spec.retry``; for tasks and handlers that say
nothing) and ``holdPodSeconds`` (how long a pod waits for its next attempt; for longer delays it gives the run back)."""
ENV_API_SERVER = "EVERTASK_API_SERVER"
"""Optional: another address of the API server than the pod's own KUBERNETES_SERVICE_HOST and _PORT."""

# The next three move a path of the pod elsewhere: for tests and for running the runner outside a pod.
ENV_CREDENTIALS_PATH = "EVERTASK_SERVICEACCOUNT_PATH"
ENV_PAYLOAD_SOURCES_PATH = "EVERTASK_PAYLOAD_SOURCES_PATH"
ENV_TERMINATION_MESSAGE_PATH = "EVERTASK_TERMINATION_MESSAGE_PATH"

CREDENTIALS_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where the kubelet mounts the service account's ``token`` and ``ca.crt``."""

CONTAINER_NAME = "runner"
"""Name of the container that runs the handler; a podTemplate's container of this name is merged over it."""

PAYLOAD_SOURCES_PATH = "/var/run/evertask/payload"
"""Where ``payloadFrom`` sources are mounted: one folder ``<index>`` per source, one file per key."""

TERMINATION_MESSAGE_PATH = "/dev/termination-log"
TERMINATION_MESSAGE_LIMIT = 4000
"""Bytes. The kubelet keeps the last 4,096; a complete JSON document must fit."""

# --- exit codes of the runner --------------------------------------------------------------------------

EXIT_REPORTED = 0
"""The run is over for this pod: the outcome was committed (or the run was not for this pod: somebody else
holds it, it is cancelled, it is gone). A failed handler exits 0 too once its failure is in the status."""
EXIT_UNREPORTED = 70
"""The outcome could not be committed; it stands in the termination message."""
EXIT_MISCONFIGURED = 78
"""The pod lacks its environment, its token or its API server's certificate: the message says which."""
EXIT_INTERRUPTED = 143
"""SIGTERM came and nobody had asked for cancellation: the operator decides what follows."""

# --- bounds --------------------------------------------------------------------------------------------

RESULT_LIMIT = 32 * 1024
"""Bytes of JSON that a handler's result may have."""
PAYLOAD_LIMIT = 512 * 1024
"""Bytes of JSON that a payload may have; etcd takes 1.5 MiB for the whole object."""
ERROR_TYPE_LIMIT = 256
ERROR_MESSAGE_LIMIT = 2048
TRACEBACK_LIMIT = 8192
"""Characters of a traceback kept in the status: the innermost frames are kept."""
LOG_TAIL_LIMIT = 2048
"""Characters of the log's end kept when a pod died without a word."""
MESSAGE_LIMIT = 1024
"""Characters of ``status.message``, of a condition's message, of a progress message."""
MAX_OPEN_RUNS = 16
CLAIM_LEAD_SECONDS = 0.25
"""A pod that is up before the nominal time claims at most this much earlier: until then cancel, suspend and edits
win, and InProgress is not shown early."""
HISTORY_LIMIT = 10
"""Past runs that ``status.history`` keeps."""
HISTORY_BYTES = 16 * 1024
"""Bytes of ``status.history`` as JSON: the oldest entries are dropped beyond."""
HISTORY_MESSAGE_LIMIT = 512
"""Characters of the message of one entry of the history."""
MAX_TRANSITIONS = 32
"""Changes of the state that ``status.transitions`` keeps."""
TRANSITIONS_BYTES = 8 * 1024
"""Bytes of ``status.transitions`` as JSON: the oldest entries are dropped beyond."""
HISTORY_TRACEBACK_LIMIT = 2048
"""Characters of the traceback of one entry of the history: the innermost frames are kept."""
MAX_CHILDREN = 32
"""Names of dispatched tasks that a run keeps; ``childrenCount`` counts all."""
MAX_FAILURES = 8
"""Failed attempts that a run keeps, the newest first; ``failedAttempts`` counts all."""
MAX_CALLBACK_ERRORS = 4
"""Errors of a handler's callbacks that a run keeps."""
MAX_WAITING = 100
"""Due occurrences that may wait for their turn; more are skipped."""
PROGRESS_INTERVAL_SECONDS = 1.0
"""A run's progress is written at most this often; the newest wins."""

DEFAULT_QUEUE = "default"
"""The queue of a task that names none."""

# --- defaults of the spec's timing fields, in seconds ---------------------------------------------------

DEFAULT_GRACE_PERIOD_SECONDS = 30.0
DEFAULT_START_DEADLINE_SECONDS = 15 * 60.0
DEFAULT_MAX_INTERRUPTIONS = 10
"""Pods that a run may lose before it fails."""
DEFAULT_HOLD_POD_SECONDS = 30.0
"""The longest delay before a retry for which the pod is kept."""
DEFAULT_TTL_COMPLETED_SECONDS = 60 * 60.0
DEFAULT_TTL_FAILED_SECONDS = 24 * 60 * 60.0
REPORT_RESERVE_SECONDS = 5
"""Added to the grace period in the pod: what the runner has to report after it killed the handler."""


class ErrorType(StrEnum):
    """``status.error.type`` where it is not the name of the handler's own exception."""

    HANDLER_NOT_FOUND = "HandlerNotFound"
    """The module or the attribute of ``spec.handler`` does not exist in the image."""
    HANDLER_IMPORT_FAILED = "HandlerImportFailed"
    """The module exists and raised while it was imported."""
    HANDLER_INVALID = "HandlerInvalid"
    """The attribute is neither a handler class nor a function that takes the payload."""
    PAYLOAD_INVALID = "PayloadInvalid"
    """The payload does not fit the handler's model or parameters, or a source of it is unreadable."""
    RESULT_NOT_SERIALISABLE = "ResultNotSerialisable"
    RESULT_TOO_LARGE = "ResultTooLarge"
    TIMEOUT = "TimeoutError"
    """``spec.timeout`` or ``spec.runTimeout`` was over."""
    OUT_OF_MEMORY = "OutOfMemory"
    EXIT_CODE = "HandlerProcessDied"
    """The handler's process ended by itself (os._exit, a signal, a crash of native code)."""
    POD_FAILED = "PodFailed"
    """The pod ended without a word; the message has its exit code and reason."""
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded"
    POD_DEADLINE_EXCEEDED = "PodDeadlineExceeded"
    INTERRUPTED = "Interrupted"
    """The pod was lost after its handler had started, and ``onInterruption`` is Fail; or more pods were lost than
    ``maxInterruptions`` allows."""
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    """The pod is gone, and nothing tells how it ended."""


RUN_ID_PREFIX_SCHEDULED = "s"
RUN_ID_PREFIX_RUN_NOW = "m"


def scheduled_run_id(unix_second: int) -> str:
    """Give the run id of the occurrence at a nominal time.

    Args:
        unix_second: the nominal time, in whole seconds since 1970 (UTC).
    """
    return f"{RUN_ID_PREFIX_SCHEDULED}{unix_second}"


def run_now_run_id(token: str) -> str:
    """Give the run id of the extra run that a token in ``spec.runNow`` asks for."""
    from hashlib import sha256  # noqa: PLC0415  (never needed in a runner)

    return f"{RUN_ID_PREFIX_RUN_NOW}{sha256(token.encode()).hexdigest()[:8]}"


def job_name(task_uid: str, run_id: str, launch: int) -> str:
    """Give the name of the Job of a launch.

    Deterministic, so that a Job is made at most once however often its creation is tried. It stays within 63
    characters while ``launch`` has at most nine digits; beyond four the Job controller shortens the pods' names, which
    then still begin with the task's uid.
    """
    return f"et-{task_uid}-{run_id}-{launch}"
