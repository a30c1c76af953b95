"""Casts of GoogleSQL as DuckDB has to be asked for them, by what is cast and into what.

Source: cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast.
"""

from __future__ import annotations

from sqlglot import exp

from lockgate.sandbox.bigquery_api.fields import BIGNUMERIC, NUMERIC, standard
from lockgate.sandbox.bigquery_api.functions import filled
from lockgate.sandbox.bigquery_api.refusals import bad_query

_FAMILY = {
    "INT64": "int", "FLOAT64": "float", "NUMERIC": "decimal", "BIGNUMERIC": "decimal", "BOOL": "bool", "STRING": "text",
    "BYTES": "bytes", "DATE": "date", "DATETIME": "datetime", "TIMESTAMP": "timestamp", "TIME": "time", "JSON": "json",
}  # fmt: skip
_SPELLED_MOMENT = "rtrim(rtrim(strftime(_1, '%Y-%m-%d %H:%M:%S.%f'), '0'), '.')"
_CASTS = {
    ("text", "int"): "bq_int(_1)",
    ("text", "float"): "CAST(trim(_1) AS DOUBLE)",
    ("text", "bool"): "bq_bool(_1)",
    ("text", "date"): "bq_date(_1)",
    ("text", "datetime"): "bq_datetime(_1)",
    ("text", "timestamp"): "bq_moment(_1)",
    ("text", "time"): "CAST(_1 AS TIME)",
    ("text", "bytes"): "encode(_1)",
    ("bytes", "text"): "decode(_1)",
    ("float", "text"): "bq_float_text(_1)",
    ("float", "int"): "CAST(round(_1) AS BIGINT)",
    ("decimal", "int"): "CAST(_1 AS BIGINT)",
    ("decimal", "float"): "CAST(_1 AS DOUBLE)",
    ("decimal", "text"): "bq_decimal_text(CAST(_1 AS VARCHAR))",
    ("int", "float"): "CAST(_1 AS DOUBLE)",
    ("int", "text"): "CAST(_1 AS VARCHAR)",
    ("int", "bool"): "_1 <> 0",
    ("bool", "int"): "CAST(_1 AS BIGINT)",
    ("bool", "text"): "CASE WHEN _1 THEN 'true' WHEN NOT _1 THEN 'false' END",
    ("date", "text"): "strftime(_1, '%Y-%m-%d')",
    ("time", "text"): "CAST(_1 AS VARCHAR)",
    ("datetime", "text"): _SPELLED_MOMENT,
    ("timestamp", "text"): f"{_SPELLED_MOMENT} || '+00'",
    ("date", "datetime"): "CAST(_1 AS TIMESTAMP)",
    ("date", "timestamp"): "CAST(_1 AS TIMESTAMPTZ)",
    ("datetime", "date"): "CAST(_1 AS DATE)",
    ("datetime", "time"): "CAST(_1 AS TIME)",
    ("datetime", "timestamp"): "CAST(_1 AS TIMESTAMPTZ)",
    ("timestamp", "date"): "CAST(_1 AS DATE)",
    ("timestamp", "datetime"): "CAST(_1 AS TIMESTAMP)",
    ("timestamp", "time"): "CAST(CAST(_1 AS TIMESTAMP) AS TIME)",
}


def cast(node: exp.Expr, family: str, to: str, *, held: str = "") -> exp.Expr:
    """A lowered expression of a family as a type of GoogleSQL; decimals as the DuckDB type `held`, where one is given.

    Raises:
        Refusal: BigQuery casts no such value, or the stand-in does not know how it does.
    """
    kind = standard(to)
    if kind == "STRUCT":
        return node
    wanted = _FAMILY[kind]
    if wanted == "decimal":
        held = held or (BIGNUMERIC if kind == "BIGNUMERIC" else NUMERIC)
        if family == "text":
            return filled(f"CAST(trim(_1) AS {held})", node)
        if family in {"int", "float", "decimal", "null"}:
            return filled(f"CAST(_1 AS {held})", node)
        raise bad_query(f"Invalid cast from {family} to {kind}")
    if family in {wanted, "null"}:
        return node
    found = _CASTS.get((family, wanted))
    if found is None:
        raise bad_query(f"Invalid cast from {family} to {kind}")
    return filled(found, node)
