"""Columns as BigQuery describes them, the DuckDB types that hold them, and values as its answers spell them.

Source: cloud.google.com/bigquery/docs/reference/standard-sql/data-types, and `TableFieldSchema` and `TableRow` of REST.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlglot import exp

from lockgate.sandbox.bigquery_api.refusals import Refusal, bad_query, unknown

Field = dict[str, Any]

# Old names, as the API has them, and those of GoogleSQL: both are told, the old ones are answered.
LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
STANDARD = {old: new for new, old in LEGACY.items()}
NUMERIC, BIGNUMERIC = "DECIMAL(38, 9)", "DECIMAL(38, 18)"
STORED = {
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ",
    "JSON": "JSON",
}
_KNOWN = frozenset(STORED) | {"NUMERIC", "BIGNUMERIC", "STRUCT"}
_ALIASES = {
    **dict.fromkeys(("INT", "SMALLINT", "BIGINT", "TINYINT", "BYTEINT", "INTEGER"), "INT64"),
    "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT", "DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC",
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS, _BIG_DIGITS = (29, 9), (38, 38)
_MOST_HELD = 38


def standard(name: str) -> str:
    """The name of GoogleSQL for a type.

    Raises:
        Refusal: there is none such.
    """
    found = _ALIASES.get(name.upper(), name.upper())
    if found not in _KNOWN:
        raise Refusal("invalid", f"Invalid value for type: {name} is not a valid value")
    return found


def field(name: str, kind: str, *, mode: str = "NULLABLE", fields: Sequence[Field] = (), **more: Any) -> Field:
    """A column."""
    kind = standard(kind)
    made = {"name": name, "type": LEGACY.get(kind, kind), "mode": mode, **more}
    return {**made, "fields": list(fields)} if kind == "STRUCT" else made


def normalised(fields: Sequence[Field]) -> list[Field]:
    """A schema as it is kept.

    Raises:
        Refusal: it has no such type or mode, or a name twice.
    """
    names = [str(each.get("name", "")).casefold() for each in fields]
    if len(set(names)) != len(names) or not all(names):
        raise Refusal("invalid", "Duplicate or missing field name in the schema")
    made = []
    for each in fields:
        mode = str(each.get("mode") or "NULLABLE").upper()
        if mode not in {"NULLABLE", "REQUIRED", "REPEATED"}:
            raise Refusal("invalid", f"Invalid value for mode: {mode} is not a valid value")
        extra = {key: str(each[key]) for key in ("description", "precision", "scale", "maxLength") if each.get(key)}
        made.append(field(each["name"], each["type"], mode=mode, fields=normalised(each.get("fields", ())), **extra))
    return made


def stored(each: Field) -> str:
    """The DuckDB type of a column."""
    single = _single(each)
    return f"{single}[]" if each["mode"] == "REPEATED" else single


def _single(each: Field) -> str:
    kind = standard(each["type"])
    if kind == "STRUCT":
        inner = ", ".join(f"{quoted(part['name'])} {stored(part)}" for part in each["fields"])
        return f"STRUCT({inner})"
    if kind in {"NUMERIC", "BIGNUMERIC"}:
        return _decimal(kind, int(each.get("precision", 0)), int(each.get("scale", 0)))
    return STORED[kind]


def held(each: Field) -> tuple[str, ...]:
    """The DuckDB types that a value goes through to become one of a column, the last being that of the column."""
    if standard(each["type"]) == "BIGNUMERIC" and each.get("precision") and each["mode"] != "REPEATED":
        return f"DECIMAL({each['precision']}, {int(each.get('scale', 0))})", stored(each)
    return (stored(each),)


def _decimal(kind: str, precision: int, scale: int) -> str:
    """A BIGNUMERIC that would fit a NUMERIC is held with ten decimals, so that it is known for what it is."""
    whole, decimals = _DIGITS if kind == "NUMERIC" else _BIG_DIGITS
    if not precision:
        return NUMERIC if kind == "NUMERIC" else BIGNUMERIC
    if scale > decimals or precision - scale > whole or precision < max(1, scale):
        raise bad_query(f"{kind}({precision}, {scale}) has a precision or a scale out of range")
    if precision > _MOST_HELD:
        raise unknown(f"{kind} of more than {_MOST_HELD} digits")
    if kind == "BIGNUMERIC" and scale <= _DIGITS[1] and precision - scale <= _MOST_HELD - _DIGITS[1] - 1:
        return f"DECIMAL({precision - scale + _DIGITS[1] + 1}, {_DIGITS[1] + 1})"
    return f"DECIMAL({precision}, {scale})"


def quoted(name: str) -> str:
    """A name as DuckDB reads it."""
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def of_duckdb(name: str, kind: Any) -> Field:
    """A column of a result, from a DuckDB type.

    Raises:
        Refusal: BigQuery has no type like it.
    """
    if str(kind) == "JSON":
        return field(name, "JSON")
    if kind.id == "list":
        inner = of_duckdb(name, kind.children[0][1])
        if inner["mode"] == "REPEATED":
            raise bad_query("Cannot construct array with element type ARRAY because nested arrays are not supported")
        return {**inner, "mode": "REPEATED"}
    if kind.id == "struct":
        return field(name, "STRUCT", fields=[of_duckdb(part, of) for part, of in kind.children])
    if kind.id == "decimal":
        precision, scale = (int(value) for _, value in kind.children)
        fits = scale <= _DIGITS[1] and precision - scale <= _DIGITS[0]
        return field(name, "NUMERIC" if fits else "BIGNUMERIC")
    found = _OF_DUCKDB.get("sqlnull" if str(kind) == '"NULL"' else kind.id)
    if found is None:
        raise unknown(f"how {kind} of column {name} is called in BigQuery")
    return field(name, found)


_OF_DUCKDB = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint"), "INT64"),
    **dict.fromkeys(("uinteger", "ubigint", "uhugeint", "sqlnull"), "INT64"),
    "double": "FLOAT64",
    "float": "FLOAT64",
    "boolean": "BOOL",
    "varchar": "STRING",
    "blob": "BYTES",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "DATETIME",
    "timestamp with time zone": "TIMESTAMP",
}


# --- values ---------------------------------------------------------------------------------------------------------


def row(fields: Sequence[Field], values: Sequence[Any], stamps: str) -> dict[str, Any]:
    """A row as answers have it; `stamps` is how timestamps are spelled: `FLOAT64`, `INT64` or `ISO8601_STRING`."""
    return {"f": [{"v": cell(each, value, stamps)} for each, value in zip(fields, values, strict=True)]}


def cell(each: Field, value: Any, stamps: str) -> Any:
    """A value of a column."""
    if each["mode"] == "REPEATED":
        single = {**each, "mode": "NULLABLE"}
        if None in (value or ()):
            raise bad_query(f"Array cannot have a null element; error in writing field {each['name']}")
        return [{"v": cell(single, one, stamps)} for one in value or ()]
    if value is None:
        return None
    kind = standard(each["type"])
    if kind == "STRUCT":
        return row(each["fields"], list(value.values()), stamps)
    return _SPELLED[kind](value) if kind in _SPELLED else _stamp(value, stamps)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return ("-Infinity" if value < 0 else "Infinity") if math.isinf(value) else repr(value)


def _integer(value: int) -> str:
    if not -(2**63) <= value < 2**63:
        raise bad_query("int64 overflow")
    return str(value)


def decimal_text(value: Decimal) -> str:
    """A decimal with no zeros that say nothing."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _clock(value: time) -> str:
    return value.strftime("%H:%M:%S") + (f".{value.microsecond:06d}" if value.microsecond else "")


def _datetime(value: datetime) -> str:
    return f"{_day(value)}T{_clock(value.time())}"


def _day(value: date) -> str:
    return f"{value.year:04d}-{value.month:02d}-{value.day:02d}"


def _stamp(value: datetime, stamps: str) -> str:
    moment = value.astimezone(UTC)
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    if stamps == "INT64":
        return str(micros)
    if stamps == "ISO8601_STRING":
        return f"{_datetime(moment)}Z"
    return repr(micros / 1_000_000)


_SPELLED: dict[str, Any] = {
    "INT64": _integer,
    "FLOAT64": _float,
    "BOOL": lambda value: "true" if value else "false",
    "STRING": str,
    "BYTES": lambda value: b64encode(bytes(value)).decode(),
    "NUMERIC": decimal_text,
    "BIGNUMERIC": decimal_text,
    "DATE": _day,
    "TIME": _clock,
    "DATETIME": _datetime,
    "JSON": str,
}
