"""What other runtimes tell of their runs, kept once for each flow, runtime and id."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.flow import (
    FlowStatus,
    Interval,
    NewRun,
    OutsideStep,
    Runtime,
    SeenRun,
    StepEnd,
    StepState,
    Trigger,
)

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


def test_what_is_known_already_takes_no_number(runtime):
    for step in ("one", "two", "three"):
        runtime.begin(step)

    runtime.flows.told_started(replace(NEW, run_id="scheduled__2"), "one", NOW)

    assert [run.number for run in runtime.flows.runs()] == [2, 1]


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


def seen(status: FlowStatus, **steps: tuple[FlowStatus, int]) -> SeenRun:
    states = tuple(StepState(name, status, attempt, NOW, NOW) for name, (status, attempt) in steps.items())
    return SeenRun(NEW.run_id, NEW.trigger, status, INTERVAL, NOW, NOW, NOW, steps=states)


def test_a_look_stores_the_run_and_its_steps(store):
    run = seen(FlowStatus.FAILED, one=(FlowStatus.SUCCESS, 1), two=(FlowStatus.FAILED, 3))

    number = store.flows.seen(NEW, run, telling=(), at=NOW)

    kept = store.flows.run(number)
    assert store.flows.find(NEW.flow, NEW.runtime, NEW.run_id) == number
    assert (kept.status, kept.started_at, kept.finished_at, kept.queued_at) == (FlowStatus.FAILED, NOW, NOW, NOW)
    assert [(step.name, step.status, step.attempt) for step in kept.steps] == [
        ("one", FlowStatus.SUCCESS, 1), ("two", FlowStatus.FAILED, 3), ("three", FlowStatus.WAITING, 0),
    ]  # fmt: skip


def test_steps_that_tell_of_themselves_count_their_attempts(store, runtime):
    runtime.begin("one")
    going_on = seen(FlowStatus.RUNNING, one=(FlowStatus.RUNNING, 2), two=(FlowStatus.RUNNING, 2))
    number = store.flows.seen(NEW, going_on, telling={"one"}, at=NOW)
    before = {step.name: step.attempt for step in store.flows.run(number).steps}

    over = seen(FlowStatus.SUCCESS, one=(FlowStatus.SUCCESS, 3), two=(FlowStatus.SUCCESS, 2))
    store.flows.seen(NEW, over, telling={"one"}, at=NOW)

    assert before == {"one": 1, "two": 2, "three": 0}
    assert {step.name: step.attempt for step in store.flows.run(number).steps} == {"one": 3, "two": 2, "three": 0}


def test_a_look_adds_the_steps_that_nobody_told_of_in_their_places(store):
    store.flows.told_started(replace(NEW, steps=("two",)), "two", NOW)

    number = store.flows.seen(NEW, seen(FlowStatus.RUNNING, one=(FlowStatus.SUCCESS, 1)), telling=("two",), at=NOW)

    assert [(step.name, step.attempt) for step in store.flows.run(number).steps] == [
        ("one", 1),
        ("two", 1),
        ("three", 0),
    ]


def test_what_was_cancelled_here_stays_so_whatever_a_look_shows(store):
    number = store.flows.seen(NEW, seen(FlowStatus.RUNNING), telling=(), at=NOW)
    cancelled = store.flows.cancel(number, NOW)

    assert store.flows.seen(NEW, seen(FlowStatus.FAILED, one=(FlowStatus.FAILED, 1)), telling=(), at=NOW) == number

    assert store.flows.run(number) == cancelled


def test_a_run_of_which_more_is_seen_does_not_end_by_what_is_told(store):
    store.flows.told_started(replace(NEW, steps=("one",)), "one", NOW)

    outside = OutsideStep(NEW.flow, "one", NEW.runtime, NEW.run_id)
    store.flows.told_finished(outside, StepEnd(0), retries=0, at=NOW, ends_run=False)

    assert store.flows.runs()[0].status == FlowStatus.RUNNING
    assert store.flows.find(NEW.flow, NEW.runtime, "another") is None
