"""Runs of flows are kept apart for each project and target; whoever comes late with a step's end is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from lockgate.core.flow import (
    FlowDeclaration,
    FlowStatus,
    Interval,
    NewRun,
    Runtime,
    StepDeclaration,
    StepEnd,
    StepKind,
    Trigger,
)
from lockgate.errors import StaleToken, UnknownName
from lockgate.store.flow_turns import MAX_CLAIMS

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ABOUT = Interval(NOON - timedelta(days=1), NOON)
SLOTS = {"default": 4}
DONE = StepEnd(0, log="a.1.log")


def step(name: str, *needs: str, retries: int = 0) -> StepDeclaration:
    return StepDeclaration(name, StepKind.SHELL, ("true",), needs, retries)


FLOWS = {"nightly": FlowDeclaration("nightly", (step("a", retries=1), step("b", "a")))}


def new(run_id: str = "r1", runtime: Runtime = Runtime.DURABLE) -> NewRun:
    return NewRun("nightly", run_id, runtime, Trigger.MANUAL, ABOUT, ("a", "b"), "me")


@pytest.fixture
def run(store) -> int:
    (number,) = store.flows.add([new()], NOON)
    return number


def claimed(store, key: str):
    claim = store.flows.claim(key, "worker", NOON)
    assert claim is not None
    return claim


def test_a_run_is_stored_once(store, run):
    (other,) = store.flows.add([new(), new("r2")], NOON)

    assert other > run
    assert [one.run_id for one in store.flows.runs()] == ["r2", "r1"]


def test_what_is_stored_is_read_back(store, run):
    found = store.flows.run(run)

    assert (found.flow, found.run_id, found.runtime, found.trigger) == ("nightly", "r1", "durable", "manual")
    assert (found.status, found.interval, found.queued_at, found.by) == (FlowStatus.WAITING, ABOUT, NOON, "me")
    assert [(one.name, one.status, one.attempt) for one in found.steps] == [("a", "waiting", 0), ("b", "waiting", 0)]


def test_scopes_do_not_see_each_other(opened):
    ours = opened().flows
    (number,) = ours.add([new()], NOON)

    for other in (opened(project="sales").flows, opened(target="postgres").flows):
        assert other.runs() == ()
        assert other.ready(FLOWS, SLOTS, NOON) == ()
        assert other.claim(f"{number}/a/1", "worker", NOON) is None
        with pytest.raises(UnknownName, match=f"there is no flow run {number}"):
            other.run(number)

    assert ours.ready(FLOWS, SLOTS, NOON) == (f"{number}/a/1",)
    assert opened(project="sales").flows.claim(f"{number}/a/1", "worker", NOON) is None


def test_steps_go_on_until_the_run_has_ended(store, run):
    flows = store.flows
    assert flows.ready(FLOWS, SLOTS, NOON) == (f"{run}/a/1",)
    assert flows.ready(FLOWS, SLOTS, NOON) == (f"{run}/a/1",)  # handed over again, which does no harm
    flows.finish(claimed(store, f"{run}/a/1"), DONE, retry_at=None, at=NOON)
    assert flows.ready(FLOWS, SLOTS, NOON) == (f"{run}/b/1",)
    flows.finish(claimed(store, f"{run}/b/1"), DONE, retry_at=None, at=NOON)
    assert flows.ready(FLOWS, SLOTS, NOON) == ()

    found = flows.run(run)
    assert (found.status, found.started_at, found.finished_at) == (FlowStatus.SUCCESS, NOON, NOON)
    assert [(one.status, one.exit_code, one.log) for one in found.steps] == [("success", 0, "a.1.log")] * 2


def test_a_step_waits_for_its_next_try(store, run):
    flows = store.flows
    flows.ready(FLOWS, SLOTS, NOON)
    later = NOON + timedelta(minutes=1)
    flows.finish(claimed(store, f"{run}/a/1"), StepEnd(1, "no"), retry_at=later, at=NOON)

    assert flows.ready(FLOWS, SLOTS, NOON) == ()
    assert flows.ready(FLOWS, SLOTS, later) == (f"{run}/a/2",)
    assert flows.claim(f"{run}/a/1", "late", later) is None


def test_whoever_was_overtaken_is_refused(store, run):
    store.flows.ready(FLOWS, SLOTS, NOON)
    stale, newest = claimed(store, f"{run}/a/1"), claimed(store, f"{run}/a/1")

    assert (store.flows.is_wanted(stale), store.flows.is_wanted(newest)) == (False, True)
    with pytest.raises(StaleToken, match=f"attempt 1 at a of flow run {run} was overtaken"):
        store.flows.finish(stale, StepEnd(1), retry_at=None, at=NOON)
    store.flows.finish(newest, DONE, retry_at=None, at=NOON)
    with pytest.raises(StaleToken):
        store.flows.finish(newest, DONE, retry_at=None, at=NOON)

    assert store.flows.run(run).steps[0].status is FlowStatus.SUCCESS


def test_what_kills_its_workers_is_set_aside(store, run):
    store.flows.ready(FLOWS, SLOTS, NOON)
    for _ in range(MAX_CLAIMS):
        claimed(store, f"{run}/a/1")

    assert store.flows.claim(f"{run}/a/1", "worker", NOON) is None
    assert store.flows.ready(FLOWS, SLOTS, NOON) == ()
    found = store.flows.run(run)
    assert (found.status, found.steps[0].status, found.steps[1].status) == ("failed", "failed", "skipped")
    assert "none of them finished it" in found.steps[0].error


def _fire(asked) -> bool:
    flows, seen, until = asked
    return flows.fire("nightly", seen, until, [new(f"scheduled {until}")], NOON)


def test_of_several_schedulers_one_fires(opened):
    stores = [opened() for _ in range(4)]
    times = [None, *(NOON + timedelta(hours=hour) for hour in range(5))]
    for seen, until in pairwise(times):
        asked = [(one.flows, seen, until) for one in stores]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(_fire, asked)).count(True) == 1

    assert stores[0].flows.fired("nightly") == times[-1]
    assert len(stores[0].flows.runs()) == 5


def test_several_processes_queue_no_more_than_a_pool_holds(opened):
    stores = [opened() for _ in range(4)]
    wide = {"nightly": FlowDeclaration("nightly", tuple(step(f"s{at}") for at in range(12)))}
    fresh = NewRun("nightly", "r1", Runtime.DURABLE, Trigger.MANUAL, ABOUT, tuple(f"s{at}" for at in range(12)))
    stores[0].flows.add([fresh], NOON)

    with ThreadPoolExecutor(4) as pool:
        keys = set().union(*pool.map(lambda one: one.flows.ready(wide, {"default": 3}, NOON), stores))

    assert len(keys) == 3
