"""Values as SQL: what an engine compares itself, and canonical text that is the same in every engine.

Canonical text is injective within a form: values with equal text are equal. A row's record is the canonical text of
its columns one after another, each told from the next: `<bytes>:<text>` for text, else `<text>;`, of NULL `~:` or `~;`.
So NULL and '' differ, and no delimiter inside a value moves a border. Its MD5 stands for the row; nothing rests on
that being hard to forge, only on chance (60 bits of it are used: lockgate.compare.fingerprint).
"""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.compare.decimals import whole
from lockgate.compare.forms import FLOATS, JSON_NATIVES, POSTGRES_JSON, Form, Pair
from lockgate.compare.nested import as_postgres_writes
from lockgate.core.comparison import ComparedColumn, Transform
from lockgate.core.types import Kind

# In braces: the column's SQL (x), DECIMAL's scale, the type that a written value is of.
_DIGITS_DUCKDB = r"""(case when {x} is null then null
  when regexp_full_match({x}, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{{1,9}})?') then (
    list_transform([regexp_extract(lower({x}), '^([+-]?)([0-9]*)[.]?([0-9]*)(?:e(.*))?$', ['s', 'i', 'f', 'e'])],
      lambda p: case when trim(p.i || p.f, '0') = '' then '0'
        else (case when p.s = '-' then '-' else '' end) || trim(p.i || p.f, '0') || 'e' || cast(
          coalesce(try_cast(p.e as bigint), 0) - length(p.f) + length(p.i || p.f) - length(rtrim(p.i || p.f, '0'))
          as varchar) end)[1])
  when lower({x}) in ('inf', '+inf', 'infinity', '+infinity') then 'inf'
  when lower({x}) in ('-inf', '-infinity') then '-inf'
  else lower({x}) end)"""
_DIGITS_POSTGRES = r"""(select case when n = 'NaN' then 'nan' when n = 'Infinity' then 'inf'
    when n = '-Infinity' then '-inf'
    when n = 0 then '0' else case when n < 0 then '-' else '' end || trim(both '0' from d) || 'e' ||
      cast(length(d) - length(rtrim(d, '0')) - length(split_part(t, '.', 2)) as text) end
  from (select n, t, replace(t, '.', '') as d from (select n, cast(abs(n) as text) as t
    from (select trim_scale({x}) as n) as trimmed) as printed) as split)"""
# JSON by content: keys in order, and each number as its canonical digits, in place, so that no double loses any. While
# keys are put in order, numbers are text: a letter before each text and each number tells which of the two it is.
_JSON_DUCKDB = r"""cast(json_normalize(array_to_string(list_transform(
  regexp_extract_all(cast({x} as varchar), '"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[^"0-9-]+|-'),
  lambda token: case when token like '"%' then '"t' || substr(token, 2)
    when regexp_matches(token, '^-?[0-9]') then '"n' || {digits} || '"' else token end), '')) as varchar)""".replace(
    "{digits}", _DIGITS_DUCKDB.replace("{x}", "token")
)

# A length of time has three parts, none of which makes another: a month has no fixed days, a day no fixed hours.
_INTERVAL_DUCKDB = """(datepart('year', {x}) * 12 + datepart('month', {x}) || ' months ' ||
  datepart('day', {x}) || ' days ' || datepart('hour', {x}) * 3600000000 + datepart('minute', {x}) * 60000000 +
  datepart('microsecond', {x}) || ' microseconds')"""
_INTERVAL_POSTGRES = """(cast(extract(year from {x}) * 12 + extract(month from {x}) as bigint) || ' months ' ||
  cast(extract(day from {x}) as bigint) || ' days ' || cast(extract(hour from {x}) * 3600000000 +
  extract(minute from {x}) * 60000000 + extract(microseconds from {x}) as bigint) || ' microseconds')"""

_DUCKDB = {
    "plain": "{x}",
    "text": 'cast({x} as varchar) collate "binary"',
    "read": "cast({x} as {type})",
    "bit": "cast(cast({x} as boolean) as integer)",
    "boolean_text": "case {x} when 't' then 'true' when 'f' then 'false' else lower({x}) end",
    "double": "cast({x} as double)",
    "single": "cast(cast({x} as float) as double)",
    "interval": _INTERVAL_DUCKDB,
    "read_interval": f"coalesce({_INTERVAL_DUCKDB.replace('{x}', 'try_cast({x} as interval)')}, {{x}})",
    "finer": "cast(cast({x} as timestamp) as varchar)",
    "nanoseconds": "cast({x} as varchar)",
    "read_nanoseconds": "coalesce(cast(try_cast({x} as timestamp_ns) as varchar), {x})",
    "instant": "cast({x} as timestamptz)",
    "read_instant": "cast(cast({x} as {type}) as timestamptz)",
    "number": _DIGITS_DUCKDB.replace("{x}", "cast({x} as varchar)"),
    "json": _JSON_DUCKDB,
    "list_json": _JSON_DUCKDB.replace("{x}", "to_json({x})"),
}
_POSTGRES = {
    "plain": "{x}",
    "text": 'cast({x} as text) collate "C"',
    "bit": "cast({x} as integer)",
    "double": "cast({x} as double precision)",
    "interval": _INTERVAL_POSTGRES,
    "finer": "cast(cast({x} as timestamp) as text)",
    "instant": "cast({x} as timestamptz)",
    "number": "cast({x} as numeric)",
    "float_number": "cast(cast({x} as text) as numeric)",
    "json": "cast({x} as jsonb)",
    "list_json": "to_jsonb({x})",
}
_VALUES = {"duckdb": _DUCKDB, "postgres": _POSTGRES}
_TRANSFORMS = {
    "duckdb": {
        Transform.TRIM: "trim(cast({x} as varchar), chr(32) || chr(9) || chr(10) || chr(13))",
        Transform.LOWER: "lower(cast({x} as varchar))",
        Transform.UPPER: "upper(cast({x} as varchar))",
        Transform.NFC: "nfc_normalize(cast({x} as varchar))",
        Transform.EMPTY_IS_NULL: "nullif(cast({x} as varchar), '')",
        Transform.DATE: "cast({x} as date)",
    },
    "postgres": {
        Transform.TRIM: "trim(both chr(32) || chr(9) || chr(10) || chr(13) from cast({x} as text))",
        Transform.LOWER: "lower(cast({x} as text))",
        Transform.UPPER: "upper(cast({x} as text))",
        Transform.NFC: "normalize(cast({x} as text), nfc)",
        Transform.EMPTY_IS_NULL: "nullif(cast({x} as text), '')",
        Transform.DATE: "cast({x} as date)",
    },
}

# PostgreSQL rounds a floating-point number half to even, and a decimal half away from zero, as DuckDB rounds both.
_WHOLE_FLOAT_POSTGRES = "cast(round(cast(cast({x} as text) as numeric)) as double precision)"

# Canonical text of a value, for forms that have one; `sized` text is told from what follows by its length.
_BITS_DUCKDB = "cast(cast(case when isnan({v}) then 'nan' when {v} = 0 then 0 else {v} end as bit) as bigint)"
_BITS_POSTGRES = (
    "cast(cast('x' || encode(float8send(case when {v} = 0 then 0 else {v} end), 'hex') as bit(64)) as bigint)"
)
_TEXTS = {
    "duckdb": {
        Form.WHOLE: "{v}",
        Form.DECIMAL: "cast({v} as decimal(38, {scale}))",
        Form.NUMBER: "{v}",
        Form.DOUBLE: _BITS_DUCKDB,
        Form.DATE: "{v}",
        Form.TIME: "{v}",
        Form.TEXT: "{v}",
        Form.BYTES: "lower(hex({v}))",
        Form.INTERVAL: "{v}",
        Form.NANOSECONDS: "{v}",
        Form.UNLIKE: "{v}",
    },
    "postgres": {
        Form.WHOLE: "{v}",
        Form.DECIMAL: "cast({v} as numeric(38, {scale}))",
        Form.NUMBER: _DIGITS_POSTGRES.replace("{x}", "{v}"),
        Form.DOUBLE: _BITS_POSTGRES,
        Form.DATE: "{v}",
        Form.TIME: "{v}",
        Form.TEXT: "{v}",
        Form.BYTES: "encode({v}, 'hex')",
        Form.INTERVAL: "{v}",
        Form.NANOSECONDS: "{v}",
        Form.UNLIKE: "{v}",
    },
}
# An instant is written as UTC has it, without a zone.
_INSTANTS = {Kind.TIMESTAMPTZ: "timezone('UTC', {v})", Kind.TIMESTAMP: "{v}"}
_BEFORE_CHRIST = """case when {v} >= date '0001-01-01' then {written}
    when isfinite({v}) then replace({written}, ' (BC)', '') || ' BC' else {written} end"""
_SIZED = frozenset({Form.TEXT, Form.UNLIKE, Form.INTERVAL, Form.NANOSECONDS})
_BYTES = {"duckdb": "strlen({t})", "postgres": "octet_length({t})"}
_AS_TEXT = {"duckdb": "varchar", "postgres": "text"}


def value(pair: Pair, side: ComparedColumn, x: str, dialect: str) -> str:
    """SQL for a value that `=` and IS DISTINCT FROM compare as the pair's form says; `x` is the column's SQL."""
    for each in pair.rule.transforms:
        x = _whole(side, x, dialect) if each is Transform.WHOLE else _TRANSFORMS[dialect][each].format(x=x)
    if pair.form is Form.JSON and dialect == "duckdb" and _other(pair, side).native == POSTGRES_JSON:
        x = as_postgres_writes(side.native, x)
    name = _instant(pair, side) if pair.form is Form.INSTANT else _template(pair, side, dialect)
    template = _VALUES[dialect][name]
    return template.format(x=x, type=_WRITTEN_TYPES.get(side.type.kind, "varchar"))


def interval_text(x: str) -> str:
    """SQL in PostgreSQL for a length of time as both engines read it."""
    return _INTERVAL_POSTGRES.format(x=x)


def digits(x: str) -> str:
    """SQL in DuckDB for the canonical digits of a number, whatever its type."""
    return _DIGITS_DUCKDB.format(x=f"cast({x} as varchar)")


def has_text(pair: Pair) -> bool:
    """Whether the values have canonical text in every engine, and nothing but equal values is equal."""
    is_mixed = pair.form is Form.NUMBER and Kind.TEXT in {pair.left.type.kind, pair.right.type.kind}
    return pair.is_exact and not is_mixed and (pair.form is Form.INSTANT or pair.form in _TEXTS["duckdb"])


def text(pair: Pair, side: ComparedColumn, x: str, dialect: str) -> str:
    """SQL for a value's canonical text; NULL for NULL."""
    v = value(pair, side, x, dialect)
    if pair.form is Form.INSTANT:
        kind = side.type.kind if pair.left.type.kind is pair.right.type.kind else Kind.TIMESTAMPTZ
        return _dated(_INSTANTS[kind].format(v=v), dialect)
    if pair.form is Form.DATE:
        return _dated(v, dialect)
    if pair.form is Form.DECIMAL:
        return f"cast({_decimal(pair, side, v, dialect)} as {_AS_TEXT[dialect]})"
    return f"cast({_TEXTS[dialect][pair.form].format(v=v)} as {_AS_TEXT[dialect]})"


def _decimal(pair: Pair, side: ComparedColumn, v: str, dialect: str) -> str:
    """A decimal that is written with the pair's scale; one that has it already needs no conversion."""
    if side.type.kind is Kind.NUMERIC and side.type.scale == pair.scale and not side.is_written:
        return v
    return _TEXTS[dialect][Form.DECIMAL].format(v=v, scale=pair.scale)


def _dated(v: str, dialect: str) -> str:
    """A date or a time as PostgreSQL writes it: BC is at the end."""
    written = f"cast({v} as {_AS_TEXT[dialect]})"
    if dialect == "postgres":
        return written
    return _BEFORE_CHRIST.format(v=v, written=written)


def piece(pair: Pair, side: ComparedColumn, x: str, dialect: str) -> tuple[str, ...]:
    """SQL for what stands for a value in a record: none of the parts is NULL."""
    canonical = text(pair, side, x, dialect)
    if pair.form not in _SIZED:
        return f"coalesce({canonical}, '~')", "';'"
    size = _BYTES[dialect].format(t=canonical)
    return f"coalesce(cast({size} as {_AS_TEXT[dialect]}), '~')", "':'", f"coalesce({canonical}, '')"


def record(pieces: Sequence[tuple[str, ...]], dialect: str) -> str:
    """SQL for a record made of pieces, put together as the engine does it fastest."""
    parts = [part for each in pieces for part in each]
    return f"concat({', '.join(parts)})" if dialect == "duckdb" else " || ".join(parts)


_WRITTEN_TYPES = {
    Kind.SMALLINT: "bigint",
    Kind.INTEGER: "bigint",
    Kind.BIGINT: "bigint",
    Kind.DATE: "date",
    Kind.TIME: "time",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMPTZ: "timestamptz",
}


def _template(pair: Pair, side: ComparedColumn, dialect: str) -> str:
    form, kind = pair.form, side.type.kind
    if side.is_written and (read := _reading(form, _other(pair, side).type.kind)):
        return read
    if form is Form.NANOSECONDS:
        return "nanoseconds" if side.native.endswith("_NS") else "finer"
    if form is Form.WHOLE and kind is Kind.BOOLEAN:
        return "bit"
    if form is Form.NUMBER and dialect == "postgres" and kind in FLOATS:
        return "float_number"
    if form is Form.JSON:
        return "json" if side.is_written or side.native.lower() in JSON_NATIVES else "list_json"
    if form is Form.SAME and (dialect == "postgres" or "VARCHAR" in side.native):
        return "list_json"  # an engine's own comparison of lists and records goes by their texts' collation
    if side.is_written and form in {Form.WHOLE, Form.DATE, Form.TIME}:
        return "read"
    return _BY_FORM.get(form, "plain")


def _whole(side: ComparedColumn, x: str, dialect: str) -> str:
    if side.is_written:
        return whole(digits(x))
    is_float = side.type.kind in FLOATS and dialect == "postgres"
    return (_WHOLE_FLOAT_POSTGRES if is_float else "round({x})").format(x=x)


def _other(pair: Pair, side: ComparedColumn) -> ComparedColumn:
    return pair.right if side is pair.left else pair.left


def _reading(form: Form, other: Kind) -> str | None:
    """How text of a file is read that is held against a kind of another engine."""
    if form is Form.DOUBLE and other is Kind.REAL:
        return "single"
    if form is Form.UNLIKE and other is Kind.BOOLEAN:
        return "boolean_text"
    return {Form.INTERVAL: "read_interval", Form.NANOSECONDS: "read_nanoseconds"}.get(form)


def _instant(pair: Pair, side: ComparedColumn) -> str:
    """Instants of one type need no conversion, which costs more than all else."""
    is_alike = pair.left.type.kind is pair.right.type.kind
    if side.is_written:
        return "read" if is_alike else "read_instant"
    return "plain" if is_alike else "instant"


_BY_FORM = {
    Form.NUMBER: "number",
    Form.DOUBLE: "double",
    Form.INTERVAL: "interval",
    Form.TEXT: "text",
    Form.UNLIKE: "text",
}
