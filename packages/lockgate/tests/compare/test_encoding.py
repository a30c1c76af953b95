"""The canonical text of values, type by type: the same in DuckDB and in PostgreSQL, and exactly this."""

from __future__ import annotations

import struct

import duckdb
import psycopg
import pytest

from lockgate.compare.encoding import piece, record, text, value
from lockgate.compare.forms import Form, paired
from lockgate.core.comparison import ComparedColumn
from lockgate.core.types import ColumnType

# The type in a contract, on either side; how a value is written in DuckDB and in PostgreSQL; its canonical text.
VECTORS = (
    ("smallint", "cast(-7 as smallint)", "cast(-7 as smallint)", "-7"),
    ("bigint", "cast('-9223372036854775808' as bigint)", "cast('-9223372036854775808' as bigint)", str(-(2**63))),
    ("boolean", "true", "true", "1"),
    ("boolean", "false", "false", "0"),
    ("numeric(18,6)", "cast('1.083211' as decimal(18,6))", "cast('1.083211' as numeric(18,6))", "1.083211"),
    ("numeric(18,6)", "cast('-0.5' as decimal(18,6))", "cast('-0.5' as numeric(18,6))", "-0.500000"),
    ("numeric(9,2)", "cast('-0.00' as decimal(9,2))", "cast('-0.00' as numeric(9,2))", "0.00"),
    ("numeric(38,0)", f"cast('{'9' * 38}' as decimal(38,0))", f"cast('{'9' * 38}' as numeric(38,0))", "9" * 38),
    ("numeric", "'12.50'", "cast('12.50' as numeric)", "125e-1"),
    ("numeric", "'100'", "cast('100' as numeric)", "1e2"),
    ("numeric", "'-0.00'", "cast('-0.00' as numeric)", "0"),
    ("numeric", "'-1.5e-7'", "cast('-1.5e-7' as numeric)", "-15e-8"),
    ("numeric", "'+.5'", "cast('+.5' as numeric)", "5e-1"),
    ("numeric", "'007'", "cast('007' as numeric)", "7e0"),
    ("numeric", "'NaN'", "cast('NaN' as numeric)", "nan"),
    ("numeric", "'Infinity'", "cast('Infinity' as numeric)", "inf"),
    ("numeric", "'-inf'", "cast('-Infinity' as numeric)", "-inf"),
    ("double", "cast(1.0 as double)", "cast(1.0 as float8)", str(0x3FF0000000000000)),
    ("double", "cast(-1.0 as double)", "cast(-1.0 as float8)", str(0xBFF0000000000000 - 2**64)),
    ("double", "cast('-0.0' as double)", "cast('-0.0' as float8)", "0"),
    ("double", "cast('NaN' as double)", "cast('NaN' as float8)", str(0x7FF8000000000000)),
    ("double", "cast('-inf' as double)", "cast('-Infinity' as float8)", str(0xFFF0000000000000 - 2**64)),
    ("double", "cast('5e-324' as double)", "cast('5e-324' as float8)", "1"),
    ("real", "cast('0.1' as float)", "cast('0.1' as real)", str(0x3FB99999A0000000)),
    ("date", "date '0044-03-15'", "date '0044-03-15'", "0044-03-15"),
    ("date", "date '0044-03-15 (BC)'", "date '0044-03-15 BC'", "0044-03-15 BC"),
    ("date", "date '0001-12-31 (BC)'", "date '0001-12-31 BC'", "0001-12-31 BC"),
    ("date", "date '-infinity'", "date '-infinity'", "-infinity"),
    ("timestamp", "timestamp 'infinity'", "timestamp 'infinity'", "infinity"),
    ("timestamptz", "timestamptz '-infinity'", "timestamptz '-infinity'", "-infinity"),
    ("time", "time '23:59:59.5'", "time '23:59:59.5'", "23:59:59.5"),
    ("timestamp", "timestamp '2024-02-29 12:00:00'", "timestamp '2024-02-29 12:00:00'", "2024-02-29 12:00:00"),
    (
        "timestamptz",
        "timestamptz '2024-02-29 12:00:00.000001+05:30'",
        "timestamptz '2024-02-29 12:00:00.000001+05:30'",
        "2024-02-29 06:30:00.000001",
    ),
    ("text", "'a;b~1:ü'", "'a;b~1:ü'", "a;b~1:ü"),
    ("text", "''", "''", ""),
    ("text", "'cafe' || chr(769)", "'cafe' || chr(769)", "cafe\u0301"),
    ("uuid", "uuid 'C0FFEE00-1234-5678-9ABC-DEF012345678'", "uuid 'C0FFEE00-1234-5678-9ABC-DEF012345678'",
     "c0ffee00-1234-5678-9abc-def012345678"),
    ("bytes", "unhex('00FF')", "'\\x00ff'::bytea", "00ff"),
    ("bytes", "unhex('')", "''::bytea", ""),
)  # fmt: skip

# Columns in DuckDB, as type and value, and what stands for them in a record.
PIECES = (
    ("bigint", "cast(7 as bigint)", "7;"),
    ("bigint", "cast(null as bigint)", "~;"),
    ("text", "'ab'", "2:ab"),
    ("text", "'é~'", "3:é~"),
    ("text", "''", "0:"),
    ("text", "cast(null as text)", "~:"),
    ("boolean", "true", "1;"),
    ("date", "date '2024-02-29'", "2024-02-29;"),
)


# JSON as it is written, and its canonical text: a letter before each text and each number, numbers as their digits.
DOCUMENTS = (
    ('{"b": 1e16, "a": [1.50, -0.0]}', '{"ta":["n15e-1","n0"],"tb":"n1e16"}'),
    ("10000000000000000", '"n1e16"'),
    ("0.30000000000000001", '"n30000000000000001e-17"'),
    ("12345678901234567890.25", '"n1234567890123456789025e-2"'),
    ('["n1", 1, "1.0", "a\\"1"]', '["tn1","n1e0","t1.0","ta\\"1"]'),
    ('"\\u00e9"', '"té"'),
    ("null", "null"),
    ("[-Infinity, NaN]", "[-Infinity,NaN]"),
)


def column(type_, *, is_written=False):
    return ComparedColumn("x", ColumnType.parse(type_), type_, is_written=is_written)


@pytest.fixture(scope="module")
def engines(postgres_server):
    """What a query's only row holds, in either engine."""
    with duckdb.connect() as bench, psycopg.connect(postgres_server, options="-c TimeZone=UTC") as server:
        bench.execute("SET TimeZone = 'UTC'")
        yield {
            "duckdb": lambda sql: bench.execute(f"select {sql}").fetchone()[0],
            "postgres": lambda sql: server.execute(f"select {sql}").fetchone()[0],
        }


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector[0]} {vector[3][:30]}")
def test_text_is_the_same_in_both_engines(engines, vector):
    type_, in_duckdb, in_postgres, expected = vector
    written = column(type_, is_written=type_ == "numeric")
    stored = column(type_)
    pair = paired(written, stored)

    assert engines["duckdb"](text(pair, written, f"({in_duckdb})", "duckdb")) == expected
    assert engines["postgres"](text(pair, stored, f"({in_postgres})", "postgres")) == expected


@pytest.mark.parametrize(("written", "expected"), DOCUMENTS)
def test_json_has_its_keys_in_order_and_every_digit_in_its_place(engines, written, expected):
    pair = paired(column("json"), column("json"))

    quoted = written.replace("'", "''")
    assert engines["duckdb"](value(pair, pair.left, f"'{quoted}'", "duckdb")) == expected


def test_the_bits_of_doubles_are_those_of_ieee_754(engines):
    pair = paired(column("double"), column("double"))
    numbers = [1.5, -2.25, 1e300, 2.2250738585072014e-308, float("inf")]

    found = [engines["duckdb"](text(pair, pair.left, f"cast('{one}' as double)", "duckdb")) for one in numbers]

    assert found == [str(struct.unpack(">q", struct.pack(">d", one))[0]) for one in numbers]


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_a_record_tells_where_each_value_ends(engines, dialect):
    pieces = [piece(paired(column(type_), column(type_)), column(type_), x, dialect) for type_, x, _ in PIECES]

    assert engines[dialect](record(pieces, dialect)) == "7;~;2:ab3:é~0:~:1;2024-02-29;"


def test_numbers_of_unlike_types_have_one_form():
    bigint, double, decimal = column("bigint"), column("double"), column("numeric(18,6)")

    assert paired(bigint, decimal).form is Form.DECIMAL
    assert paired(bigint, double).form is Form.NUMBER
    assert paired(decimal, column("numeric(38,30)")).form is Form.NUMBER
    assert paired(column("smallint"), bigint).form is Form.WHOLE
