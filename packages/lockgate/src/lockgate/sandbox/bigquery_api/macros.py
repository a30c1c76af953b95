"""Functions that GoogleSQL has and DuckDB lacks, made for a connection: macros, and functions of Python.

Source: cloud.google.com/bigquery/docs/reference/standard-sql (string, hash, numeric and JSON functions).
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from sqlglot import exp

from lockgate.sandbox.bigquery_api.fields import BIGNUMERIC, NUMERIC
from lockgate.sandbox.bigquery_api.fingerprint import fingerprint

_WIDE = Context(prec=160, rounding=ROUND_HALF_UP)
_MACROS = (
    """bq_substr(text, start, size) AS CASE
        WHEN start IS NULL OR size IS NULL THEN NULL
        WHEN size < 0 THEN error('Third argument in SUBSTR() cannot be negative')
        WHEN start > 0 THEN substr(text, start, least(size, length(text)))
        WHEN start = 0 THEN substr(text, 1, least(size, length(text)))
        WHEN -start >= length(text) THEN substr(text, 1, least(size, length(text)))
        ELSE substr(text, length(text) + start + 1, least(size, length(text))) END""",
    """bq_pad(text, size, pattern, is_left) AS CASE
        WHEN size < 0 THEN error('Second argument (output size) for LPAD/RPAD cannot be negative')
        WHEN pattern = '' THEN error('Third argument (pad pattern) for LPAD/RPAD cannot be empty')
        WHEN is_left THEN lpad(text, CAST(size AS INTEGER), pattern)
        ELSE rpad(text, CAST(size AS INTEGER), pattern) END""",
    "bq_split(text, mark) AS CASE WHEN text = '' THEN [''] ELSE string_split(text, mark) END",
    """bq_int(text) AS CASE
        WHEN text IS NULL THEN NULL
        WHEN regexp_full_match(trim(text), '[+-]?[0-9]+') THEN CAST(trim(text) AS BIGINT)
        WHEN regexp_full_match(trim(text), '[+-]?0[xX][0-9a-fA-F]+') THEN CAST(lower(trim(text)) AS BIGINT)
        ELSE error('Bad int64 value: ' || text) END""",
    """bq_bool(text) AS CASE WHEN text IS NULL THEN NULL WHEN lower(text) = 'true' THEN true
        WHEN lower(text) = 'false' THEN false ELSE error('Bad bool value: ' || text) END""",
    """bq_date(text) AS CASE WHEN text IS NULL THEN NULL
        WHEN regexp_full_match(trim(text), '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') THEN CAST(trim(text) AS DATE)
        ELSE error('Invalid date: ''' || text || '''') END""",
    """bq_moment(text) AS CASE WHEN text IS NULL THEN NULL
        WHEN regexp_full_match(text,
            '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\\.[0-9]{1,6})?)?'
            || '( ?[Uu][Tt][Cc]|[Zz]|[+-][0-9]{1,2}(:[0-9]{2})?)?') THEN CAST(text AS TIMESTAMPTZ)
        ELSE error('Invalid timestamp: ''' || text || '''') END""",
    """bq_datetime(text) AS CASE WHEN text IS NULL THEN NULL
        WHEN regexp_full_match(text,
            '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\\.[0-9]{1,6})?)?')
        THEN CAST(text AS TIMESTAMP)
        ELSE error('Invalid datetime string \"' || text || '\"') END""",
    """bq_decimal_text(text) AS CASE WHEN contains(text, '.') THEN rtrim(rtrim(text, '0'), '.') ELSE text END""",
    """bq_json_value(document, path) AS CASE WHEN json_type(document, path) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL
        ELSE json_extract_string(document, path) END""",
)


_NAMES = frozenset(macro.partition("(")[0] for macro in _MACROS)


def make(connection: Any) -> None:
    """Makes the functions on a database."""
    for macro in _MACROS:
        connection.execute(f"CREATE MACRO {macro}")
        connection.execute(f"CREATE MACRO {_safe(macro)}")
    text, blob = "VARCHAR", "BLOB"
    connection.create_function("bq_fingerprint_text", _fingerprint_text, [text], "BIGINT")
    connection.create_function("bq_fingerprint_bytes", fingerprint, [blob], "BIGINT")
    connection.create_function("bq_trim", _trim, [text, text], text)
    connection.create_function("bq_float_text", _float_text, ["DOUBLE"], text)
    for name, kind, scale in (("numeric", NUMERIC, 9), ("bignumeric", BIGNUMERIC, 18)):
        connection.create_function(f"bq_{name}_multiply", _multiplying(scale), [kind, kind], kind)
        connection.create_function(f"bq_{name}_divide", _dividing(scale), [kind, kind], kind)
        connection.create_function(f"bq_{name}_round", _stepped(scale, ROUND_HALF_UP), [kind, "BIGINT"], kind)
        connection.create_function(f"bq_{name}_trunc", _stepped(scale, ROUND_DOWN), [kind, "BIGINT"], kind)
        connection.create_function(f"bq_{name}_div", _whole(scale), [kind, kind], kind)


def _safe(macro: str) -> str:
    """The macro that gives NULL where the other one fails."""
    named = re.sub(r"\bbq_(\w+)", r"bq_safe_\1", macro)
    return re.sub(r"\bCAST\(", "TRY_CAST(", re.sub(r"error\((?:[^()]|\([^()]*\))*\)", "NULL", named))


def safely(node: exp.Expr) -> exp.Expr:
    """A lowered expression that is NULL where it would fail."""
    made = exp.Paren(this=node)
    for each in list(made.find_all(exp.Anonymous)):
        if each.name == "error":
            each.replace(exp.null())
        elif each.name in _NAMES:
            each.set("this", each.name.replace("bq_", "bq_safe_", 1))
    return exp.func("try", made.this, dialect="duckdb")


def _fingerprint_text(text: str) -> int:
    return fingerprint(text.encode())


def _trim(text: str, side: str) -> str:
    """Without white space, as Unicode has it."""
    return {"BOTH": text.strip, "LEADING": text.lstrip, "TRAILING": text.rstrip}[side]()


def _multiplying(scale: int) -> Any:
    def multiply(left: Decimal, right: Decimal) -> Decimal:
        return _held(_WIDE.multiply(left, right), scale)

    return multiply


def _dividing(scale: int) -> Any:
    def divide(left: Decimal, right: Decimal) -> Decimal:
        if not right:
            raise ZeroDivisionError("division by zero")
        return _held(_WIDE.divide(left, right), scale)

    return divide


def _stepped(scale: int, rounding: str) -> Any:
    def step(value: Decimal, places: int) -> Decimal:
        return _held(value.quantize(Decimal(1).scaleb(-min(places, scale)), rounding=rounding, context=_WIDE), scale)

    return step


def _float_text(value: float) -> str:
    """The shortest text that reads back, with an exponent where C's `%g` has one."""
    if math.isnan(value) or math.isinf(value):
        return repr(value)
    return next(text for digits in range(1, 18) if float(text := f"{value + 0:.{digits}g}") == value)


def _whole(scale: int) -> Any:
    def div(left: Decimal, right: Decimal) -> Decimal:
        if not right:
            raise ZeroDivisionError("division by zero")
        with localcontext(_WIDE):
            return _held((left / right).to_integral_value(ROUND_DOWN), scale)

    return div


def _held(value: Decimal, scale: int) -> Decimal:
    rounded = value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP, context=_WIDE)
    if abs(rounded) >= Decimal(10) ** (38 - scale):
        raise OverflowError("numeric overflow")
    return rounded
