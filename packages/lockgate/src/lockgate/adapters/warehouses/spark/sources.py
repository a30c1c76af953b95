"""What a relation of a Spark target is read from: a query over editions, or files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.editions import Published
from lockgate.adapters.warehouses.folder.layout import Layout
from lockgate.adapters.warehouses.spark.editions import edition_files
from lockgate.adapters.warehouses.spark.landing import stream_files
from lockgate.adapters.warehouses.spark.reading import Files, Source
from lockgate.adapters.warehouses.spark.state import current
from lockgate.adapters.warehouses.state import State
from lockgate.core.bucket import BUCKET_COLUMN, BUCKETS
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column, sql_type, table
from lockgate.core.types import ColumnType, Kind

if TYPE_CHECKING:
    from sqlglot import exp


def columns_of(state: State, relation: Relation) -> tuple[Column, ...]:
    """The columns of a relation, in order; empty where there is none."""
    for entity, view in state.views.items():
        if view.served == relation:
            return _arms(state, entity)[0].columns
    if found := _edition(state, relation):
        return (*found.columns, Column(BUCKET_COLUMN, ColumnType(Kind.SMALLINT)))
    return state.columns_of(relation)


def source_of(layout: Layout, state: State, relation: Relation) -> Source | None:
    """What a relation is read from; None where there is none of that name."""
    for entity, view in state.views.items():
        if view.served == relation:
            return _view_query(state, entity)
    found = _edition(state, relation)
    return edition_files(layout, found) if found else stream_files(layout, state, relation)


def duckdb_query(folder: Path, relation: Relation) -> exp.Expression | None:
    """A relation's rows as DuckDB reads them out of the target's files; None where there is none of that name."""
    layout = Layout(folder)
    state = current(layout)
    return _over_files(layout, state, relation)


def _over_files(layout: Layout, state: State, relation: Relation) -> exp.Expression | None:
    from sqlglot import exp

    source = source_of(layout, state, relation)
    if source is None:
        return None
    if isinstance(source, Files):
        return _rows_of_files(source, columns_of(state, relation))

    def bound(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Table):
            return node
        inner = _over_files(layout, state, Relation(node.db, node.name))
        return exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))

    return source.transform(bound)


def _rows_of_files(files: Files, columns: tuple[Column, ...]) -> exp.Select:
    from sqlglot import exp

    from lockgate.adapters.warehouses.duckdb.engine import parquet

    present = _names_in(files)
    values = [column(one.name) if one.name in present else exp.null() for one in columns]
    typed = [
        exp.alias_(exp.cast(value, sql_type(one.type)), one.name, quoted=True)
        for value, one in zip(values, columns, strict=True)
    ]
    if not files.paths:
        return exp.select(*typed).where(exp.false())
    return exp.select(*typed).from_(parquet(files.paths, union_by_name=True))


def _names_in(files: Files) -> frozenset[str]:
    import pyarrow.parquet as pq

    return frozenset(name for file in files.paths for name in pq.read_schema(file).names)


def _edition(state: State, relation: Relation) -> Published | None:
    entities = {row["entity"] for row in state.ledger}
    every = (one for entity in entities for one in state.published(entity))
    return next((one for one in every if one.stored == relation), None)


def _arms(state: State, entity: str) -> tuple[Published, ...]:
    """The editions behind the arms of an entity's view, incumbent first."""
    view = state.views[entity]
    by_number = {one.edition.number: one for one in state.published(entity)}
    return tuple(by_number[number] for number in (view.incumbent, view.candidate) if number)


def _view_query(state: State, entity: str) -> exp.Expression:
    """What a served view reads: one arm alone where the other one is idle; else each has its buckets."""
    from sqlglot import exp

    view, arms = state.views[entity], _arms(state, entity)
    if len(arms) == 1 or view.share in {0, BUCKETS}:
        return _rows(arms[-1] if view.share == BUCKETS else arms[0])
    share = exp.Literal.number(view.share)
    bucket = column(BUCKET_COLUMN)
    incumbent, candidate = arms
    ours = _rows(incumbent).where(exp.GTE(this=bucket, expression=share))
    theirs = _rows(candidate).where(exp.LT(this=bucket.copy(), expression=share.copy()))
    return exp.union(ours, theirs, distinct=False)


def _rows(published: Published) -> exp.Select:
    from sqlglot import exp

    return exp.select(*(column(one.name) for one in published.columns)).from_(table(published.stored))
