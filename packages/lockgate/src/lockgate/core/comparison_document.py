"""A comparison as the document that programs read; the command line's contract names its fields."""

from __future__ import annotations

from lockgate.core.comparison import Comparison, ComparisonRequest

Document = dict[str, object]
_WITH_VALUES = frozenset({"samples", "groups"})


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
        "method": found.method,
        "why_method": found.why_method,
        "rows_moved": found.rows_moved,
        "seconds": found.seconds,
        "pins": found.pins,
        "editions": dict(zip(("left", "right"), found.editions, strict=True)),
    }


def kept_document(found: Comparison, request: ComparisonRequest) -> Document:
    """What is kept of a comparison: the document without what shows values of rows, and what was asked."""
    document = comparison_document(found)
    return {name: part for name, part in document.items() if name not in _WITH_VALUES} | {"request": request}


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
