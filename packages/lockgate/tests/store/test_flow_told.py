"""What other runtimes tell of their runs, kept once for each flow, runtime and id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.flow import FlowStatus, Interval, NewRun, OutsideStep, Runtime, StepEnd, Trigger

NOW = datetime(2026, 1, 5, 5, tzinfo=UTC)
INTERVAL = Interval(NOW - timedelta(days=1), NOW)
NEW = NewRun("nightly", "scheduled__1", Runtime.AIRFLOW, Trigger.SCHEDULED, INTERVAL, ("one", "two", "three"))


class Runtimes:
    """Tells of steps, a second later each time."""

    def __init__(self, flows) -> None:
        self.flows, self.now = flows, NOW

    def begin(self, step: str) -> None:
        self.now += timedelta(seconds=1)
        self.flows.told_started(NEW, step, self.now)

    def end(self, step: str, code: int = 0, retries: int = 0) -> None:
        self.now += timedelta(seconds=1)
        outside = OutsideStep(NEW.flow, step, NEW.runtime, NEW.run_id)
        self.flows.told_finished(outside, StepEnd(code), retries=retries, at=self.now)

    def statuses(self) -> tuple[FlowStatus, list[FlowStatus]]:
        (run,) = self.flows.runs()
        return run.status, [step.status for step in self.flows.run(run.number).steps]


@pytest.fixture
def runtime(store) -> Runtimes:
    return Runtimes(store.flows)


def test_a_run_is_success_when_every_step_is(runtime):
    for step in ("one", "two", "three"):
        assert runtime.statuses()[0] == FlowStatus.RUNNING if step != "one" else True
        runtime.begin(step)
        runtime.end(step)

    assert runtime.statuses() == (FlowStatus.SUCCESS, [FlowStatus.SUCCESS] * 3)
    (run,) = runtime.flows.runs()
    assert (run.interval, run.started_at, run.finished_at) == (INTERVAL, NOW + timedelta(seconds=1), runtime.now)


def test_a_run_fails_when_nothing_of_it_is_running_any_more(runtime):
    runtime.begin("one")
    runtime.begin("two")
    runtime.end("one", code=1)
    assert runtime.statuses() == (FlowStatus.RUNNING, [FlowStatus.FAILED, FlowStatus.RUNNING, FlowStatus.WAITING])

    runtime.end("two")

    assert runtime.statuses() == (FlowStatus.FAILED, [FlowStatus.FAILED, FlowStatus.SUCCESS, FlowStatus.WAITING])


def test_a_step_that_is_begun_again_lets_its_run_go_on(runtime):
    runtime.begin("one")
    runtime.end("one", code=2)
    assert runtime.statuses()[0] == FlowStatus.FAILED

    runtime.begin("one")

    assert runtime.statuses()[0] == FlowStatus.RUNNING
    (run,) = runtime.flows.runs()
    step = runtime.flows.run(run.number).steps[0]
    assert (step.attempt, step.exit_code, step.finished_at, run.finished_at) == (2, None, None, None)


def test_an_attempt_that_is_not_the_last_one_waits_for_the_next(runtime):
    runtime.begin("one")
    runtime.end("one", code=2, retries=1)
    assert runtime.statuses()[1][0] == FlowStatus.WAITING

    runtime.begin("one")
    runtime.end("one", code=2, retries=1)

    assert runtime.statuses() == (FlowStatus.FAILED, [FlowStatus.FAILED, FlowStatus.WAITING, FlowStatus.WAITING])


def test_an_end_of_a_run_that_nobody_told_of_is_nothing(runtime):
    runtime.end("one")

    assert runtime.flows.runs() == ()
