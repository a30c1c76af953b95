"""The embedded runtime fires each tick once whatever clocks say, and runs steps as declared."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from lockgate.core.flow import (
    FlowDeclaration,
    FlowStatus,
    Interval,
    Schedule,
    StepDeclaration,
    StepEnd,
    StepKind,
    Taker,
)
from lockgate.errors import IntervalInvalid, JobFinal, UnknownName
from lockgate.flow.running import FlowService, Pace, arguments
from lockgate.store import open_store

SLOTS = {"default": 4}


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class NoQueue:
    """Nothing is worked on."""

    worker = "here"

    def gone(self, workers):
        return frozenset()

    def launch(self, work) -> None: ...

    def enqueue(self, ids) -> None: ...

    def close(self, *, patience_seconds) -> None: ...


class Inline:
    """Works on what it is handed in threads of its own."""

    worker = "here"

    def __init__(self) -> None:
        self.known: set[str] = set()

    def gone(self, workers):
        return frozenset()

    def launch(self, work) -> None:
        self.work = work

    def enqueue(self, ids) -> None:
        for each in ids:
            if each not in self.known:
                self.known.add(each)
                threading.Thread(target=self.work, args=(each,)).start()

    def close(self, *, patience_seconds) -> None: ...


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'control.db'}", project="p", target="t")
    yield opened
    opened.close()


def flow_of(*steps: StepDeclaration, **facts) -> dict[str, FlowDeclaration]:
    return {"nightly": FlowDeclaration("nightly", steps, **facts)}


def step(name: str, *needs: str, **facts) -> StepDeclaration:
    return StepDeclaration(name, StepKind.SHELL, ("true", name), needs, **facts)


def service_of(store, flows, clock, *, queue=None, process=None, slots=SLOTS) -> FlowService:
    return FlowService(
        store.flows, queue or NoQueue(), process, clock, flows=lambda: flows, slots=slots, pace=Pace(look=0.02)
    )


# --- schedules ------------------------------------------------------------------------------------------------------

DAYS = 800  # more than 20,000 ticks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "days"), [(datetime(2028, 2, 27, tzinfo=UTC), 16), (datetime(2028, 11, 3, tzinfo=UTC), 5)]
)
def test_r5_two_schedulers_with_wrong_clocks_fire_each_tick_once(store, begin, days):
    fires_once_each(store, begin, days)


@pytest.mark.soak
def test_r5_full(store):
    fires_once_each(store, datetime(2028, 1, 1, tzinfo=UTC), DAYS)


def fires_once_each(store, begin: datetime, days: int) -> None:
    """Two schedulers whose clocks go wrong, jump and stand still, over changes of clocks and a leap day."""
    zone = ZoneInfo("America/New_York")
    crons = {"hourly": "0 * * * *", "night": "30 1 * * *", "gap": "30 2 * * *", "leap": "0 5 29 2 *"}
    flows = {
        name: FlowDeclaration(name, (step("a"),), schedule=Schedule(cron, "America/New_York", catch_up=True))
        for name, cron in crons.items()
    }
    chance, clocks = random.Random(5), (Clock(begin), Clock(begin))
    services = [service_of(store, flows, clock) for clock in clocks]
    for each in services:
        each.fire()
    true, end = begin, begin + timedelta(days=days)
    while true < end:
        true += timedelta(minutes=chance.choice((1, 20, 60, 300)))
        for clock, each in chance.sample(list(zip(clocks, services, strict=True)), 2):
            clock.now = min(true, end) + timedelta(seconds=chance.choice((0, 0, -90, -7200)))
            each.fire()
    clocks[0].now = end
    services[0].fire()

    fired = Counter((run.flow, run.interval.end) for run in store.flows.runs(limit=10 * days * 24))
    due = {
        (name, tick.astimezone(UTC))
        for name, cron in crons.items()
        for tick in _until(CronSim(cron, begin.astimezone(zone)), end)
    }

    assert set(fired) == due
    assert set(fired.values()) == {1}


def _until(ticks, end):
    for tick in ticks:
        if tick > end:
            return
        yield tick


def test_without_catching_up_only_the_newest_of_what_was_missed_runs(store):
    clock = Clock(datetime(2026, 5, 1, 12, tzinfo=UTC))
    service = service_of(store, flow_of(step("a"), schedule=Schedule("0 * * * *")), clock)
    service.fire()

    clock.now += timedelta(hours=5, minutes=1)
    service.fire()
    service.fire()

    assert [run.interval.end.hour for run in store.flows.runs()] == [17]


def test_without_catching_up_a_long_pause_is_one_run_too(store):
    clock = Clock(datetime(2026, 5, 1, 12, tzinfo=UTC))
    service = service_of(store, flow_of(step("a"), schedule=Schedule("* * * * *")), clock)
    service.fire()

    clock.now = datetime(2026, 5, 3, 12, 0, 30, tzinfo=UTC)  # 2880 times later
    service.fire()
    service.fire()

    assert [run.interval.end for run in store.flows.runs()] == [datetime(2026, 5, 3, 12, tzinfo=UTC)]


def test_a_catching_up_flow_begins_with_its_first_day(store):
    schedule = Schedule("0 0 * * *", start=date(2026, 4, 29), catch_up=True)
    service = service_of(store, flow_of(step("a"), schedule=schedule), Clock(datetime(2026, 5, 1, 12, tzinfo=UTC)))

    service.fire()

    assert [run.interval.end.day for run in reversed(store.flows.runs())] == [29, 30, 1]


@pytest.mark.parametrize("catch_up", [True, False])
def test_what_another_runtime_fires_is_not_fired_here_nor_made_up_for_later(store, catch_up):
    clock = Clock(datetime(2026, 5, 1, 12, tzinfo=UTC))
    schedule = Schedule("0 0 * * *", start=date(2026, 4, 29), catch_up=catch_up)
    there = flow_of(step("a"), schedule=schedule, runtime="production")
    for day in (1, 2, 3):
        clock.now = datetime(2026, 5, day, 12, tzinfo=UTC)
        service_of(store, there, clock).fire()
    fired_there = store.flows.runs()
    here = {"nightly": replace(there["nightly"], runtime="durable")}

    service_of(store, here, clock).fire()
    clock.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    service_of(store, here, clock).fire()

    assert fired_there == ()
    assert [run.interval.end.day for run in store.flows.runs()] == [4]


def test_a_backfill_makes_up_for_each_time_once(store):
    clock = Clock(datetime(2026, 5, 1, tzinfo=UTC))
    service = service_of(store, flow_of(step("a"), schedule=Schedule("0 6 * * *")), clock)
    days = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC)

    first, second = service.backfill("nightly", *days), service.backfill("nightly", *days)

    assert (len(first), second) == (3, ())
    assert [run.interval for run in reversed(store.flows.runs())] == [
        Interval(datetime(2026, 3, 31 + day, 6, tzinfo=UTC) if day == 0 else datetime(2026, 4, day, 6, tzinfo=UTC),
                 datetime(2026, 4, day + 1, 6, tzinfo=UTC))
        for day in range(3)
    ]  # fmt: skip


def test_a_backfill_leaves_out_what_is_not_due_yet(store):
    clock = Clock(datetime(2026, 5, 2, 6, tzinfo=UTC))
    service = service_of(store, flow_of(step("a"), schedule=Schedule("0 6 * * *")), clock)

    service.backfill("nightly", datetime(2026, 5, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

    assert [run.interval.end.day for run in reversed(store.flows.runs())] == [1, 2]
    with pytest.raises(IntervalInvalid, match="nothing of it is due yet"):
        service.backfill("nightly", datetime(2026, 5, 3, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC))


def test_a_time_has_one_run_whether_it_came_by_schedule_or_is_made_up_for(store):
    clock = Clock(datetime(2026, 5, 1, tzinfo=UTC))
    flows = flow_of(step("a"), schedule=Schedule("0 6 * * *", catch_up=True))
    service = service_of(store, flows, clock)
    service.fire()
    clock.now = datetime(2026, 5, 2, 12, tzinfo=UTC)
    service.fire()
    first = store.flows.runs()
    clock.now = datetime(2026, 5, 3, 12, tzinfo=UTC)
    made_up = service.backfill("nightly", datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC))
    service.fire()

    assert [run.run_id for run in first] == [
        "scheduled__2026-05-02T06:00:00+00:00",
        "scheduled__2026-05-01T06:00:00+00:00",
    ]
    assert [store.flows.run(number).run_id for number in made_up] == ["backfill__2026-05-03T06:00:00+00:00"]
    assert len(store.flows.runs()) == 3


@pytest.mark.parametrize("ending", ["cancelled", "failed"])
def test_what_did_not_end_well_is_made_up_for_again(store, ending):
    clock = Clock(datetime(2026, 5, 1, 12, tzinfo=UTC))
    flows = flow_of(step("a"), schedule=Schedule("0 6 * * *"))
    service, day = service_of(store, flows, clock), (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC))

    numbers = []
    for _ in range(3):
        (number,) = service.backfill("nightly", *day)
        assert service.backfill("nightly", *day) == ()  # while it is under way
        if ending == "cancelled":
            store.flows.cancel(number, clock.now)
        else:
            (key,) = store.flows.ready(flows, SLOTS, clock.now, Taker("here"))
            claim = store.flows.claim(key, "here", clock.now)
            store.flows.finish(claim, StepEnd(1), retry_at=None, at=clock.now)
            store.flows.ready(flows, SLOTS, clock.now, Taker("here"))
        numbers.append(number)

    tick = "backfill__2026-05-01T06:00:00+00:00"
    assert [store.flows.run(number).run_id for number in numbers] == [tick, f"{tick}__2", f"{tick}__3"]
    assert {store.flows.run(number).status.value for number in numbers} == {ending}


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("2016-05-01", "2026-05-01", "nightly is due more than 1000 times in that range, which are the most at once"),
        ("2026-04-02", "2026-04-01", "the range is empty: it ends before it begins"),
        ("2026-04-02", "2026-04-02", "the range is empty: it ends before it begins"),
    ],
)
def test_a_range_that_cannot_be_made_up_for_is_told(store, since, until, said):
    service = service_of(
        store, flow_of(step("a"), schedule=Schedule("* * * * *")), Clock(datetime(2026, 5, 1, tzinfo=UTC))
    )

    with pytest.raises(IntervalInvalid) as caught:
        service.backfill("nightly", *(datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in (since, until)))

    assert caught.value.message == said
    assert store.flows.runs() == ()


def test_a_flow_without_a_schedule_has_no_times_to_make_up_for(store):
    service = service_of(store, flow_of(step("a")), Clock(datetime(2026, 5, 1, tzinfo=UTC)))

    with pytest.raises(UnknownName, match="the flow nightly has no schedule"):
        service.backfill("nightly", datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC))
    with pytest.raises(UnknownName, match="there is no flow 'other'"):
        service.begin("other")


# --- steps ----------------------------------------------------------------------------------------------------------


class Steps:
    """A process for each step that says what it is told to, and remembers what ran beside it."""

    def __init__(self, *, codes=None, seconds=0.0) -> None:
        self.codes, self.seconds = codes or {}, seconds
        self.begun: list[tuple[str, int]] = []
        self.now, self.most = Counter(), Counter()
        self.lock = threading.Lock()

    def __call__(self, claim, command, *, timeout_seconds, is_wanted) -> StepEnd:
        with self.lock:
            self.begun.append((claim.step, claim.attempt))
            self.now.update([claim.step[0]])
            self.most |= self.now
        time.sleep(self.seconds)
        with self.lock:
            self.now.subtract([claim.step[0]])
        codes = self.codes.get(claim.step, [])
        return StepEnd(codes[claim.attempt - 1] if claim.attempt <= len(codes) else 0)


def run_out(store, flows, steps, *, runs=1, slots=SLOTS):
    service = service_of(store, flows, lambda: datetime.now(UTC), queue=Inline(), process=steps, slots=slots)
    numbers = [service.begin("nightly") for _ in range(runs)]
    service.start(schedules=False)
    deadline = time.monotonic() + 30
    while not all(store.flows.run(number).status.is_final for number in numbers) and time.monotonic() < deadline:
        time.sleep(0.02)
    service.close()
    return [store.flows.run(number) for number in numbers]


def test_a_step_begins_when_all_it_needs_has_succeeded(store):
    steps = Steps()
    (run,) = run_out(store, flow_of(step("d", "b", "c"), step("b", "a"), step("c", "a"), step("a")), steps)

    order = [name for name, _ in steps.begun]
    assert run.status is FlowStatus.SUCCESS
    assert sorted(order) == ["a", "b", "c", "d"]
    assert (order[0], order[-1]) == ("a", "d")


def test_what_needs_a_failed_step_is_skipped_and_the_rest_runs(store):
    flows = flow_of(step("a"), step("b", "a"), step("c", "b"), step("x"))
    (run,) = run_out(store, flows, Steps(codes={"a": [1]}))

    assert run.status is FlowStatus.FAILED
    assert {one.name: one.status.value for one in run.steps} == {
        "a": "failed", "b": "skipped", "c": "skipped", "x": "success",
    }  # fmt: skip


def test_a_step_is_tried_again_as_often_as_declared(store):
    retried = step("a", retries=2, retry_delay=timedelta(milliseconds=20))
    steps = Steps(codes={"a": [1, 1, 0]})
    (run,) = run_out(store, flow_of(retried), steps)

    assert (run.status, steps.begun) == (FlowStatus.SUCCESS, [("a", 1), ("a", 2), ("a", 3)])


def test_no_more_steps_of_a_pool_run_at_a_time_than_it_has_slots_and_the_important_go_first(store):
    many = [step(f"p{number}", pool="narrow", priority=number) for number in range(5)]
    steps = Steps(seconds=0.02)
    (run,) = run_out(store, flow_of(*many), steps, slots={**SLOTS, "narrow": 1})

    assert (run.status, steps.most["p"]) == (FlowStatus.SUCCESS, 1)
    assert [name for name, _ in steps.begun] == ["p4", "p3", "p2", "p1", "p0"]


@pytest.mark.parametrize(("most", "seen"), [(1, 1), (2, 2)])
def test_no_more_runs_of_a_flow_are_under_way_than_it_allows(store, most, seen):
    steps = Steps(seconds=0.1)
    runs = run_out(store, flow_of(step("a"), max_active_runs=most), steps, runs=3)

    assert {run.status for run in runs} == {FlowStatus.SUCCESS}
    assert steps.most["a"] == seen


def test_a_cancelled_run_begins_nothing_more(store):
    flows = flow_of(step("a"), step("b", "a"))
    service = service_of(store, flows, lambda: datetime.now(UTC))
    number = service.begin("nightly")

    cancelled = store.flows.cancel(number, datetime.now(UTC))

    assert {one.status for one in cancelled.steps} == {FlowStatus.CANCELLED}
    assert store.flows.ready(flows, SLOTS, datetime.now(UTC), Taker("here")) == ()
    with pytest.raises(JobFinal, match=f"run {number} has ended already: cancelled"):
        store.flows.cancel(number, datetime.now(UTC))


def test_the_interval_stands_where_a_command_keeps_its_places():
    flow = FlowDeclaration("f", (), schedule=Schedule("0 5 * * *", "America/New_York"))
    one = StepDeclaration("load", StepKind.LOAD, ("load", "crm", "--since", "{start}", "--until", "{end}", "x{date}y"))
    interval = Interval(datetime(2026, 5, 1, 2, tzinfo=UTC), datetime(2026, 5, 2, 2, tzinfo=UTC))

    assert arguments(one, interval, flow) == (
        "lockgate", "load", "crm", "--since", "2026-05-01T02:00:00+00:00", "--until", "2026-05-02T02:00:00+00:00",
        "x2026-04-30y",
    )  # fmt: skip


def test_a_step_that_is_declared_no_more_ends_the_run(store):
    flows = flow_of(step("a"), step("b", "a"))
    number = service_of(store, flows, lambda: datetime.now(UTC)).begin("nightly")

    store.flows.ready(
        {"nightly": replace(flows["nightly"], steps=(step("b"),))}, SLOTS, datetime.now(UTC), Taker("here")
    )

    states = {one.name: (one.status.value, one.error) for one in store.flows.run(number).steps}
    assert states["a"] == ("skipped", "the project file does not declare it any more")
    assert states["b"][0] == "queued"
