"""The verbs on rule sets: explain, export, test, and transforming records in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.app.new_files import write_new
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Entity, Implementation
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import table
from lockgate.transform.rules import (
    CaseResult,
    Catalog,
    RuleSet,
    explain,
    export,
    source_relations,
    test_cases,
    transform_records,
)

Rows = list[dict[str, object]]


def explained(wiring: Wiring, entity: Entity, engine: str | None, dialect: str | None) -> str:
    """The one query that an entity's rules compile to."""
    rule_set, catalog = _opened(wiring, wiring.rule_book.implementation(entity, engine))
    return explain(rule_set, catalog, dialect or wiring.warehouse.capabilities.dialect)


def exported(wiring: Wiring, entity: Entity, into: Path, engine: str | None) -> tuple[Path, ...]:
    """Writes the dbt files that equal an entity's rules below `into`: which they are.

    Raises:
        ProjectInvalid: one of them is there already; nothing was written.
        DiskFull, AccessRefused, UnknownName: they cannot be written there; nothing was left behind.
    """
    rule_set, catalog = _opened(wiring, wiring.rule_book.implementation(entity, engine))
    files = {into / name: text for name, text in export(rule_set, catalog, entity.contract).items()}
    write_new(files, beside=into)
    return tuple(files)


def tested(wiring: Wiring, entity: Entity, engine: str | None) -> tuple[CaseResult, ...]:
    """How the cases of an entity's rules went."""
    rule_set, catalog = _opened(wiring, wiring.rule_book.implementation(entity, engine))
    return test_cases(rule_set, catalog, DuckDBMemory())


def transformed(wiring: Wiring, entity: Entity, records: Sequence[dict[str, object]], engine: str | None) -> Rows:
    """What an entity's rules make of records: index, engine, status, reason and output of each."""
    implementation = wiring.rule_book.implementation(entity, engine)
    rule_set, catalog = _opened(wiring, implementation)
    others = [relation for relation in source_relations(rule_set, catalog) if relation != rule_set.source]
    context = {relation: _rows(wiring, relation) for relation in others}
    memory = DuckDBMemory()
    found = transform_records(rule_set, records, memory, catalog=catalog, context=context).to_pylist()
    return [
        {
            "index": number,
            "engine": implementation.name,
            "status": row["_outcome"],
            "reason": row["_reason"],
            "output": {name: row[name] for name in entity.contract.names} if row["_outcome"] == "ok" else None,
        }
        for number, row in enumerate(found)
    ]


def catalog_of(wiring: Wiring, implementation: Implementation, *, offline: bool = False) -> Catalog:
    """The columns of every raw relation, as the target has them, else as declared, else as the source tells."""
    relations = []
    for source, stream in wiring.project.streams():
        relation = source.relation(stream)
        columns: tuple[Column, ...] = () if offline else wiring.warehouse.columns(relation)
        columns = columns or (stream.columns if offline else wiring.offered(source, stream))
        if columns:
            relations.append((relation, columns))
    return Catalog(tuple(relations), wiring.rule_book.beside(implementation))


def _opened(wiring: Wiring, implementation: Implementation) -> tuple[RuleSet, Catalog]:
    return wiring.rule_book.rule_set(implementation), catalog_of(wiring, implementation)


def _rows(wiring: Wiring, relation: Relation) -> pa.Table:
    """The pinned rows of a raw relation."""
    return wiring.warehouse.query(exp.select(exp.Star()).from_(table(relation)))
