"""What was found of queries as plain lists for a file, and back."""

from __future__ import annotations

from typing import Any

from lockgate.core.lineage import (
    ColumnLineage,
    ColumnRef,
    Influence,
    Passage,
    QueryLineage,
    Reading,
    Unresolved,
)


def to_document(lineage: QueryLineage) -> list[Any]:
    """Lists of texts and numbers that `from_document` takes."""
    return [
        [[one.name, _pairs(one.direct), _triples(one.indirect)] for one in lineage.columns],
        _triples(lineage.rows),
        [[one.node, list(one.hidden), one.why] for one in lineage.passages],
        [[one.node, one.column, one.reason, one.line, one.position] for one in lineage.unresolved],
    ]


def from_document(document: list[Any]) -> QueryLineage:
    """What `to_document` was given.

    Raises:
        ValueError: it is none of these; a TypeError likewise.
    """
    columns, rows, passages, unresolved = document
    return QueryLineage(
        tuple(ColumnLineage(name, tuple(ColumnRef(*ref) for ref in direct), _influences(indirect))
              for name, direct, indirect in columns),
        _influences(rows),
        tuple(Passage(node, tuple(hidden), why) for node, hidden, why in passages),
        tuple(Unresolved(*each) for each in unresolved),
    )  # fmt: skip


def _pairs(refs: tuple[ColumnRef, ...]) -> list[list[str]]:
    return [[ref.node, ref.column] for ref in refs]


def _triples(influences: tuple[Influence, ...]) -> list[list[str]]:
    return [[one.column.node, one.column.column, str(one.reading)] for one in influences]


def _influences(triples: list[list[str]]) -> tuple[Influence, ...]:
    return tuple(Influence(ColumnRef(node, column), Reading(reading)) for node, column, reading in triples)
