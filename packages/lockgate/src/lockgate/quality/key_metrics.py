"""Key metrics: what a project declares to be measured of an entity, as one SQL expression over its contract.

What is written is parsed and rebuilt from the nodes that are listed here: nothing of the text reaches a database. An
expression aggregates (`sum`, `avg`, `min`, `max`, `count`), and reckons with what it aggregated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lockgate.core.nearness import did_you_mean
from lockgate.core.sql import column as quoted
from lockgate.core.types import Kind
from lockgate.quality.metric_types import Misfit, refuse_misfits

if TYPE_CHECKING:
    from sqlglot import exp

LONGEST = 2000
_AGGREGATES = "sum, avg, min, max and count"


class NotAMetric(ValueError):
    """An expression is none that may be measured: why, in a sentence."""


def key_metric_of(written: str, kinds: Mapping[str, Kind | None]) -> exp.Expr:
    """The expression over a contract's columns, in no dialect; its value is a double.

    `kinds` are those of the columns, None where one is not known.

    Raises:
        NotAMetric: it cannot be read, aggregates nothing, has something that is not allowed, or types that do not fit.
    """
    if len(written) > LONGEST:
        raise NotAMetric(f"it has {len(written):,} characters; a key metric has {LONGEST:,} at most")
    try:
        root = _read(written, tuple(kinds))
        refuse_misfits(root, kinds)
        return _rebuilt(root)
    except Misfit as error:
        raise NotAMetric(str(error)) from error
    except RecursionError as error:
        raise NotAMetric("it is nested too deeply") from error


def _read(written: str, columns: Sequence[str]) -> exp.Expr:
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        tree = parse_one(f"select {written}", dialect="postgres")
    except SqlglotError as error:
        raise NotAMetric(f"{written!r} cannot be read as SQL") from error
    keys = {key for key, value in tree.args.items() if value} if isinstance(tree, exp.Select) else set()
    if keys != {"expressions"} or len(tree.expressions) != 1:
        raise NotAMetric(f"{written!r} is not one expression")
    root: exp.Expr = tree.expressions[0]
    _refuse_others(root, columns)
    _refuse_bare(root)
    return root


def _refuse_others(root: exp.Expr, columns: Sequence[str]) -> None:
    """Only nodes that are listed, and columns that are there."""
    from sqlglot import exp

    aggregates = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count, exp.Distinct, exp.Star)
    reckoning = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Abs, exp.Coalesce, exp.Nullif)
    conditions = (exp.Case, exp.If, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between)
    compared = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
    leaves = (exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean)
    allowed = (*aggregates, *reckoning, *conditions, *compared, *leaves)
    for node in root.walk():
        if not isinstance(node, allowed) or node.comments:
            raise NotAMetric(f"{node.sql(dialect='postgres')!r} is not allowed in a key metric")
        if isinstance(node, exp.Column) and (node.table or node.name not in columns):
            raise NotAMetric(f"the contract has no column {node.sql(dialect='postgres')!r}{_near(node.name, columns)}")
        if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest")):
            raise NotAMetric("a query is not allowed in a key metric")


def _near(name: str, columns: Sequence[str]) -> str:
    hint = did_you_mean(name, list(columns))
    return f". {hint}" if hint else ""


def _refuse_bare(root: exp.Expr) -> None:
    """Every column is aggregated, and once."""
    from sqlglot import exp

    if root.find(exp.AggFunc) is None:
        raise NotAMetric(f"nothing is aggregated; write it with {_AGGREGATES}")
    for node in root.find_all(exp.Column, exp.AggFunc):
        above = node.find_ancestor(exp.AggFunc)
        if isinstance(node, exp.Column) and above is None:
            raise NotAMetric(f"{node.name!r} stands outside of {_AGGREGATES}")
        if isinstance(node, exp.AggFunc) and above is not None:
            raise NotAMetric("an aggregate stands in another one")


def _rebuilt(root: exp.Expr) -> exp.Expr:
    """Names quoted, aggregates as doubles, and division that is none of whole numbers and none by zero."""
    from sqlglot import exp

    def rebuilt(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            return quoted(node.name)
        if isinstance(node, exp.Div):
            divisor = exp.Nullif(this=exp.paren(node.expression), expression=exp.Literal.number(0))
            return exp.Div(this=exp.cast(exp.paren(node.this), "double"), expression=divisor)
        return exp.cast(node, "double") if isinstance(node, exp.AggFunc) else node

    return exp.cast(_from_leaves(root, rebuilt), "double")


def _from_leaves(node: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """A tree with each node changed after those below it."""
    from sqlglot import exp

    for key, value in list(node.args.items()):
        if isinstance(value, list):
            node.set(key, [_from_leaves(one, change) if isinstance(one, exp.Expr) else one for one in value])
        elif isinstance(value, exp.Expr):
            node.set(key, _from_leaves(value, change))
    return change(node)
