"""What a cycle builds, together with what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.core.entity import Engine, Entity, Implementation, RouteDeclaration
from lockgate.core.load import Landed, LoadMode, Pin, pin_of
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Route, Stage
from lockgate.core.types import ColumnType
from lockgate.errors import UnknownName
from lockgate.transform.cycle import Piece, batches_of, declared_route, pieces_of, selected

CONTRACT = Contract((Column("id", ColumnType.parse("bigint")),), ("id",))
RULES = Implementation("rules", Engine.RULES, Path("/p/rules/users.yml"))
DBT = Implementation("dbt", Engine.DBT, Path("/p/dbt"), model="fct_users")


def entity(name: str, *, schema: str = "analytics", dbt: Implementation = DBT) -> Entity:
    return Entity(name, CONTRACT, "main", schema, {"rules": RULES, "dbt": dbt}, RouteDeclaration("rules", "dbt"))


def test_pieces_are_the_implementations_that_are_named() -> None:
    assert [str(piece) for piece in pieces_of(entity("users"), ("dbt", "rules"))] == ["users@dbt", "users@rules"]


def test_refuses_an_implementation_the_entity_does_not_have() -> None:
    with pytest.raises(UnknownName, match="rules, dbt"):
        pieces_of(entity("users"), ("spark",))


def test_one_dbt_invocation_serves_every_entity_of_a_project_and_workshop() -> None:
    users, applications = entity("users"), entity("applications")

    batches = batches_of([Piece(users, DBT), Piece(users, RULES), Piece(applications, DBT)])

    assert [(batch.workshop, [str(piece) for piece in batch.pieces]) for batch in batches] == [
        ("analytics__dbt", ["users@dbt", "applications@dbt"]),
        ("analytics__rules", ["users@rules"]),
    ]


def test_other_variables_or_another_schema_are_another_invocation() -> None:
    other = Implementation("dbt", Engine.DBT, Path("/p/dbt"), model="fct_users", vars={"day": "2026-01-31"})
    pieces = [
        Piece(entity("a"), DBT),
        Piece(entity("b", dbt=other), other),
        Piece(entity("c", schema="finance"), DBT),
    ]

    assert [batch.workshop for batch in batches_of(pieces)] == ["analytics__dbt", "analytics__dbt", "finance__dbt"]


def test_a_declared_route_starts_off_with_nothing_shared() -> None:
    assert declared_route(entity("users")) == Route("users", "rules", "dbt", Stage.OFF, share=0, token=0)


def test_a_route_declared_as_promoted_starts_with_the_candidate_shown() -> None:
    promoted = RouteDeclaration("rules", "dbt", stage=Stage.PROMOTED)

    route = declared_route(replace(entity("users"), route=promoted))

    assert route == Route("users", "rules", "dbt", Stage.PROMOTED, share=10_000, token=0)


def test_selection_keeps_the_projects_order_and_refuses_what_is_not_there() -> None:
    entities = {"users": entity("users"), "applications": entity("applications")}

    assert [found.name for found in selected(entities, ("applications", "users"))] == ["users", "applications"]
    with pytest.raises(UnknownName, match="orders"):
        selected(entities, ("orders",))


def test_a_pin_starts_at_the_newest_load_that_replaced_what_was_there() -> None:
    users = Relation("raw", "users")
    landed = tuple(
        Landed(number, users, mode, rows=1, rejected=0, cursor_until=None)
        for number, mode in [(1, LoadMode.APPEND), (2, LoadMode.REPLACE), (3, LoadMode.APPEND)]
    )

    assert pin_of(users, landed) == Pin(users, 2, 3)
    assert pin_of(users, landed[:1]) == Pin(users, 1, 1)
    assert pin_of(Relation("raw", "orders"), landed) is None
