"""Numbers of any size in the bench, by their canonical digits (see `encoding`): no digit is lost to a double.

DuckDB's BIGNUM adds and compares whole numbers of any size, and does nothing else without rounding. So numbers are
brought to one power of ten by zeros behind their digits, and multiplied by adding.
"""

from __future__ import annotations

from decimal import Decimal

from lockgate.core.comparison import Tolerance

# PostgreSQL's longest number has 147,455 digits.
_MOST_DIGITS = 150_000
_PARTS = "regexp_extract({digits}, '^(-?)([0-9]+)(?:e(-?[0-9]+))?$', ['s', 'm', 'e'])"
_POWER = "coalesce(try_cast({part}.e as bigint), 0)"
_NEAR = """coalesce(list_transform([{{'l': {left}, 'r': {right}}}], lambda p:
  case when p.l.m <> '' and p.r.m <> '' then list_transform(
    [{{'l': p.l.s || p.l.m, 'r': p.r.s || p.r.m, 'm': p.l.m, 'le': {left_power}, 're': {right_power}}}], lambda n:
    list_transform([least(n.le, n.re, {power})], lambda low: case when greatest(n.le, n.re, {power}) - low < {most} then
      {one} <= {other} + {bound} and {other} <= {one} + {bound} end)[1])[1] end)[1], false)"""
_WHOLE = """list_transform([{parts}], lambda p: case when p.m = '' or p.e not like '-%' then {digits} else
  list_transform([length(p.m) + try_cast(p.e as bigint)], lambda places: case when places < 0 then '0' else
    p.s || case when substr(p.m, places + 1, 1) < '5' then '0' || left(p.m, places) else
      list_transform([regexp_extract('0' || left(p.m, places), '^([0-9]*)([0-8])(9*)$', ['m', 'd', 'n'])], lambda up:
        up.m || cast(cast(up.d as integer) + 1 as varchar) || repeat('0', length(up.n)))[1] end end)[1] end)[1]"""


def near(left: str, right: str, tolerance: Tolerance) -> str:
    """True where the numbers of these digits are within an amount, or a share of the left one; never NULL."""
    sign, digits, exponent = (tolerance.absolute or tolerance.relative or Decimal(0)).normalize().as_tuple()
    power = f"{exponent}" if tolerance.relative is None else f"n.le + ({exponent})"
    del sign
    return _NEAR.format(
        left=_PARTS.format(digits=left),
        right=_PARTS.format(digits=right),
        left_power=_POWER.format(part="p.l"),
        right_power=_POWER.format(part="p.r"),
        power=f"({power})",
        most=_MOST_DIGITS,
        one=_scaled("n.l", "n.le"),
        other=_scaled("n.r", "n.re"),
        bound=f"({_bound(digits, f'({power})', is_share=tolerance.relative is not None)})",
    )


def whole(digits: str) -> str:
    """A number's digits, rounded to a whole number, half away from zero; what is no number stays as it is."""
    return _WHOLE.format(parts=_PARTS.format(digits=digits), digits=digits)


def _scaled(digits: str, power: str) -> str:
    return f"cast({digits} || repeat('0', {power} - low) as bignum)"


def _bound(digits: tuple[int, ...], power: str, *, is_share: bool) -> str:
    """The tolerance, or so many times the left number without its sign: its digits added up, place by place."""
    if not is_share:
        return _scaled(f"'{''.join(map(str, digits))}'", power)
    terms = [_scaled("n.m", f"{power} + {place}") for place, digit in enumerate(reversed(digits)) for _ in range(digit)]
    return " + ".join(terms or ["cast('0' as bignum)"])
