"""The one query that reads, casts and judges a package's records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from lockgate.adapters.staging.content import MALFORMED, TEXT, Content, name_of, quoted, selected, text
from lockgate.adapters.staging.fitting import fit
from lockgate.adapters.staging.plan import Planned
from lockgate.core.load import CursorRange
from lockgate.core.relation import Column
from lockgate.core.sql import sql_type
from lockgate.core.types import ColumnType, Kind

MISFIT, RECORD = "misfit", "record"
_INSTANT = ColumnType(Kind.TIMESTAMPTZ)
_FORMS = {Kind.TIMESTAMP: "%Y-%m-%dT%H:%M:%S.%f", Kind.TIMESTAMPTZ: "%Y-%m-%dT%H:%M:%S.%fZ"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A query whose rows are the values of `kept` columns, `misfit` (the number of a verdict, or NULL) and `record`.

    Verdicts name the column and the reason; the one past the last says that the record is malformed.
    """

    query: exp.Select
    kept: tuple[Column, ...]
    verdicts: tuple[tuple[str | None, str], ...]
    loose: frozenset[int]


def judging(content: Content, plan: Sequence[Planned], cursor: str | None, within: CursorRange) -> Judged:
    """The query for a package's records; those whose cursor is not `within` are not among them."""
    columns = [one.column for one in plan]
    fits = [_fit(content, number, one) for number, one in enumerate(plan)]
    values = [(fit_[0], f"v{number}") for number, fit_ in enumerate(fits)]
    read = content.relation(columns)
    cast = exp.select("*", *[exp.alias_(value, name, dialect="duckdb") for value, name in values]).from_(
        read.subquery()
    )
    inside = _inside(columns, cursor, within)
    cast = cast.where(inside, dialect="duckdb") if inside else cast
    arms = [
        (f"{MALFORMED} is not null", len(plan)),
        *[(misfit, number) for number, (_, misfit) in enumerate(fits) if misfit],
    ]
    verdict = " ".join(f"when {condition} then {number}" for condition, number in arms)
    judged = exp.select("*", exp.alias_(f"cast(case {verdict} end as smallint)", MISFIT, dialect="duckdb"))
    judged = judged.from_(cast.subquery())
    kept = [(number, one) for number, one in enumerate(plan) if not one.unwanted]
    record = f"case when {MISFIT} is not null then {content.record(columns)} end"
    outer = selected(
        *[(f"v{number}", f"v{number}") for number, _ in kept],
        (MISFIT, MISFIT),
        (f"cast({MALFORMED} as text)", MALFORMED),
        (record, RECORD),
    )
    verdicts = (*((one.column.name, _reason(one)) for one in plan), (None, MALFORMED))
    loose = frozenset(number for number, one in enumerate(plan) if one.loose)
    return Judged(outer.from_(judged.subquery()), tuple(one.column for _, one in kept), verdicts, loose)


def _fit(content: Content, number: int, planned: Planned) -> tuple[str, str]:
    """SQL for a column's value, and for what is true of records that have none."""
    x, name = name_of(number), planned.column.name
    if planned.unwanted or planned.untyped:
        return "cast(null as text)", f"{x} is not null"
    source = content.types.get(name, TEXT)
    found = fit(x, f"v{number}", source=source, wanted=planned.column.type, loose=planned.loose)
    return found.value, found.misfit


def _reason(planned: Planned) -> str:
    if planned.unwanted:
        return "the stream takes no such column"
    if planned.column.type.kind is Kind.TEXT:
        return "holds the character NUL"
    return f"does not fit {planned.column.type}"


def _inside(columns: Sequence[Column], cursor: str | None, within: CursorRange) -> str:
    """What is true of records whose cursor has no value, or one in the range; '' where there is no bound."""
    number = next((number for number, column in enumerate(columns) if column.name == cursor), None)
    bounds = [(sign, bound) for sign, bound in ((">=", within.since), ("<=", within.until)) if bound is not None]
    if number is None or not bounds:
        return ""
    return " and ".join(_compared(f"v{number}", sign, bound, columns[number].type) for sign, bound in bounds)


def _compared(value: str, sign: str, bound: str, type_: ColumnType) -> str:
    """What is true of values on one side of a bound, and of none; text is compared by instants with an instant."""
    if type_.kind is not Kind.TEXT:
        return f"({value} is null or {value} {sign} {_bound(bound, type_)})"
    order, instant = _order(value, type_), _bound(bound, _INSTANT)
    by_instant = f"{order} is null or {order} {sign} {instant}"
    return f"({value} is null or case when {instant} is null then {value} {sign} {text(bound)} else {by_instant} end)"


def _bound(written: str, type_: ColumnType) -> str:
    return f"try_cast({text(written)} as {sql_type(type_).sql('duckdb')})"


def not_values(type_: ColumnType, within: CursorRange) -> exp.Select:
    """The query for those bounds of a range that are no values of a type."""
    written = [bound for bound in (within.since, within.until) if bound is not None]
    rows = ", ".join(f"({text(bound)}, {_bound(bound, type_)} is null)" for bound in written)
    return exp.select("bound").from_(f"(values {rows}) bounds(bound, is_none)", dialect="duckdb").where("is_none")


def _order(value: str, type_: ColumnType) -> str:
    """What cursor values are compared by: text by the instant that it writes."""
    return f"try_cast({value} as timestamptz)" if type_.kind is Kind.TEXT else value


def highest(cursor: Column, rows: exp.Expr) -> exp.Select:
    """The query for the highest value of a cursor, as text: an instant in ISO 8601, other values as they are written.

    Text that does not write instants is compared by code points.
    """
    name, kind = quoted(cursor.name), cursor.type.kind
    if kind is Kind.TEXT:
        order = _order(name, cursor.type)
        value = f"case when count({order}) = count({name}) then arg_max({name}, {order}) else max({name}) end"
    elif kind in _FORMS:
        value = f"strftime(max({name}), {text(_FORMS[kind])})"
    else:
        value = f"cast(max({name}) as text)"
    return exp.select(exp.alias_(value, "highest", dialect="duckdb")).from_(rows)
