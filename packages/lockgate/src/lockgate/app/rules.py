"""The verbs on rule sets: explain, export, test, and transforming records in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.app.new_files import write_new
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Entity, Implementation
from lockgate.core.nearness import did_you_mean
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column, table
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN, Source, Stream
from lockgate.errors import UnknownName
from lockgate.transform.rules import (
    DIALECTS,
    CaseResult,
    Catalog,
    RuleSet,
    explain,
    export,
    outcomes_query,
    source_relations,
    stand_alone,
    test_cases,
    transform_records,
)

Row = dict[str, object]
Record = dict[str, object]
# Records that are read and transformed at a time.
TOGETHER = 10_000
ORIGINS = frozenset({LOAD_ID_COLUMN, POSITION_COLUMN})


def explained(wiring: Wiring, entity: Entity, engine: str | None, dialect: str | None) -> str:
    """The one query that an entity's rules compile to.

    Raises:
        UnknownName: there is no such dialect.
    """
    if dialect is not None and dialect not in DIALECTS:
        hint = did_you_mean(dialect, DIALECTS)
        raise UnknownName(f"there is no dialect {dialect!r}; there are {', '.join(DIALECTS)}", hint=hint, name=dialect)
    rule_set, catalog = opened(wiring, wiring.rule_book.implementation(entity, engine))
    return explain(rule_set, catalog, dialect or wiring.warehouse.capabilities.dialect)


def exported(wiring: Wiring, entity: Entity, into: Path, engine: str | None) -> tuple[Path, ...]:
    """Writes the dbt files that equal an entity's rules below `into`: which they are.

    Raises:
        ProjectInvalid: one of them is there already; nothing was written.
        DiskFull, AccessRefused, UnknownName: they cannot be written there; nothing was left behind.
    """
    rule_set, catalog = opened(wiring, wiring.rule_book.implementation(entity, engine))
    files = {into / name: text for name, text in export(rule_set, catalog, entity.contract).items()}
    write_new(files, beside=into)
    return tuple(files)


def tested(wiring: Wiring, entity: Entity, engine: str | None) -> tuple[CaseResult, ...]:
    """How the cases of an entity's rules went."""
    rule_set, catalog = opened(wiring, wiring.rule_book.implementation(entity, engine))
    return test_cases(rule_set, catalog, DuckDBMemory())


def outcomes(wiring: Wiring, entity: Entity, records: Iterable[Record], engine: str | None) -> Iterator[Row]:
    """What an entity's rules make of records: index, engine, status, reason and output of each, one after the other.

    No more records are held than rules must see together.

    Raises:
        CapabilityMissing: the implementation is no rule set.
        LockgateError: the rules do not fit, or the target does not answer.
    """
    implementation = wiring.rule_book.implementation(entity, engine)
    rule_set, catalog = opened(wiring, implementation)
    context = context_of(wiring, rule_set, catalog)
    size = TOGETHER if stand_alone(rule_set, catalog) else None
    left, number = iter(records), 0
    with closing(DuckDBMemory()) as memory:
        while batch := list(islice(left, size)):
            found = transform_records(rule_set, batch, memory, catalog=catalog, context=context)
            for row in found.to_pylist():
                yield outcome(entity, implementation, number, row)
                number += 1


def outcome(entity: Entity, implementation: Implementation, number: int, row: Row) -> Row:
    """What callers get of a row of outcomes."""
    is_ok = row["_outcome"] == "ok"
    return {
        "index": number,
        "engine": implementation.name,
        "status": row["_outcome"],
        "reason": row["_reason"],
        "output": {name: row[name] for name in entity.contract.names} if is_ok else None,
    }


def context_of(wiring: Wiring, rule_set: RuleSet, catalog: Catalog) -> dict[Relation, pa.Table]:
    """The pinned rows that rules read beside their source."""
    return {relation: pinned_rows(wiring, relation, names) for relation, names in looked_up(rule_set, catalog).items()}


def looked_up(rule_set: RuleSet, catalog: Catalog) -> dict[Relation, tuple[str, ...]]:
    """The relations that rules read beside their source, each with the columns that they read of it."""
    query = outcomes_query(rule_set, _without_origins(catalog), DuckDBMemory.dialect)
    known = {relation: {column.name for column in columns} - ORIGINS for relation, columns in catalog.relations}
    read: dict[Relation, set[str]] = {}
    for found in query.find_all(exp.Table):
        select = found.parent_select
        if found.db and select is not None:
            names = {column.name for column in select.find_all(exp.Column)}
            relation = Relation(found.db, found.name)
            read.setdefault(relation, set()).update(names & known[relation])
    return {
        relation: tuple(sorted(read.get(relation, ())))
        for relation in source_relations(rule_set, catalog)
        if relation != rule_set.source
    }


def _without_origins(catalog: Catalog) -> Catalog:
    """The catalog without the columns that say where a row came from, which records have not."""
    relations = (
        (relation, tuple(column for column in columns if column.name not in ORIGINS))
        for relation, columns in catalog.relations
    )
    return Catalog(tuple(relations), catalog.rule_sets)


def catalog_of(wiring: Wiring, implementation: Implementation, *, offline: bool = False) -> Catalog:
    """The columns of every raw relation, as the target has them, else as declared, else as the source tells."""
    relations = []
    for source, stream in wiring.project.streams():
        columns = _columns(wiring, source, stream, offline=offline)
        if columns:
            relations.append((source.relation(stream), columns))
    return Catalog(tuple(relations), wiring.rule_book.beside(implementation))


def own_columns_of(wiring: Wiring, relation: Relation) -> tuple[Column, ...]:
    """The columns of a raw relation without those that say where a row came from; none where it is not known."""
    filled = (pair for pair in wiring.project.streams() if pair[0].relation(pair[1]) == relation)
    found = next((_columns(wiring, *pair) for pair in filled), None)
    columns = wiring.warehouse.columns(relation) if found is None else found
    return tuple(column for column in columns if column.name not in ORIGINS)


def _columns(wiring: Wiring, source: Source, stream: Stream, *, offline: bool = False) -> tuple[Column, ...]:
    columns: tuple[Column, ...] = () if offline else wiring.warehouse.columns(source.relation(stream))
    return columns or (stream.columns if offline else wiring.offered(source, stream))


def opened(wiring: Wiring, implementation: Implementation) -> tuple[RuleSet, Catalog]:
    """What an implementation's file says, and the columns that it may read."""
    return wiring.rule_book.rule_set(implementation), catalog_of(wiring, implementation)


def pinned_rows(wiring: Wiring, relation: Relation, names: Sequence[str]) -> pa.Table:
    """The pinned rows of a raw relation, with the columns of those names."""
    columns: list[exp.Expr] = [column(name) for name in names] or [exp.Literal.number(1).as_("one")]
    return wiring.warehouse.query(exp.select(*columns).from_(table(relation)))
