"""What must hold on every warehouse where an output equals the edition before: it stays, and stands for newer loads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.core.load import Pin
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract
from lockgate.core.route import Arm
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import OutputInvalid, StaleToken
from lockgate.testing.warehouses.given import (
    BIGINT,
    CONTRACT,
    ENTITY,
    RAW_USERS,
    TEXT,
    build,
    labels,
    publication,
    publish,
    route,
    users,
)

WITH_DAY = Contract((Column("user_id", BIGINT), Column("day", ColumnType(Kind.DATE))), key=("user_id",))
OTHER_KEY = Contract(CONTRACT.columns, key=("label",))
EVERY_VALUE = Contract(
    (
        Column("user_id", BIGINT),
        Column("note", TEXT),
        Column("ratio", ColumnType(Kind.DOUBLE)),
        Column("price", ColumnType(Kind.NUMERIC)),
        Column("details", ColumnType(Kind.JSON)),
    ),
    key=("user_id",),
)
VALUES = """SELECT * FROM (VALUES
    (CAST(1 AS bigint), '', CAST('NaN' AS double precision), CAST(1.5 AS decimal(9, 2)), '{"a": 1}'),
    (2, NULL, CAST(NULL AS double precision), NULL, NULL)) AS v (user_id, note, ratio, price, details)"""


class UnchangedConformance:
    """Publishing what is published already."""

    def test_an_output_that_equals_the_edition_before_makes_no_new_one(self, warehouse: Warehouse) -> None:
        first = publish(warehouse, "rules", users(3, "one"))

        again = publish(warehouse, "rules", f"SELECT * FROM ({users(3, 'one')}) AS v ORDER BY user_id DESC")

        assert again == first
        assert warehouse.editions(ENTITY) == (first,)
        assert labels(warehouse) == {"one": 3}

    def test_the_edition_that_stays_moves_up_to_the_newer_pins(self, warehouse: Warehouse) -> None:
        token = route(warehouse).token
        given = publication(build(warehouse, "rules", users(3, "one")), "rules", token)
        first = warehouse.publish(replace(given, pins=(Pin(RAW_USERS, 1, 6),)))

        moved = warehouse.publish(replace(given, pins=(Pin(RAW_USERS, 1, 7),)))
        with pytest.raises(StaleToken, match="edition 1 of newer loads"):
            warehouse.publish(replace(given, pins=(Pin(RAW_USERS, 1, 6),)))

        assert moved == replace(first, pins=(Pin(RAW_USERS, 1, 7),))
        assert warehouse.editions(ENTITY) == (moved,)

    def test_values_of_every_sort_are_told_apart_and_found_equal(self, warehouse: Warehouse) -> None:
        other = ["''", "'NaN'", "1.5 AS", "'{\"a\": 1}'", "2, NULL"]
        changed = ["NULL", "'0'", "2.5 AS", "'{\"a\": 2}'", "3, NULL"]
        queries = [VALUES.replace(old, new) for old, new in zip(other, changed, strict=True)]

        numbers = [publish(warehouse, "rules", query, contract=EVERY_VALUE).number for query in (VALUES, VALUES)]
        for query in queries:
            numbers += [publish(warehouse, "rules", again, contract=EVERY_VALUE).number for again in (query, VALUES)]

        assert numbers == [1, 1, *range(2, 12)]

    @pytest.mark.parametrize(
        "query",
        [
            "SELECT * FROM (VALUES (CAST(1 AS bigint), 'one'), (2, 'one'), (2, 'one')) AS v (user_id, label)",
            "SELECT * FROM (VALUES (CAST(1 AS bigint), 'one'), (2, 'one'), (NULL, NULL)) AS v (user_id, label)",
        ],
    )
    def test_as_many_rows_with_a_bad_key_are_refused_as_ever(self, warehouse: Warehouse, query: str) -> None:
        first = publish(warehouse, "rules", users(3, "one"))

        with pytest.raises(OutputInvalid, match="the key"):
            publish(warehouse, "rules", query)

        assert warehouse.editions(ENTITY) == (first,)

    def test_what_only_a_lossy_cast_makes_equal_is_refused(self, warehouse: Warehouse) -> None:
        day = "SELECT CAST(1 AS bigint) AS user_id, CAST('2024-02-29 {}' AS timestamp) AS day"
        first = publish(warehouse, "rules", day.format("00:00:00"), contract=WITH_DAY)

        with pytest.raises(OutputInvalid, match="1 of 'day'"):
            publish(warehouse, "rules", day.format("06:00:00"), contract=WITH_DAY)

        assert warehouse.editions(ENTITY) == (first,)

    def test_another_key_or_a_new_edition_that_is_asked_for_is_published(self, warehouse: Warehouse) -> None:
        query = "SELECT CAST(1 AS bigint) AS user_id, 'one' AS label"
        first = publish(warehouse, "rules", query)
        token = route(warehouse).token

        built = build(warehouse, "rules", query)
        keyed = warehouse.publish(publication(built, "rules", token, contract=OTHER_KEY))
        anew = warehouse.publish(replace(publication(built, "rules", token, contract=OTHER_KEY), anew=True))

        assert [edition.number for edition in (first, keyed, anew)] == [1, 2, 3]

    def test_each_implementation_is_measured_by_its_own_editions(self, warehouse: Warehouse) -> None:
        numbers = [publish(warehouse, name, users(3, "one")).number for name in ("rules", "dbt", "rules", "dbt")]

        assert numbers == [1, 2, 1, 2]
        assert warehouse.shown(ENTITY) == {1: Arm.INCUMBENT, 2: Arm.CANDIDATE}

    def test_an_edition_that_was_not_shown_yet_is_shown_when_it_is_published_again(self, warehouse: Warehouse) -> None:
        publish(warehouse, "dbt", users(3, "dbt"))
        route(warehouse, share=10_000)

        again = publish(warehouse, "dbt", users(3, "dbt"))

        assert again.number == 1
        assert labels(warehouse) == {"dbt": 3}
