"""What may become what when an output is cast to its contract: exactly, in the same way on every engine, or not at all.

A cast here never loses a value without a word. Numbers become whole only where they are whole; decimals are rounded
half away from zero to the contract's scale, and refused where they do not fit; floating-point numbers become decimals
by their shortest text; text is read in one canonical form a type; a timestamp without a zone is UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockgate.core.relation import Column, Relation
from lockgate.core.route import Publication
from lockgate.core.sql import column as quoted
from lockgate.core.sql import is_bignumeric, sql_type
from lockgate.core.types import INTEGERS, ColumnType, Kind, digits
from lockgate.errors import OutputInvalid

DECIMALS = INTEGERS | {Kind.NUMERIC}
FLOATS = frozenset({Kind.REAL, Kind.DOUBLE})
INSTANTS = frozenset({Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
PRINTABLE = DECIMALS | INSTANTS | {Kind.BOOLEAN, Kind.UUID, Kind.DATE, Kind.TIME}

_BITS = {Kind.SMALLINT: 15, Kind.INTEGER: 31, Kind.BIGINT: 63}
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
_FORMS = {
    Kind.BOOLEAN: "true|false",
    Kind.DATE: _DATE,
    Kind.TIME: _TIME,
    Kind.TIMESTAMP: f"{_DATE}[ T]{_TIME}",
    Kind.TIMESTAMPTZ: f"{_DATE}[ T]{_TIME}(Z|[+-][0-9]{{2}}(:[0-9]{{2}})?)?",
    Kind.UUID: "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    Kind.NUMERIC: "[+-]?[0-9]{1,38}([.][0-9]+)?",
    **dict.fromkeys(INTEGERS, "[+-]?[0-9]{1,19}"),
    **dict.fromkeys(FLOATS, "[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?"),
}

# A step's SQL, and the condition that is true of rows it has no value for. In braces: the column (x), the contract's
# type, its scale, the first power of ten without room, an integer type's bound, the canonical form of text.
_POSTGRES = {
    "plain": ("cast({x} as {type})", ""),
    "zoned": ("cast({x} as {type})", ""),
    "nested": ("to_jsonb({x})", ""),
    "narrowed": ("cast({x} as {type})", "{x} not between -{bound} and {bound} - 1"),
    "whole": ("cast({x} as {type})", "{x} <> trunc({x}) or {x} not between -{bound} and {bound} - 1"),
    "rounded": ("cast({x} as {type})", "abs(round(cast({x} as decimal), {scale})) >= {room}"),
    "shortest": (
        "cast(cast(cast({x} as text) as decimal) as {type})",
        "abs(round(cast(cast({x} as text) as decimal), {scale})) >= {room}",
    ),
    "floated": ("cast({x} as {type})", ""),
    "halved": (
        "cast({x} as {type})",
        "abs({x}) < 'inf' and abs({x}) > {largest} or {x} <> 0 and abs({x}) < {smallest}",
    ),
    "midnight": ("cast({x} as {type})", "{x} <> date_trunc('day', {x})"),
    **dict.fromkeys(("read", "read_uuid", "read_float"), ("cast({x} as {type})", "{x} !~ '^({form})$'")),
    "read_json": ("cast({x} as jsonb)", ""),
    "read_integer": (
        "cast({x} as {type})",
        (
            "case when {x} ~ '^({form})$' then cast({x} as decimal) not between -{bound} and {bound} - 1"
            " else {x} is not null end"
        ),
    ),
    "read_decimal": (
        "cast({x} as {type})",
        (
            "case when {x} ~ '^({form})$' then abs(round(cast({x} as decimal), {scale})) >= {room}"
            " else {x} is not null end"
        ),
    ),
}
_LOST = "{x} is not null and try_cast({x} as {type}) is null"
_UNREAD = f"not regexp_full_match({{x}}, '{{form}}') or {_LOST}"
_DUCKDB = {
    "plain": ("cast({x} as {type})", ""),
    "zoned": ("cast({x} as {type})", ""),
    "nested": ("to_json({x})", ""),
    "narrowed": ("cast({x} as {type})", _LOST),
    "whole": ("cast({x} as {type})", f"{_LOST} or {{x}} <> trunc({{x}})"),
    "rounded": ("cast({x} as {type})", _LOST),
    "shortest": (
        "cast(cast({x} as varchar) as {type})",
        "{x} is not null and try_cast(cast({x} as varchar) as {type}) is null",
    ),
    "floated": ("cast(cast({x} as varchar) as {type})", ""),
    "halved": ("cast({x} as {type})", f"{_LOST} or {{x}} <> 0 and abs({{x}}) < {{smallest}}"),
    "midnight": ("cast({x} as {type})", "{x} <> date_trunc('day', {x})"),
    **dict.fromkeys(("read", "read_uuid", "read_float"), ("cast({x} as {type})", _UNREAD)),
    "read_json": ("cast({x} as json)", "not json_valid({x})"),
    "read_integer": ("cast({x} as {type})", _UNREAD),
    "read_decimal": ("cast({x} as {type})", _UNREAD),
}
_TRIED = "try_cast({x} as {type})"
_UNTRIED = f"{{x}} is not null and {_TRIED} is null"
_UNFIT = f"not {{x}} rlike r'\\A(?:{{form}})\\z' or {_UNTRIED}"
_SPARK = {
    "plain": ("cast({x} as {type})", ""),
    "zoned": ("concat(cast({x} as string), '+00')", ""),
    "nested": ("to_json({x}, map('ignoreNullFields', 'false'))", ""),
    "narrowed": (_TRIED, _UNTRIED),
    "whole": (_TRIED, "{x} % 1 <> 0 or {x} >= {bound} or {x} < -{bound}"),
    "rounded": (_TRIED, _UNTRIED),
    "shortest": (
        "try_cast(cast({x} as string) as {type})",
        "{x} is not null and try_cast(cast({x} as string) as {type}) is null",
    ),
    "floated": ("cast({x} as {type})", ""),
    "halved": (
        "cast({x} as {type})",
        "abs({x}) < double('infinity') and abs({x}) > {largest} or {x} <> 0 and abs({x}) < {smallest}",
    ),
    "midnight": ("cast({x} as {type})", "{x} <> date_trunc('day', {x})"),
    "read": (_TRIED, _UNFIT),
    "read_uuid": ("lower({x})", _UNFIT),
    "read_float": (_TRIED, f"{_UNFIT} or abs({_TRIED}) = cast('infinity' as {{type}})"),
    # Spark's parser stops where a value ends; what follows is no longer JSON between these marks.
    "read_json": (
        "{x}",
        """{x} is not null and try_parse_json(concat('[', {x}, ']')) is null
            or try_parse_json(concat('{{"a":', {x}, '}}')) is null and {x} is not null""",
    ),
    "read_integer": (_TRIED, _UNFIT),
    "read_decimal": (_TRIED, _UNFIT),
}
_SAFE = "safe_cast({x} as {type})"
_UNSAFE = f"{{x}} is not null and {_SAFE} is null"
_WHOLLY = r"r'\A(?:{form})\z'"
_UNMATCHED = f"not regexp_contains({{x}}, {_WHOLLY}) or {_UNSAFE}"
_OUTSIDE = f"{_SAFE} not between {{low}} and {{high}}"
# A cast there takes no precision: it is rounded by itself, in the widest decimal, so that it is rounded once.
_ROUND = "safe_cast(round(safe_cast({x} as bignumeric), {scale}) as {type})"
_ROUND_FLOAT = "safe_cast(round(safe_cast(cast({x} as string) as bignumeric), {scale}) as {type})"
_TOO_LARGE = f"{{x}} is not null and {_ROUND} is null or abs({_ROUND}) > cast('{{most}}' as {{type}})"
_BIGQUERY = {
    "plain": ("cast({x} as {type})", ""),
    "zoned": ("cast({x} as {type})", ""),
    "nested": ("to_json_string({x})", ""),
    "narrowed": ("{x}", "{x} not between {low} and {high}"),
    "whole": (_SAFE, f"{_UNSAFE} or {{x}} <> trunc({{x}}) or {_OUTSIDE}"),
    "rounded": (_ROUND, _TOO_LARGE),
    "shortest": (_ROUND_FLOAT, _TOO_LARGE.replace(_ROUND, _ROUND_FLOAT)),
    "floated": ("cast({x} as {type})", ""),
    "halved": (
        "cast({x} as {type})",
        "abs({x}) < cast('inf' as float64) and abs({x}) > {largest} or {x} <> 0 and abs({x}) < {smallest}",
    ),
    "midnight": ("cast({x} as {type})", "cast({x} as datetime) <> cast(cast({x} as date) as datetime)"),
    "read": (_SAFE, _UNMATCHED),
    "read_uuid": ("lower({x})", _UNMATCHED),
    "read_float": (_SAFE, f"{_UNMATCHED} or abs({_SAFE}) = cast('inf' as float64)"),
    "read_json": ("{x}", "{x} is not null and safe.parse_json({x}) is null"),
    "read_integer": (_SAFE, f"{_UNMATCHED} or {_OUTSIDE}"),
    "read_decimal": (_ROUND, f"not regexp_contains({{x}}, {_WHOLLY}) or {_TOO_LARGE}"),
}
_STEPS = {"bigquery": _BIGQUERY, "postgres": _POSTGRES, "duckdb": _DUCKDB, "spark": _SPARK}
# Types that core's do not spell as the engine does.
_SPELLED = {
    "bigquery": {
        **dict.fromkeys(INTEGERS, "int64"),
        **dict.fromkeys(FLOATS, "float64"),
        **dict.fromkeys((Kind.TEXT, Kind.UUID, Kind.JSON), "string"),
        Kind.TIMESTAMP: "datetime",
        Kind.TIMESTAMPTZ: "timestamp",
    },
    "spark": {
        Kind.TIME: "time(6)",
        Kind.TIMESTAMP: "timestamp_ntz",
        Kind.TIMESTAMPTZ: "timestamp",
        Kind.UUID: "string",
        Kind.JSON: "string",
    },
}


@dataclass(frozen=True, slots=True)
class Cast:
    """A column's value in the contract's type as SQL, and a condition that is true of rows that have none, or ''."""

    column: str
    value: str
    refused: str


def casts_of(publication: Publication, built: Sequence[Column], dialect: str) -> tuple[Cast, ...]:
    """How the columns of a built output become those of the contract.

    Raises:
        OutputInvalid: a column of the contract is not there, or has a type that does not become the contract's.
    """
    types = {column.name: column.type for column in built}
    missing = [name for name in publication.contract.names if name not in types]
    if missing:
        told = "has no column " + ", ".join(map(repr, missing)) if types else "is not there"
        raise OutputInvalid(f"{publication.built} {told}", missing=missing)
    return tuple(cast_to(column, types[column.name], dialect) for column in publication.contract.columns)


def cast_to(wanted: Column, source: ColumnType, dialect: str) -> Cast:
    """How the column named as `wanted`, of type `source`, becomes the type that `wanted` says, in SQL of `dialect`.

    Raises:
        OutputInvalid: there is no exact way from the one type to the other.
    """
    step = _step(source, wanted.type)
    if step is None:
        raise OutputInvalid(
            f"column {wanted.name!r} is {source} where the contract says {wanted.type}",
            hint="Cast the column in the implementation, so that it is written down how.",
            column=wanted.name,
        )
    precision, scale = digits(wanted.type)
    bits = _BITS.get(wanted.type.kind, 0)
    words = {
        "x": quoted(wanted.name).sql(dialect),
        "type": _spelled(wanted.type, dialect),
        "scale": scale,
        "room": f"1e{precision - scale}",
        "most": ("9" * (precision - scale) or "0") + ("." + "9" * scale if scale else ""),
        "bound": 2**bits,
        "low": f"-{2**bits - 1} - 1",
        "high": 2**bits - 1,
        "form": _FORMS.get(wanted.type.kind, ""),
        "largest": 3.4028234663852886e38,
        "smallest": 7.006492321624085e-46,
    }
    value, refused = _STEPS[dialect][step]
    return Cast(wanted.name, value.format(**words), refused.format(**words))


def _spelled(type_: ColumnType, dialect: str) -> str:
    if dialect == "bigquery" and type_.kind is Kind.NUMERIC:
        return "bignumeric" if is_bignumeric(*digits(type_)) else "numeric"
    return _SPELLED.get(dialect, {}).get(type_.kind) or sql_type(type_).sql(dialect)


def _step(source: ColumnType, wanted: ColumnType) -> str | None:
    if wanted.kind is Kind.NUMERIC and source.is_number:
        return "shortest" if source.kind in FLOATS else "rounded"
    if source.kind is Kind.JSON and wanted.kind is Kind.JSON:
        return "nested"
    if wanted.holds(source):
        return "plain"
    if wanted.is_integer and source.is_number:
        return "narrowed" if source.is_integer else "whole"
    if source.kind is Kind.TEXT:
        return _reading(wanted)
    return _STEP_BY_KINDS.get((source.kind, wanted.kind))


def _reading(wanted: ColumnType) -> str | None:
    if wanted.is_integer:
        return "read_integer"
    special = {Kind.NUMERIC: "read_decimal", Kind.JSON: "read_json", Kind.UUID: "read_uuid"}
    special |= dict.fromkeys(FLOATS, "read_float")
    return special.get(wanted.kind) or ("read" if wanted.kind in _FORMS else None)


_STEP_BY_KINDS = {
    **{(kind, Kind.TEXT): "plain" for kind in PRINTABLE},
    (Kind.TIMESTAMPTZ, Kind.TEXT): "zoned",
    **{(kind, other): "floated" for kind in DECIMALS for other in FLOATS},
    **{(kind, Kind.DATE): "midnight" for kind in INSTANTS},
    (Kind.DOUBLE, Kind.REAL): "halved",
    (Kind.DATE, Kind.TIMESTAMP): "plain",
    (Kind.DATE, Kind.TIMESTAMPTZ): "plain",
    (Kind.TIMESTAMP, Kind.TIMESTAMPTZ): "plain",
    (Kind.TIMESTAMPTZ, Kind.TIMESTAMP): "plain",
}


def refuse_lost(built: Relation, lost: Mapping[str, int]) -> None:
    """Refuses an output with values that the contract's types do not hold; `lost` counts them by column.

    Raises:
        OutputInvalid: with the counts.
    """
    if any(lost.values()):
        told = ", ".join(f"{count} of {column!r}" for column, count in lost.items() if count)
        raise OutputInvalid(f"{built} has values that the contract's types do not hold: {told}", lost=dict(lost))


def refuse_bad_keys(key: tuple[str, ...], missing: int, repeated: int, *, cause: Exception | None = None) -> None:
    """Refuses an output with rows that have no key, or keys that several rows have; does nothing where there are none.

    Raises:
        OutputInvalid: with both counts.
    """
    if missing or repeated:
        named = ", ".join(key)
        raise OutputInvalid(
            f"the key ({named}) is NULL in {missing} rows, and {repeated} keys are there more than once",
            null_keys=missing,
            repeated_keys=repeated,
        ) from cause
