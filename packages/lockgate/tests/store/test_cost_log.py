"""What executions and nodes took is told of the time and the project that it is asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lockgate.core.cost import NodeRun, Spent
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


def test_loads_that_landed_are_told_oldest_first(store):
    for rows, status in ((3, LoadStatus.LANDED), (4, LoadStatus.FAILED), (5, LoadStatus.LANDED)):
        load = Load(0, "s", "t", Relation("raw", "t"), LoadMode.APPEND, LoadStatus.EXTRACTING, NOON)
        opened = store.loads.open_load(load)
        store.loads.finish(replace(opened, rows=rows, status=status))

    assert [one.rows for one in store.costs.landed()] == [3, 5]
