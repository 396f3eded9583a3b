"""The operator's settings: strict, with units, from one file."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from evertask.api.retry import RetryPolicy
from evertask_operator.settings import (
    ENV_NAMESPACE,
    ENV_SETTINGS,
    DefaultsSettings,
    Settings,
    load_settings,
)


def load(text, tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    path.write_text(text)
    monkeypatch.setenv(ENV_SETTINGS, str(path))
    return load_settings()


def test_without_a_file_all_defaults_hold(monkeypatch):
    monkeypatch.delenv(ENV_SETTINGS, raising=False)
    monkeypatch.setenv(ENV_NAMESPACE, "evertask-system")
    assert load_settings() == Settings(own_namespace="evertask-system")


def test_settings_are_read_by_their_names_on_the_wire(tmp_path, monkeypatch):
    document = {
        "maxRunning": 7,
        "jobs": {"keepFailed": "1h30m"},
        "resyncInterval": "90s",
        "ports": {"health": 0},
        "prelaunch": {"maxLead": "0s", "coldStartLead": "1.5s"},
        "defaults": {"retry": {"limit": 5, "maxDelay": "1m"}, "holdPod": "0s"},
    }
    settings = load(json.dumps(document), tmp_path, monkeypatch)
    assert (settings.max_running, settings.jobs.keep_failed) == (7, timedelta(minutes=90))
    assert (settings.resync_interval, settings.ports.health) == (timedelta(seconds=90), 0)
    assert settings.defaults == DefaultsSettings(
        retry=RetryPolicy(limit=5, max_delay="1m"), hold_pod=timedelta(0)
    )
    assert not settings.prelaunch.max_lead
    assert settings.prelaunch.cold_start_lead == timedelta(seconds=1.5)


@pytest.mark.parametrize(
    ("document", "named"),
    [
        pytest.param('{"maxRuning": 7}', "maxRuning", id="misspelt"),
        pytest.param('{"maxRunning": 0}', "maxRunning", id="no-room-at-all"),
        pytest.param('{"jobs": {"keepFailed": "1 hour"}}', "1 hour", id="no-duration"),
        pytest.param('{"prelaunch": {"maxLead": "-1s"}}', "-1s", id="negative"),
        pytest.param('{"retention": {"completed": "87601h"}}', "completed", id="kept-for-too-long"),
        pytest.param('{"retention": {"maxFinishedPerNamespace": -1}}', "maxFinished", id="fewer-than-none"),
        pytest.param('{"retention": {"deletionsPerSecond": 0}}', "deletionsPerSecond", id="never-deleted"),
        pytest.param('{"defaults": {"holdPod": "2h"}}', "holdPod", id="a-pod-is-kept-for-too-long"),
        pytest.param('{"defaults": {"retry": {"limit": -1}}}', "limit", id="fewer-retries-than-none"),
        pytest.param(
            '{"defaults": {"retry": {"delays": ["1s"], "limit": 1}}}', "leave out", id="two-ways-to-retry"
        ),
        pytest.param('{"logLevel": "LOUD"}', "logLevel", id="unknown-level"),
        pytest.param(
            '{"leadership": {"renewDeadlineSeconds": 6}}', "leaseDurationSeconds (6)", id="no-reserve"
        ),
        pytest.param('{"leadership": {"renewIntervalSeconds": 4}}', "renewDeadlineSeconds (4)", id="no-room"),
        pytest.param("{", "JSON", id="no-json"),
    ],
)
def test_a_bad_setting_is_named(document, named, tmp_path, monkeypatch):
    with pytest.raises(ValidationError) as refused:
        load(document, tmp_path, monkeypatch)
    assert named in str(refused.value)


def test_a_file_that_is_not_there_is_no_default(tmp_path, monkeypatch):
    monkeypatch.setenv(ENV_SETTINGS, str(tmp_path / "none.json"))
    with pytest.raises(FileNotFoundError):
        load_settings()
