"""The operator's own settings: one JSON document, written by the chart, read once at the start."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from evertask.api.durations import parse_duration
from evertask.api.protocol import DEFAULT_HOLD_POD_SECONDS
from evertask.api.retry import RetryPolicy
from evertask.retries import Retry

ENV_SETTINGS = "EVERTASK_SETTINGS"
"""Path of the settings file."""

ENV_NAMESPACE = "EVERTASK_NAMESPACE"
"""The operator's own namespace: tasks in it are refused."""


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]

KeptFor = Annotated[Duration, Field(ge=timedelta(0), le=timedelta(hours=87600))]
"""A time to live, within the bounds of ``spec.ttlAfterFinished``."""


class SettingsModel(BaseModel):
    """Base: camelCase names, unknown names refused, values fixed after reading."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )


class RunnerSettings(SettingsModel):
    """What runner pods are made of unless a task says otherwise."""

    image: str = "localhost/evertask/runner:0.1.0"
    """Image of the runner; it needs the EverTask runner and the handlers' code."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    pod_template: dict[str, Any] = Field(default_factory=dict)
    """A pod template that every task's own template is merged over."""


class JobSettings(SettingsModel):
    """How long Jobs outlive their runs, for their logs. Their room in ``maxRunning`` is given up when it is needed."""

    keep_succeeded: Duration = timedelta(minutes=5)
    """Zero: deleted as soon as the pod has ended. Each kept Job costs the API server two objects."""
    keep_failed: Duration = timedelta(hours=1)


class RetentionSettings(SettingsModel):
    """How long finished tasks stay, how many of them, and how fast they go."""

    completed: KeptFor = timedelta(hours=1)
    """How long a task that completed or was cancelled is kept where its ``ttlAfterFinished`` says nothing."""
    failed: KeptFor = timedelta(hours=24)
    """The same for one that failed."""
    max_finished_per_namespace: Annotated[int, Field(ge=0, le=100_000)] = 1000
    """Finished tasks that one namespace keeps, whatever their time to live; 0: as many as there are. Each takes its
    place in the API server and in every list of the namespace's tasks."""
    deletions_per_second: Annotated[int, Field(ge=1, le=1000)] = 20
    """How fast tasks and Jobs go that nobody waits for; on average, and so many at once at most. Each deletion makes
    the API server and the garbage collector write, and due tasks must not wait for that."""


class DefaultsSettings(SettingsModel):
    """What holds for tasks and handlers that say nothing; every runner is told."""

    retry: RetryPolicy = Field(default_factory=RetryPolicy)
    """How a handler that fails is tried again, as ``spec.retry``. A whole policy: what it leaves out has the
    field's own default, so that an empty one is 3 retries, 500 ms apart."""
    hold_pod: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(hours=1))] = timedelta(
        seconds=DEFAULT_HOLD_POD_SECONDS
    )
    """The longest delay before a retry for which the pod is kept; for longer ones the run is given back, and launched
    again. Zero: no pod waits."""

    @property
    def policy(self) -> Retry:
        """The retry policy, ready to decide."""
        return Retry.from_spec(self.retry.model_dump(by_alias=True, exclude_none=True))


class PrelaunchSettings(SettingsModel):
    """How long before its time a run's pod is made, so that the handler starts on time.

    The lead follows the launches that were observed: it is the time that all but the slowest of them took, and half a
    second. The pod waits for the instant; meanwhile it holds room in ``maxRunning`` and on its node.
    """

    max_lead: Duration = timedelta(seconds=15)
    """The longest lead; it wins over the two below. Zero: no pod is made before its time, and a run is late by as long
    as a pod takes to start."""
    cold_start_lead: Duration = timedelta(seconds=3)
    """The lead until a few launches were observed: images that are there, on a node that is not busy."""
    min_lead: Duration = timedelta(seconds=1)
    """The shortest lead. Not less than a pod takes at best; what is made early costs little, what is late is late."""


class PortSettings(SettingsModel):
    """Ports that the operator listens on; 0 turns one off."""

    health: int = 8080
    metrics: int = 9090


class LeadershipSettings(SettingsModel):
    """Which of several operators acts (``leadership``). Their order is checked: each needs room within the next."""

    enabled: bool = False
    """Whether there is more than one operator, so that each needs the Lease before it acts. One alone does better
    without: it would have to end itself whenever the API server is away for longer than the deadline."""
    lease_name: str = "evertask"
    """Name of the Lease, in the operator's own namespace."""
    lease_duration_seconds: Annotated[int, Field(ge=3, le=60)] = 6
    """A leader that has not been seen to renew for so long is taken to be gone. Most of what a fail-over costs."""
    renew_deadline_seconds: Annotated[float, Field(ge=1, le=55)] = 4
    """A leader that could not renew for so long ends its process. What is left until the Lease expires is its reserve:
    for clocks that do not run alike, and for a machine that takes its time."""
    renew_interval_seconds: Annotated[float, Field(ge=0.5, le=20)] = 2
    """How often a leader renews. Half of what is left until the deadline is the time limit of one try."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        interval, deadline, duration = (
            self.renew_interval_seconds,
            self.renew_deadline_seconds,
            self.lease_duration_seconds,
        )
        if not interval < deadline < duration:
            raise ValueError(
                f"leadership: renewIntervalSeconds ({interval:g}) must be less than renewDeadlineSeconds "
                f"({deadline:g}), and that less than leaseDurationSeconds ({duration})"
            )
        return self


class Settings(SettingsModel):
    """Everything that can be set."""

    watch_namespaces: list[str] = Field(default_factory=list)
    """Namespaces to serve; empty: all."""
    max_running: Annotated[int, Field(ge=1)] = 100
    """Jobs at once, over all namespaces; further due tasks stay Queued. What a cluster's nodes can start and hold."""
    max_running_per_namespace: Annotated[int, Field(ge=0)] = 0
    """Jobs at once in one namespace; 0: no limit but the overall one."""
    runner: RunnerSettings = Field(default_factory=RunnerSettings)
    jobs: JobSettings = Field(default_factory=JobSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    prelaunch: PrelaunchSettings = Field(default_factory=PrelaunchSettings)
    defaults: DefaultsSettings = Field(default_factory=DefaultsSettings)
    leadership: LeadershipSettings = Field(default_factory=LeadershipSettings)
    ports: PortSettings = Field(default_factory=PortSettings)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    resync_interval: Duration = timedelta(minutes=5)
    """How often everything is listed anew, to notice what the watches did not tell."""
    workers: Annotated[int, Field(ge=1, le=256)] = 16
    """Tasks that are reconciled at the same time; bounds the requests in flight."""

    own_namespace: str = ""
    """Set from the environment, not from the file."""


def load_settings() -> Settings:
    """Read the settings named by the environment; without a file all defaults hold.

    Raises:
        pydantic.ValidationError: the file has an unknown name or a bad value; the message names it.
        OSError: the file cannot be read.
    """
    path = os.environ.get(ENV_SETTINGS)
    settings = Settings.model_validate_json(Path(path).read_text()) if path else Settings()
    return settings.model_copy(update={"own_namespace": os.environ.get(ENV_NAMESPACE, "")})
