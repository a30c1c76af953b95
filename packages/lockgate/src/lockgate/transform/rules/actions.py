"""What each kind of rule does to a rule set that is being bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lockgate.core.types import Kind
from lockgate.transform.rules.bench import BROKEN, Bench
from lockgate.transform.rules.constants import constant
from lockgate.transform.rules.language.casts import cast
from lockgate.transform.rules.language.signatures import case, coalesce, compare, condition, opposite
from lockgate.transform.rules.language.typed import BOOLEAN, Call, Mismatch, Ref, Typed, settled
from lockgate.transform.rules.lookups import look_up_rows
from lockgate.transform.rules.program import Rank
from lockgate.transform.rules.rule_set import (
    Cast,
    CastColumn,
    Deduplicate,
    Default,
    Derive,
    Expression,
    Filter,
    MapLookup,
    Outcome,
    Rename,
    RowLookup,
    Rule,
    Validate,
    Value,
)
from lockgate.transform.rules.ties import UNORDERED

_KEYLESS = UNORDERED | {Kind.REAL, Kind.DOUBLE}


def rename(bench: Bench, rule: Rule) -> None:
    """Columns go by another name from here on; all at once, so that two can swap."""
    assert isinstance(rule.action, Rename)  # noqa: S101  # the table below sends no other
    found = [(new, bench.column(old, rule.place)) for old, new in rule.action.columns]
    gone = {old for old, _ in rule.action.columns}
    for new, _ in found:
        if new in bench.scope and new not in gone:
            bench.report(rule.place, f"there is a column {new!r} already", "Rename that one too.")
    bench.scope = {name: ref for name, ref in bench.scope.items() if name not in gone}
    for new, ref in found:
        bench.put(new, BROKEN if ref is None else ref, rule)


def cast_columns(bench: Bench, rule: Rule) -> None:
    """Columns become another type; rows that cannot be read end here."""
    assert isinstance(rule.action, Cast)  # noqa: S101  # the table below sends no other
    for column in rule.action.columns:
        before = bench.column(column.column, rule.place)
        if isinstance(before, Ref):
            _cast_column(bench, rule, column, before)


def _cast_column(bench: Bench, rule: Rule, column: CastColumn, before: Ref) -> None:
    """One column becomes another type."""
    try:
        value = cast(before, column.type, column.formats)
    except Mismatch as mismatch:
        bench.report(rule.place, f"{column.column}: {mismatch.message}", mismatch.remedy)
        bench.scope[column.column] = BROKEN
        return
    bench.put(column.column, value, rule)
    after = bench.scope[column.column]
    if after != before and isinstance(after, Ref):
        lost = Call("and", (_is_null(after), opposite(_is_null(before))), BOOLEAN)
        bench.end(rule, lost, Outcome.REJECTED, column.reason or f"{column.column}: not readable as {column.type}")


def _is_null(value: Typed) -> Typed:
    """Whether the value is NULL."""
    return Call("is_null", (value,), BOOLEAN)


def derive(bench: Bench, rule: Rule) -> None:
    """Columns are made or replaced by expressions."""
    assert isinstance(rule.action, Derive)  # noqa: S101  # the table below sends no other
    for name, expression in rule.action.columns:
        bench.replace(name, bench.read(expression), rule)


def look_up_value(bench: Bench, rule: Rule) -> None:
    """A column is filled from a mapping in the file."""
    action = rule.action
    assert isinstance(action, MapLookup)  # noqa: S101  # the table below sends no other
    on = bench.column(action.on, rule.place)
    if not isinstance(on, Ref):
        bench.scope[action.take] = BROKEN
        return
    try:
        value = _mapped(on, action)
    except Mismatch as mismatch:
        bench.report(rule.place, mismatch.message, mismatch.remedy)
        value = None
    bench.replace(action.take, value, rule)


def _mapped(on: Ref, action: MapLookup) -> Typed:
    """The mapping as a CASE.

    Raises:
        Mismatch: a key is not of our column's type, or the values are not of one type.
    """
    values = [constant(value, None) for _, value in action.entries]
    type_ = values[0].type
    otherwise = BROKEN if action.default is None else constant(action.default.value, type_)
    keys = [compare("equal", on, constant(key, on.type)) for key, _ in action.entries]
    return case(list(zip(keys, values, strict=True)), otherwise)


def default(bench: Bench, rule: Rule) -> None:
    """NULLs in columns are filled."""
    assert isinstance(rule.action, Default)  # noqa: S101  # the table below sends no other
    for name, filling in rule.action.columns:
        before = bench.column(name, rule.place)
        if isinstance(before, Ref):
            _fill(bench, rule, name, before, filling)


def _fill(bench: Bench, rule: Rule, name: str, before: Ref, filling: Value | Expression) -> None:
    """NULLs in one column are filled."""
    try:
        filled = _filled(bench, name, before, filling)
    except Mismatch as mismatch:
        bench.report(filling.place, mismatch.message, mismatch.remedy)
        filled = None
    if isinstance(filling, Value):
        bench.put(name, filled, rule, changes=_is_null(before))
    else:
        bench.replace(name, filled, rule)


def _filled(bench: Bench, name: str, before: Ref, filling: Value | Expression) -> Typed | None:
    """The column, or what stands for its NULLs.

    Raises:
        Mismatch: that is not of the column's type.
    """
    value = bench.read(filling) if isinstance(filling, Expression) else constant(filling.value, before.type)
    if value is None:
        return None
    filled = coalesce([before, value])
    if filled.type is not None and settled(filled.type) != settled(before.type):
        raise Mismatch(f"the default of {name!r} is {settled(filled.type)}, the column {before.type}", "Cast it.")
    return filled


def filter_rows(bench: Bench, rule: Rule) -> None:
    """Rows for which the expression is not true end here."""
    assert isinstance(rule.action, Filter)  # noqa: S101  # the table below sends no other
    where = _condition(bench, rule.action.where, "where")
    if where is not None:
        bench.end(rule, Call("is_not_true", (where,), BOOLEAN), Outcome.FILTERED, rule.name)


def validate(bench: Bench, rule: Rule) -> None:
    """Rows for which the expression is false end here."""
    assert isinstance(rule.action, Validate)  # noqa: S101  # the table below sends no other
    that = _condition(bench, rule.action.that, "that")
    if that is not None:
        bench.end(rule, opposite(that), Outcome.REJECTED, rule.action.reason)


def _condition(bench: Bench, expression: Expression, key: str) -> Typed | None:
    """The expression as a condition; None, with problems noted, where it is none."""
    typed = bench.read(expression)
    if typed is None:
        return None
    try:
        return condition(typed, f"`{key}`")
    except Mismatch as mismatch:
        bench.report(expression.place, mismatch.message, "Write a condition, such as a comparison.")
        return None


def deduplicate(bench: Bench, rule: Rule) -> None:
    """Of the rows with one key the first goes on."""
    action = rule.action
    assert isinstance(action, Deduplicate)  # noqa: S101  # the table below sends no other
    key = [ref for name in action.key if isinstance(ref := bench.column(name, rule.place), Ref)]
    order = [(ref, by) for by in action.order if isinstance(ref := bench.column(by.column, rule.place), Ref)]
    for ref, forbidden in [*((ref, _KEYLESS) for ref in key), *((ref, UNORDERED) for ref, _ in order)]:
        if ref.type.kind in forbidden:
            bench.report(rule.place, f"{ref.name!r} is {ref.type}, which has no such order", "Cast it first.")
    bench.steps.append(Rank(bench.code(rule, Outcome.DUPLICATE, rule.name), tuple(key), tuple(order)))
    bench.unique = tuple(key)


ACTIONS: Mapping[type, Callable[[Bench, Rule], None]] = {
    Rename: rename,
    Cast: cast_columns,
    Derive: derive,
    MapLookup: look_up_value,
    RowLookup: look_up_rows,
    Default: default,
    Filter: filter_rows,
    Validate: validate,
    Deduplicate: deduplicate,
}
