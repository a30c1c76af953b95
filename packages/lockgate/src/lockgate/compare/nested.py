"""Lists and records of DuckDB as PostgreSQL writes them in JSON, so that equal ones are equal there.

PostgreSQL writes a `real` with its own shortest digits, NaN and infinity as text, times with a T and bytes in
hexadecimal digits (its functions `to_jsonb` and `byteaout`).
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

_FLOAT = """case when {x} is null then null when isfinite({x}) then to_json({x})
    else to_json(case when isnan({x}) then 'NaN' when {x} > 0 then 'Infinity' else '-Infinity' end) end"""
_TIME = "replace(regexp_replace(cast({x} as varchar), '^(\\S+)( [(]BC[)])? (\\S+)$', '\\1T\\3{zone}\\2'), '(BC)', 'BC')"
_TYPES = exp.DataType.Type
_LEAVES = {
    _TYPES.FLOAT: _FLOAT.replace("{x}", "cast(cast({x} as varchar) as double)"),
    _TYPES.DOUBLE: _FLOAT,
    _TYPES.TIMESTAMPNTZ: _TIME.replace("{zone}", ""),
    _TYPES.TIMESTAMP_S: _TIME.replace("{zone}", ""),
    _TYPES.TIMESTAMP_MS: _TIME.replace("{zone}", ""),
    _TYPES.TIMESTAMP_NS: _TIME.replace("{zone}", ""),
    _TYPES.TIMESTAMPTZ: _TIME.replace("{zone}", ":00"),
    _TYPES.VARBINARY: "'\\x' || lower(hex({x}))",
}


def as_postgres_writes(native: str, x: str) -> str:
    """SQL in DuckDB for a value of a nested type, to be made JSON; `native` is the type as DuckDB names it."""
    try:
        type_ = exp.DataType.build(native, dialect="duckdb")
    except SqlglotError:
        return x
    return _written(type_, x, 0)


def _written(type_: exp.DataType, x: str, depth: int) -> str:
    if type_.this in {_TYPES.LIST, _TYPES.ARRAY}:
        element = f"e{depth}"
        inner = _written(type_.expressions[0], element, depth + 1)
        return x if inner == element else f"list_transform({x}, lambda {element}: {inner})"
    if type_.this is _TYPES.STRUCT:
        return _record(type_, x, depth)
    template = _LEAVES.get(type_.this)
    return template.replace("{x}", x) if template else x


def _record(type_: exp.DataType, x: str, depth: int) -> str:
    fields = {each.name: each.args["kind"] for each in type_.expressions}
    names = {name: exp.to_identifier(name, quoted=True).sql("duckdb") for name in fields}
    inner = {name: _written(kind, f"({x}).{names[name]}", depth) for name, kind in fields.items()}
    if all(sql == f"({x}).{names[name]}" for name, sql in inner.items()):
        return x
    packed = ", ".join(f"{names[name]} := {sql}" for name, sql in inner.items())
    return f"case when {x} is not null then struct_pack({packed}) end"
