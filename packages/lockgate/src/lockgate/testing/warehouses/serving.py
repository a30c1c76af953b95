"""What consumers must see of every warehouse: whole editions, under the route in force, cast to the contract."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlglot import exp

from lockgate.core.bucket import bucket_of
from lockgate.core.load import Pin
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Arm, Edition, Route, Stage, Standing
from lockgate.core.sql import table
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import LockgateError, OutputInvalid, StaleToken
from lockgate.testing.warehouses.given import (
    BIGINT,
    CONTRACT,
    ENTITY,
    NOON,
    RAW_USERS,
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

WIDER = Contract((*CONTRACT.columns, Column("age", ColumnType(Kind.SMALLINT))), key=("user_id",))
OTHER = Contract((Column("user_id", TEXT), Column("note", TEXT)), key=("user_id",))


class ServingConformance:
    """Publishing, routes, retention."""

    def test_consumers_see_the_contracts_columns_in_its_order_and_types(self, warehouse: Warehouse) -> None:
        edition = publish(warehouse, "rules", "SELECT 'x' AS unasked, 'Ada' AS label, CAST(1 AS integer) AS user_id")

        assert replace(edition, bytes=0) == Edition(ENTITY, 1, "rules", 1, NOON)
        assert warehouse.columns(SERVED) == CONTRACT.columns
        assert rows_of(warehouse, SERVED) == [{"user_id": 1, "label": "Ada"}]

    def test_an_edition_remembers_its_pins_and_can_be_read_by_operators(self, warehouse: Warehouse) -> None:
        first = route(warehouse)
        built = build(warehouse, "rules", users(3, "one"))
        pins = (Pin(RAW_USERS, 1, 7), Pin(Relation('o"dd', "ß"), 2, 2))

        edition = warehouse.publish(replace(publication(built, "rules", first.token), pins=pins))

        assert replace(edition, bytes=0) == Edition(ENTITY, 1, "rules", 3, NOON, pins)
        assert warehouse.editions(ENTITY) == (edition,)
        stored = warehouse.query(
            exp.select("*").from_(table(warehouse.edition_relation(SERVED, edition))).order_by("user_id")
        )
        expected = [{"user_id": number, "label": "one", "_bucket": bucket_of((number,))} for number in (1, 2, 3)]
        assert stored.to_pylist() == expected

    def test_an_edition_knows_the_files_that_made_it_or_an_equal_one_last(self, warehouse: Warehouse) -> None:
        given = publication(build(warehouse, "rules", users(3, "one")), "rules", route(warehouse).token)

        first = warehouse.publish(replace(given, revision="abc"))
        kept = warehouse.editions(ENTITY)
        again = warehouse.publish(replace(given, revision="def"))

        assert (first.revision, again) == ("abc", replace(first, revision="def"))
        assert kept == (first,)
        assert warehouse.editions(ENTITY) == (again,)

    def test_an_edition_knows_how_much_it_takes(self, warehouse: Warehouse) -> None:
        none, many = publish(warehouse, "rules", users(0, "none")), publish(warehouse, "rules", users(20_000, "many"))

        assert 0 < none.bytes < many.bytes < 10_000_000
        assert [edition.bytes for edition in warehouse.editions(ENTITY)] == [none.bytes, many.bytes]

    def test_a_publisher_that_woke_up_late_does_not_show_older_loads(self, warehouse: Warehouse) -> None:
        token = route(warehouse).token
        built = build(warehouse, "rules", users(3, "new"))
        newer = warehouse.publish(replace(publication(built, "rules", token), pins=(Pin(RAW_USERS, 1, 7),)))
        late = publication(build(warehouse, "rules", users(2, "old")), "rules", token)

        with pytest.raises(StaleToken, match="edition 1 of newer loads"):
            warehouse.publish(replace(late, pins=(Pin(RAW_USERS, 1, 6),)))

        assert warehouse.editions(ENTITY) == (newer,)
        assert labels(warehouse) == {"new": 3}

    def test_another_implementation_may_publish_what_it_made_of_older_loads(self, warehouse: Warehouse) -> None:
        token = route(warehouse).token
        for name, last in (("rules", 7), ("dbt", 6), ("dbt", 6)):
            built = build(warehouse, name, users(3, name))
            warehouse.publish(replace(publication(built, name, token), pins=(Pin(RAW_USERS, 1, last),), anew=True))

        assert [edition.implementation for edition in warehouse.editions(ENTITY)] == ["rules", "dbt", "dbt"]

    def test_tells_how_every_entity_stands_at_once(self, warehouse: Warehouse) -> None:
        assert warehouse.standings() == {}
        publish(warehouse, "rules", users(2, "one"))
        publish(warehouse, "dbt", users(3, "two"))
        other = warehouse.set_route(Route("ß", "rules", None, Stage.OFF, 0, 0))

        found = warehouse.standings()

        stands = Standing(ENTITY, warehouse.route(ENTITY), warehouse.editions(ENTITY), dict(warehouse.shown(ENTITY)))
        assert found == {ENTITY: stands, "ß": Standing("ß", other)}
        assert len(stands.editions) == 2

    def test_an_empty_output_is_an_empty_valid_edition(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(2, "one"))

        edition = publish(warehouse, "rules", users(0, "none"))

        assert edition.rows == 0
        assert rows_of(warehouse, SERVED) == []
        assert warehouse.columns(SERVED) == CONTRACT.columns

    def test_only_the_incumbent_answers_while_the_candidate_is_not_published(self, warehouse: Warehouse) -> None:
        route(warehouse, share=10_000)

        publish(warehouse, "rules", users(50, "rules"))

        assert labels(warehouse) == {"rules": 50}

    def test_a_candidate_alone_is_not_shown_before_it_has_to_answer(self, warehouse: Warehouse) -> None:
        publish(warehouse, "dbt", users(50, "dbt"))
        hidden = warehouse.columns(SERVED)

        route(warehouse, share=10_000)
        publish(warehouse, "dbt", users(60, "dbt"))

        assert hidden == ()
        assert labels(warehouse) == {"dbt": 60}

    def test_the_arms_of_the_view_stand_on_the_newest_editions(self, warehouse: Warehouse) -> None:
        outputs = [("rules", 4), ("rules", 5), ("dbt", 5)]
        numbers = [publish(warehouse, name, users(rows, name)).number for name, rows in outputs]

        shown = warehouse.shown(ENTITY)
        publish(warehouse, "dbt", "SELECT '1' AS user_id, 'x' AS note", contract=OTHER)

        assert numbers == [1, 2, 3]
        assert shown == {2: Arm.INCUMBENT, 3: Arm.CANDIDATE}
        assert warehouse.shown(ENTITY) == {2: Arm.INCUMBENT}
        assert warehouse.shown("unheard of") == {}

    def test_a_share_splits_keys_by_their_buckets(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(2000, "rules"))
        publish(warehouse, "dbt", users(2000, "dbt"))

        seen = {share: _candidates(warehouse, share) for share in (0, 1, 500, 5000, 9999, 10_000)}

        keys = range(1, 2001)
        assert seen == {share: {key for key in keys if bucket_of((key,)) < share} for share in seen}
        assert len(seen[500]) == 104  # counted with md5sum(1)

    def test_an_entity_whose_key_has_no_bucket_moves_as_a_whole(self, warehouse: Warehouse) -> None:
        contract = Contract((Column("price", ColumnType(Kind.NUMERIC, 9, 2)), Column("label", TEXT)), key=("price",))
        for name in ("rules", "dbt"):
            query = f"SELECT * FROM (VALUES (1.50, '{name}'), (2.25, '{name}')) AS v (price, label)"
            publish(warehouse, name, query, contract=contract)

        route(warehouse, share=9999)
        almost = labels(warehouse)
        route(warehouse, share=10_000)
        promoted = labels(warehouse)
        route(warehouse, share=0)

        assert (almost, promoted, labels(warehouse)) == ({"dbt": 2}, {"dbt": 2}, {"rules": 2})

    def test_roll_back_and_promotion_take_effect_at_once(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(10, "rules"))
        publish(warehouse, "dbt", users(10, "dbt"))

        promoted = route(warehouse, share=10_000)
        after_promotion = labels(warehouse)
        back = warehouse.set_route(replace(promoted, share=0, stage=Stage.OFF))

        assert after_promotion == {"dbt": 10}
        assert labels(warehouse) == {"rules": 10}
        assert back.token == promoted.token + 1
        assert warehouse.route(ENTITY) == back

    def test_a_route_is_only_changed_by_who_saw_the_one_in_force(self, warehouse: Warehouse) -> None:
        first = warehouse.set_route(Route(ENTITY, "rules", "dbt", Stage.OFF, 0, 0))
        second = warehouse.set_route(replace(first, stage=Stage.CANARY, share=500))

        with pytest.raises(StaleToken):
            warehouse.set_route(replace(first, share=10_000))
        with pytest.raises(StaleToken):
            warehouse.set_route(Route(ENTITY, "dbt", None, Stage.RETIRED, 0, 0))

        assert (first.token, second.token) == (1, 2)
        assert warehouse.route(ENTITY) == Route(ENTITY, "rules", "dbt", Stage.CANARY, 500, 2)
        assert warehouse.route("unknown") is None

    def test_a_publisher_that_saw_an_older_route_is_refused(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(10, "old"))
        late = publication(build(warehouse, "rules", users(10, "new")), "rules", token=1)
        route(warehouse, share=1)

        with pytest.raises(StaleToken):
            warehouse.publish(late)

        assert labels(warehouse) == {"old": 10}
        assert len(warehouse.editions(ENTITY)) == 1

    def test_where_other_implementations_have_to_answer_the_view_follows_the_route(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(10, "rules"))
        publish(warehouse, "dbt", users(10, "dbt"))
        route(warehouse, share=10_000)

        route(warehouse, incumbent="dbt", candidate=None)
        retired = labels(warehouse)
        route(warehouse, incumbent="dbt", candidate="rules", share=10_000)

        assert (retired, labels(warehouse)) == ({"dbt": 10}, {"rules": 10})

    def test_null_and_repeated_keys_are_refused_with_their_counts(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(10, "old"))
        bad = """SELECT * FROM (VALUES (CAST(1 AS bigint), 'a'), (1, 'b'), (1, 'c'), (2, 'd'), (2, 'e'), (NULL, 'f'))
            AS v (user_id, label)"""

        with pytest.raises(OutputInvalid) as refused:
            publish(warehouse, "rules", bad)

        assert refused.value.fields == {"null_keys": 1, "repeated_keys": 2}
        assert labels(warehouse) == {"old": 10}
        assert len(warehouse.editions(ENTITY)) == 1

    def test_a_column_that_is_missing_or_of_a_type_that_does_not_become_the_contracts_is_refused(
        self, warehouse: Warehouse
    ) -> None:
        with pytest.raises(OutputInvalid, match="has no column 'label'"):
            publish(warehouse, "rules", "SELECT CAST(1 AS bigint) AS user_id")
        with pytest.raises(OutputInvalid, match="column 'user_id' is boolean where the contract says bigint"):
            publish(warehouse, "rules", "SELECT true AS user_id, 'x' AS label")
        with pytest.raises(OutputInvalid, match="is not there"):
            warehouse.publish(publication(Relation("analytics__rules", "unbuilt"), "rules", 1))

        assert warehouse.editions(ENTITY) == ()

    def test_a_second_build_does_not_touch_what_is_served(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(10, "published"))

        build(warehouse, "rules", users(20, "rebuilt"))

        assert labels(warehouse) == {"published": 10}

    def test_three_editions_of_each_implementation_are_kept_and_those_held_or_shown(self, warehouse: Warehouse) -> None:
        held = publish(warehouse, "rules", users(1, "held"))
        warehouse.keep_edition(held, kept=True)
        for number in range(5):
            publish(warehouse, "rules", users(1, f"rules {number}"))
            publish(warehouse, "dbt", users(1, f"dbt {number}"))

        kept = [(edition.number, edition.implementation) for edition in warehouse.editions(ENTITY)]
        warehouse.keep_edition(held, kept=False)
        publish(warehouse, "rules", users(1, "last"))

        newest = [(6, "rules"), (7, "dbt"), (8, "rules"), (9, "dbt"), (10, "rules"), (11, "dbt")]
        assert kept == [(1, "rules"), *newest]
        assert [edition.number for edition in warehouse.editions(ENTITY)] == [7, 8, 9, 10, 11, 12]
        assert labels(warehouse) == {"last": 1}

    def test_a_column_is_added_to_the_contract(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(2, "old"))
        older = "SELECT CAST(1 AS bigint) AS user_id, 'new' AS label, CAST(36 AS smallint) AS age"

        publish(warehouse, "rules", older, contract=WIDER)

        assert warehouse.columns(SERVED) == WIDER.columns
        assert rows_of(warehouse, SERVED) == [{"user_id": 1, "label": "new", "age": 36}]

    def test_arms_under_two_contracts_are_never_mixed(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(10, "rules"))
        publish(warehouse, "dbt", users(10, "dbt"))
        route(warehouse, share=5000)
        changed = "SELECT 'key' AS user_id, 'new' AS note"

        publish(warehouse, "dbt", changed, contract=OTHER)
        candidate_first = labels(warehouse)
        publish(warehouse, "rules", changed, contract=OTHER)

        assert candidate_first == {"rules": 10}
        assert warehouse.columns(SERVED) == OTHER.columns
        assert rows_of(warehouse, SERVED) == [{"user_id": "key", "note": "new"}]

    def test_a_promoted_candidate_goes_ahead_under_a_new_contract_and_roll_back_still_works(
        self, warehouse: Warehouse
    ) -> None:
        publish(warehouse, "rules", users(10, "rules"))
        publish(warehouse, "dbt", users(10, "dbt"))
        promoted = route(warehouse, share=10_000)

        publish(warehouse, "dbt", "SELECT 'key' AS user_id, 'new' AS note", contract=OTHER)
        ahead = rows_of(warehouse, SERVED)
        warehouse.set_route(replace(promoted, share=0, stage=Stage.OFF))

        assert ahead == [{"user_id": "key", "note": "new"}]
        assert labels(warehouse) == {"rules": 10}

    def test_publishers_of_one_entity_take_turns(
        self, open_warehouse: Callable[[], Warehouse], warehouse: Warehouse
    ) -> None:
        stored = route(warehouse)
        built = [build(warehouse, name, users(100, name)) for name in ("rules", "dbt")]
        failures: list[LockgateError] = []

        def ask(relation: Relation, implementation: str) -> None:
            mine = open_warehouse()
            try:
                mine.publish(publication(relation, implementation, stored.token))
            except LockgateError as error:
                failures.append(error)
            mine.close()

        threads = [threading.Thread(target=ask, args=pair) for pair in zip(built, ("rules", "dbt"), strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert sorted(edition.number for edition in warehouse.editions(ENTITY)) == [1, 2]
        assert labels(warehouse) == {"rules": 100}

    def test_odd_names_are_served(self, warehouse: Warehouse) -> None:
        served = Relation('Sérvé "d"', "Order; --")
        key = Column('na"me ß', TEXT)
        contract = Contract((key, Column("select", BIGINT)), key=(key.name,))
        warehouse.set_route(Route("Ordér 'x'", "ru%les {}", None, Stage.OFF, 0, 0))
        with warehouse.workshop('Sérvé "d"__x') as workshop:
            columns = [exp.alias_(exp.Literal.string("k"), key.name, quoted=True)]
            columns.append(exp.alias_(exp.cast(exp.Literal.number(7), "bigint"), "select", quoted=True))
            workshop.build("fct ß", exp.select(*columns))
        built = Relation('Sérvé "d"__x', "fct ß")

        given = publication(built, "ru%les {}", 1, contract=contract, served=served)
        warehouse.publish(replace(given, entity="Ordér 'x'"))

        assert rows_of(warehouse, served) == [{key.name: "k", "select": 7}]


def _candidates(warehouse: Warehouse, share: int) -> set[int]:
    """The users that the candidate answers for under a share."""
    route(warehouse, share=share)
    query = exp.select("user_id", "label").from_(table(SERVED))
    found = {row["user_id"]: row["label"] for row in warehouse.query(query).to_pylist()}
    assert len(found) == 2000
    return {user for user, label in found.items() if label == "dbt"}
