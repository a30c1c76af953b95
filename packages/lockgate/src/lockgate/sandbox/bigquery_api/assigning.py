"""Values as a column takes them: what GoogleSQL coerces, and nothing else.

Source: cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#coercion.
"""

from __future__ import annotations

from sqlglot import exp

from lockgate.sandbox.bigquery_api.casting import cast
from lockgate.sandbox.bigquery_api.fields import Field, held, standard, stored
from lockgate.sandbox.bigquery_api.functions import filled
from lockgate.sandbox.bigquery_api.kinds import family, is_big, refuse_fine
from lockgate.sandbox.bigquery_api.names import spelled
from lockgate.sandbox.bigquery_api.refusals import bad_query

_COERCED = {("int", "decimal"), ("int", "float"), ("decimal", "float"), ("date", "datetime")}
_OF_LITERALS = {("text", kind) for kind in ("date", "datetime", "timestamp", "time")} | {("float", "decimal")}


def assigned(value: exp.Expr, kind: str, to: Field) -> exp.Expr:
    """A lowered expression of a DuckDB type, as a column takes it.

    Raises:
        Refusal: the column takes no such value.
    """
    given, wanted = family(kind), family(stored(to))
    if "precision" not in to:
        refuse_fine(kind)
    literal = value.meta.get("literal")
    pair = (given, wanted)
    is_allowed = given in {wanted, "null"} or pair in _COERCED or (literal is not None and pair in _OF_LITERALS)
    lossy = given == wanted == "decimal" and is_big(kind) and standard(to["type"]) == "NUMERIC"
    if not is_allowed or lossy:
        raise bad_query(f"Value of type {kind} cannot be assigned to {to['name']}, which has type {spelled(to)}")
    if literal is not None and pair in _OF_LITERALS and given == "text":
        value = cast(value, "text", to["type"])
    elif literal is not None and pair == ("float", "decimal"):
        value = exp.Literal.string(str(literal))
    for type_ in held(to):
        value = exp.Cast(this=value, to=exp.DataType.build(type_, dialect="duckdb"))
    if "maxLength" in to and to["mode"] != "REPEATED":
        most = int(to["maxLength"])
        said = f"error('{to['name']}: STRING({most}) has maximum length {most}')".replace("\\", "")
        size = "octet_length" if wanted == "bytes" else "length"
        value = filled(f"CASE WHEN {size}(_1) > {most} THEN {said} ELSE _1 END", value)
    return value
