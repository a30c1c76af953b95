"""Cycles, executions and editions come back as they were, and only to those they belong to."""

from __future__ import annotations

from datetime import UTC, datetime

from lockgate.core.execution import Execution, NodeResult, NodeStatus, RuleCount
from lockgate.core.load import Pin
from lockgate.core.record import CycleRecord, ExecutionRecord, RecordStatus
from lockgate.core.relation import Relation
from lockgate.core.route import Edition

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
PINS = (Pin(Relation("raw", "users"), 1, 4), Pin(Relation("raw", "applications"), 2, 2))
BY_RULES = Execution(
    "users",
    "rules",
    Relation("analytics__rules", "users"),
    rows=990,
    seconds=0.25,
    rules=(RuleCount("email", "rejected", 7, "no address"), RuleCount("latest", "duplicate", 3)),
)
BY_DBT = Execution(
    "users",
    "dbt",
    Relation("analytics__dbt", "fct_users"),
    rows=0,
    seconds=1.5,
    nodes=(
        NodeResult("model.p.stg_users", NodeStatus.SUCCESS, 0.1, rows=1000, file="models/stg_users.sql"),
        NodeResult("test.p.unique", NodeStatus.FAIL, 0.2, None, 2, "Got 2", "t.sql", ("model.p.stg_users",)),
    ),
)


def test_what_was_executed_comes_back_newest_first(store):
    cycle = store.executions.start_cycle(store.runs.start_run("run", NOON), PINS, NOON)

    first = store.executions.add_execution(cycle, BY_RULES, NOON)
    second = store.executions.add_execution(cycle, BY_DBT, NOON, error="LG506 A dbt test found rows.")

    assert store.executions.executions("users") == (
        ExecutionRecord(second, cycle, BY_DBT, RecordStatus.FAILED, NOON, "LG506 A dbt test found rows."),
        ExecutionRecord(first, cycle, BY_RULES, RecordStatus.SUCCESS, NOON),
    )
    assert [record.execution_id for record in store.executions.executions(limit=1)] == [second]
    assert store.executions.executions("applications") == ()


def test_the_executions_of_a_run_are_found_by_its_number(store):
    runs = [store.runs.start_run("run", NOON) for _ in range(2)]
    cycles = [store.executions.start_cycle(run, PINS, NOON) for run in runs]
    first, _ = (store.executions.add_execution(cycle, BY_RULES, NOON) for cycle in cycles)

    found = store.executions.executions(run_id=runs[0])

    assert [record.execution_id for record in found] == [first]


def test_a_cycle_keeps_its_pins(store):
    run = store.runs.start_run("run", NOON)
    cycle = store.executions.start_cycle(run, PINS, NOON)

    store.executions.finish_cycle(cycle, RecordStatus.SUCCESS, NOON)

    assert store.executions.cycles() == (CycleRecord(cycle, run, PINS, RecordStatus.SUCCESS, NOON, NOON),)


def test_editions_are_remembered_with_the_pins_they_came_from(store):
    cycle = store.executions.start_cycle(store.runs.start_run("run", NOON), PINS, NOON)
    execution = store.executions.add_execution(cycle, BY_RULES, NOON)

    store.executions.add_edition(execution, Edition("users", 1, "rules", 990, NOON, PINS))

    assert store.executions.editions("users") == (Edition("users", 1, "rules", 990, NOON, PINS),)
    assert store.executions.editions("applications") == ()


def test_other_scopes_see_none_of_it(opened):
    store, other = opened(), opened(project="sales")
    cycle = store.executions.start_cycle(store.runs.start_run("run", NOON), PINS, NOON)
    store.executions.add_edition(
        store.executions.add_execution(cycle, BY_RULES, NOON), Edition("users", 1, "rules", 9, NOON)
    )

    assert other.executions.cycles() == ()
    assert other.executions.executions() == ()
    assert other.executions.editions("users") == ()
