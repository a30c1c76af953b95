"""The SQL that several rooms build: quoted, spelled in each dialect."""

from __future__ import annotations

import warnings

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.bucket import bucket_of
from lockgate.core.relation import Relation
from lockgate.core.sql import bucket_expression, column, sql_type, table
from lockgate.core.types import ColumnType


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_names_are_quoted(dialect):
    assert column('Größe "x"').sql(dialect) == '"Größe ""x"""'
    assert table(Relation("Order", "select")).sql(dialect) == '"Order"."select"'


@pytest.mark.parametrize(
    ("written", "duckdb", "postgres", "spark", "bigquery"),
    [
        ("integer", "INT", "INT", "INT", "INT64"),
        ("numeric", "DECIMAL(38, 9)", "DECIMAL(38, 9)", "DECIMAL(38, 9)", "NUMERIC(38, 9)"),
        ("numeric(12,2)", "DECIMAL(12, 2)", "DECIMAL(12, 2)", "DECIMAL(12, 2)", "NUMERIC(12, 2)"),
        ("real", "REAL", "REAL", "FLOAT", "FLOAT64"),
        ("double", "DOUBLE", "DOUBLE PRECISION", "DOUBLE", "FLOAT64"),
        ("text", "TEXT", "TEXT", "STRING", "STRING"),
        ("timestamp", "TIMESTAMP", "TIMESTAMP", "TIMESTAMP_NTZ", "DATETIME"),
        ("timestamptz", "TIMESTAMPTZ", "TIMESTAMPTZ", "TIMESTAMP", "TIMESTAMP"),
        ("bytes", "BLOB", "BYTEA", "BINARY", "BYTES"),
        ("uuid", "UUID", "UUID", "STRING", "STRING"),
    ],
)
def test_types_are_spelled_in_each_dialect(written, duckdb, postgres, spark, bigquery):
    type_ = sql_type(ColumnType.parse(written))

    spelled = [type_.sql(dialect) for dialect in ("duckdb", "postgres", "spark", "bigquery")]
    assert spelled == [duckdb, postgres, spark, bigquery]


def test_a_bucket_has_no_expression_where_nobody_proved_it():
    with pytest.raises(KeyError):
        bucket_expression(("a",), "snowflake")


PARTS = {"bigint": st.integers(-(2**63), 2**63 - 1), "text": st.text(), "uuid": st.uuids(), "date": st.dates()}


@pytest.mark.slow
def test_buckets_are_the_same_in_python_and_on_spark(spark_session):
    """A statement takes Spark long, whatever it does: random keys of every type are gathered for one."""
    keys = []

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(key=st.tuples(*(st.none() | part for part in PARTS.values())))
    def gather(key):
        keys.append(key)

    gather()
    texts = [
        pa.array([None if key[n] is None else str(key[n]) for key in keys], pa.string()) for n in range(len(PARTS))
    ]
    typed = ", ".join(f"CAST({name} AS {sql_type(ColumnType.parse(name)).sql('spark')}) AS {name}" for name in PARTS)
    shapes = [*((name,) for name in PARTS), tuple(PARTS)]
    buckets = ", ".join(bucket_expression(shape, "spark").sql("spark") for shape in shapes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spark_session.createDataFrame(pa.table(texts, list(PARTS))).createOrReplaceTempView("keys")
        found = spark_session.sql(f"SELECT {buckets} FROM (SELECT {typed} FROM keys)").toArrow()

    expected = [[bucket_of((key[n],)) for n in range(len(PARTS))] + [bucket_of(key)] for key in keys]
    assert [list(row) for row in zip(*(column.to_pylist() for column in found.columns), strict=True)] == expected
