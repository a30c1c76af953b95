"""Families of DuckDB types, as GoogleSQL tells them apart."""

from __future__ import annotations

import re

from sqlglot import exp

from lockgate.sandbox.bigquery_api.refusals import unknown

_FAMILIES = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "UINTEGER"), "int"),
    "DOUBLE": "float",
    "FLOAT": "float",
    "VARCHAR": "text",
    "BOOLEAN": "bool",
    "BLOB": "bytes",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "TIMESTAMPTZ": "timestamp",
    "JSON": "json",
    '"NULL"': "null",
    "NULL": "null",
    "INTERVAL": "interval",
}
_MOST_DECIMALS = 18
_DECIMAL = re.compile(r"DECIMAL\((\d+), ?(\d+)\)")


def family(kind: str) -> str:
    """The family of a type; its own name where it is in none."""
    if kind.endswith("[]"):
        return "array"
    if kind.startswith("STRUCT"):
        return "struct"
    return "decimal" if kind.startswith("DECIMAL") else _FAMILIES.get(kind, kind)


def is_big(kind: str) -> bool:
    """Whether a decimal type is a BIGNUMERIC in GoogleSQL."""
    found = _DECIMAL.fullmatch(kind)
    if not found:
        return False
    precision, scale = int(found[1]), int(found[2])
    return scale > 9 or precision - scale > 29  # noqa: PLR2004  NUMERIC(38, 9)


def refuse_fine(kind: str) -> None:
    """Refuses a decimal with more decimals than the stand-in keeps of a BIGNUMERIC.

    Raises:
        Refusal: it has.
    """
    found = _DECIMAL.fullmatch(kind)
    if found and int(found[2]) > _MOST_DECIMALS:
        raise unknown(f"what is done with a BIGNUMERIC of more than {_MOST_DECIMALS} decimals")


def typed_null(kind: str) -> exp.Expr:
    """A NULL of a type."""
    if family(kind) == "null":
        return exp.null()
    known = kind.replace('"NULL"', "INTEGER")
    return exp.Cast(this=exp.null(), to=exp.DataType.build(known, dialect="duckdb"))
