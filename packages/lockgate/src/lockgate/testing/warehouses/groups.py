"""What must hold on every warehouse of entities that move together: their routes, and a bucket that they share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from lockgate.core.bucket import bucket_of
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Arm, Route, Stage
from lockgate.core.sql import table
from lockgate.errors import LockgateError, StaleToken
from lockgate.testing.warehouses.given import (
    BIGINT,
    CONTRACT,
    ENTITY,
    SERVED,
    TEXT,
    build,
    labels,
    publication,
    publish,
    route,
    rows_of,
    users,
)

Fact: TypeAlias = "tuple[int, int | None]"
Reading: TypeAlias = Callable[[], AbstractContextManager[Any]]

ORDERS = Relation("analytics", "orders")
READERS = 20
BY_KEY = Contract((Column("user_id", BIGINT), Column("payer", BIGINT), Column("label", TEXT)), key=("user_id",))
BY_PAYER = replace(BY_KEY, bucket_by="payer")
SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]  # one target for all is meant
FACTS = st.dictionaries(st.integers(1, 40), st.none() | st.integers(-3, 12), min_size=1).map(lambda d: list(d.items()))


class GroupsConformance:
    """Routes that are set together, and buckets of another column than the key."""

    def test_routes_of_a_group_are_set_together(self, warehouse: Warehouse) -> None:
        first = warehouse.set_routes([_first(ENTITY), _first("orders")])
        _publish_both(warehouse)

        moved = warehouse.set_routes([replace(one, stage=Stage.CANARY, share=10_000) for one in first])

        assert first == (replace(_first(ENTITY), token=1), replace(_first("orders"), token=1))
        assert moved == tuple(replace(one, stage=Stage.CANARY, share=10_000, token=2) for one in first)
        assert moved == (warehouse.route(ENTITY), warehouse.route("orders"))
        assert (labels(warehouse), rows_of(warehouse, ORDERS)) == ({"dbt": 3}, [{"user_id": 1, "label": "dbt"}])
        assert warehouse.set_routes([]) == ()

    def test_one_route_that_moved_on_refuses_the_whole_group(self, warehouse: Warehouse) -> None:
        mine, other = warehouse.set_routes([_first(ENTITY), _first("orders")])
        _publish_both(warehouse)
        newer = warehouse.set_route(replace(other, share=1, stage=Stage.CANARY))

        with pytest.raises(StaleToken, match="the route of orders has moved on") as stale:
            warehouse.set_routes([replace(one, share=10_000) for one in (mine, other)])
        with pytest.raises(StaleToken):
            warehouse.set_routes([_first("payments"), _first(ENTITY)])

        assert stale.value.fields["entity"] == "orders"
        assert (warehouse.route(ENTITY), warehouse.route("orders")) == (mine, newer)
        assert warehouse.route("payments") is None
        assert labels(warehouse) == {"rules": 3}

    def test_an_edition_that_nobody_has_seen_refuses_the_move(self, warehouse: Warehouse) -> None:
        first = warehouse.set_routes([_first(ENTITY), _first("orders")])
        _publish_both(warehouse)
        seen = {name: frozenset(one.number for one in warehouse.editions(name)) for name in (ENTITY, "orders")}
        unseen = publish(warehouse, "dbt", users(3, "unseen"))
        onwards = [replace(one, stage=Stage.CANARY, share=500) for one in first]

        with pytest.raises(StaleToken, match="was published after its route's move had been approved") as stale:
            warehouse.set_routes(onwards, seen=seen)

        assert stale.value.fields["entity"] == ENTITY
        assert (warehouse.route(ENTITY), warehouse.route("orders")) == first
        assert labels(warehouse) == {"rules": 3}
        moved = warehouse.set_routes(onwards, seen=seen | {ENTITY: frozenset({1, unseen.number})})
        assert [one.token for one in moved] == [2, 2]
        back = warehouse.set_routes([replace(one, stage=Stage.SHADOW, share=0) for one in moved])  # needs no approval
        assert [one.token for one in back] == [3, 3]

    def test_views_of_a_group_are_switched_where_others_have_to_answer(self, warehouse: Warehouse) -> None:
        first = warehouse.set_routes([_first(ENTITY), _first("orders")])
        _publish_both(warehouse)

        warehouse.set_routes([replace(one, incumbent="dbt", candidate=None, stage=Stage.RETIRED) for one in first])

        assert (labels(warehouse), rows_of(warehouse, ORDERS)) == ({"dbt": 3}, [{"user_id": 1, "label": "dbt"}])
        assert [warehouse.shown(name) for name in (ENTITY, "orders")] == [{2: Arm.INCUMBENT}] * 2

    def test_groups_that_are_set_in_opposite_orders_do_not_stand_in_each_others_way(
        self, open_warehouse: Callable[[], Warehouse], warehouse: Warehouse
    ) -> None:
        warehouse.set_routes([_first(ENTITY), _first("orders")])
        failures: list[LockgateError] = []
        done: list[int] = []

        def turn(names: Sequence[str]) -> None:
            mine = open_warehouse()
            for number in range(10):
                routes = [route for name in names if (route := mine.route(name))]
                try:
                    mine.set_routes([replace(route, share=number) for route in routes])
                    done.append(number)
                except StaleToken:
                    continue
                except LockgateError as error:
                    failures.append(error)
            mine.close()

        threads = [threading.Thread(target=turn, args=[names]) for names in ((ENTITY, "orders"), ("orders", ENTITY))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        stored = [warehouse.route(name) for name in (ENTITY, "orders")]
        assert [one.token for one in stored if one] == [1 + len(done)] * 2

    def test_a_group_is_rolled_back_while_readers_hold_cursors_on_its_views(
        self, warehouse: Warehouse, open_reader: Reading
    ) -> None:
        first = warehouse.set_routes([_first(ENTITY), _first("orders")])
        _publish_both(warehouse)
        promoted = warehouse.set_routes([replace(one, share=10_000, stage=Stage.PROMOTED) for one in first])
        query = exp.select("label").from_(table(SERVED)).sql(warehouse.capabilities.dialect)

        with ExitStack() as opened:
            cursors = [opened.enter_context(open_reader()) for _ in range(READERS)]
            begun = [cursor.execute(query).fetchone() for cursor in cursors]
            back = warehouse.set_routes([replace(one, share=0, stage=Stage.OFF) for one in promoted])
            seen = labels(warehouse)
            rest = [cursor.fetchall() for cursor in cursors]

        assert [one.share for one in back] == [0, 0]
        assert (seen, rows_of(warehouse, ORDERS)) == ({"rules": 3}, [{"user_id": 1, "label": "rules"}])
        assert begun == [("dbt",)] * READERS
        assert rest == [[("dbt",)] * 2] * READERS

    def test_rows_move_by_the_bucket_of_the_contracts_column(self, warehouse: Warehouse) -> None:
        facts = [(user, user % 5) for user in range(1, 51)]
        first = _publish_facts(warehouse, "rules", facts, BY_PAYER)
        _publish_facts(warehouse, "dbt", facts, BY_PAYER)

        route(warehouse, share=5000)

        stored = warehouse.query(exp.select("*").from_(table(warehouse.edition_relation(SERVED, first)))).to_pylist()
        assert all(row["_bucket"] == bucket_of((row["payer"],)) for row in stored)
        moved = {payer for payer in range(5) if bucket_of((payer,)) < 5000}
        assert moved == {2}  # counted with md5sum(1)
        assert {(row["payer"], row["label"]) for row in rows_of(warehouse, SERVED)} == {
            (payer, "dbt" if payer in moved else "rules") for payer in range(5)
        }
        assert len(rows_of(warehouse, SERVED)) == 50

    def test_arms_under_two_bucket_columns_never_stand_side_by_side(self, warehouse: Warehouse) -> None:
        facts = [(user, user % 5) for user in range(1, 51)]
        _publish_facts(warehouse, "rules", facts, BY_KEY)
        _publish_facts(warehouse, "dbt", facts, BY_PAYER)
        route(warehouse, share=5000)
        apart = labels(warehouse), warehouse.shown(ENTITY)

        again = _publish_facts(warehouse, "rules", facts, BY_PAYER)

        assert apart == ({"rules": 50}, {1: Arm.INCUMBENT})
        assert again.number == 3
        assert warehouse.shown(ENTITY) == {3: Arm.INCUMBENT, 2: Arm.CANDIDATE}
        assert labels(warehouse) == {"rules": 40, "dbt": 10}

    def test_arms_under_two_keys_never_stand_side_by_side(self, warehouse: Warehouse) -> None:
        query = "SELECT CAST(i AS bigint) AS user_id, CAST(i AS text) AS label FROM generate_series(1, 9) AS series(i)"
        publish(warehouse, "rules", query)
        publish(warehouse, "dbt", query, contract=replace(CONTRACT, key=("label",)))

        route(warehouse, share=5000)

        assert warehouse.shown(ENTITY) == {1: Arm.INCUMBENT}
        assert len(rows_of(warehouse, SERVED)) == 9

    def test_a_bucket_column_that_is_the_key_changes_nothing(self, warehouse: Warehouse) -> None:
        first = publish(warehouse, "rules", users(3, "one"))

        again = publish(warehouse, "rules", users(3, "one"), contract=replace(CONTRACT, bucket_by="user_id"))

        assert again == first

    @settings(max_examples=5, deadline=None, suppress_health_check=SUPPRESSED)
    @given(incumbent=FACTS, candidate=FACTS, share=st.integers(1, 9998))
    def test_the_view_holds_each_row_of_a_side_exactly_by_its_bucket(
        self, warehouse: Warehouse, incumbent: list[Fact], candidate: list[Fact], share: int
    ) -> None:
        route(warehouse)
        _publish_facts(warehouse, "rules", incumbent, BY_PAYER)
        _publish_facts(warehouse, "dbt", candidate, BY_PAYER)

        for each in (0, 1, share, 9999, 10_000):
            route(warehouse, share=each)
            expected = [
                *({"user_id": u, "payer": p, "label": "rules"} for u, p in incumbent if bucket_of((p,)) >= each),
                *({"user_id": u, "payer": p, "label": "dbt"} for u, p in candidate if bucket_of((p,)) < each),
            ]
            assert _sorted(rows_of(warehouse, SERVED)) == _sorted(expected)

    def test_rows_without_a_value_are_the_incumbents_until_the_candidate_answers_everything(
        self, warehouse: Warehouse
    ) -> None:
        for name in ("rules", "dbt"):
            _publish_facts(warehouse, name, [(1, None), (2, None)], BY_PAYER)

        seen = []
        for share in (0, 1, 9999, 10_000):
            route(warehouse, share=share)
            seen.append(labels(warehouse))

        assert seen == [{"rules": 2}, {"rules": 2}, {"rules": 2}, {"dbt": 2}]


def _first(entity: str) -> Route:
    return Route(entity, "rules", "dbt", Stage.OFF, 0, 0)


def _publish_both(warehouse: Warehouse) -> None:
    """Both implementations of both entities of the group."""
    for name in ("rules", "dbt"):
        publish(warehouse, name, users(3, name))
        given = publication(build(warehouse, name, users(1, name), name="orders"), name, 1, served=ORDERS)
        warehouse.publish(replace(given, entity="orders"))


def _publish_facts(warehouse: Warehouse, name: str, facts: Sequence[Fact], contract: Contract) -> Any:
    """Publishes users with their payers, all under the implementation's name."""
    rows = ", ".join(f"(CAST({u} AS bigint), CAST({p if p is not None else 'NULL'} AS bigint))" for u, p in facts)
    query = f"SELECT user_id, payer, '{name}' AS label FROM (VALUES {rows}) AS facts (user_id, payer)"
    return publish(warehouse, name, query, contract=contract)


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["user_id"], row["label"]))
