"""What executions and nodes took is told of the time and the project that it is asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lockgate.core.cost import Landed, NodeRun, Spent
from lockgate.core.execution import Execution, NodeResult, NodeStatus
from lockgate.core.load import Load, LoadMode, LoadStatus
from lockgate.core.measurement import Measurement, SeriesName
from lockgate.core.relation import Relation

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
USERS = Execution(
    "users", "dbt", Relation("analytics__dbt", "users"), 10, 3.0,
    nodes=(
        NodeResult("model.p.users", NodeStatus.SUCCESS, 2.5, read_bytes=700),
        NodeResult("test.p.unique", NodeStatus.FAIL, 0.5),
        NodeResult("model.p.other", NodeStatus.ERROR, 9.0),
        NodeResult("model.p.last", NodeStatus.SKIPPED, 0.0),
    ),
    revision="abc",
)  # fmt: skip


def executed(store, at, done=USERS, error=""):
    run = store.runs.start_run("run", at)
    cycle = store.executions.start_cycle(run, (), at)
    return cycle, store.executions.add_execution(cycle, done, at, error=error)


def measured(store, metric, value, execution):
    began = NOON - timedelta(hours=1)
    one = Measurement(SeriesName("users", "dbt", metric), value, began, None, execution)
    store.measurements.add((one,))


def test_executions_are_told_with_what_was_measured_of_them_last(store):
    _, first = executed(store, NOON)
    executed(store, NOON + timedelta(hours=1), replace(USERS, entity="orders", rows=5, revision=""))
    for value in (100.0, 4096.0):
        measured(store, "bytes", value, first)
    measured(store, "read_bytes", 700.0, first)

    assert store.costs.spent(NOON) == (
        Spent("users", "dbt", NOON, 3.0, 10, 4096, 700, "abc"),
        Spent("orders", "dbt", NOON + timedelta(hours=1), 3.0, 5),
    )
    assert [one.entity for one in store.costs.spent(NOON, "orders")] == ["orders"]


def test_what_failed_was_before_or_is_anothers_is_left_out(store, opened):
    executed(store, NOON, error="LG503 dbt failed")
    executed(store, NOON - timedelta(seconds=1))
    executed(opened(project="other"), NOON)

    assert store.costs.spent(NOON) == ()


def test_nodes_that_came_to_their_end_are_told_oldest_first(store):
    cycles = [executed(store, NOON + timedelta(hours=hour), error="LG503")[0] for hour in range(2)]

    found = store.costs.node_runs(NOON)

    assert found == tuple(
        run
        for cycle in cycles
        for run in (
            NodeRun(cycle, "users", "dbt", "model.p.users", 2.5, 700),
            NodeRun(cycle, "users", "dbt", "test.p.unique", 0.5),
        )
    )
    assert store.costs.node_runs(NOON + timedelta(hours=2)) == ()


def test_of_a_node_the_newest_hundred_runs_are_told(store):
    for number in range(103):
        one = replace(USERS, nodes=(NodeResult("model.p.users", NodeStatus.SUCCESS, float(number)),))
        executed(store, NOON, one)
    executed(store, NOON, replace(USERS, nodes=(NodeResult("model.p.rare", NodeStatus.SUCCESS, 0.5),)))

    found = store.costs.node_runs(NOON)

    assert [one.seconds for one in found] == [*map(float, range(3, 103)), 0.5]


def landed(store, stream, *loads):
    """Stores loads of so many rows; one that is written as text was whole, a negative one failed."""
    for rows in loads:
        mode = LoadMode.REPLACE if isinstance(rows, str) else LoadMode.APPEND
        status = LoadStatus.FAILED if int(rows) < 0 else LoadStatus.LANDED
        opened = store.loads.open_load(
            Load(0, "shop", stream, Relation("raw", stream), mode, LoadStatus.EXTRACTING, NOON)
        )
        store.loads.finish(replace(opened, rows=abs(int(rows)), status=status))


def test_what_loads_brought_since_the_newest_whole_one_is_told_by_stream(store, opened):
    landed(store, "orders", "500", 40, "1000", 10, -7, 12)
    landed(store, "added", 3, 5)
    landed(store, "whole", 9, "60")
    landed(store, "orders", 11)
    landed(opened(project="other"), "orders", "8", 9)

    assert store.costs.landed() == {
        ("shop", "orders"): Landed(1033, (10, 12, 11)),
        ("shop", "added"): Landed(8, (3, 5)),
        ("shop", "whole"): Landed(60),
    }


def test_of_more_loads_than_are_read_all_rows_count(store, monkeypatch):
    monkeypatch.setattr("lockgate.store.cost_log.MOST_LOADS", 3)
    landed(store, "orders", "1000", 1, 2, 3, 4)

    assert store.costs.landed() == {("shop", "orders"): Landed(1010, (2, 3, 4))}
