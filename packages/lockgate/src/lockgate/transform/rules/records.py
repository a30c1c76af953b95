"""Runs a rule set over records in memory: the same query that runs over tables, in DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import pyarrow as pa
from sqlglot import exp

from lockgate.core.arrow import arrow_schema, arrow_type
from lockgate.core.ports import Memory
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column, sql_type
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import RuleSetInvalid
from lockgate.transform.rules.binding import source_relations
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import OUTCOME, REASON, outcomes_query
from lockgate.transform.rules.record_values import readable
from lockgate.transform.rules.rule_set import Outcome, RuleSet

Record = Mapping[str, object]
_AS_TEXT = {Kind.UUID, Kind.JSON}
_POSITION = Column(POSITION_COLUMN, ColumnType(Kind.BIGINT))


def transform_records(
    rule_set: RuleSet,
    records: pa.Table | Sequence[Record],
    memory: Memory,
    *,
    catalog: Catalog,
    context: Mapping[Relation, pa.Table] | None = None,
) -> pa.Table:
    """Every record's outcome, in order: the output, `_outcome`, `_rule`, `_reason`, `_changed`, and `_row` from 1.

    `catalog` types the records' columns; missing ones are NULL, others are left out. A record with a value that its
    column cannot hold is rejected, by no rule. `context` has the rows of every other relation that the rules read.

    Raises:
        RuleSetInvalid: the rules do not fit the catalog, or a relation that they read is not in `context`.
    """
    columns = own_columns(rule_set.source, catalog)
    good, bad = (records, []) if isinstance(records, pa.Table) else readable(records, columns)
    tables = {str(rule_set.source): _shaped(good, columns)}
    for relation in source_relations(rule_set, catalog):
        if relation != rule_set.source:
            tables[str(relation)] = context_rows(relation, catalog, context or {})
    outcomes = plain_text(memory.query(_sql(rule_set, _numbered(rule_set, catalog), memory.dialect), tables))
    return pa.concat_tables([outcomes, rejected_rows(bad, outcomes.schema)]).sort_by(POSITION_COLUMN)


def own_columns(relation: Relation, catalog: Catalog) -> tuple[Column, ...]:
    """A relation's own columns, without those that say where a row came from.

    Raises:
        RuleSetInvalid: nothing is known of the relation.
    """
    columns = catalog.columns(relation)
    if columns is None:
        raise RuleSetInvalid(f"nothing is known of {relation}, which the rules read", relation=str(relation))
    return tuple(column for column in columns if column.name not in {LOAD_ID_COLUMN, POSITION_COLUMN})


@lru_cache(maxsize=256)
def _numbered(rule_set: RuleSet, catalog: Catalog) -> Catalog:
    """The catalog, with the records' positions as the source's only extra column."""
    relations = ((relation, own_columns(relation, catalog)) for relation, _ in catalog.relations)
    numbered = ((r, (*columns, _POSITION) if r == rule_set.source else columns) for r, columns in relations)
    return Catalog(tuple(numbered), catalog.rule_sets)


@lru_cache(maxsize=256)
def _sql(rule_set: RuleSet, catalog: Catalog, dialect: str) -> str:
    """The query, reading tables in memory by their full names."""
    return query_in_memory(rule_set, catalog, dialect).sql(dialect, comments=False)


def query_in_memory(rule_set: RuleSet, catalog: Catalog, dialect: str) -> exp.Select:
    """The query over tables in memory, which it reads by their full names, as the caller's own."""
    query = outcomes_query(rule_set, catalog, dialect).copy()
    for found in list(query.find_all(exp.Table)):
        if found.db:
            relation = Relation(found.db, found.name)
            columns = [_restored(column) for column in catalog.columns(relation) or ()]
            rows = exp.select(*columns).from_(exp.Table(this=exp.to_identifier(str(relation), quoted=True)))
            found.replace(rows.subquery(found.alias or found.name))
    return query


def _restored(stored: Column) -> exp.Expr:
    """A column in its logical type; some travel through Arrow as text."""
    value = column(stored.name)
    if stored.type.kind not in _AS_TEXT:
        return value
    return exp.alias_(exp.cast(value, sql_type(stored.type)), stored.name, quoted=True)


def _shaped(rows: pa.Table, columns: tuple[Column, ...]) -> pa.Table:
    """The rows with exactly the columns' names and types, numbered from 1 unless they are already."""
    number = pa.array(range(1, rows.num_rows + 1), pa.int64())
    if POSITION_COLUMN in rows.column_names:
        number = rows[POSITION_COLUMN]
    return cast_rows(rows, columns).append_column(POSITION_COLUMN, number)


def cast_rows(rows: pa.Table, columns: tuple[Column, ...]) -> pa.Table:
    """The rows with the columns' names and types; columns that they lack are NULL."""
    arrays = [
        rows[c.name].cast(arrow_type(c.type))
        if c.name in rows.column_names
        else pa.nulls(len(rows), arrow_type(c.type))
        for c in columns
    ]
    return pa.table(arrays, schema=arrow_schema(columns))


def context_rows(relation: Relation, catalog: Catalog, context: Mapping[Relation, pa.Table]) -> pa.Table:
    """The rows of a relation that is looked up.

    Raises:
        RuleSetInvalid: they were not given.
    """
    if relation not in context:
        message = f"the rules look up {relation}, whose rows were not given along with the records"
        raise RuleSetInvalid(message, relation=str(relation))
    return cast_rows(context[relation], own_columns(relation, catalog))


def plain_text(rows: pa.Table) -> pa.Table:
    """The rows with text where engines keep a dictionary of it."""
    fields = [pa.field(f.name, pa.string()) if pa.types.is_dictionary(f.type) else f for f in rows.schema]
    return rows.cast(pa.schema(fields))


def rejected_rows(bad: Sequence[tuple[int, str]], schema: pa.Schema) -> pa.Table:
    """Outcomes of records that could not be read."""
    known: dict[str, list[object]] = {
        OUTCOME: [Outcome.REJECTED.value for _ in bad],
        REASON: [reason for _, reason in bad],
        POSITION_COLUMN: [number for number, _ in bad],
    }
    arrays = [pa.array(known.get(field.name, [None] * len(bad)), field.type) for field in schema]
    return pa.table(arrays, schema=schema)
