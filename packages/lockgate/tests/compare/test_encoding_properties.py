"""Records of random typed rows are equal across engines just where the rows are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.compare.encoding import piece, record
from lockgate.compare.forms import paired
from lockgate.core.comparison import ComparedColumn
from lockgate.core.types import ColumnType

SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
# What a border between values is made of, besides any other text.
CONFUSING = st.text(";:~0123ab ", max_size=4)
ANY_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)
CENTS = st.decimals(-(10**6), 10**6, places=2)


@dataclass(frozen=True)
class Column:
    """One column in two engines: its types there, its values, and what a value means, to be compared in Python."""

    duckdb: str
    postgres: str
    values: st.SearchStrategy
    meaning: type | None = None


def meant(value: object) -> object:
    """Values that are equal mean the same: NaN is NaN, and -0.0 is 0.0."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value + 0.0
    return value


FLOATS = st.floats() | st.sampled_from([0.0, -0.0, 0.1 + 0.2, 0.3, math.nan, 5e-324, 1e22, 123456789012345680.0])
COLUMNS = (
    Column("smallint", "bigint", st.integers(-(2**15), 2**15 - 1)),
    Column("bigint", "bigint", st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53, 2**53 + 1])),
    Column("bigint", "numeric(20,2)", st.integers(-(10**17), 10**17)),
    Column("decimal(18,6)", "numeric(12,2)", CENTS),
    Column("decimal(38,2)", "numeric", CENTS),
    Column("double", "double precision", FLOATS),
    Column("double", "numeric", st.floats(allow_nan=False, allow_infinity=False)),
    Column("boolean", "integer", st.booleans()),
    Column("text", "text", CONFUSING | ANY_TEXT),
    Column("text", "varchar(20)", CONFUSING),
    Column("date", "date", st.dates()),
    Column("timestamp", "timestamp", st.datetimes()),
    Column("timestamp", "timestamptz", st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))),  # noqa: DTZ001
    Column("time", "time", st.times()),
    Column("blob", "bytea", st.binary(max_size=6)),
    Column("uuid", "uuid", st.uuids()),
)


def literal(value: object, type_: str, dialect: str) -> str:
    """A value as SQL writes it."""
    if value is None:
        return f"cast(null as {type_})"
    if isinstance(value, bytes):
        return f"unhex('{value.hex()}')" if dialect == "duckdb" else f"'\\x{value.hex()}'::bytea"
    if isinstance(value, datetime) and type_ == "timestamptz":
        value = value.replace(tzinfo=UTC)
    if isinstance(value, bool) and type_ == "integer":
        value = int(value)
    written = repr(value) if isinstance(value, float) else str(value)
    return f"cast('{written.replace(chr(39), chr(39) * 2)}' as {type_})"


@pytest.fixture(scope="module")
def engines(postgres_server):
    """The rows of a query, in either engine."""
    with duckdb.connect() as bench, psycopg.connect(postgres_server, options="-c TimeZone=UTC") as server:
        bench.execute("SET TimeZone = 'UTC'")
        yield {
            "duckdb": lambda sql: [one for (one,) in bench.sql(sql).fetchall()],
            "postgres": lambda sql: [one for (one,) in server.execute(sql.encode()).fetchall()],
        }


def records(engines, columns, rows, dialect) -> list[str]:
    """The canonical records of rows, in order."""
    sides = [tuple(compared(one, each) for each in ("duckdb", "postgres")) for one in columns]
    pieces = [piece(paired(*side), side[dialect == "postgres"], f"c{n}", dialect) for n, side in enumerate(sides)]
    types = [getattr(one, dialect) for one in columns]
    values = [
        f"({', '.join([str(n), *(literal(v, t, dialect) for v, t in zip(row, types, strict=True))])})"
        for n, row in enumerate(rows)
    ]
    names = ", ".join(["place", *(f"c{n}" for n in range(len(columns)))])
    rows_sql = f"(values {', '.join(values)}) as given({names})"
    return engines[dialect](f"select {record(pieces, dialect)} from {rows_sql} order by place")


def compared(one: Column, dialect: str) -> ComparedColumn:
    native = getattr(one, dialect)
    logical = "text" if native.startswith("varchar") else native
    return ComparedColumn("c", ColumnType.parse(logical), native)


@settings(max_examples=150, deadline=None, suppress_health_check=SUPPRESSED)
@given(columns=st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4), data=st.data())
def test_records_are_equal_where_rows_are(engines, columns, data):
    row = st.tuples(*[st.none() | one.values for one in columns])
    rows = data.draw(st.lists(row, min_size=1, max_size=8))

    left, right = (records(engines, columns, rows, dialect) for dialect in ("duckdb", "postgres"))

    meanings = [tuple(map(meant, one)) for one in rows]
    equal = [[one == other for other in right] for one in left]
    assert equal == [[one == other for other in meanings] for one in meanings]


@settings(max_examples=200, deadline=None, suppress_health_check=SUPPRESSED)
@given(rows=st.lists(st.tuples(*[st.none() | CONFUSING] * 3), min_size=2, max_size=40))
def test_no_text_moves_a_border(engines, rows):
    columns = [Column("text", "text", CONFUSING)] * 3

    left, right = (records(engines, columns, rows, dialect) for dialect in ("duckdb", "postgres"))

    assert left == right
    assert len(set(left)) == len(set(rows))


@settings(max_examples=60, deadline=None, suppress_health_check=SUPPRESSED)
@given(numbers=st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=12), min_size=1, max_size=20))
def test_decimals_of_any_size_have_the_digits_that_they_are_written_with(engines, numbers):
    columns = [Column("text", "numeric", CENTS)]
    written = ComparedColumn("c", ColumnType.parse("numeric"), "number", is_written=True)
    stored = compared(columns[0], "postgres")
    digits = record([piece(paired(written, stored), written, "x", "duckdb")], "duckdb")

    texts = ", ".join(f"({n}, '{one:f}')" for n, one in enumerate(numbers))
    left = engines["duckdb"](f"select {digits} from (values {texts}) as given(place, x) order by place")
    values = ", ".join(f"({n}, cast('{one:f}' as numeric))" for n, one in enumerate(numbers))
    stored_digits = record([piece(paired(written, stored), stored, "x", "postgres")], "postgres")
    right = engines["postgres"](f"select {stored_digits} from (values {values}) as given(place, x) order by place")

    assert left == right
    assert [Decimal(one.removesuffix(";")) for one in left] == numbers
