"""What the warehouse suites start from: staged loads, built outputs, routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp, parse_one

from lockgate.core.arrow import arrow_schema
from lockgate.core.load import Landing, LoadMode, pin_of
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Edition, Publication, Route, Stage
from lockgate.core.sql import table
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN
from lockgate.core.types import ColumnType, Kind

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
BIGINT, TEXT = ColumnType(Kind.BIGINT), ColumnType(Kind.TEXT)
RAW_USERS = Relation("raw", "users")
ID, NAME = Column("id", BIGINT), Column("name", TEXT)
SYSTEM = (Column(LOAD_ID_COLUMN, BIGINT), Column(POSITION_COLUMN, BIGINT))
REJECTS = (*SYSTEM, Column("column", TEXT), Column("reason", TEXT), Column("record", TEXT))

ENTITY = "users"
SERVED = Relation("analytics", "users")
CONTRACT = Contract((Column("user_id", BIGINT), Column("label", TEXT)), key=("user_id",))

SPEAK_ALIKE = frozenset({"duckdb", "postgres"})

Row = Mapping[str, Any]


def staged(
    folder: Path,
    load_id: int,
    rows: Sequence[Row],
    *,
    relation: Relation = RAW_USERS,
    columns: tuple[Column, ...] = (ID, NAME),
    mode: LoadMode = LoadMode.APPEND,
    rejects: Sequence[Row] = (),
) -> Landing:
    """A load whose rows and rejects are on the disk, each in one Parquet file, or none where there are none."""
    return Landing(
        load_id=load_id,
        relation=relation,
        mode=mode,
        columns=columns,
        files=_parquet(folder, load_id, rows, (*columns, *SYSTEM)),
        rejects=_parquet(folder, load_id, rejects, REJECTS),
        rows=len(rows),
        rejected=len(rejects),
        cursor_until=f"cursor {load_id}",
    )


def _parquet(folder: Path, load_id: int, rows: Sequence[Row], columns: tuple[Column, ...]) -> tuple[Path, ...]:
    if not rows:
        return ()
    numbered = [{LOAD_ID_COLUMN: load_id, POSITION_COLUMN: place, **row} for place, row in enumerate(rows, start=1)]
    path = folder / f"{uuid4().hex}.parquet"
    pq.write_table(pa.Table.from_pylist(numbered, schema=arrow_schema(columns)), path)
    return (path,)


def land(warehouse: Warehouse, landing: Landing) -> None:
    """Lands a load and moves its stream's pin up to it."""
    warehouse.land(landing)
    pin = pin_of(landing.relation, warehouse.landed(landing.relation))
    assert pin is not None
    warehouse.move_pins([pin])


def rows_of(warehouse: Warehouse, relation: Relation, *, order_by: str = "1") -> list[dict[str, Any]]:
    """A relation's rows in order, without the columns that tell of the load."""
    found = warehouse.query(exp.select("*").from_(table(relation)).order_by(order_by)).to_pylist()
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in found]


def users(count: int, label: str) -> str:
    """A query for users 1 to `count`, all with one label."""
    return f"SELECT CAST(i AS bigint) AS user_id, '{label}' AS label FROM generate_series(1, {count}) AS series(i)"


def route(warehouse: Warehouse, incumbent: str = "rules", candidate: str | None = "dbt", share: int = 0) -> Route:
    """Stores the entity's first route, or changes it to these implementations and this share."""
    stored = warehouse.route(ENTITY)
    stage = Stage.CANARY if share > 0 else Stage.OFF
    return warehouse.set_route(Route(ENTITY, incumbent, candidate, stage, share, stored.token if stored else 0))


def build(warehouse: Warehouse, implementation: str, query: str, *, name: str = "fct_users") -> Relation:
    """Builds a query's rows in an implementation's workshop."""
    schema = f"{SERVED.schema}__{implementation}"
    with warehouse.workshop(schema) as workshop:
        workshop.build(name, select(query, workshop.dialect))
    return Relation(schema, name)


def select(query: str, dialect: str) -> exp.Expression:
    """A query in words that PostgreSQL and DuckDB share, as a tree that means the same in a dialect."""
    if dialect in SPEAK_ALIKE:
        return parse_one(query, dialect=dialect, into=exp.Select)
    means = _as_bigquery_means_it if dialect == "bigquery" else _as_spark_means_it
    return parse_one(query, dialect="postgres", into=exp.Select).transform(means)


def _as_spark_means_it(node: exp.Expression) -> exp.Expression:
    """Spark counts by `range`, which ends before its second number; a UUID is text in lower case there."""
    if isinstance(node, exp.Cast) and node.to.this is exp.DataType.Type.UUID:
        return exp.Lower(this=node.this)
    series = node.this if isinstance(node, exp.Table) else None
    if not isinstance(series, exp.GenerateSeries):
        return node
    end = exp.Add(this=series.args["end"], expression=exp.Literal.number(1))
    counted = exp.Anonymous(this="range", expressions=[series.args["start"], end])
    return exp.Table(this=counted, alias=node.args["alias"])


def _as_bigquery_means_it(node: exp.Expression) -> exp.Expression:
    """BigQuery counts by an array, whose elements a name is given; UUIDs are text, and decimals are written as text."""
    if isinstance(node, exp.Cast) and node.to.this is exp.DataType.Type.UUID:
        return exp.Lower(this=node.this)
    if isinstance(node, exp.Cast) and node.to.this is exp.DataType.Type.DECIMAL and _is_number(node.this):
        return exp.Cast(this=exp.Literal.string(node.this.sql()), to=node.to)
    series = node.this if isinstance(node, exp.Table) else None
    if not isinstance(series, exp.GenerateSeries):
        return node
    counted = exp.GenerateSeries(start=series.args["start"], end=series.args["end"])
    (name,) = node.args["alias"].columns
    return exp.Unnest(expressions=[counted], alias=exp.TableAlias(columns=[name]))


def _is_number(node: exp.Expression) -> bool:
    inner = node.this if isinstance(node, exp.Neg) else node
    return isinstance(inner, exp.Literal) and not inner.is_string


def publication(
    built: Relation, implementation: str, token: int, *, contract: Contract = CONTRACT, served: Relation = SERVED
) -> Publication:
    """A publication of what was built."""
    return Publication(ENTITY, implementation, contract, built, served, token, NOON)


def publish(
    warehouse: Warehouse, implementation: str, query: str, *, contract: Contract = CONTRACT, held: bool = False
) -> Edition:
    """Builds a query's rows and publishes them under the route in force."""
    stored = warehouse.route(ENTITY) or route(warehouse)
    built = build(warehouse, implementation, query)
    given = publication(built, implementation, stored.token, contract=contract)
    return warehouse.publish(replace(given, held=held))


def release(warehouse: Warehouse, *editions: Edition) -> tuple[Edition, ...]:
    """Releases editions under the route in force."""
    stored = warehouse.route(ENTITY)
    assert stored is not None
    return warehouse.release(editions, token=stored.token)


def labels(warehouse: Warehouse) -> dict[str, int]:
    """How many users the served view shows under each label."""
    query = exp.select("label", exp.alias_(exp.Count(this=exp.Star()), "n")).from_(table(SERVED)).group_by("label")
    return {row["label"]: row["n"] for row in warehouse.query(query).to_pylist()}
