"""Calls of functions of GoogleSQL: the templates, and those whose meaning goes by their arguments' types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from lockgate.sandbox.bigquery_api.casting import cast
from lockgate.sandbox.bigquery_api.fields import BIGNUMERIC, NUMERIC
from lockgate.sandbox.bigquery_api.functions import AGGREGATES, HELD, PARTS, TEMPLATES, UNITS, filled
from lockgate.sandbox.bigquery_api.kinds import is_big, refuse_fine
from lockgate.sandbox.bigquery_api.refusals import bad_query, unknown

if TYPE_CHECKING:
    from lockgate.sandbox.bigquery_api.operators import Operators

Lowering = Callable[[list[exp.Expr], "Operators"], exp.Expr]

_WRAPS = (exp.Distinct, exp.Order, exp.IgnoreNulls, exp.RespectNulls, exp.Limit, exp.HavingMax)
_EXTRACTED = {
    part: part.lower() for part in ("YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "DAYOFYEAR", "ISOYEAR")
} | {"ISOWEEK": "week"}


def is_word(node: exp.Expr, child: exp.Expr) -> bool:
    """Whether a child of a call is a part of a date."""
    if isinstance(node, exp.Interval | exp.Extract):
        return not (child is node.this and isinstance(node, exp.Interval)) and child is not node.args.get("expression")
    named = isinstance(node, exp.Anonymous) and node.name.upper() in PARTS and isinstance(child, exp.Column)
    return named and node.expressions[-1] is child and len(node.expressions) > 1


def lowered(node: exp.Anonymous, types: Operators) -> exp.Expr:
    """The call as DuckDB has it.

    Raises:
        Refusal: the stand-in does not know the function.
    """
    name, arguments = node.name.upper(), list(node.expressions)
    if name in PARTS:
        return _of_part(name, arguments, types)
    if name in _BY_TYPE:
        return _BY_TYPE[name](arguments, types)
    template = TEMPLATES.get((name, len(arguments)))
    if template is None:
        raise unknown(f"the function {name} with {len(arguments)} arguments")
    if name in AGGREGATES:
        return _aggregate(name, template, arguments)
    return filled(template, *arguments)


def _aggregate(name: str, template: str, arguments: list[exp.Expr]) -> exp.Expr:
    """An aggregate, whose DISTINCT, ORDER BY and LIMIT stand in its arguments."""
    last = arguments[-1]
    first = arguments[0]
    if isinstance(last, exp.Limit):
        raise unknown(f"LIMIT in {name}")
    order = last if isinstance(last, exp.Order) else None
    if order is not None:
        arguments[-1] = order.this
        first = arguments[0]
    distinct = isinstance(first, exp.Distinct)
    if distinct:
        if len(first.expressions) != 1:
            raise bad_query(f"{name} with DISTINCT takes one argument")
        arguments[0] = first.expressions[0]
    if any(isinstance(each, _WRAPS) for each in arguments):
        raise unknown(f"{' '.join(type(each).__name__.upper() for each in arguments)} in {name}")
    made = filled(template, *[each for each in arguments if not isinstance(each, exp.Star)] or arguments)
    if not distinct and order is None:
        return made
    written = made.sql("duckdb")
    start = written.index("(") + 1
    inner = ("DISTINCT " if distinct else "") + written[start:-1]
    ordered = f" ORDER BY {', '.join(each.sql('duckdb') for each in order.expressions)}" if order is not None else ""
    parsed: exp.Expr = exp.maybe_parse(f"{written[:start]}{inner}{ordered})", dialect="duckdb")
    return _typed_again(parsed, made, order)


def _typed_again(parsed: exp.Expr, *before: exp.Expr | None) -> exp.Expr:
    """With the types that its columns had before it was written and read again."""
    kinds = {
        each.sql("duckdb"): each.meta["duck"]
        for tree in before
        if tree is not None
        for each in tree.find_all(exp.Column)
        if "duck" in each.meta
    }
    for column in parsed.find_all(exp.Column):
        if column.sql("duckdb") in kinds:
            column.meta["duck"] = kinds[column.sql("duckdb")]
    return parsed


# --- by type --------------------------------------------------------------------------------------------------------


def _bare(argument: exp.Expr) -> tuple[exp.Expr, str]:
    """An aggregate's argument without DISTINCT, and DISTINCT."""
    if isinstance(argument, exp.Distinct):
        return argument.expressions[0], "DISTINCT "
    return argument, ""


def _held(argument: exp.Expr, types: Operators) -> str:
    refuse_fine(types.type_of(argument))
    return BIGNUMERIC if is_big(types.type_of(argument)) else NUMERIC


def _sum(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    argument, distinct = _bare(arguments[0])
    kind = types.family(argument)
    if kind not in {"int", "float", "decimal", "null"}:
        raise bad_query(
            f"No matching signature for aggregate function SUM for argument types: {types.type_of(argument)}"
        )
    to = {"int": "BIGINT", "float": "DOUBLE", "null": "BIGINT"}.get(kind) or _held(argument, types)
    return filled(f"CAST(sum({distinct}CAST(_1 AS {to})) AS {to})", argument)


def _avg(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    argument, distinct = _bare(arguments[0])
    if types.family(argument) != "decimal":
        return filled(f"avg({distinct}CAST(_1 AS DOUBLE))", argument)
    to = _held(argument, types)
    name = "bignumeric" if to == BIGNUMERIC else "numeric"
    total, count = f"CAST(sum({distinct}CAST(_1 AS {to})) AS {to})", f"CAST(nullif(count({distinct}_1), 0) AS {to})"
    return filled(f"bq_{name}_divide({total}, {count})", argument)


def _rounded(name: str) -> Lowering:
    def lower(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
        argument = arguments[0]
        places = "CAST(_2 AS INTEGER)" if len(arguments) > 1 else "0"
        if types.family(argument) == "decimal":
            held = _held(argument, types)
            kind = "bignumeric" if held == BIGNUMERIC else "numeric"
            digits = arguments[1:] or [exp.Literal.number(0)]
            return filled(f"bq_{kind}_{name}(CAST(_1 AS {held}), CAST(_2 AS BIGINT))", argument, *digits)
        if name == "trunc":
            if len(arguments) > 1:
                raise unknown("TRUNC of a FLOAT64 to decimals")
            return filled("trunc(CAST(_1 AS DOUBLE))", argument)
        return filled(f"round(CAST(_1 AS DOUBLE), {places})", *arguments)

    return lower


def _stepped(name: str) -> Lowering:
    def lower(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
        argument = arguments[0]
        if types.family(argument) == "decimal":
            return filled(f"CAST({name}(_1) AS {_held(argument, types)})", argument)
        return filled(f"{name}(CAST(_1 AS DOUBLE))", argument)

    return lower


def _safe_divide(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    divisor = filled("nullif(_1, 0)", arguments[1])
    return types.lowered(exp.Div(this=arguments[0], expression=divisor))


def _div(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    if "decimal" not in {types.family(each) for each in arguments}:
        return filled(TEMPLATES["DIV", 2], *arguments)
    held = BIGNUMERIC if any(is_big(types.type_of(each)) for each in arguments) else NUMERIC
    name = "bignumeric" if held == BIGNUMERIC else "numeric"
    return filled(f"bq_{name}_div(CAST(_1 AS {held}), CAST(_2 AS {held}))", *arguments)


def _mod(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    made = filled(TEMPLATES["MOD", 2], *arguments)
    if "decimal" not in {types.family(each) for each in arguments}:
        return made
    held = BIGNUMERIC if any(is_big(types.type_of(each)) for each in arguments) else NUMERIC
    return filled(f"CAST(_1 AS {held})", made)


def _concat(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    made = arguments[0]
    for each in arguments:
        if types.family(each) not in {"text", "bytes", "null"}:
            return filled(" || ".join(f"_{n}" for n in range(1, len(arguments) + 1)),
                          *[cast(one, types.family(one), "STRING") for one in arguments])  # fmt: skip
    for each in arguments[1:]:
        made = filled("_1 || _2", made, each)
    return made


def _length(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    kind = types.family(arguments[0])
    return filled("octet_length(_1)" if kind == "bytes" else "length(_1)", *arguments)


def _byte_length(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    kind = types.family(arguments[0])
    return filled("octet_length(_1)" if kind == "bytes" else "strlen(_1)", *arguments)


def _fingerprint(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    kind = "bytes" if types.family(arguments[0]) == "bytes" else "text"
    return filled(f"bq_fingerprint_{kind}(_1)", *arguments)


def _struct(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    parts = []
    for number, each in enumerate(arguments, 1):
        value = each.this if isinstance(each, exp.Alias) else each
        name = each.alias or (value.name if isinstance(value, exp.Column) else f"_field_{number}")
        parts.append(exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value.copy()))
    del types
    return exp.Struct(expressions=parts)


def _array_agg(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    del types
    holder = exp.Paren(this=arguments[0])
    ignoring = holder.find(exp.IgnoreNulls)
    if ignoring is not None:
        ignoring.replace(ignoring.this)
    listed = _aggregate("ARRAY_AGG", "list(_1)", [holder.this])
    return filled("list_filter(_1, lambda each: each IS NOT NULL)", listed) if ignoring is not None else listed


# Numbers that a double does not hold are text in JSON.
_NUMBER = (
    "CASE WHEN abs(CAST({0} AS HUGEINT)) > 9007199254740992 THEN '\"' || {0} || '\"' ELSE CAST({0} AS VARCHAR) END"
)


def _json_text(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    kind = types.family(arguments[0])
    if kind in {"text", "bool", "null"} or types.type_of(arguments[0]) in {"VARCHAR[]", "BOOLEAN[]"}:
        return filled("coalesce(CAST(to_json(_1) AS VARCHAR), 'null')", *arguments)
    if kind == "int":
        return filled(f"coalesce({_NUMBER.format('_1')}, 'null')", *arguments)
    if types.type_of(arguments[0]) == "BIGINT[]":
        inner = f"list_transform(_1, lambda each: coalesce({_NUMBER.format('each')}, 'null'))"
        return filled(f"coalesce('[' || array_to_string({inner}, ',') || ']', 'null')", *arguments)
    if kind == "json":
        return filled("CAST(_1 AS VARCHAR)", *arguments)
    raise unknown(f"TO_JSON_STRING of {types.type_of(arguments[0])}")


def _zoned(name: str, template: str) -> Lowering:
    """DATE, DATETIME and TIMESTAMP with a zone, which must be UTC."""

    def lower(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
        if len(arguments) == 1:
            return cast(arguments[0], types.family(arguments[0]), name)
        if len(arguments) == 2 and str(arguments[1].meta.get("literal")) in {"UTC", "+00", "+00:00"}:  # noqa: PLR2004
            return cast(arguments[0], types.family(arguments[0]), name)
        if len(arguments) == 3 and name == "DATE":  # noqa: PLR2004  year, month, day
            return filled(template, *arguments)
        raise unknown(f"{name} of {len(arguments)} arguments or in another zone than UTC")

    return lower


def _format_moment(arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    pattern = str(arguments[0].meta.get("literal", ""))
    kept = pattern.replace("%E6S", "%S.%f").replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
    rest = kept
    for known in ("%Y", "%m", "%d", "%H", "%M", "%S", "%f", "%j", "%%"):
        rest = rest.replace(known, "")
    if "%" in rest or not pattern:
        raise unknown(f"the format {pattern or 'that is no literal'}")
    del types
    return filled("strftime(_1, _2)", arguments[1], exp.Literal.string(kept))


_BY_TYPE: Mapping[str, Lowering] = {
    "SUM": _sum,
    "AVG": _avg,
    "ROUND": _rounded("round"),
    "TRUNC": _rounded("trunc"),
    "CEIL": _stepped("ceil"),
    "CEILING": _stepped("ceil"),
    "FLOOR": _stepped("floor"),
    "SAFE_DIVIDE": _safe_divide,
    "DIV": _div,
    "MOD": _mod,
    "CONCAT": _concat,
    "LENGTH": _length,
    "BYTE_LENGTH": _byte_length,
    "OCTET_LENGTH": _byte_length,
    "FARM_FINGERPRINT": _fingerprint,
    "STRUCT": _struct,
    "ARRAY_AGG": _array_agg,
    "TO_JSON_STRING": _json_text,
    "DATE": _zoned("DATE", "make_date(_1, _2, _3)"),
    "DATETIME": _zoned("DATETIME", ""),
    "TIMESTAMP": _zoned("TIMESTAMP", ""),
    **dict.fromkeys(("FORMAT_DATE", "FORMAT_DATETIME", "FORMAT_TIMESTAMP"), _format_moment),
}


# --- parts of dates and moments -------------------------------------------------------------------------------------


def _of_part(name: str, arguments: list[exp.Expr], types: Operators) -> exp.Expr:
    what, kind = PARTS[name]
    held = HELD[kind]
    taken = {"DATE": {"date"}, "DATETIME": {"datetime", "date"}, "TIMESTAMP": {"timestamp"}}[kind]
    for each in arguments[: 2 if what == "diff" else 1]:
        is_text = "literal" in each.meta and types.family(each) == "text"
        if not is_text and types.family(each) not in taken | {"null"}:
            raise bad_query(f"No matching signature for function {name} for argument type {types.type_of(each)}")
    if what in {"add", "sub"}:
        return _moved(what, held, arguments)
    part = arguments[-1].name.upper()
    if part not in UNITS:
        raise unknown(f"the part {part} in {name}")
    unit = UNITS[part]
    if what == "trunc":
        return filled(f"CAST(date_trunc('{unit}', CAST(_1 AS {held})) AS {held})", arguments[0])
    if held == "TIMESTAMPTZ":
        micros = {"day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}
        micros |= {"millisecond": 1000, "microsecond": 1}
        if unit not in micros:
            raise bad_query(f"TIMESTAMP_DIFF does not support the {part} date part")
        difference = "(epoch_us(CAST(_1 AS TIMESTAMPTZ)) - epoch_us(CAST(_2 AS TIMESTAMPTZ)))"
        return filled(f"CAST(trunc({difference} / {micros[unit]}) AS BIGINT)", *arguments[:2])
    return filled(f"date_diff('{unit}', CAST(_2 AS {held}), CAST(_1 AS {held}))", *arguments[:2])


def _moved(what: str, held: str, arguments: list[exp.Expr]) -> exp.Expr:
    given = arguments[1]
    if not isinstance(given, exp.Interval):
        raise bad_query("an INTERVAL is needed")
    unit = str(given.args["unit"].name).upper()
    if unit not in UNITS:
        raise unknown(f"INTERVAL … {unit}")
    sign = "+" if what == "add" else "-"
    count = given.this
    if isinstance(count, exp.Literal):
        count = exp.cast(exp.Literal.number(count.name), "BIGINT", dialect="duckdb")
    step = f"to_{UNITS[unit]}s(_2)"
    if unit in {"QUARTER", "MONTH", "YEAR", "DAY"}:
        times = "3 * " if unit == "QUARTER" else ""
        step = f"to_{'month' if times else UNITS[unit]}s(CAST({times}_2 AS INTEGER))"
    if unit == "SECOND":
        step = "to_microseconds(1000000 * _2)"
    return filled(f"CAST(CAST(_1 AS {held}) {sign} {step} AS {held})", arguments[0], count)


def extracted(node: exp.Expr, types: Operators) -> exp.Expr:
    """EXTRACT.

    Raises:
        Refusal: the stand-in does not know the part.
    """
    part, value = node.name.upper(), node.expression
    if isinstance(value, exp.AtTimeZone):
        raise unknown("EXTRACT … AT TIME ZONE")
    if part in {"DATE", "TIME", "DATETIME"}:
        return cast(value, types.family(value), part)
    if part == "DAYOFWEEK":
        return filled("CAST(dayofweek(_1) + 1 AS BIGINT)", value)
    if part in {"SECOND", "MICROSECOND", "MILLISECOND"}:
        worth = {"SECOND": 1_000_000, "MILLISECOND": 1000, "MICROSECOND": 1}[part]
        kept = 60_000_000 if part == "SECOND" else 1_000_000
        return filled(f"CAST((extract(microsecond FROM _1) % {kept}) // {worth} AS BIGINT)", value)
    if part not in _EXTRACTED:
        raise unknown(f"EXTRACT({part} …)")
    return filled(f"CAST(extract({_EXTRACTED[part]} FROM _1) AS BIGINT)", value)
