"""The allow-list: which SQL operators and functions rules may use, and how their arguments are found in the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlglot import exp

from lockgate.core.types import ColumnType, Kind
from lockgate.transform.rules.language import signatures as sign
from lockgate.transform.rules.language.arguments import Arguments, listed
from lockgate.transform.rules.language.patterns import check_pattern, check_replaced
from lockgate.transform.rules.language.typed import BOOLEAN, DATE, INTEGER, TEXT, Call, Const, Mismatch, Typed

_DATED = {Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ}
_LONGEST_PAD = 10_000


Visitor: TypeAlias = Callable[[Arguments], Typed]


def _binary(make: Callable[[Typed, Typed], Typed]) -> Visitor:
    """An operator with two sides."""

    def visit(arguments: Arguments) -> Typed:
        left, right = arguments.read("this", "expression")
        return make(left, right)

    return visit


def _comparison(function: str) -> Visitor:
    """A comparison."""
    return _binary(lambda left, right: sign.compare(function, left, right))


def _chained(function: str, type_: ColumnType, read: Callable[[Typed], Typed]) -> Visitor:
    """An operator that may be chained; a chain is one call, however long, since trees are walked by recursion."""

    def visit(arguments: Arguments) -> Typed:
        parts = arguments.read_all(listed(list(arguments.node.flatten(unnest=False))))
        return Call(function, tuple(read(part) for part in parts), type_)

    return visit


def _text(function: str, type_: ColumnType = TEXT) -> Visitor:
    """A function of one text."""

    def visit(arguments: Arguments) -> Typed:
        [value] = arguments.read("this")
        return Call(function, (sign.want_text(value, function),), type_)

    return visit


def _number(make: Callable[[Typed], Typed]) -> Visitor:
    """A function of one number."""

    def visit(arguments: Arguments) -> Typed:
        [value] = arguments.read("this")
        return make(value)

    return visit


def _negated(arguments: Arguments, value: Typed) -> Typed:
    """The value, or its opposite where the node is a NOT form."""
    return sign.opposite(value) if arguments.node.args.get("negate") else value


def _not(arguments: Arguments) -> Typed:
    [value] = arguments.read("this")
    return sign.opposite(sign.condition(value, "NOT"))


def _is(arguments: Arguments) -> Typed:
    arguments.only("this", "expression", "negate")
    value, other = arguments.read_all([arguments.node.this, arguments.node.expression])
    if not isinstance(other, Const) or not (other.value is None or isinstance(other.value, bool)):
        raise Mismatch("IS is followed by NULL, TRUE or FALSE")
    if other.value is None:
        return _negated(arguments, Call("is_null", (value,), BOOLEAN))
    function = "is_true" if other.value else "is_false"
    return _negated(arguments, Call(function, (sign.condition(value, "IS"),), BOOLEAN))


def _in(arguments: Arguments) -> Typed:
    if arguments.node.args.get("query"):
        raise Mismatch("IN takes a list of constants, no query", "Use a lookup.")
    value, *members = arguments.read("this", "expressions")
    return sign.within(value, members)


def _between(arguments: Arguments) -> Typed:
    value, low, high = arguments.read("this", "low", "high")
    return Call("and", (sign.compare("greater_equal", value, low), sign.compare("less_equal", value, high)), BOOLEAN)


def _like(arguments: Arguments) -> Typed:
    arguments.only("this", "expression", "negate")
    pattern = arguments.text("expression", "the pattern of LIKE")
    trailing = len(pattern) - len(pattern.rstrip("\\"))
    if trailing % 2:
        raise Mismatch(f"the pattern {pattern!r} ends with a backslash that escapes nothing")
    [value] = arguments.read_all([arguments.node.this])
    return _negated(arguments, Call("like", (sign.want_text(value, "LIKE"),), BOOLEAN, (pattern,)))


def _matches(arguments: Arguments) -> Typed:
    arguments.only("this", "expression")
    pattern = arguments.text("expression", "a pattern")
    check_pattern(pattern)
    [value] = arguments.read_all([arguments.node.this])
    return Call("matches", (sign.want_text(value, "~"),), BOOLEAN, (pattern,))


def _regexp_replace(arguments: Arguments) -> Typed:
    arguments.only("this", "expression", "replacement", "modifiers")
    pattern, new = arguments.text("expression", "a pattern"), arguments.text("replacement", "the replacement")
    check_replaced(pattern)
    if "\\" in new or "$" in new:
        raise Mismatch("the replacement may hold no backslash and no dollar sign")
    if arguments.node.args.get("modifiers") is None or arguments.text("modifiers", "the flag") != "g":
        raise Mismatch("regexp_replace replaces everywhere here", "Add the flag 'g'.")
    [value] = arguments.read_all([arguments.node.this])
    return Call("regexp_replace", (sign.want_text(value, "regexp_replace"),), TEXT, (pattern, new))


def _plus(arguments: Arguments) -> Typed:
    if isinstance(arguments.node.expression, exp.Interval):
        return _shifted(arguments, 1)
    left, right = arguments.read("this", "expression")
    if left.type == DATE:
        return sign.add_days(left, right)
    return sign.add_days(right, left) if right.type == DATE else sign.plus_or_minus("add", left, right)


def _minus(arguments: Arguments) -> Typed:
    if isinstance(arguments.node.expression, exp.Interval):
        return _shifted(arguments, -1)
    left, right = arguments.read("this", "expression")
    if left.type == DATE and right.type == DATE:
        return Call("days_between", (left, right), INTEGER)
    return sign.add_days(left, right, back=True) if left.type == DATE else sign.plus_or_minus("subtract", left, right)


_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}


def _shifted(arguments: Arguments, way: int) -> Typed:
    """A timestamp so many seconds, minutes, hours or days of 24 hours later."""
    interval = arguments.node.expression
    unit = str(interval.args.get("unit") or "").upper().removesuffix("S")
    amount = interval.this.name if isinstance(interval.this, exp.Literal) else ""
    if unit not in _SECONDS or not amount.isdigit() or int(amount) > _LONGEST_PAD * _SECONDS["DAY"]:
        raise Mismatch("an interval is written INTERVAL '90 minutes'", "Use seconds, minutes, hours or days.")
    [value] = arguments.read_all([arguments.node.this])
    sign.want(value, {Kind.TIMESTAMP, Kind.TIMESTAMPTZ}, "an interval")
    return Call("add_seconds", (value,), value.type, (way * int(amount) * _SECONDS[unit],))


def _trim(arguments: Arguments) -> Typed:
    arguments.only("this", "position")
    position = str(arguments.node.args.get("position") or "BOTH").upper()
    function = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[position]
    [value] = arguments.read_all([arguments.node.this])
    return Call(function, (sign.want_text(value, function),), TEXT)


def _substring(arguments: Arguments) -> Typed:
    value, start, *length = arguments.read("this", "start", "length")
    return sign.substring(sign.want_text(value, "substring"), start, length[0] if length else None)


def _side(function: str) -> Visitor:
    """left() and right()."""

    def visit(arguments: Arguments) -> Typed:
        arguments.only("this", "expression")
        count = arguments.number("expression", f"the length of {function}", least=0, most=_LONGEST_PAD)
        [value] = arguments.read_all([arguments.node.this])
        return Call(function, (sign.want_text(value, function),), TEXT, (count,))

    return visit


def _pad(arguments: Arguments) -> Typed:
    arguments.only("this", "expression", "fill_pattern", "is_left")
    function = "lpad" if arguments.node.args.get("is_left") else "rpad"
    count = arguments.number("expression", f"the length of {function}", least=0, most=_LONGEST_PAD)
    fill = arguments.text("fill_pattern", f"what {function} fills with")
    if len(fill) != 1:
        raise Mismatch(f"{function} fills with one character")
    [value] = arguments.read_all([arguments.node.this])
    return Call(function, (sign.want_text(value, function),), TEXT, (count, fill))


def _split_part(arguments: Arguments) -> Typed:
    arguments.only("this", "delimiter", "part_index")
    delimiter = arguments.text("delimiter", "the delimiter of split_part")
    if not delimiter:
        raise Mismatch("the delimiter of split_part is empty")
    part = arguments.number("part_index", "the part of split_part", least=1, most=_LONGEST_PAD)
    [value] = arguments.read_all([arguments.node.this])
    return Call("split_part", (sign.want_text(value, "split_part"),), TEXT, (delimiter, part))


def _replace(arguments: Arguments) -> Typed:
    arguments.only("this", "expression", "replacement")
    old, new = arguments.text("expression", "what is replaced"), arguments.text("replacement", "the replacement")
    if not old:
        raise Mismatch("what is replaced is empty")
    [value] = arguments.read_all([arguments.node.this])
    return Call("replace", (sign.want_text(value, "replace"),), TEXT, (old, new))


def _strpos(arguments: Arguments) -> Typed:
    value, part = arguments.read("this", "substr")
    return Call("strpos", (sign.want_text(value, "strpos"), sign.want_text(part, "strpos")), INTEGER)


def _starts_with(left: Typed, right: Typed) -> Typed:
    return Call("starts_with", (sign.want_text(left, "starts_with"), sign.want_text(right, "starts_with")), BOOLEAN)


def _round(arguments: Arguments) -> Typed:
    arguments.only("this", "decimals")
    decimals = 0
    if arguments.node.args.get("decimals") is not None:
        decimals = arguments.number("decimals", "the decimals of round", least=0, most=38)
    [value] = arguments.read_all([arguments.node.this])
    return sign.rounded(value, decimals)


_PARTS = {"YEAR": _DATED, "QUARTER": _DATED, "MONTH": _DATED, "DAY": _DATED, "HOUR": _DATED - {Kind.DATE}}
_PARTS |= {"MINUTE": _DATED - {Kind.DATE}}


def _extract(arguments: Arguments) -> Typed:
    arguments.only("this", "expression")
    part = arguments.node.name.upper()
    if part not in _PARTS:
        raise Mismatch(f"{part.lower()} cannot be extracted", f"There are {', '.join(_PARTS).lower()}.")
    [value] = arguments.read_all([arguments.node.expression])
    sign.want(value, _PARTS[part], f"extract({part.lower()} …)")
    return Call(f"extract_{part.lower()}", (sign.instant_of_day(value),), INTEGER)


def _date_trunc(arguments: Arguments) -> Typed:
    arguments.only("this", "unit")
    unit = str(arguments.node.args.get("unit")).lower()
    if unit not in {"year", "quarter", "month"}:
        raise Mismatch("date_trunc cuts a date to its year, quarter or month")
    [value] = arguments.read_all([arguments.node.this])
    return Call(f"first_of_{unit}", (sign.want(value, {Kind.DATE}, "date_trunc"),), DATE)


def _case(arguments: Arguments) -> Typed:
    arguments.only("this", "ifs", "default")
    node, branches = arguments.node, arguments.node.args["ifs"]
    parts = [part for branch in branches for part in (branch.this, branch.args["true"])]
    subject, default = listed(node.this), listed(node.args.get("default"))
    read = arguments.read_all([*parts, *subject, *default])
    tests, values = read[: len(parts) : 2], read[1 : len(parts) : 2]
    otherwise = read[-1] if default else Const(None, None)
    if subject:
        tests = [sign.compare("equal", read[len(parts)], test) for test in tests]
    return sign.case(list(zip(tests, values, strict=True)), otherwise)


def _coalesce(arguments: Arguments) -> Typed:
    return sign.coalesce(arguments.read("this", "expressions"))


def _length(arguments: Arguments) -> Typed:
    [value] = arguments.read("this")
    return Call("length", (sign.want_text(value, "length"),), INTEGER)


VISITORS: Mapping[type[exp.Expr], Visitor] = {
    exp.EQ: _comparison("equal"),
    exp.NEQ: _comparison("not_equal"),
    exp.LT: _comparison("less"),
    exp.LTE: _comparison("less_equal"),
    exp.GT: _comparison("greater"),
    exp.GTE: _comparison("greater_equal"),
    exp.NullSafeNEQ: _comparison("distinct"),
    exp.NullSafeEQ: _comparison("not_distinct"),
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like,
    exp.RegexpLike: _matches,
    exp.And: _chained("and", BOOLEAN, lambda part: sign.condition(part, "AND")),
    exp.Or: _chained("or", BOOLEAN, lambda part: sign.condition(part, "OR")),
    exp.Not: _not,
    exp.Case: _case,
    exp.Coalesce: _coalesce,
    exp.Nullif: _binary(sign.null_if),
    exp.Add: _plus,
    exp.Sub: _minus,
    exp.Mul: _binary(sign.times),
    exp.Div: _binary(sign.divided),
    exp.Mod: _binary(sign.remainder),
    exp.Neg: _number(lambda value: sign.signed("negate", value)),
    exp.Abs: _number(lambda value: sign.signed("abs", value)),
    exp.Sign: _number(sign.sign),
    exp.Round: _round,
    exp.Ceil: _number(lambda value: sign.cut("ceil", value)),
    exp.Floor: _number(lambda value: sign.cut("floor", value)),
    exp.Trunc: _number(lambda value: sign.cut("trunc", value)),
    exp.DPipe: _chained("concat", TEXT, lambda part: sign.want_text(part, "||")),
    exp.Lower: _text("lower"),
    exp.Upper: _text("upper"),
    exp.Trim: _trim,
    exp.Length: _length,
    exp.Substring: _substring,
    exp.Left: _side("left"),
    exp.Right: _side("right"),
    exp.Pad: _pad,
    exp.SplitPart: _split_part,
    exp.Replace: _replace,
    exp.RegexpReplace: _regexp_replace,
    exp.StrPosition: _strpos,
    exp.StartsWith: _binary(_starts_with),
    exp.MD5: _text("md5"),
    exp.Extract: _extract,
    exp.TimestampTrunc: _date_trunc,
}
NAMES = (
    "abs", "ceil", "coalesce", "date_trunc", "extract", "floor", "left", "length", "lower", "lpad", "ltrim", "md5",
    "mod", "nullif", "regexp_replace", "replace", "right", "round", "rpad", "rtrim", "sign", "split_part",
    "starts_with", "strpos", "substring", "trim", "trunc", "upper",
)  # fmt: skip
