"""A run is written down as it goes, so that what a killed one had done is there to see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.record import RecordStatus, RunRecord, StepRecord
from lockgate.errors import UnknownName

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)


def test_a_run_comes_back_with_its_steps_in_order(store):
    run_id = store.runs.start_run("run", NOON)
    store.runs.step_started(run_id, "load discovery.users", NOON)
    store.runs.step_finished(run_id, "load discovery.users", LATER, facts={"rows": 1000, "set aside": 0})
    store.runs.step_started(run_id, "pin", LATER)
    store.runs.step_finished(run_id, "pin", LATER, error="LG401 The target failed a statement.")
    store.runs.step_skipped(run_id, "publish users@rules", LATER, because="pin")
    store.runs.finish_run(run_id, RecordStatus.FAILED, LATER)

    steps = (
        StepRecord("load discovery.users", RecordStatus.SUCCESS, NOON, LATER, {"rows": 1000, "set aside": 0}),
        StepRecord("pin", RecordStatus.FAILED, LATER, LATER, {}, "LG401 The target failed a statement."),
        StepRecord("publish users@rules", RecordStatus.SKIPPED, LATER, LATER, {}, "pin"),
    )
    assert store.runs.run(run_id) == RunRecord(run_id, "run", RecordStatus.FAILED, NOON, LATER, steps)


def test_the_newest_runs_come_first_and_other_scopes_do_not(opened):
    store, other = opened(), opened(target="postgres")
    first, second = store.runs.start_run("load", NOON), store.runs.start_run("run", LATER)
    other.runs.start_run("run", LATER)

    assert [(run.run_id, run.command) for run in store.runs.runs()] == [(second, "run"), (first, "load")]
    assert len(store.runs.runs(limit=1)) == 1
    with pytest.raises(UnknownName, match=f"there is no run {second}"):
        other.runs.run(second)


def test_runs_are_read_on_behind_one_and_by_status(store):
    first, second = store.runs.start_run("load", NOON), store.runs.start_run("run", LATER)
    store.runs.finish_run(second, RecordStatus.FAILED, LATER)

    assert [run.run_id for run in store.runs.runs(before=second)] == [first]
    assert [run.run_id for run in store.runs.runs(status=RecordStatus.FAILED)] == [second]


def test_a_running_step_tells_how_far_it_has_come_until_it_ends(store):
    run_id = store.runs.start_run("run", NOON)
    store.runs.step_started(run_id, "build", NOON)

    store.runs.step_progressed(run_id, "build", {"nodes": 3})

    assert store.runs.run(run_id).steps == (StepRecord("build", RecordStatus.RUNNING, NOON, None, {"nodes": 3}),)
    store.runs.step_finished(run_id, "build", LATER, facts={"rows": 9})
    store.runs.step_progressed(run_id, "build", {"nodes": 4})
    assert store.runs.run(run_id).steps == (StepRecord("build", RecordStatus.SUCCESS, NOON, LATER, {"rows": 9}),)


def test_a_new_run_marks_what_a_dead_one_left_as_interrupted(opened):
    store, other = opened(), opened(target="postgres")
    dead, elsewhere = store.runs.start_run("run", NOON), other.runs.start_run("run", NOON)
    store.runs.step_started(dead, "load discovery.users", NOON)
    store.executions.start_cycle(dead, (), NOON)

    store.runs.start_run("run", LATER)

    assert store.executions.cycles()[0].status is RecordStatus.INTERRUPTED
    assert store.runs.run(dead).status is RecordStatus.INTERRUPTED
    assert store.runs.run(dead).steps[0].status is RecordStatus.INTERRUPTED
    assert other.runs.run(elsewhere).status is RecordStatus.RUNNING


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from lockgate.store import open_store

now = datetime(2024, 2, 29, 12, tzinfo=UTC)
runs = open_store(sys.argv[1], project="inventory", target="main").runs
run_id = runs.start_run("run", now)
runs.step_started(run_id, "load", now)
runs.step_finished(run_id, "load", now, facts={"rows": 3})
runs.step_started(run_id, "pin", now)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_shows_what_was_done(address, opened):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCKGATE_")}
    done = subprocess.run([sys.executable, "-c", KILLED, address], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL

    run = opened().runs.run(1)

    assert [(step.name, step.status, step.facts) for step in run.steps] == [
        ("load", RecordStatus.SUCCESS, {"rows": 3}),
        ("pin", RecordStatus.RUNNING, {}),
    ]
    assert run.status is RecordStatus.RUNNING
