"""Which values fit a column's type, and what they become: exactly, or not at all.

Text is read by its form, never by guessing: numbers keep their value (no rounding to the declared scale), dates and
times keep every part down to the microsecond, blanks around them count for nothing, and blank text is NULL in every
type but text. Values that have a type already must come back the same when cast there and back. Where a type was only
inferred (`loose`), text must moreover be written in its plainest form, so that `007` never quietly becomes a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from lockgate.adapters.staging.json_limits import HELD, MOSTLY_HELD
from lockgate.core.sql import sql_type
from lockgate.core.types import INTEGERS, ColumnType, Kind, digits

_TIME = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
_INSTANT = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T]{_TIME}"
_ZONE = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
_NUMBER = "[+-]?(0|[1-9][0-9]{0,14})([.][0-9]+)?([eE][+-]?[0-9]{1,3})?"

# What text becomes ($x is the text, $v the value, $type the type), and the condition that is true of text that fits,
# with one that is quicker and true of most of it.
_VALUES = {
    Kind.TEXT: "$x",
    Kind.JSON: "case when json_valid($x) then $x end",
    Kind.BYTES: r"case when regexp_full_match($x, '\\x([0-9a-fA-F]{2})*') then unhex(substr($x, 3)) end",
    Kind.UUID: "cast(try_cast($x as uuid) as text)",
}
_PLAIN = "cast($v as text) = $x"
# Digits behind the point that are not zero, less what an exponent moves before it, must not be more than the scale.
_MANTISSA = "replace(regexp_extract($x, '[0-9.]+'), '.', '')"
_DECIMALS = f"""
length(regexp_extract($x, '[.]([0-9]*)', 1)) - length({_MANTISSA}) + length(rtrim({_MANTISSA}, '0'))
- try_cast(regexp_extract($x, '[eE]([+-]?[0-9]+)', 1) as integer)
"""
_EXACT = f"""
$v is not null and case
    when regexp_full_match($x, ' *[+-]?[0-9]*([.][0-9]{{0,$scale}}0*)? *') then true
    when regexp_full_match($x, ' *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)[eE][+-]?[0-9]{{1,3}} *')
        then rtrim({_MANTISSA}, '0') = '' or {_DECIMALS} <= $scale
    else false
end
"""
# A number past the largest becomes infinite: only text that says so is.
_IN_RANGE = "(isfinite($v) or not regexp_matches($x, '[0-9]'))"
_PLAIN_DAY = f"isfinite($v) and {_PLAIN}"
_FITS = {
    **dict.fromkeys(INTEGERS, ("$v = try_cast($x as decimal(38, 9)) and not contains($x, '_')", _PLAIN)),
    Kind.NUMERIC: (_EXACT, _PLAIN),
    Kind.REAL: (f"$v is not null and not contains($x, '_') and {_IN_RANGE}", ""),
    Kind.DOUBLE: (f"$v is not null and not contains($x, '_') and {_IN_RANGE}", ""),
    Kind.DATE: ("isfinite($v) and try_cast($x as timestamp) = $v", _PLAIN_DAY),
    Kind.TIME: (f"$v is not null and regexp_full_match($x, ' *{_TIME} *')", _PLAIN),
    Kind.TIMESTAMP: ("isfinite($v) and try_cast($x as timestamptz) = cast($v as timestamptz)", _PLAIN_DAY),
    Kind.TIMESTAMPTZ: ("isfinite($v)", ""),
    Kind.JSON: (HELD, MOSTLY_HELD),
}
_FITS_LOOSELY = {
    Kind.BOOLEAN: ("lower($x) in ('true', 'false')", ""),
    Kind.BIGINT: (_PLAIN, ""),
    Kind.DOUBLE: (
        f"$v is not null and regexp_full_match($x, '{_NUMBER}|NaN|-?inf') and {_IN_RANGE}",
        "isfinite($v) and contains($x, '.') and not starts_with($x, '0') and not contains($x, '_')",
    ),
    Kind.DATE: (_PLAIN_DAY, ""),
    Kind.TIMESTAMP: (f"$v is not null and regexp_full_match($x, '{_INSTANT}')", _PLAIN_DAY),
    Kind.TIMESTAMPTZ: (f"$v is not null and regexp_full_match($x, '{_INSTANT}{_ZONE}')", ""),
}
_NUL = "contains($x, chr(0))"
# The types that text is tried for, first match first, where nobody stated one.
INFERRED = tuple(ColumnType(kind) for kind in _FITS_LOOSELY)


@dataclass(frozen=True, slots=True)
class Fit:
    """SQL for a column's value, and for the condition that is true of what does not fit; '' where everything does."""

    value: str
    misfit: str


def fit(x: str, v: str, *, source: ColumnType, wanted: ColumnType, loose: bool = False) -> Fit:
    """How the SQL value `x`, of type `source`, becomes `wanted`; the condition knows the value under the name `v`."""
    words = {"x": x, "v": v, "type": _name(wanted), "source": _name(source), "scale": digits(wanted)[1]}
    value, misfit = _templates(source, wanted, loose=loose)
    return Fit(Template(value).substitute(words), Template(misfit).substitute(words))


def _templates(source: ColumnType, wanted: ColumnType, *, loose: bool) -> tuple[str, str]:
    if source.kind is Kind.TEXT:
        return _VALUES.get(wanted.kind, "try_cast($x as $type)"), _text_misfit(wanted, loose=loose)
    if wanted.kind is Kind.TEXT:
        return (r"'\x' || lower(hex($x))" if source.kind is Kind.BYTES else "cast($x as text)"), ""
    if Kind.JSON is wanted.kind is source.kind:
        return "$x", _misfit(HELD, MOSTLY_HELD)
    if wanted.kind is source.kind and wanted.kind in _VALUES:
        return "$x", ""
    if wanted.holds(source):
        return "cast($x as $type)", ""
    return "try_cast($x as $type)", "$x is not null and ($v is null or cast($v as $source) <> $x)"


def _text_misfit(wanted: ColumnType, *, loose: bool) -> str:
    if wanted.kind is Kind.TEXT:
        return _NUL
    forms = _FITS_LOOSELY if loose and wanted.kind in _FITS_LOOSELY else _FITS
    fits, mostly = forms.get(wanted.kind, ("$v is not null", ""))
    return _misfit(fits, mostly, otherwise="true" if loose else "trim($x) <> ''")


def _misfit(fits: str, mostly: str, *, otherwise: str = "true") -> str:
    """What is true of values that do not fit."""
    # Arms of a CASE are computed only for the rows that reach them; both sides of an OR always are.
    arms = "".join(f" when {arm} then false" for arm in ("$x is null", mostly, fits) if arm)
    return f"case{arms} else {otherwise} end"


def _name(type_: ColumnType) -> str:
    return sql_type(type_).sql("duckdb")
