"""Which nodes answer for an entity, and what its failure says; the executor is one that answers from a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from lockgate.core.entity import Engine, Entity, Implementation, RouteDeclaration
from lockgate.core.execution import (
    DbtExecutionResult,
    DbtInvocation,
    Execution,
    FailedExecution,
    NodeResult,
    NodeStatus,
    WorkshopAccess,
)
from lockgate.core.load import Pin
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.types import ColumnType
from lockgate.errors import DbtFailed, DbtTestFailed, DbtTimedOut, LockgateError, UnknownName
from lockgate.transform.cycle import Piece, batches_of
from lockgate.transform.dbt import DbtExecutionService

CONTRACT = Contract((Column("id", ColumnType.parse("bigint")),), ("id",))
STG, USERS, APPS = "model.p.stg", "model.p.fct_users", "model.p.fct_apps"


def model(name: str, upstream: str, materialized: str = "table") -> NodeResult:
    relation = Relation("analytics__dbt", name.rpartition(".")[2])
    return NodeResult(
        name, NodeStatus.SUCCESS, 0.2, depends_on=(upstream,), materialized=materialized, relation=relation
    )


GOOD = (
    model(STG, "source.p.raw.users", "view"),
    model(USERS, STG),
    model(APPS, USERS),
    NodeResult("test.p.unique_users", NodeStatus.PASS, 0.1, failures=0, depends_on=(USERS,)),
    NodeResult("test.p.owner_exists", NodeStatus.PASS, 0.1, failures=0, depends_on=(APPS, USERS)),
)


class Answering:
    """An executor that answers with given nodes, or raises."""

    def __init__(self, nodes: tuple[NodeResult, ...], error: LockgateError | None = None, upstream=None) -> None:
        self.nodes, self.error, self.upstream = nodes, error, upstream or {}
        self.asked: list[DbtInvocation] = []

    def execute(self, invocation: DbtInvocation, on_node) -> DbtExecutionResult:
        self.asked.append(invocation)
        if self.error is not None:
            raise self.error
        return DbtExecutionResult("i", self.nodes, 1.0, Path("/a"), Path("/l"), self.upstream)

    def warm(self) -> None:
        """Nothing is to begin."""

    def cancel(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""


class Workshops:
    """A warehouse of which only workshops are used; every relation in them has three rows."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.pinned: tuple[Pin, ...] = ()

    name, dialect = "analytics__dbt", "duckdb"

    @contextmanager
    def workshop(self, name: str) -> Iterator[Workshops]:
        yield self

    def access(self) -> WorkshopAccess:
        return WorkshopAccess("duckdb", self.name, {"path": "w.duckdb"})

    def pins(self) -> tuple[Pin, ...]:
        return self.pinned

    def query(self, query) -> pa.Table:
        self.asked.append(query.sql("duckdb"))
        counted = query.sql("duckdb").count("COUNT(*)")
        return pa.table({"node": list(range(counted)), "rows": [3] * counted})


def entity(name: str, model: str) -> Entity:
    dbt = Implementation("dbt", Engine.DBT, Path("/p"), model=model, vars={"day": 1})
    return Entity(name, CONTRACT, "main", "analytics", {"dbt": dbt}, RouteDeclaration("dbt"))


ENTITIES = (entity("users", "fct_users"), entity("applications", "fct_apps"))
(BATCH,) = batches_of([Piece(each, each.implementations["dbt"]) for each in ENTITIES])


def outcomes(*nodes: NodeResult) -> tuple[Execution | LockgateError, ...]:
    found = DbtExecutionService(Answering(nodes), Workshops()).execute_batch(BATCH)
    return tuple(each.error if isinstance(each, FailedExecution) else each for each in found)


def with_status(name: str, status: NodeStatus, message: str = "") -> tuple[NodeResult, ...]:
    changed = {"status": status, "message": message, "file": "/p/x.sql"}
    return tuple(replace(node, **changed) if node.node == name else node for node in GOOD)


def test_one_invocation_serves_every_entity_and_each_gets_its_own_nodes() -> None:
    executor = Answering(GOOD)

    users, applications = DbtExecutionService(executor, Workshops()).execute_batch(BATCH, {"day": 2})

    assert len(executor.asked) == 1
    assert executor.asked[0].select == ("+fct_users", "+fct_apps")
    assert executor.asked[0].models == ("fct_users", "fct_apps")
    assert executor.asked[0].vars == {"day": 2}
    assert isinstance(users, Execution)
    assert (users.built, users.rows) == (Relation("analytics__dbt", "fct_users"), 3)
    assert [node.node for node in users.nodes] == [STG, USERS, "test.p.unique_users"]
    assert isinstance(applications, Execution)
    assert len(applications.nodes) == 5


def test_an_invocation_says_which_loads_it_reads() -> None:
    executor, warehouse = Answering(GOOD), Workshops()
    users, apps = Pin(Relation("raw", "users"), 1, 4), Pin(Relation("raw", "apps"), 2, 2)

    for pins in ((), (users, apps), (apps, users), (users, replace(apps, last_load=3))):
        warehouse.pinned = pins
        DbtExecutionService(executor, warehouse).execute_batch(BATCH)

    nothing, one, same, later = (asked.inputs for asked in executor.asked)
    assert nothing == ""
    assert one == same
    assert len({nothing, one, later}) == 3


def test_a_failing_model_stops_what_stands_on_it_and_nothing_else() -> None:
    users, applications = outcomes(*with_status(APPS, NodeStatus.ERROR, 'column "x"\n  does not exist'))

    assert isinstance(users, Execution)
    assert isinstance(applications, DbtFailed)
    assert 'model.p.fct_apps failed: column "x" does not exist (/p/x.sql)' in applications.message


def test_a_failing_test_is_the_datas_answer() -> None:
    users, applications = outcomes(*with_status("test.p.unique_users", NodeStatus.FAIL, "Got 2 results"))

    assert isinstance(users, DbtTestFailed)
    assert isinstance(applications, DbtTestFailed)


def test_a_test_that_looks_further_down_does_not_stop_what_is_upstream() -> None:
    users, applications = outcomes(*with_status("test.p.owner_exists", NodeStatus.FAIL, "Got 1 result"))

    assert isinstance(users, Execution)
    assert isinstance(applications, DbtTestFailed)


def test_a_declared_test_answers_for_what_it_was_declared_for() -> None:
    declared = NodeResult(
        "test.p.relationships", NodeStatus.FAIL, 0.1, failures=1, depends_on=(USERS, APPS), attached_to=USERS
    )

    users, applications = outcomes(*GOOD, declared)

    assert isinstance(users, DbtTestFailed)
    assert isinstance(applications, DbtTestFailed)


def test_a_declared_test_does_not_stop_what_it_only_reads() -> None:
    apart = replace(GOOD[2], depends_on=("source.p.raw.applications",))
    declared = NodeResult(
        "test.p.relationships", NodeStatus.FAIL, 0.1, failures=1, depends_on=(USERS, APPS), attached_to=APPS
    )

    users, applications = outcomes(GOOD[0], GOOD[1], apart, declared)

    assert isinstance(users, Execution)
    assert isinstance(applications, DbtTestFailed)


def test_a_test_over_several_entities_stops_each_where_none_stands_on_all() -> None:
    apart = replace(GOOD[2], depends_on=("source.p.raw.applications",))
    across = NodeResult("test.p.across", NodeStatus.FAIL, 0.1, failures=1, depends_on=(USERS, APPS))

    assert all(isinstance(each, DbtTestFailed) for each in outcomes(GOOD[0], GOOD[1], apart, across))


def test_a_failed_hook_stops_every_entity() -> None:
    hook = NodeResult("operation.p.on-run-end-0", NodeStatus.ERROR, 0.1, message="no such role")

    assert all(isinstance(each, DbtFailed) for each in outcomes(*GOOD, hook))


def test_an_output_under_another_name_is_found() -> None:
    renamed = replace(GOOD[1], relation=Relation("analytics__dbt", "people"))

    users, _ = outcomes(GOOD[0], renamed, *GOOD[2:])

    assert isinstance(users, Execution)
    assert users.built == Relation("analytics__dbt", "people")


def test_an_ephemeral_model_is_no_output() -> None:
    users, applications = outcomes(GOOD[0], *GOOD[2:])

    assert isinstance(users, DbtFailed)
    assert "built no fct_users" in users.message
    assert isinstance(applications, Execution)


def test_tables_are_counted_in_one_query_and_views_are_left_alone() -> None:
    workshops = Workshops()

    users, _ = DbtExecutionService(Answering(GOOD), workshops).execute_batch(BATCH)

    assert isinstance(users, Execution)
    assert [node.rows for node in users.nodes] == [None, 3, None]
    assert len(workshops.asked) == 1
    assert "stg" not in workshops.asked[0]


def test_an_incremental_model_has_all_its_rows_and_not_only_the_new_ones() -> None:
    grown = replace(GOOD[1], materialized="incremental", rows=1)

    users, _ = outcomes(GOOD[0], grown, *GOOD[2:])

    assert isinstance(users, Execution)
    assert users.rows == 3


def test_a_warning_stops_nothing() -> None:
    assert all(isinstance(each, Execution) for each in outcomes(*with_status("test.p.unique_users", NodeStatus.WARN)))


def test_a_skipped_model_is_no_output() -> None:
    users, _ = outcomes(*with_status(USERS, NodeStatus.SKIPPED))

    assert isinstance(users, DbtFailed)
    assert "skipped model.p.fct_users" in users.message


def test_what_stops_the_invocation_is_every_entitys_outcome() -> None:
    error = DbtTimedOut()

    found = DbtExecutionService(Answering((), error), Workshops()).execute_batch(BATCH)

    assert found == (FailedExecution("users", "dbt", error), FailedExecution("applications", "dbt", error))


def test_what_failed_keeps_how_its_nodes_ended() -> None:
    found = DbtExecutionService(Answering(with_status("model.p.fct_users", NodeStatus.ERROR)), Workshops())

    users, _ = found.execute_batch(BATCH)

    assert isinstance(users, FailedExecution)
    assert [node.node for node in users.nodes if node.status is NodeStatus.ERROR] == ["model.p.fct_users"]


def test_one_entity_alone_selects_what_it_is_asked_to() -> None:
    executor = Answering(GOOD)
    service = DbtExecutionService(executor, Workshops())

    result = service.execute(ENTITIES[0], ["fct_users"], {"day": 3}, full_refresh=True)

    assert result.success
    assert (executor.asked[0].select, executor.asked[0].full_refresh) == (("fct_users",), True)


TESTS = tuple(node for node in GOOD if node.kind == "test")
UPSTREAM = {"fct_users": frozenset({STG, USERS}), "fct_apps": frozenset({STG, USERS, APPS})}


def test_tests_alone_are_asked_for_once_and_each_answers_for_its_entities() -> None:
    executor = Answering(TESTS, upstream=UPSTREAM)

    users, applications = DbtExecutionService(executor, Workshops()).test_batch(BATCH, {"day": 2})

    (asked,) = executor.asked
    assert (asked.tests_only, asked.select, asked.vars) == (True, ("+fct_users", "+fct_apps"), {"day": 2})
    assert [trial.name for trial in users.trials] == ["test.p.unique_users"]
    assert [trial.name for trial in applications.trials] == ["test.p.unique_users", "test.p.owner_exists"]
    assert (users.error, applications.error, users.failed) == (None, None, ())


def test_a_test_that_fails_is_the_error_of_the_entities_that_it_answers_for() -> None:
    failed = replace(TESTS[1], status=NodeStatus.FAIL, failures=3, message="Got 3 results", file="/p/x.sql")

    users, applications = DbtExecutionService(Answering((TESTS[0], failed), upstream=UPSTREAM), Workshops()).test_batch(
        BATCH
    )

    assert users.error is None
    assert isinstance(applications.error, DbtTestFailed)
    assert "applications@dbt: test.p.owner_exists failed: Got 3 results" in applications.error.message
    assert [(trial.name, trial.failures) for trial in applications.failed] == [("test.p.owner_exists", 3)]


def test_what_stops_the_tests_is_every_entitys_error() -> None:
    error = DbtTimedOut()

    found = DbtExecutionService(Answering((), error), Workshops()).test_batch(BATCH)

    assert [(str(one), one.trials, one.error) for one in found] == [
        ("users@dbt", (), error),
        ("applications@dbt", (), error),
    ]


@pytest.mark.parametrize("value", [date(2026, 1, 1), float("nan"), {1: "a"}, b"x", (1, 2)])
def test_a_variable_that_json_cannot_hold_is_refused(value: object) -> None:
    executor = Answering(GOOD)

    with pytest.raises(UnknownName, match="'when'"):
        DbtExecutionService(executor, Workshops()).execute(ENTITIES[0], vars={"when": value})

    assert executor.asked == []


@pytest.mark.parametrize("select", [["--profiles-dir=/tmp"], ["-x"], [""], [" -x"], ["fct_users", "--threads"]])
def test_a_selector_cannot_be_an_option(select: list[str]) -> None:
    executor = Answering(GOOD)

    with pytest.raises(UnknownName, match="hyphen"):
        DbtExecutionService(executor, Workshops()).execute(ENTITIES[0], select)

    assert executor.asked == []


def test_an_entity_without_dbt_is_refused() -> None:
    rules = Implementation("rules", Engine.RULES, Path("/r.yml"))
    users = Entity("users", CONTRACT, "main", "analytics", {"rules": rules}, RouteDeclaration("rules"))

    with pytest.raises(UnknownName, match="it has none"):
        DbtExecutionService(Answering(GOOD), Workshops()).execute(users)


def test_bytes_read_are_summed_up_where_those_of_every_node_are_known() -> None:
    known = tuple(replace(node, read_bytes=100) for node in GOOD)
    partly = (*known[:1], *GOOD[1:])

    assert [each.read_bytes for each in outcomes(*known)] == [300, 500]
    assert [each.read_bytes for each in outcomes(*partly)] == [None, None]
