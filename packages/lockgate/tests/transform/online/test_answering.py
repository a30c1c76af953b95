"""The end of an online query: its casts are those of an edition, and types are told as the target tells them."""

from __future__ import annotations

from contextlib import closing

import duckdb
import pyarrow as pa
import pytest
import sqlglot

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.adapters.records.duckdb_fidelity import Fidelity
from lockgate.adapters.records.duckdb_parse_tree import parse_tree
from lockgate.adapters.warehouses.duckdb.engine import logical_type
from lockgate.core.casting import cast_to
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import OutputInvalid
from lockgate.transform.online.asking import built_columns
from lockgate.transform.online.plan import OnlinePlan, named

TYPES = [
    "boolean",
    "tinyint",
    "utinyint",
    "smallint",
    "usmallint",
    "integer",
    "uinteger",
    "bigint",
    "ubigint",
    "hugeint",
]
TYPES += ["float", "double", "decimal(4,1)", "decimal(38,9)", "varchar", "uuid", "json", "blob", "date", "time"]
TYPES += ["timestamp", "timestamptz", "timestamp_s", "timestamp_ns", "integer[]", "struct(a int)", "interval"]


@pytest.fixture(scope="module")
def memory():
    with closing(DuckDBMemory(threads=1)) as memory:
        yield memory


@pytest.mark.parametrize("wanted", [*Kind])
def test_a_cast_is_read_and_written_again_as_it_is(memory, wanted):
    fidelity, dialect = Fidelity(memory), memory.dialect

    for source in Kind:
        try:
            cast = cast_to(Column("x", ColumnType(wanted)), ColumnType(source), dialect)
        except OutputInvalid:
            continue
        for sql in filter(None, (cast.value, cast.refused)):
            again = sqlglot.parse_one(sql, dialect=dialect).sql(dialect)
            trees = [parse_tree(memory, f"select {one} as y from t") for one in (sql, again)]
            assert fidelity.plain(trees[0]) == fidelity.plain(trees[1]), (sql, again)


@pytest.mark.parametrize("type_", TYPES)
def test_a_type_is_told_as_the_target_tells_it(memory, type_):
    part = named("m", sqlglot.parse_one(f"select cast(null as {type_}) as x", dialect="duckdb"))

    (column,) = built_columns(memory, OnlinePlan((part,), frozenset(), None, is_apart=True), (part,), {})

    with duckdb.connect() as connection:
        (told,) = connection.sql(f"describe select cast(null as {type_}) as x").fetchall()
    assert column == Column("x", logical_type(told[1]))


def test_values_travel_in_the_contracts_types(shop):
    contract = {"id": "bigint", "u": "uuid", "j": "json", "t": "timestamptz", "d": "date", "n": "numeric(5,1)"}
    sql = (
        "select id, '00000000-0000-0000-0000-00000000000A'::uuid as u, tags as j, seen as t, seen::date as d,"
        " amount as n from raw.orders"
    )
    found = shop.program(shop.model(shop.node("top", sql), contract=contract))

    (answer,) = found.outcomes([[{"id": 1, "tags": {"ä": [1]}, "seen": "2024-02-29T23:59:59.5", "amount": "1.25"}]])

    assert answer.schema.field("u").type == answer.schema.field("j").type == pa.string()
    assert answer.schema.field("t").type == pa.timestamp("us", tz="UTC")
    assert answer.schema.field("n").type == pa.decimal128(5, 1)
    row = answer.to_pylist()[0]
    assert (row["u"], row["j"]) == ("00000000-0000-0000-0000-00000000000a", '{"ä":[1]}')
    assert (row["t"].isoformat(), str(row["d"]), str(row["n"])) == (
        "2024-02-29T23:59:59.500000+00:00",
        "2024-02-29",
        "1.3",
    )
