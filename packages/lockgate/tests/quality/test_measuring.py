"""One query over an edition tells rows, null rates, distinct values and key metrics."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import psycopg
import pytest

from lockgate.core.entity import Engine, Entity, Implementation, QualityDeclaration, RouteDeclaration
from lockgate.core.execution import Execution
from lockgate.core.load import Load, LoadMode, LoadStatus
from lockgate.core.measurement import Measurement, SeriesName
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Edition
from lockgate.core.types import ColumnType
from lockgate.quality.measuring import Measured, of_edition, of_execution, of_load, of_output, query_of

AT = datetime(2026, 3, 1, 5, tzinfo=UTC)
MEASURED = Measured(AT, 7, 11)
TYPES = {"id": "bigint", "paid": "double", "facts": "json"}
ENTITY = Entity(
    name="orders",
    contract=Contract(tuple(Column(name, ColumnType.parse(type_)) for name, type_ in TYPES.items()), ("id",)),
    target="main",
    schema="analytics",
    implementations={"dbt": Implementation("dbt", Engine.DBT, Path("dbt"), "orders")},
    route=RouteDeclaration("dbt"),
    quality=QualityDeclaration(metrics={"revenue": "sum(paid)"}),
)
PLACE = Relation("kept", "orders_1")
FILLED = """
create schema kept;
create table kept.orders_1 (id bigint, paid double precision, facts json);
insert into kept.orders_1 values (1, 10, '{}'), (2, 10, null), (3, null, '{}'), (4, 2.5, '{}')
"""


def _values(row):
    found = of_edition(ENTITY, "dbt", row, MEASURED)
    return {(one.series.metric, one.series.column): one.value for one in found}


EXPECTED = {
    ("rows", ""): 4.0,
    ("null_rate", "id"): 0.0,
    ("distinct", "id"): 4.0,
    ("null_rate", "paid"): 0.25,
    ("distinct", "paid"): 2.0,
    ("null_rate", "facts"): 0.25,
    ("revenue", ""): 22.5,
}


def test_on_duckdb():
    with duckdb.connect() as connection:
        connection.execute(FILLED)
        found = connection.sql(query_of(ENTITY, PLACE, rows=4, estimates_distinct=True).sql(dialect="duckdb"))

        assert _values(found.to_arrow_table().to_pylist()[0]) == EXPECTED


def test_on_postgres(postgres_url):
    with psycopg.connect(postgres_url, row_factory=psycopg.rows.dict_row) as connection:
        connection.execute(FILLED)
        query = query_of(ENTITY, PLACE, rows=4, estimates_distinct=False)
        row = connection.execute(query.sql(dialect="postgres")).fetchone()

        assert _values(row) == EXPECTED


@pytest.mark.parametrize(
    ("dialect", "asked"),
    [
        ("spark", "APPROX_COUNT_DISTINCT(`id`) AS d0"),
        ("bigquery", "APPROX_COUNT_DISTINCT(`id`) AS d0"),
        ("duckdb", 'APPROX_COUNT_DISTINCT("id") AS d0'),
    ],
)
def test_above_a_million_rows_distinct_values_are_estimated(dialect, asked):
    few, many = (
        query_of(ENTITY, PLACE, rows=rows, estimates_distinct=True).sql(dialect=dialect) for rows in (10**6, 10**6 + 1)
    )

    assert "APPROX" not in few
    assert asked in many


def test_where_they_cannot_be_estimated_they_are_counted_up_to_a_million_rows():
    few, many = (
        query_of(ENTITY, PLACE, rows=rows, estimates_distinct=False).sql(dialect="postgres")
        for rows in (10**6, 10**6 + 1)
    )

    assert 'COUNT(DISTINCT "id") AS d0' in few
    assert "DISTINCT" not in many
    assert 'COUNT("id") AS c0' in many


def test_what_was_estimated_is_kept_as_an_estimate():
    counted = {"c0": 1, "c1": 1, "c2": 1, "m0": 1, "d0": 1}
    few, many = (
        {one.series.metric: one.is_exact for one in of_edition(ENTITY, "dbt", {"n": rows} | counted, MEASURED)}
        for rows in (10**6, 10**6 + 1)
    )

    assert few == {"rows": True, "null_rate": True, "distinct": True, "revenue": True}
    assert many == {"rows": True, "null_rate": True, "distinct": False, "revenue": True}


def test_of_an_empty_edition_there_is_no_null_rate_and_no_sum():
    row = {"n": 0, "c0": 0, "d0": 0, "c1": 0, "d1": 0, "c2": 0, "m0": None}

    assert _values(row) == {("rows", ""): 0.0, ("distinct", "id"): 0.0, ("distinct", "paid"): 0.0}


def test_what_is_no_finite_number_is_left_out():
    row = {"n": 1, "c0": 1, "d0": 1, "c1": 1, "d1": 1, "c2": 1, "m0": float("nan")}

    assert ("revenue", "") not in _values(row)


def test_an_execution_is_measured_by_its_seconds_and_the_bytes_that_it_was_billed_for():
    done = Execution("orders", "dbt", PLACE, 4, 1.5)
    seconds = Measurement(SeriesName("orders", "dbt", "seconds"), 1.5, AT, 7, 11)

    assert list(of_execution(done, MEASURED)) == [seconds]
    assert list(of_execution(replace(done, read_bytes=700), MEASURED)) == [
        seconds,
        Measurement(SeriesName("orders", "dbt", "read_bytes"), 700.0, AT, 7, 11),
    ]


def test_what_an_edition_takes_is_measured_where_it_is_known():
    edition = Edition("orders", 3, "dbt", 4, AT)

    assert list(of_output(edition, MEASURED)) == []
    assert list(of_output(replace(edition, bytes=4096), MEASURED)) == [
        Measurement(SeriesName("orders", "dbt", "bytes"), 4096.0, AT, 7, 11)
    ]


def test_a_load_is_measured_once_it_has_landed():
    begun = Load(3, "shop", "orders", Relation("raw", "orders"), LoadMode.APPEND, LoadStatus.STAGED, AT, rows=9)
    landed = replace(begun, status=LoadStatus.LANDED, finished_at=AT.replace(second=4), bytes=100)

    assert list(of_load(begun, MEASURED)) == []
    assert {one.series: one.value for one in of_load(landed, MEASURED)} == {
        SeriesName("shop.orders", "", "rows"): 9.0,
        SeriesName("shop.orders", "", "seconds"): 4.0,
        SeriesName("shop.orders", "", "bytes"): 100.0,
    }
