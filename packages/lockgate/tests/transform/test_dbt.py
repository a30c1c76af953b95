"""Which nodes answer for an entity, and what its failure says; the executor is one that answers from a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from lockgate.core.entity import Engine, Entity, Implementation, RouteDeclaration
from lockgate.core.execution import DbtExecutionResult, DbtInvocation, Execution, NodeResult, NodeStatus, WorkshopAccess
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.types import ColumnType
from lockgate.errors import DbtFailed, DbtTestFailed, DbtTimedOut, LockgateError, UnknownName
from lockgate.transform.cycle import Piece, batches_of
from lockgate.transform.dbt import DbtExecutionService

CONTRACT = Contract((Column("id", ColumnType.parse("bigint")),), ("id",))
STG, USERS, APPS = "model.p.stg", "model.p.fct_users", "model.p.fct_apps"
GOOD = (
    NodeResult(STG, NodeStatus.SUCCESS, 0.1, depends_on=("source.p.raw.users",)),
    NodeResult(USERS, NodeStatus.SUCCESS, 0.2, depends_on=(STG,)),
    NodeResult(APPS, NodeStatus.SUCCESS, 0.2, depends_on=(USERS,)),
    NodeResult("test.p.unique_users", NodeStatus.PASS, 0.1, failures=0, depends_on=(USERS,)),
    NodeResult("test.p.owner_exists", NodeStatus.PASS, 0.1, failures=0, depends_on=(APPS, USERS)),
)


class Answering:
    """An executor that answers with given nodes, or raises."""

    def __init__(self, nodes: tuple[NodeResult, ...], error: LockgateError | None = None) -> None:
        self.nodes, self.error = nodes, error
        self.asked: list[DbtInvocation] = []

    def execute(self, invocation: DbtInvocation, on_node) -> DbtExecutionResult:
        self.asked.append(invocation)
        if self.error is not None:
            raise self.error
        return DbtExecutionResult("i", self.nodes, 1.0, Path("/a"), Path("/l"))

    def cancel(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""


class Workshops:
    """A warehouse of which only workshops are used; every relation in them has three rows."""

    name, dialect = "analytics__dbt", "duckdb"

    @contextmanager
    def workshop(self, name: str) -> Iterator[Workshops]:
        yield self

    def access(self) -> WorkshopAccess:
        return WorkshopAccess("duckdb", self.name, {"path": "w.duckdb"})

    def query(self, query) -> pa.Table:
        return pa.table({"rows": [3]})


def entity(name: str, model: str) -> Entity:
    dbt = Implementation("dbt", Engine.DBT, Path("/p"), model=model, vars={"day": 1})
    return Entity(name, CONTRACT, "main", "analytics", {"dbt": dbt}, RouteDeclaration("dbt"))


ENTITIES = (entity("users", "fct_users"), entity("applications", "fct_apps"))
(BATCH,) = batches_of([Piece(each, each.implementations["dbt"]) for each in ENTITIES])


def outcomes(*nodes: NodeResult) -> tuple[Execution | LockgateError, ...]:
    return DbtExecutionService(Answering(nodes), Workshops()).execute_batch(BATCH)


def with_status(name: str, status: NodeStatus, message: str = "") -> tuple[NodeResult, ...]:
    return tuple(
        NodeResult(node.node, status, 0.1, message=message, file="/p/x.sql", depends_on=node.depends_on)
        if node.node == name
        else node
        for node in GOOD
    )


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


def test_a_warning_stops_nothing() -> None:
    assert all(isinstance(each, Execution) for each in outcomes(*with_status("test.p.unique_users", NodeStatus.WARN)))


def test_a_skipped_model_is_no_output() -> None:
    users, _ = outcomes(*with_status(USERS, NodeStatus.SKIPPED))

    assert isinstance(users, DbtFailed)
    assert "skipped model.p.fct_users" in users.message


def test_what_stops_the_invocation_is_every_entitys_outcome() -> None:
    error = DbtTimedOut()

    assert DbtExecutionService(Answering((), error), Workshops()).execute_batch(BATCH) == (error, error)


def test_one_entity_alone_selects_what_it_is_asked_to() -> None:
    executor = Answering(GOOD)
    service = DbtExecutionService(executor, Workshops())

    result = service.execute(ENTITIES[0], ["fct_users"], {"day": 3}, full_refresh=True)

    assert result.success
    assert (executor.asked[0].select, executor.asked[0].full_refresh) == (("fct_users",), True)


@pytest.mark.parametrize("select", [["--profiles-dir=/tmp"], ["-x"]])
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
