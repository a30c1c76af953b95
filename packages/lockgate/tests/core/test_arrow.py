"""Logical types to Arrow's and back."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lockgate.core.arrow import arrow_schema, arrow_type, column_type
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType, Kind

TRAVELS_AS_TEXT = {Kind.UUID, Kind.JSON}


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in TRAVELS_AS_TEXT | {Kind.NUMERIC}])
def test_a_kind_comes_back_from_its_arrow_type(kind):
    assert column_type(arrow_type(ColumnType(kind))) == ColumnType(kind)


@pytest.mark.parametrize("kind", sorted(TRAVELS_AS_TEXT))
def test_uuid_and_json_travel_as_text(kind):
    assert arrow_type(ColumnType(kind)) == pa.string()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("numeric", pa.decimal128(38, 9)),
        ("numeric(12,2)", pa.decimal128(12, 2)),
        ("numeric(5)", pa.decimal128(5, 0)),
        ("timestamptz", pa.timestamp("us", tz="UTC")),
    ],
)
def test_arrow_types(written, expected):
    assert arrow_type(ColumnType.parse(written)) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (pa.int8(), "smallint"),
        (pa.uint16(), "integer"),
        (pa.uint32(), "bigint"),
        (pa.uint64(), "numeric(20,0)"),
        (pa.float16(), "real"),
        (pa.decimal128(12, 2), "numeric(12,2)"),
        (pa.timestamp("ns"), "timestamp"),
        (pa.timestamp("s", tz="America/New_York"), "timestamptz"),
        (pa.large_string(), "text"),
        (pa.null(), "text"),
        (pa.dictionary(pa.int8(), pa.string()), "text"),
        (pa.binary(16), "bytes"),
        (pa.list_(pa.int64()), "json"),
        (pa.struct([("a", pa.int64())]), "json"),
        (pa.date64(), "date"),
        (pa.time32("s"), "time"),
    ],
)
def test_the_narrowest_kind_that_holds_an_arrow_type(found, expected):
    assert str(column_type(found)) == expected


def test_a_schema_keeps_the_columns_order():
    columns = (Column("b", ColumnType(Kind.TEXT)), Column("a", ColumnType(Kind.BIGINT)))

    assert arrow_schema(columns) == pa.schema([("b", pa.string()), ("a", pa.int64())])
