"""A comparison as the document that programs read; the command line's contract names its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from lockgate.core.comparison import (
    Cause,
    ColumnDifference,
    Comparison,
    ComparisonRequest,
    Explained,
    Method,
    RowCounts,
    SchemaDifference,
    Status,
    UnexplainedIn,
    Verdict,
)
from lockgate.core.load import Pin
from lockgate.core.relation import Relation
from lockgate.core.route import Edition

Document = dict[str, object]
Read = TypeVar("Read")
_WITH_VALUES = frozenset({"samples", "groups"})
_WORKED_OUT = frozenset({"touches"})


def comparison_document(found: Comparison) -> Document:
    """Plain fields and lists of them, with values as they are; `lockgate.core.plain` spells them as JSON.

    `rows` count rows: left = matched + changed + missing, right = matched + changed + extra.
    """
    return {
        "left": found.left,
        "right": found.right,
        "key": found.key,
        "verdict": found.verdict,
        "reasons": found.reasons,
        "rows": found.rows,
        "columns": _columns(found),
        "schema": _schema(found),
        "samples": found.samples,
        "causes": found.causes,
        "groups": found.groups,
        "explained": found.explained,
        "unexplained": found.unexplained,
        "unexplained_in": found.unexplained_in,
        "touches": found.touches,
        "method": found.method,
        "why_method": found.why_method,
        "rows_moved": found.rows_moved,
        "seconds": found.seconds,
        "pins": found.pins,
        "editions": dict(zip(("left", "right"), found.editions, strict=True)),
    }


def kept_document(found: Comparison, request: ComparisonRequest) -> Document:
    """What is kept of a comparison: the document without what shows values of rows, and what was asked.

    What it touches is worked out when it is looked at, by the project as it is then.
    """
    document = comparison_document(found)
    kept = {name: part for name, part in document.items() if name not in _WITH_VALUES | _WORKED_OUT}
    return kept | {"request": request}


def _columns(found: Comparison) -> Document:
    return {
        column.name: {
            "changed": column.changed,
            "type_left": column.type_left,
            "type_right": column.type_right,
            "largest": column.largest,
            "noisy": column.is_noisy,
        }
        for column in found.columns
    }


def _schema(found: Comparison) -> Document:
    return {
        "added": found.schema.added,
        "removed": found.schema.removed,
        "type_changed": found.schema.type_changed,
        "reordered": found.schema.is_reordered,
    }


def comparison_from(document: Mapping[str, Any]) -> Comparison:
    """The comparison that a kept document tells of: without samples and groups, which show values of rows."""
    sides = document.get("editions", {})
    return Comparison(
        left=document["left"],
        right=document["right"],
        key=tuple(document["key"]),
        verdict=Verdict(document["verdict"]),
        reasons=tuple(document["reasons"]),
        rows=_of(RowCounts, document["rows"]),
        columns=tuple(_column_from(name, each) for name, each in document["columns"].items()),
        schema=_schema_from(document["schema"]),
        samples=(),
        causes=tuple(_of(Cause, {**each, "status": Status(each["status"])}) for each in document["causes"]),
        groups=(),
        explained=tuple(_of(Explained, each) for each in document["explained"]),
        unexplained=document["unexplained"],
        method=Method(document["method"]),
        why_method=document["why_method"],
        rows_moved=document["rows_moved"],
        seconds=document["seconds"],
        pins=_pins_from(document.get("pins", ())),
        editions=(_editions_from(sides.get("left", ())), _editions_from(sides.get("right", ()))),
        unexplained_in=_of(UnexplainedIn, document["unexplained_in"]) if document.get("unexplained_in") else None,
    )


def _of(kind: type[Read], told: Mapping[str, Any]) -> Read:
    """A dataclass of what is told of it; what a later Lockgate tells besides is passed over."""
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in told.items() if name in known})


def _column_from(name: str, told: Mapping[str, Any]) -> ColumnDifference:
    largest = None if told["largest"] is None else float(told["largest"])
    return ColumnDifference(name, told["changed"], told["type_left"], told["type_right"], largest, told["noisy"])


def _schema_from(told: Mapping[str, Any]) -> SchemaDifference:
    types = {name: (left, right) for name, (left, right) in told["type_changed"].items()}
    return SchemaDifference(tuple(told["added"]), tuple(told["removed"]), types, told["reordered"])


def _pins_from(told: Any) -> tuple[Pin, ...]:
    return tuple(Pin(_of(Relation, each["relation"]), each["first_load"], each["last_load"]) for each in told)


def _editions_from(told: Any) -> tuple[Edition, ...]:
    return tuple(
        _of(
            Edition,
            {**each, "published_at": datetime.fromisoformat(each["published_at"]), "pins": _pins_from(each["pins"])},
        )
        for each in told
    )
