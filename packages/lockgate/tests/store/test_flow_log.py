"""Runs of flows are kept apart for each project and target; whoever comes late with a step's end is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
    Taker,
    Trigger,
)
from lockgate.errors import JobFinal, StaleToken, UnknownName
from lockgate.store.flow_turns import MAX_CLAIMS

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ABOUT = Interval(NOON - timedelta(days=1), NOON)
SLOTS = {"default": 4}
TAKER = Taker("worker")
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
        assert other.ready(FLOWS, SLOTS, NOON, TAKER) == ()
        assert other.claim(f"{number}/a/1", "worker", NOON) is None
        with pytest.raises(UnknownName, match=f"there is no flow run {number}"):
            other.run(number)

    assert ours.ready(FLOWS, SLOTS, NOON, TAKER) == (f"{number}/a/1",)
    assert opened(project="sales").flows.claim(f"{number}/a/1", "worker", NOON) is None


def test_steps_go_on_until_the_run_has_ended(store, run):
    flows = store.flows
    assert flows.ready(FLOWS, SLOTS, NOON, TAKER) == (f"{run}/a/1",)
    assert flows.ready(FLOWS, SLOTS, NOON, TAKER) == (f"{run}/a/1",)  # handed over again, which does no harm
    flows.finish(claimed(store, f"{run}/a/1"), DONE, retry_at=None, at=NOON)
    assert flows.ready(FLOWS, SLOTS, NOON, TAKER) == (f"{run}/b/1",)
    flows.finish(claimed(store, f"{run}/b/1"), DONE, retry_at=None, at=NOON)
    assert flows.ready(FLOWS, SLOTS, NOON, TAKER) == ()

    found = flows.run(run)
    assert (found.status, found.started_at, found.finished_at) == (FlowStatus.SUCCESS, NOON, NOON)
    assert [(one.status, one.exit_code, one.log) for one in found.steps] == [("success", 0, "a.1.log")] * 2


def test_a_step_waits_for_its_next_try(store, run):
    flows = store.flows
    flows.ready(FLOWS, SLOTS, NOON, TAKER)
    later = NOON + timedelta(minutes=1)
    flows.finish(claimed(store, f"{run}/a/1"), StepEnd(1, "no"), retry_at=later, at=NOON)

    assert flows.ready(FLOWS, SLOTS, NOON, TAKER) == ()
    assert flows.ready(FLOWS, SLOTS, later, TAKER) == (f"{run}/a/2",)
    assert flows.claim(f"{run}/a/1", "late", later) is None


def test_whoever_was_overtaken_is_refused(store, run):
    store.flows.ready(FLOWS, SLOTS, NOON, TAKER)
    stale, newest = claimed(store, f"{run}/a/1"), claimed(store, f"{run}/a/1")

    assert (store.flows.is_wanted(stale), store.flows.is_wanted(newest)) == (False, True)
    with pytest.raises(StaleToken, match=f"attempt 1 at a of flow run {run} was overtaken"):
        store.flows.finish(stale, StepEnd(1), retry_at=None, at=NOON)
    store.flows.finish(newest, DONE, retry_at=None, at=NOON)
    with pytest.raises(StaleToken):
        store.flows.finish(newest, DONE, retry_at=None, at=NOON)

    assert store.flows.run(run).steps[0].status is FlowStatus.SUCCESS


def test_what_kills_its_workers_is_set_aside(store, run):
    store.flows.ready(FLOWS, SLOTS, NOON, TAKER)
    for _ in range(MAX_CLAIMS):
        claimed(store, f"{run}/a/1")

    assert store.flows.claim(f"{run}/a/1", "worker", NOON) is None
    assert store.flows.ready(FLOWS, SLOTS, NOON, TAKER) == ()
    found = store.flows.run(run)
    assert (found.status, found.steps[0].status, found.steps[1].status) == ("failed", "failed", "skipped")
    assert "none of them finished it" in found.steps[0].error


def test_an_attempt_that_was_given_back_is_queued_anew_and_does_not_count(store, run):
    (key,) = store.flows.ready(FLOWS, SLOTS, NOON, TAKER)
    keys = [key]
    for _ in range(2 * MAX_CLAIMS):
        store.flows.give_back(claimed(store, keys[-1]))
        keys += store.flows.ready(FLOWS, SLOTS, NOON, TAKER)

    assert keys == [f"{run}/a/1", *(f"{run}/a/1/{times}" for times in range(1, 2 * MAX_CLAIMS + 1))]
    assert [store.flows.claim(key, "late", NOON) for key in keys[:-1]] == [None] * 2 * MAX_CLAIMS
    store.flows.finish(claimed(store, keys[-1]), DONE, retry_at=None, at=NOON)
    assert (store.flows.run(run).steps[0].status, store.flows.run(run).steps[0].attempt) == ("success", 1)


def test_steps_of_a_worker_that_is_gone_wait_again_and_its_claims_count(store, run):
    for _ in range(MAX_CLAIMS):
        (key,) = store.flows.ready(FLOWS, SLOTS, NOON, TAKER)
        stale = claimed(store, key)
        assert store.flows.workers() == {"worker"}
        assert store.flows.take_from({"another"}) == 0
        assert store.flows.take_from({"worker"}) == 1
        assert not store.flows.is_wanted(stale)

    (key,) = store.flows.ready(FLOWS, SLOTS, NOON, TAKER)
    assert store.flows.claim(key, "worker", NOON) is None
    assert store.flows.run(run).steps[0].error == "3 workers began it and none of them finished it"


def test_what_is_queued_is_handed_over_by_whoever_queued_it(store, run):
    (key,) = store.flows.ready(FLOWS, SLOTS, NOON, TAKER)

    assert store.flows.ready(FLOWS, SLOTS, NOON, Taker("another")) == ()
    assert store.flows.ready(FLOWS, SLOTS, NOON, TAKER) == (key,)


def test_whoever_names_runs_takes_these_and_those_which_they_wait_for(store, run):
    other = {**FLOWS, "other": FlowDeclaration("other", (step("a"),))}
    second, third = store.flows.add([new("r2"), replace(new("r1"), flow="other", steps=("a",))], NOON)

    mine = store.flows.ready(other, SLOTS, NOON, Taker("mine", frozenset({third})))
    theirs = store.flows.ready(other, SLOTS, NOON, Taker("theirs", frozenset({second})))

    assert mine == (f"{third}/a/1",)
    assert theirs == (f"{run}/a/1",)


def test_a_circle_ends_its_run_and_no_other(store, run):
    round_ = FlowDeclaration("round", (step("a", "b"), step("b", "a")))
    (circle,) = store.flows.add([replace(new(), flow="round")], NOON)

    assert store.flows.ready({**FLOWS, "round": round_}, SLOTS, NOON, TAKER) == (f"{run}/a/1",)
    found = store.flows.run(circle)
    assert (found.status, {one.error for one in found.steps}) == (
        "failed", {"the steps of the flow need each other in a circle"},
    )  # fmt: skip


def test_what_is_no_text_is_stored_spelled_out(store, run):
    (key,) = store.flows.ready(FLOWS, SLOTS, NOON, TAKER)
    store.flows.finish(claimed(store, key), StepEnd(1, "a\0b\x1b[31m"), retry_at=None, at=NOON)

    assert store.flows.run(run).steps[0].error == r"a\x00b\x1b[31m"


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 99999999999999999999])
def test_a_run_of_any_number_may_be_asked_for(store, number):
    for ask in (store.flows.run, lambda number: store.flows.cancel(number, NOON)):
        with pytest.raises(UnknownName) as caught:
            ask(number)
        assert caught.value.message == f"there is no flow run {number}"
        assert caught.value.remedy == "`lockgate flow status` lists the newest runs."


def test_an_ended_run_is_not_cancelled(store, run):
    store.flows.cancel(run, NOON)

    with pytest.raises(JobFinal) as caught:
        store.flows.cancel(run, NOON)
    assert caught.value.remedy == "A run can be cancelled until it ends; `lockgate flow run` begins another one."


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
        keys = set().union(*pool.map(lambda one: one.flows.ready(wide, {"default": 3}, NOON, TAKER), stores))

    assert len(keys) == 3
