"""The SQL that several rooms build: quoted, spelled in each dialect."""

from __future__ import annotations

import pytest

from lockgate.core.relation import Relation
from lockgate.core.sql import bucket_expression, column, sql_type, table
from lockgate.core.types import ColumnType


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_names_are_quoted(dialect):
    assert column('Größe "x"').sql(dialect) == '"Größe ""x"""'
    assert table(Relation("Order", "select")).sql(dialect) == '"Order"."select"'


@pytest.mark.parametrize(
    ("written", "duckdb", "postgres", "bigquery"),
    [
        ("integer", "INT", "INT", "INT64"),
        ("numeric", "DECIMAL(38, 9)", "DECIMAL(38, 9)", "NUMERIC(38, 9)"),
        ("numeric(12,2)", "DECIMAL(12, 2)", "DECIMAL(12, 2)", "NUMERIC(12, 2)"),
        ("real", "REAL", "REAL", "FLOAT64"),
        ("double", "DOUBLE", "DOUBLE PRECISION", "FLOAT64"),
        ("text", "TEXT", "TEXT", "STRING"),
        ("timestamp", "TIMESTAMP", "TIMESTAMP", "DATETIME"),
        ("timestamptz", "TIMESTAMPTZ", "TIMESTAMPTZ", "TIMESTAMP"),
        ("bytes", "BLOB", "BYTEA", "BYTES"),
        ("uuid", "UUID", "UUID", "STRING"),
    ],
)
def test_types_are_spelled_in_each_dialect(written, duckdb, postgres, bigquery):
    type_ = sql_type(ColumnType.parse(written))

    assert [type_.sql(dialect) for dialect in ("duckdb", "postgres", "bigquery")] == [duckdb, postgres, bigquery]


def test_a_bucket_has_no_expression_where_nobody_proved_it():
    with pytest.raises(KeyError):
        bucket_expression(("a",), "bigquery")
