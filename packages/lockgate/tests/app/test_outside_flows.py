"""Flows that Airflow runs: begun there once, seen as they stand, told of by their steps, and never fired from here."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lockgate.app import App
from lockgate.app.outside_flows import OutsideWatch
from lockgate.core.flow import FlowStatus, Interval, OutsideStep, Runtime, StepEnd, Trigger
from lockgate.errors import CapabilityMissing, FlowPaused, JobFinal, RunExists, RuntimeUnavailable, UnknownName
from lockgate.sandbox.airflow_api import AirflowApi, Fault, StandDag, StandTask

PROJECT = """
project: shop
runtimes:
  production: {{kind: airflow, url: "{url}", username: admin, password: secret://airflow}}
flows:
  nightly:
    schedule: "* * * * *"
    runtime: production
    steps:
      - {{name: load, run: load}}
      - {{name: count, shell: wc -l orders.csv, retries: 1}}
      - {{name: tell, notify: done}}
  here:
    steps:
      - {{name: only, run: loads list}}
"""
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def api():
    tasks = (
        StandTask("load", prints=("3 rows",)),
        StandTask("count", ("failed", "failed"), needs=("load",), prints=("wc: orders.csv: no such file",)),
        StandTask("tell", needs=("count",)),
    )
    with AirflowApi([StandDag("nightly", tasks)]) as api:
        yield api


@pytest.fixture
def folder(tmp_path, api, monkeypatch) -> Path:
    monkeypatch.setenv("LOCKGATE_SECRET_AIRFLOW", api.password)
    (tmp_path / "lockgate.yml").write_text(PROJECT.format(url=api.url), encoding="utf-8")
    return tmp_path


@pytest.fixture
def app(folder):
    with App.open(folder) as app:
        yield app


def states(run) -> dict[str, tuple[str, int]]:
    return {step.name: (step.status.value, step.attempt) for step in run.steps}


def ended(app: App, number: int):
    *_, last = app.flows.follow(number)
    return last


def test_a_run_is_begun_there_and_kept_here_as_it_is_seen(app, api):
    begun = app.flows.begin("nightly", by="ada")
    done = ended(app, begun.number)

    (there,) = api.dags["nightly"].runs.values()
    assert (begun.run_id, begun.runtime, begun.trigger, begun.by) == (
        there.run_id, Runtime.AIRFLOW, Trigger.MANUAL, "ada",
    )  # fmt: skip
    assert states(begun) == {"load": ("waiting", 0), "count": ("waiting", 0), "tell": ("waiting", 0)}
    assert done.status is FlowStatus.FAILED
    assert states(done) == {"load": ("success", 1), "count": ("failed", 2), "tell": ("skipped", 0)}
    assert app.flows.runs(flow="nightly") == (replace(done, steps=()),)


def test_an_interval_is_what_airflow_is_told(app, api):
    about = Interval(START, START + timedelta(days=1))

    run = app.flows.begin("nightly", by="ada", interval=about)

    (there,) = api.dags["nightly"].runs.values()
    assert (there.logical_date, there.interval) == (about.start, (about.start, about.end))
    assert run.interval == about
    with pytest.raises(RunExists):
        app.flows.begin("nightly", by="ada", interval=about)


def test_the_same_id_begins_one_run_in_either_place(app, api):
    for flow in ("nightly", "here"):
        numbers = {app.flows.begin(flow, by="ada", run_id="manual__key").number for _ in range(3)}
        assert len(numbers) == 1

    assert list(api.dags["nightly"].runs) == ["manual__key"]


def test_what_cannot_be_begun_there_is_not_kept_here(app, api):
    api.dags["nightly"].is_paused = True

    with pytest.raises(FlowPaused):
        app.flows.begin("nightly", by="ada")

    assert app.flows.runs() == ()


def test_runs_that_airflow_began_itself_are_found(app, api):
    there = api.begin("nightly", "scheduled__one")

    app.flows.outside.look()

    (run,) = app.flows.runs(flow="nightly")
    assert (run.run_id, run.trigger, run.status) == ("scheduled__one", Trigger.SCHEDULED, FlowStatus.RUNNING)
    while there.state == "running":
        app.flows.outside.look()
    app.flows.outside.look()
    assert states(app.flows.run(run.number)) == {"load": ("success", 1), "count": ("failed", 2), "tell": ("skipped", 0)}
    asked = len(api.requests)
    app.flows.outside.look()
    assert len(api.requests) == asked + 1


def test_a_server_looks_by_itself_until_it_is_closed(app, api):
    watch = OutsideWatch(app.flows.outside, seconds=0.01)
    watch.start()
    api.begin("nightly", "scheduled__one")
    deadline = time.monotonic() + 20
    while not any(run.status.is_final for run in app.flows.runs()) and time.monotonic() < deadline:
        time.sleep(0.02)

    watch.close(patience_seconds=20)

    assert [(run.run_id, run.status) for run in app.flows.runs()] == [("scheduled__one", FlowStatus.FAILED)]
    asked = len(api.requests)
    time.sleep(0.1)
    assert len(api.requests) == asked


def test_steps_tell_of_themselves_and_the_rest_is_seen(app, api):
    run = app.flows.begin("nightly", by="ada")
    step = OutsideStep("nightly", "load", Runtime.AIRFLOW, run.run_id)
    app.flows.run(run.number)

    app.flows.told_started(step)
    app.flows.told_finished(step, StepEnd(1, "exit code 1"))

    told = {each.name: each for each in app.flows.run(run.number).steps}
    assert (told["load"].exit_code, told["load"].error, told["load"].attempt) == (1, "exit code 1", 1)
    assert told["count"].attempt == 0


def test_a_run_that_steps_told_of_first_gets_the_steps_that_tell_nothing(app, api):
    api.begin("nightly", "scheduled__one")
    app.flows.told_started(OutsideStep("nightly", "load", Runtime.AIRFLOW, "scheduled__one"))
    (run,) = app.flows.runs()

    done = ended(app, run.number)

    assert [step.name for step in done.steps] == ["load", "count", "tell"]
    assert states(done)["count"] == ("failed", 2)


def test_a_run_does_not_end_by_what_its_steps_tell(app, api):
    api.begin("nightly", "scheduled__one")
    step = OutsideStep("nightly", "load", Runtime.AIRFLOW, "scheduled__one")
    app.flows.told_started(step)

    app.flows.told_finished(step, StepEnd(1))

    assert app.flows.runs()[0].status is FlowStatus.RUNNING


def test_a_run_is_cancelled_there_and_here(app, api):
    run = app.flows.begin("nightly", by="ada")
    for _ in range(2):
        app.flows.run(run.number)

    cancelled = app.flows.cancel(run.number)

    assert api.dags["nightly"].runs[run.run_id].state == "failed"
    assert cancelled.status is FlowStatus.CANCELLED
    app.flows.outside.look()
    assert app.flows.run(run.number) == cancelled
    with pytest.raises(JobFinal):
        app.flows.cancel(run.number)


@pytest.mark.parametrize("ends", ["look", "cancel"])
def test_a_run_that_is_gone_there_ends_here(app, api, ends):
    run = app.flows.begin("nightly", by="ada")
    api.dags["nightly"].runs.clear()

    if ends == "look":
        app.flows.outside.look()
    else:
        app.flows.cancel(run.number)

    assert app.flows.runs()[0].status is FlowStatus.CANCELLED
    asked = len(api.requests)
    app.flows.outside.look()
    assert len(api.requests) == asked + 1


def test_a_run_that_is_open_is_looked_at_however_many_came_after_it(app, api):
    first = app.flows.begin("nightly", by="ada")
    for number in range(45):
        app.flows.outside.begin(app.flows.flow("nightly"), by="", interval=None, run_id=f"manual__{number}")
    for run in app.flows.runs(limit=45):
        app.flows.cancel(run.number)
    api.dags["nightly"].runs[first.run_id].fail()

    app.flows.outside.look()

    assert app.flows.runs(limit=50)[-1].status is FlowStatus.FAILED


def test_a_run_that_ended_meanwhile_is_not_cancelled_but_seen(app, api):
    run = app.flows.begin("nightly", by="ada")
    api.dags["nightly"].runs[run.run_id].fail()

    with pytest.raises(JobFinal):
        app.flows.cancel(run.number)

    assert app.flows.runs()[0].status is FlowStatus.FAILED


def test_where_airflow_is_away_nothing_is_cancelled_and_runs_are_shown_as_they_were(app, api, caplog):
    run = app.flows.begin("nightly", by="ada")
    api.faults.extend([Fault(503, headers={"retry-after": "0"})] * 12)

    with pytest.raises(RuntimeUnavailable):
        app.flows.cancel(run.number)

    assert app.flows.run(run.number) == run
    app.flows.outside.look()
    assert sum("not looked at now" in text for text in caplog.messages) == 1


def test_logs_come_from_where_the_step_ran(app, api):
    run = app.flows.begin("nightly", by="ada")
    with pytest.raises(UnknownName, match="has not begun"):
        app.flows.log(run.number, "count")
    ended(app, run.number)

    for attempt in (None, 1, 2):
        assert "wc: orders.csv: no such file" in app.flows.log(run.number, "count", attempt).text
    for step, attempt in (("count", 3), ("nobody", None)):
        with pytest.raises(UnknownName):
            app.flows.log(run.number, step, attempt)


def test_a_run_of_a_runtime_that_is_not_declared_is_not_said_to_be_cancelled(app):
    app.flows.told_started(OutsideStep("here", "only", Runtime.DAGSTER, "run-1"))
    (run,) = app.flows.runs()

    with pytest.raises(CapabilityMissing, match="one of dagster"):
        app.flows.cancel(run.number)

    assert app.flows.runs()[0].status is FlowStatus.RUNNING


def test_times_gone_by_are_airflows_to_make_up_for(app, api):
    with pytest.raises(CapabilityMissing, match="production makes up for"):
        app.flows.backfill("nightly", START, START + timedelta(days=1), by="ada")

    assert api.requests == []
