"""Query parameters and the values of variables, as typed expressions of DuckDB.

Source: `QueryParameter` of REST, cloud.google.com/bigquery/docs/parameterized-queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from lockgate.sandbox.bigquery_api.casting import cast
from lockgate.sandbox.bigquery_api.fields import Field, cell, field, standard, stored
from lockgate.sandbox.bigquery_api.functions import filled
from lockgate.sandbox.bigquery_api.refusals import Refusal, unknown

_DUCK = "duck"


def parameters(given: Sequence[Mapping[str, Any]], mode: str) -> dict[str, exp.Expr]:
    """The parameters of a query by how they are named in it: `@name`, or `?0`.

    Raises:
        Refusal: one is not of its type.
    """
    named = {}
    for number, each in enumerate(given):
        is_named = mode.upper() == "NAMED" or (not mode and each.get("name"))
        key = f"@{str(each.get('name', '')).casefold()}" if is_named else f"?{number}"
        named[key] = _typed(each.get("parameterType", {}), each.get("parameterValue", {}))
    return named


def _typed(kind: Mapping[str, Any], value: Mapping[str, Any]) -> exp.Expr:
    column = _field(kind)
    return spelled(column, _plain(column, value))


def _field(kind: Mapping[str, Any], name: str = "") -> Field:
    called = str(kind.get("type", "")).upper()
    if called == "ARRAY":
        return {**_field(kind["arrayType"], name), "mode": "REPEATED"}
    if called in {"STRUCT", "RECORD"}:
        return field(name, "STRUCT", fields=[_field(part["type"], part["name"]) for part in kind["structTypes"]])
    return field(name, called)


def _plain(column: Field, value: Mapping[str, Any]) -> Any:
    if column["mode"] == "REPEATED":
        single = {**column, "mode": "NULLABLE"}
        return [_plain(single, each) for each in value.get("arrayValues", ())]
    if column["type"] == "RECORD":
        given = value.get("structValues") or {}
        return {part["name"]: _plain(part, given.get(part["name"], {})) for part in column["fields"]}
    return value.get("value")


def spelled(column: Field, value: Any) -> exp.Expr:
    """A value, given as the API spells values, as an expression of its type.

    Raises:
        Refusal: it is not of its type.
    """
    kind = stored(column)
    if column["mode"] == "REPEATED":
        single = {**column, "mode": "NULLABLE"}
        made: exp.Expr = exp.Array(expressions=[spelled(single, each) for each in value or ()])
    elif column["type"] == "RECORD" and value is not None:
        parts = [
            exp.PropertyEQ(
                this=exp.to_identifier(part["name"], quoted=True), expression=spelled(part, value.get(part["name"]))
            )
            for part in column["fields"]
        ]
        made = exp.Struct(expressions=parts)
    elif value is None:
        made = exp.null()
    else:
        made = _scalar(standard(column["type"]), str(value))
    typed = exp.Cast(this=made, to=exp.DataType.build(kind, dialect="duckdb"))
    typed.meta[_DUCK] = kind
    return typed


def _scalar(kind: str, text: str) -> exp.Expr:
    literal = exp.Literal.string(text)
    if kind == "STRING":
        return literal
    if kind == "BYTES":
        return filled("from_base64(_1)", literal)
    if kind == "JSON":
        return filled("CAST(_1 AS JSON)", literal)
    if kind == "INT64" and not text.lstrip("+-").isdigit():
        raise Refusal("invalid", f"Bad int64 value: {text}")
    return cast(literal, "text", kind)


def of_value(column: Field, value: Any) -> exp.Expr:
    """A value that DuckDB answered, as an expression of its type."""
    if column["mode"] == "REPEATED" or column["type"] == "RECORD":
        raise unknown("a variable that is an ARRAY or a STRUCT")
    text = cell(column, value, "ISO8601_STRING")
    return spelled(column, text)
