"""What is asked of all entities at once: the newest of each, what failed, what was set aside; of our scope alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.comparison import Comparison, ComparisonRequest, Method, RowCounts, SchemaDifference, Verdict
from lockgate.core.cutover import Action, Decision
from lockgate.core.execution import Execution
from lockgate.core.gate import Answer, EvidenceKind, Pair, Traffic
from lockgate.core.job import Failure, Submission
from lockgate.core.load import Load, LoadMode, LoadStatus, Pin
from lockgate.core.record import ComparisonHead, ExecutionHead, RecordStatus
from lockgate.core.relation import Relation
from lockgate.core.route import Route, Stage
from lockgate.testing.jobs import DONE, NOON, SEEN, USERS

USERS_PAIR = Pair("users", "rules", "dbt", "1", "2")
ORDERS_PAIR = Pair("orders", "rules", "dbt", "1", "2")
RAW = Relation("raw", "users")


def compared(store, entity: str, verdict: Verdict, unexplained: int, minute: int) -> int:
    found = Comparison(
        left="a", right="b", key=("id",), verdict=verdict, reasons=(), rows=RowCounts(1, 1, 1, 0, 0, 0), columns=(),
        schema=SchemaDifference((), (), (), False), samples=(), causes=(), groups=(), explained=(),
        unexplained=unexplained, method=Method.JOIN, why_method="", rows_moved=0, seconds=0.1,
    )  # fmt: skip
    at = NOON + timedelta(minutes=minute)
    return store.comparisons.add_comparison(entity, ComparisonRequest(("id",)), found, at)


def decided(store, entity: str, token: int) -> Decision:
    before = Route(entity, "rules", "dbt", Stage.SHADOW, 0, token - 1)
    after = Route(entity, "rules", "dbt", Stage.CANARY, 500, token)
    return store.cutovers.add_decision(
        Decision(0, entity, Action.CANARY, Answer.GO, before, after, "ada", "why not", NOON)
    )


def test_tells_the_newest_comparison_of_each_entity_and_those_of_one(store, opened):
    first = compared(store, "users", Verdict.FAIL, 8, 1)
    second = compared(store, "users", Verdict.PASS, 0, 2)
    third = compared(store, "orders", Verdict.INCONCLUSIVE, 0, 3)
    compared(opened(target="other"), "users", Verdict.FAIL, 1, 4)

    heads = {
        "users": ComparisonHead(second, "users", Verdict.PASS, 0, NOON + timedelta(minutes=2)),
        "orders": ComparisonHead(third, "orders", Verdict.INCONCLUSIVE, 0, NOON + timedelta(minutes=3)),
    }
    assert store.glances.newest_comparisons() == heads
    assert [one.comparison_id for one in store.glances.comparisons("users", limit=5)] == [second, first]
    assert [one.comparison_id for one in store.glances.comparisons("users", limit=1)] == [second]


def test_tells_the_newest_decision_of_each_entity(store, opened):
    decided(store, "users", 2)
    newer, other = decided(store, "users", 3), decided(store, "orders", 2)
    decided(opened(project="sales"), "users", 4)

    assert store.glances.newest_decisions() == {"users": newer, "orders": other}


def test_tells_so_much_evidence_of_each_kind_and_pair_the_newest_first(store):
    def add(pair: Pair, kind: EvidenceKind, minute: int) -> int:
        at = NOON + timedelta(minutes=minute)
        return store.evidence.add_evidence(kind, pair, 7, at, by="controller", facts={"n": minute})

    former = replace(USERS_PAIR, candidate_revision="0")
    add(USERS_PAIR, EvidenceKind.COMPARISON, 1)
    numbers = [
        add(USERS_PAIR, EvidenceKind.COMPARISON, 2),
        add(USERS_PAIR, EvidenceKind.TESTS, 3),
        add(USERS_PAIR, EvidenceKind.COMPARISON, 4),
    ]
    old = add(former, EvidenceKind.COMPARISON, 5)
    add(ORDERS_PAIR, EvidenceKind.COMPARISON, 6)

    found = store.glances.newest_evidence(["users"], each=2)

    assert {pair: [one.evidence_id for one in several] for pair, several in found.items()} == {
        USERS_PAIR: numbers[::-1],
        former: [old],
    }


def test_sums_up_the_traffic_of_each_entity_under_its_token(store):
    seen = Traffic(requests=10, errors=1, records=20, wrong=2, last_at=NOON)
    store.evidence.write_traffic(USERS_PAIR, 7, "one", seen)
    store.evidence.write_traffic(USERS_PAIR, 7, "two", seen)
    store.evidence.write_traffic(USERS_PAIR, 6, "one", seen)
    store.evidence.write_traffic(ORDERS_PAIR, 3, "one", seen)

    found = store.glances.traffic({"users": 7, "orders": 2})

    assert found == {("users", "1", "2"): Traffic(20, 2, 0, 40, 4, last_at=NOON)}


def test_counts_the_jobs_of_each_entity_that_failed_since(store):
    failure = Failure("LG401", "StatementFailed", "no")
    for minute, outcome in ((1, failure), (5, failure), (6, DONE)):
        (job,) = store.jobs.submit([Submission(replace(USERS, again=True), "me", SEEN)], NOON)
        claim = store.jobs.claim(job.execution_id, "worker", NOON)
        store.jobs.finish(claim, outcome, NOON + timedelta(minutes=minute))

    assert store.glances.failed_jobs(NOON) == {"users": 2}
    assert store.glances.failed_jobs(NOON + timedelta(minutes=3)) == {"users": 1}
    assert store.glances.failed_jobs(NOON + timedelta(minutes=6)) == {}


@pytest.fixture
def loads(store) -> list[int]:
    """Three loads of users, of which the second failed, and one of orders that failed."""

    def load(stream: str, status: LoadStatus, rejected: int, minute: int) -> int:
        at = NOON + timedelta(minutes=minute)
        made = Load(0, "files", stream, Relation("raw", stream), LoadMode.APPEND, LoadStatus.EXTRACTING, started_at=at)
        opened = store.loads.open_load(made)
        store.loads.finish(replace(opened, status=status, finished_at=at, rejected=rejected))
        return opened.load_id

    return [
        load("users", LoadStatus.LANDED, 3, 1),
        load("users", LoadStatus.FAILED, 5, 2),
        load("users", LoadStatus.LANDED, 4, 3),
        load("orders", LoadStatus.FAILED, 0, 4),
    ]


def test_names_the_streams_of_which_the_newest_load_failed(store, loads):
    assert store.glances.failed_loads() == ("files.orders",)


def test_counts_what_was_set_aside_of_the_loads_that_are_shown(store, loads):
    first, _, third, _ = loads

    assert store.glances.set_aside(()) == 0
    assert store.glances.set_aside((Pin(RAW, third, third),)) == 4
    assert store.glances.set_aside((Pin(RAW, first, third), Pin(Relation("raw", "orders"), 1, 99))) == 7


def test_tells_when_loads_landed(store, loads):
    at = {number: NOON + timedelta(minutes=minute) for number, minute in zip(loads, (1, 2, 3, 4), strict=True)}

    assert store.glances.loaded_at([loads[0], loads[2], 99]) == {loads[0]: at[loads[0]], loads[2]: at[loads[2]]}


def test_tells_the_newest_executions_of_an_entity_with_their_cycles(store):
    run = store.runs.start_run("run", NOON)
    began = datetime(2026, 1, 31, 12, 1, tzinfo=UTC)
    cycle = store.executions.start_cycle(run, (), began)
    built = Execution("users", "rules", RAW, 5, 0.25)
    store.executions.add_execution(cycle, built, NOON)
    store.executions.add_execution(cycle, replace(built, implementation="dbt", rows=0), NOON, error="LG401 no")
    store.executions.add_execution(cycle, replace(built, entity="orders"), NOON)

    assert store.glances.executions("users", limit=9) == (
        ExecutionHead(cycle, run, began, "dbt", 0, 0.25, RecordStatus.FAILED, "LG401 no"),
        ExecutionHead(cycle, run, began, "rules", 5, 0.25, RecordStatus.SUCCESS),
    )
    assert len(store.glances.executions("users", limit=1)) == 1
