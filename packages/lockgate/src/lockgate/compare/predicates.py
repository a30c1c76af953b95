"""When two values differ, as SQL over the columns `l` and `r` of a joined row."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlglot import exp

from lockgate.compare.decimals import near
from lockgate.compare.encoding import digits, value
from lockgate.compare.forms import Form, Pair
from lockgate.core.comparison import Tolerance

# How a difference rounds where floating-point numbers are subtracted: four units in the last place (IEEE 754 binary64).
_SLACK = "8.881784197001252e-16"
_FLOAT = {"duckdb": "try_cast({x} as double)", "postgres": "cast({x} as double precision)"}
# Above so many digits before the point, a bound is compared digit by digit at once.
_FEW_DIGITS = 18
_MICROSECONDS = {
    "duckdb": "epoch_us(cast({v} as timestamptz))",
    "postgres": "(case when isfinite(cast({v} as timestamptz)) "
    "then cast(extract(epoch from cast({v} as timestamptz)) * 1000000 as bigint) end)",
}


def keys_equal(pairs: Sequence[Pair], dialect: str) -> str:
    """True where two rows have the same key; `pairs` are the key's, of columns c0, c1 and so on."""
    sides = [
        (value(pair, pair.left, f"l.c{n}", dialect), value(pair, pair.right, f"r.c{n}", dialect))
        for n, pair in enumerate(pairs)
    ]
    return " and ".join(f"{one} = {other}" for one, other in sides)


def differs(pair: Pair, left: str, right: str, dialect: str) -> str:
    """True where two values differ by more than the pair's rule allows; never NULL."""
    one, other = value(pair, pair.left, left, dialect), value(pair, pair.right, right, dialect)
    different = f"{one} is distinct from {other}"
    if pair.rule.tolerance is None:
        return different
    within = _is_within(pair, pair.rule.tolerance, (one, other), dialect)
    return f"({different} and not coalesce({within}, false))"


def amount(pair: Pair, left: str, right: str, dialect: str) -> str | None:
    """By how much two values differ, as a floating-point number; of times in seconds. None for other types."""
    one, other = value(pair, pair.left, left, dialect), value(pair, pair.right, right, dialect)
    if pair.form.is_time:
        moments = [_MICROSECONDS[dialect].format(v=v) for v in (one, other)]
        return f"abs({moments[0]} - {moments[1]}) / 1000000.0"
    if not pair.form.is_number:
        return None
    floats = [_FLOAT[dialect].format(x=v) for v in (one, other)]
    about = f"abs({floats[0]} - {floats[1]})"
    if pair.form is Form.DOUBLE or dialect != "duckdb":
        return about
    exact = f"try(cast(abs({_exact(pair, one, left)} - {_exact(pair, other, right)}) as double))"
    return f"greatest({exact}, {about})" if pair.form is Form.NUMBER else f"coalesce({exact}, {about})"


def _exact(pair: Pair, compared: str, column: str) -> str:
    """A number as the bench subtracts it without rounding: past 2^53, floating-point numbers lose the last digit."""
    if pair.form is Form.NUMBER:
        return f"cast(cast({column} as varchar) as decimal(38, 9))"
    return f"cast({compared} as hugeint)" if pair.form is Form.WHOLE else compared


def _is_within(pair: Pair, tolerance: Tolerance, values: tuple[str, str], dialect: str) -> str:
    if tolerance.seconds is not None:
        one, other = (_MICROSECONDS[dialect].format(v=v) for v in values)
        return f"abs({one} - {other}) <= {_number(tolerance.seconds * 1_000_000)}"
    return (
        _doubles_near(values, tolerance, dialect)
        if pair.is_floating
        else _exactly_near(pair, values, tolerance, dialect)
    )


def _exactly_near(pair: Pair, values: tuple[str, str], tolerance: Tolerance, dialect: str) -> str:
    """Whether exact numbers are near, without rounding any."""
    if dialect == "postgres":
        one, other = (f"cast({v} as numeric)" for v in values)
        finite = f"abs({one}) < 'infinity' and abs({other}) < 'infinity'"
        return f"({finite} and abs({one} - {other}) <= {_bound(tolerance, one)})"
    if pair.form is Form.NUMBER:
        return near(values[0], values[1], tolerance)
    by_digits = near(digits(values[0]), digits(values[1]), tolerance)
    if tolerance.absolute is None or tolerance.absolute.adjusted() > _FEW_DIGITS:
        return by_digits
    one, other = (f"cast({v} as decimal(38, {pair.scale}))" for v in values)
    return f"coalesce(try(abs({one} - {other}) <= {_number(tolerance.absolute)}), {by_digits})"


def _doubles_near(values: tuple[str, str], tolerance: Tolerance, dialect: str) -> str:
    one, other = (_FLOAT[dialect].format(x=v) for v in values)
    slack = f"{_SLACK} * greatest(abs({one}), abs({other}))"
    finite = f"abs({one}) < 'infinity' and abs({other}) < 'infinity'"
    allowed = float(tolerance.relative or tolerance.absolute or 0)
    bound = _FLOAT[dialect].format(x=f"'{allowed!r}'") + (f" * abs({one})" if tolerance.relative is not None else "")
    is_near = f"abs({one} - {other}) <= {bound} + {slack}"
    if dialect == "postgres":
        is_near = f"case when {_is_usual(one)} and {_is_usual(other)} then {is_near} else {_far(values, tolerance)} end"
    return f"({finite} and {is_near})"


def _is_usual(double: str) -> str:
    """Whether PostgreSQL reckons with a double without an error: what leaves the range of doubles is one there."""
    return f"({double} = 0 or abs({double}) between 1e-200 and 1e290)"


def _far(values: tuple[str, str], tolerance: Tolerance) -> str:
    """Whether doubles at the ends of their range are near, in decimals; PostgreSQL prints a double without loss."""
    one, other = (f"cast(cast({v} as text) as numeric)" for v in values)
    return f"abs({one} - {other}) <= {_bound(tolerance, one)} + {_SLACK} * greatest(abs({one}), abs({other}))"


def _bound(tolerance: Tolerance, left: str) -> str:
    if tolerance.relative is not None:
        return f"{_number(tolerance.relative)} * abs({left})"
    return _number(tolerance.absolute or Decimal(0))


def _number(number: Decimal) -> str:
    return exp.Literal.number(f"{number:f}").sql()
