"""The run becomes a parent when something first asks whether it is one."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RUN = {
    "taskUid": "u-1",
    "taskName": "mail",
    "namespace": "shop",
    "run": "s1",
    "podTemplate": {"spec": {}},
}
FIRST = "import evertask.children"


@pytest.mark.parametrize("loaded_before", [True, False], ids=["loaded-before", "loaded-later"])
def test_dispatches_are_the_runs_whenever_the_module_is_loaded(loaded_before):
    # A process of its own: whether the module is loaded is a matter of the process.
    program = f"""
        import sys
        from evertask_runner.parentage import become_parent
        {FIRST if loaded_before else ""}
        told = []
        become_parent({RUN}, told.append)
        assert ("evertask.children" in sys.modules) is {loaded_before}
        import evertask.children
        run = evertask.children.current_run()
        run.dispatched("task-1")
        print(run.task_uid, run.task_name, run.namespace, run.run_id, run.pod_template, told)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={"PYTHONPATH": f"{ROOT}/sdk:{ROOT}/runner"},
        capture_output=True,
        text=True,
        check=False,
    )
    told = [{"kind": "dispatched", "name": "task-1"}]
    assert (done.stdout.strip(), done.stderr) == (f"u-1 mail shop s1 {RUN['podTemplate']} {told}", "")


@pytest.mark.parametrize("loaded_before", [True, False], ids=["loaded-before", "loaded-later"])
def test_a_second_attempt_meets_the_first_whenever_the_module_is_loaded(loaded_before):
    program = f"""
        from evertask_runner.parentage import become_parent, begin_attempt, begin_retry
        {FIRST if loaded_before else ""}
        become_parent({RUN | {"taskUid": "6b1d0b5e-0000-4000-8000-000000000002"}}, print)
        begin_attempt()
        from evertask.children import current_run
        first = current_run().child("m:f", {{}}, {{}}).id
        begin_retry(1)
        told = current_run().child("m:f", {{}}, {{}}).id
        begin_attempt()
        print(current_run().child("m:f", {{}}, {{}}).id == first, told == first)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={"PYTHONPATH": f"{ROOT}/sdk:{ROOT}/runner"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("True False", "")
