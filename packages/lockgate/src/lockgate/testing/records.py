"""What everything must do that runs queries over tables in memory.

A test class inherits `MemoryConformance` and gives a fixture: `memory`, which closes it. The queries are in words that
DuckDB and PostgreSQL share.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.arrow import arrow_type
from lockgate.core.ports import Memory
from lockgate.core.types import ColumnType, Kind, digits
from lockgate.errors import StatementFailed

_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
_MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.BOOLEAN: st.booleans(),
    Kind.SMALLINT: st.integers(-(2**15), 2**15 - 1),
    Kind.INTEGER: st.integers(-(2**31), 2**31 - 1),
    Kind.BIGINT: st.integers(-(2**63), 2**63 - 1),
    Kind.REAL: st.floats(width=32),
    Kind.DOUBLE: st.floats(),
    Kind.TEXT: _TEXT,
    Kind.DATE: st.dates(date(1, 1, 2), date(9999, 12, 30)),
    Kind.TIME: st.times(),
    Kind.TIMESTAMP: _MOMENTS,
    Kind.TIMESTAMPTZ: _MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
    Kind.UUID: st.uuids().map(str),
    Kind.JSON: st.sampled_from(['{"b": [1, null], "a": "ß"}', "null", "[1.50]"]),
    Kind.BYTES: st.binary(max_size=12),
}
_UTC, _LONGER = pa.timestamp("us", tz="UTC"), pa.timestamp("us", tz="Etc/UTC")
_NUMERIC = st.sampled_from([ColumnType(Kind.NUMERIC, *size) for size in ((1, 0), (12, 2), (38, 0), (38, 9), (38, 38))])
_TYPES = st.one_of(st.sampled_from([ColumnType(kind) for kind in _VALUES]), _NUMERIC)
_SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]  # one memory for all is meant


def _values(type_: ColumnType) -> st.SearchStrategy[Any]:
    if type_.kind is not Kind.NUMERIC:
        return _VALUES[type_.kind]
    precision, scale = digits(type_)
    most = 10**precision - 1
    return st.integers(-most, most).map(lambda units: Decimal((int(units < 0), _digits(units), -scale)))


def _digits(units: int) -> tuple[int, ...]:
    return tuple(int(digit) for digit in str(abs(units)))


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Small tables with columns of any of our kinds, NULL among their values."""
    types, rows = draw(st.lists(_TYPES, min_size=1, max_size=6)), draw(st.integers(0, 5))
    columns = [
        pa.array(draw(st.lists(st.none() | _values(type_), min_size=rows, max_size=rows)), arrow_type(type_))
        for type_ in types
    ]
    return pa.table(columns, names=[f"Column {number}" for number in range(len(columns))])


def told(rows: pa.Table) -> tuple[pa.Schema, str]:
    """A table's schema and all of its values, in words that tell each from each; Not-a-Number is like itself.

    DuckDB calls UTC by its longer name, `Etc/UTC`, at times.
    """
    zoned = [pa.field(one.name, _UTC if one.type == _LONGER else one.type) for one in rows.schema]
    return pa.schema(zoned), repr(rows.cast(pa.schema(zoned)).to_pylist())


class MemoryConformance:
    """The whole suite; see the module for the fixture it needs."""

    def test_reads_the_tables_by_their_names(self, memory: Memory) -> None:
        names = {"raw.x": pa.table({"a": [2, 1]}), 'odd "näme"': pa.table({"Key": [1, 3]})}

        found = memory.query('SELECT a + 1 AS b FROM "raw.x" JOIN "odd ""näme""" ON a = "Key"', names)

        assert found.to_pydict() == {"b": [2]}

    def test_a_query_of_several_parts_reads_them_in_each(self, memory: Memory) -> None:
        sql = """
        WITH doubled AS (SELECT a * 2 AS a FROM "raw.x"), "raw.y" AS (SELECT a FROM doubled WHERE a > 2)
        SELECT a, (SELECT count(*) FROM "raw.x" AS x WHERE x.a < y.a) AS less, '%' || '$1' AS s
        FROM "raw.y" AS y ORDER BY a DESC -- the end
        """

        found = memory.query(sql, {"raw.x": pa.table({"a": [1, 2, 3]})})

        assert found.to_pydict() == {"a": [6, 4], "less": [3, 3], "s": ["%$1", "%$1"]}

    def test_a_query_does_not_see_the_tables_of_another(self, memory: Memory) -> None:
        memory.query("SELECT * FROM mine", {"mine": pa.table({"a": [1]})})

        with pytest.raises(StatementFailed, match="mine"):
            memory.query("SELECT * FROM mine", {})

    def test_what_is_kept_is_read_by_every_later_query(self, memory: Memory) -> None:
        memory.keep('odd "name"', "SELECT a * 2 AS b FROM mine", {"mine": pa.table({"a": [1, 2]})})
        memory.keep("more", 'SELECT b + 1 AS c FROM "odd ""name"""', {})

        found = [memory.query('SELECT sum(b * c) AS s FROM "odd ""name""", more', {}).to_pydict() for _ in range(2)]

        assert found == [{"s": [48]}] * 2

    def test_what_is_kept_keeps_its_types(self, memory: Memory) -> None:
        text = "C0FFEE00-1234-5678-9abc-def012345678"
        sql = "SELECT CAST(id AS uuid) AS id, CAST(n AS decimal(12, 3)) AS n FROM mine"
        memory.keep("kept", sql, {"mine": pa.table({"id": [text], "n": ["1.5"]})})

        found = memory.query("SELECT n FROM kept WHERE id = CAST('c0ffee00123456789abcdef012345678' AS uuid)", {})

        assert found.equals(pa.table({"n": pa.array([Decimal("1.500")], pa.decimal128(12, 3))}))

    def test_a_given_table_hides_a_kept_one(self, memory: Memory) -> None:
        memory.keep("t", "SELECT 1 AS a", {})

        assert memory.query("SELECT a FROM t", {"t": pa.table({"a": [7]})}).to_pydict() == {"a": [7]}
        assert memory.query("SELECT a FROM t", {}).to_pydict() == {"a": [1]}

    def test_a_part_of_a_query_may_be_named_like_the_table_that_it_reads(self, memory: Memory) -> None:
        memory.keep("kept", "SELECT 1 AS a", {})
        sql = "WITH given AS (SELECT a + 1 AS a FROM given), Kept AS (SELECT a + 1 AS a FROM kept)"

        found = memory.query(
            f"{sql} SELECT given.a AS g, kept.a AS k FROM given, kept", {"given": pa.table({"a": [7]})}
        )

        assert found.to_pydict() == {"g": [8], "k": [2]}

    def test_a_query_that_cannot_be_kept_says_why_and_keeps_nothing(self, memory: Memory) -> None:
        with pytest.raises(StatementFailed, match="nowhere"):
            memory.keep("kept", "SELECT * FROM nowhere", {})

        with pytest.raises(StatementFailed, match="kept"):
            memory.query("SELECT * FROM kept", {})

    def test_nothing_is_kept_twice_under_one_name(self, memory: Memory) -> None:
        memory.keep("kept", "SELECT 1 AS a", {})

        with pytest.raises(StatementFailed, match="already exists"):
            memory.keep("kept", "SELECT 2 AS a", {})

        assert memory.query("SELECT a FROM kept", {}).to_pydict() == {"a": [1]}

    def test_a_query_that_failed_is_told_of_and_the_next_works(self, memory: Memory) -> None:
        given = {"t": pa.table({"a": [1]})}

        for _ in range(12):  # a driver may keep a statement planned once it came several times
            with pytest.raises(StatementFailed, match="nowhere"):
                memory.query("SELECT nowhere FROM t", given)

            assert memory.query("SELECT a FROM t", given).to_pydict() == {"a": [1]}

    def test_moments_are_in_utc(self, memory: Memory) -> None:
        found = memory.query("SELECT CAST(CAST('2024-01-31T23:30:00+02:00' AS timestamptz) AS text) AS t", {})

        assert found.to_pydict() == {"t": ["2024-01-31 21:30:00+00"]}

    @settings(max_examples=60, deadline=None, suppress_health_check=_SHARED)
    @given(rows=tables())
    def test_any_table_comes_back_as_it_went_in(self, memory: Memory, rows: pa.Table) -> None:
        assert told(memory.query('SELECT * FROM "raw.t"', {"raw.t": rows})) == told(rows)

    def test_any_table_can_be_kept_as_it_is(self, memory: Memory) -> None:
        rows = pa.table(
            {
                "x": pa.array([math.nan, math.inf, -0.0, None]),
                "n": pa.array([Decimal("1.50"), None, Decimal("-0.01"), Decimal("0.00")], pa.decimal128(12, 2)),
                "t": ["", "漢\t\n\\N", None, "NULL"],
                "d": pa.array([date(1, 1, 2), None, date(2024, 2, 29), date(9999, 12, 30)]),
                "c": pa.array([time(23, 59, 59, 999999), None, time(0), time(12)], pa.time64("us")),
                "b": [b"\x00\xff", None, b"", b"x"],
            }
        )

        memory.keep("kept", "SELECT * FROM t", {"t": rows})

        assert told(memory.query("SELECT * FROM kept", {})) == told(rows)

    def test_five_thousand_rows_are_no_more_than_one(self, memory: Memory) -> None:
        rows = pa.table({"n": range(5000), "t": [f"näme {number}" for number in range(5000)]})

        assert memory.query("SELECT n, t FROM t ORDER BY n", {"t": rows}).equals(rows)

    def test_several_threads_ask_at_once(self, memory: Memory) -> None:
        memory.keep("kept", "SELECT 1 AS one", {})

        def total(number: int) -> int:
            table = pa.table({"a": [number] * 50})
            found: int = memory.query("SELECT CAST(sum(a * one) AS bigint) AS s FROM t, kept", {"t": table})["s"][
                0
            ].as_py()
            return found

        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(total, range(60)))

        assert found == [number * 50 for number in range(60)]

    def test_can_be_used_again_after_it_was_closed_and_has_nothing_kept(self, memory: Memory) -> None:
        memory.keep("kept", "SELECT 1 AS a", {})
        memory.close()
        memory.close()

        assert memory.query("SELECT 1 AS one", {}).to_pydict() == {"one": [1]}
        with pytest.raises(StatementFailed, match="kept"):
            memory.query("SELECT * FROM kept", {})
