"""A query in which records meet those of their own request alone: of many requests it gives what each would get."""

from __future__ import annotations

from sqlglot import exp

from lockgate.core.relation import Relation
from lockgate.transform.online.marking import REQUEST, is_blind, mark, mark_of
from lockgate.transform.online.scope import APART, INNER, Reach, Reading, is_compound, is_cut, readings

_UNPARTED = ("connect", "windows")


def parted(query: exp.Query, records: Relation) -> exp.Query | None:
    """A query whose windows, groups and joins meet the rows of one `REQUEST` alone, which is its last column too.

    None where a construct of it is not known to be parted so.
    """
    query = query.copy()
    if any(part.args.get("key_expressions") for part in query.find_all(exp.CTE)):
        return None  # rows of a recursion that take each other's place
    for one in readings(query, records):
        if one.reach is Reach.REFERENCE:
            continue
        expression = one.scope.expression
        if isinstance(expression, exp.SetOperation):
            if not _can_part_set(expression, one):
                return None
        elif not isinstance(expression, exp.Select) or not _can_part(expression, one):
            return None
        else:
            _part(expression, one)
    return query


def _can_part_set(operation: exp.SetOperation, one: Reading) -> bool:
    return not is_cut(operation) and one.sources == one.carriers


def _can_part(select: exp.Select, one: Reading) -> bool:
    if is_cut(select) or any(select.args.get(part) for part in _UNPARTED) or one.inner is not Reach.REFERENCE:
        return False
    if not _can_part_joins(select, one) or not is_blind(select, [source.name for source in one.carriers]):
        return False
    group = select.args.get("group")
    if group is not None:
        return not group.find(exp.Rollup, exp.Cube, exp.GroupingSets) and _has_groups(select, group)
    return not any(_is_own(found, select) and not found.find_ancestor(exp.Window) for found in _aggregates(select))


def _has_groups(select: exp.Select, group: exp.Group) -> bool:
    """Whether no rows are no group: `GROUP BY ()`, and `GROUP BY ALL` of aggregates alone, make a row of them."""
    if group.args.get("all"):
        return any(isinstance(one.unalias(), exp.Column | exp.Star) for one in select.expressions)
    return not any(isinstance(one, exp.Tuple) and not one.expressions for one in group.expressions)


def _can_part_joins(select: exp.Select, one: Reading) -> bool:
    joins = select.args.get("joins") or ()
    if any(is_compound(source.this) for source in (select.args["from_"], *joins)):
        return False
    if any(source.kind not in APART for source in one.sources[1:]):
        return False
    if any(not source.name for source in one.carriers) or select.args.get("laterals"):
        return False
    first, *later = one.carriers
    if one.sources.index(first) > 0 and first.kind not in INNER:
        return False
    names = {source.name for source in later if source.kind not in INNER}
    joins = [join for join in select.args.get("joins") or () if join.this.alias_or_name in names]
    is_natural = any(join.method for join in select.args.get("joins") or ())
    return not is_natural and not any(join.args.get("using") for join in joins)


def _part(select: exp.Select, one: Reading) -> None:
    names = [source.name for source in one.carriers]
    for window in select.find_all(exp.Window):
        if _is_own(window, select):
            window.append("partition_by", mark_of(names[0], REQUEST))
    group, distinct = select.args.get("group"), select.args.get("distinct")
    if group is not None and not group.args.get("all"):
        group.append("expressions", mark_of(names[0], REQUEST))
    if distinct is not None and distinct.args.get("on"):
        distinct.args["on"].append("expressions", mark_of(names[0], REQUEST))
        if order := select.args.get("order"):  # which begins with these expressions, as PostgreSQL wants it
            order.set("expressions", [exp.Ordered(this=mark_of(names[0], REQUEST)), *order.expressions])
    for source in one.carriers[1:]:
        same = exp.EQ(this=mark_of(names[0], REQUEST), expression=mark_of(source.name, REQUEST))
        if source.kind in INNER:
            select.where(same, copy=False)
        else:
            join = next(join for join in select.args["joins"] if join.this.alias_or_name == source.name)
            join.on(same, copy=False)
    mark(select, names, REQUEST)


def _aggregates(select: exp.Select) -> list[exp.Expr]:
    return list(select.find_all(exp.AggFunc))


def _is_own(found: exp.Expr, select: exp.Select) -> bool:
    return found.find_ancestor(exp.Select) is select
