"""Values of JSON and of Python as typed columns: what fits is kept exactly, what does not sets its record aside."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from lockgate.core.relation import Column
from lockgate.core.types import ColumnType
from lockgate.transform.rules.record_values import readable

INSTANT = datetime(2024, 1, 31, 8, tzinfo=UTC)
KEPT = [
    ("bigint", 2**63 - 1, 2**63 - 1),
    ("bigint", 5.0, 5),
    ("smallint", -32768, -32768),
    ("numeric(6,2)", 1.5, Decimal("1.50")),
    ("numeric(6,2)", "9999.99", Decimal("9999.99")),
    ("numeric(6,2)", Decimal("-0.10"), Decimal("-0.10")),
    ("double", 3, 3.0),
    ("text", "é", "é"),
    ("text", 5, "5"),
    ("text", {"a": [1, None]}, '{"a": [1, null]}'),
    ("boolean", False, False),
    ("date", "2024-01-31", date(2024, 1, 31)),
    ("date", date(2024, 1, 31), date(2024, 1, 31)),
    ("time", "10:00:00", time(10)),
    ("timestamp", "2024-01-31T08:00:00", datetime(2024, 1, 31, 8)),  # noqa: DTZ001
    ("timestamptz", "2024-01-31T10:00:00+02:00", INSTANT),
    ("timestamptz", INSTANT, INSTANT),
    ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("json", {"a": 1}, '{"a": 1}'),
    ("bytes", b"\0", b"\0"),
]
REFUSED = [
    ("bigint", 2**63),
    ("bigint", "5"),
    ("bigint", 5.5),
    ("bigint", True),
    ("smallint", 32768),
    ("numeric(6,2)", 1.005),
    ("numeric(6,2)", 10000),
    ("numeric(6,2)", True),
    ("numeric(6,2)", "x"),
    ("numeric(6,2)", [1]),
    ("numeric(6,2)", float("nan")),
    ("double", "1"),
    ("double", True),
    ("text", "\ud800"),
    ("boolean", 1),
    ("date", "31/01/2024"),
    ("date", 20240131.5),
    ("date", INSTANT),
    ("timestamp", INSTANT),
    ("timestamptz", datetime(2024, 1, 31)),  # noqa: DTZ001
    ("timestamp", "2024-01-31T08:00:00Z"),
    ("timestamptz", "2024-01-31T08:00:00"),
    ("uuid", "x"),
    ("bytes", "x"),
]


def column(type_: str) -> tuple[Column, ...]:
    return (Column("c", ColumnType.parse(type_)),)


@pytest.mark.parametrize(("type_", "value", "expected"), KEPT, ids=ascii)
def test_keeps_what_fits(type_, value, expected):
    table, bad = readable([{"c": value}, {"c": None}, {}], column(type_))

    assert (table["c"].to_pylist(), bad) == ([expected, None, None], [])


@pytest.mark.parametrize(("type_", "value"), REFUSED, ids=ascii)
def test_sets_aside_what_does_not(type_, value):
    table, bad = readable([{"c": None}, {"c": value}], column(type_))

    assert (table["_row"].to_pylist(), bad) == ([1], [(2, f"c: not {ColumnType.parse(type_)}")])


def test_the_first_column_that_does_not_fit_is_the_reason():
    columns = (*column("bigint"), Column("d", ColumnType.parse("boolean")))

    assert readable([{"c": "x", "d": 5}], columns)[1] == [(1, "c: not bigint")]
