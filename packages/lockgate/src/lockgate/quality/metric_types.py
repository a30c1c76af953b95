"""Whether the types of a key metric fit together, so that no target refuses it once it is asked.

What is summed, averaged or put in order is a number, since a measurement is one; only what is alike is compared. A
column whose type is not known fits everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lockgate.core.types import NUMBERS, Kind

if TYPE_CHECKING:
    from sqlglot import exp

NUMBER, TRUTH, TEXT, INSTANT, QUOTED = "a number", "a boolean", "text", "a date or time", "a quoted value"
_INSTANTS = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
# Targets read a quoted value as what it is compared with, if that is none of these.
_NEVER_QUOTED = frozenset({NUMBER, TRUTH})


class Misfit(ValueError):
    """Types that do not fit: which, in a sentence."""


def refuse_misfits(root: exp.Expr, kinds: Mapping[str, Kind | None]) -> None:
    """Holds an expression of the nodes that a key metric may have against the kinds of its columns.

    Raises:
        Misfit: what is aggregated or reckoned with is no number, what is compared is not alike, or `*` is not counted.
    """
    _Types(kinds).number(root)


class _Types:
    """What each node gives, None where that is not known."""

    def __init__(self, kinds: Mapping[str, Kind | None]) -> None:
        self._kinds = kinds

    def number(self, node: exp.Expr) -> str | None:
        return self._is(NUMBER, node)

    def _is(self, wanted: str, node: exp.Expr) -> str | None:
        found = self.of(node)
        if found not in {None, wanted}:
            raise Misfit(f"{node.sql(dialect='postgres')!r} is {found}, where {wanted} is needed")
        return wanted

    def _alike(self, nodes: Sequence[exp.Expr]) -> str | None:
        """What all of several nodes give."""
        known: str | None = None
        for node in nodes:
            found = self.of(node)
            if found is None or found == known:
                continue
            if known is None or known == QUOTED:
                known, found = found, known
            if found not in {None, QUOTED} or (found == QUOTED and known in _NEVER_QUOTED):
                written = " and ".join(repr(one.sql(dialect="postgres")) for one in nodes)
                raise Misfit(f"{written} are not alike: {known} and {found}")
        return known

    def _compared(self, nodes: Sequence[exp.Expr]) -> str:
        if self._alike(nodes) == str(Kind.JSON):
            raise Misfit(f"{nodes[0].sql(dialect='postgres')!r} is json, which is not compared on every target")
        return TRUTH

    def of(self, node: exp.Expr) -> str | None:
        """What a node gives.

        Raises:
            Misfit: something in it does not fit.
        """
        from sqlglot import exp

        if isinstance(node, exp.Star):
            raise Misfit("`*` stands in count(*) alone")
        givers: tuple[tuple[type | tuple[type, ...], Callable[[exp.Expr], str | None]], ...] = (
            (exp.Column, self._column),
            (exp.Literal, lambda one: QUOTED if one.is_string else NUMBER),
            (exp.Boolean, lambda _: TRUTH),
            (exp.Count, self._count),
            ((exp.AggFunc, exp.Neg, exp.Abs), lambda one: self.number(one.this)),
            ((exp.Add, exp.Sub, exp.Mul, exp.Div), lambda one: self.number(one.this) and self.number(one.expression)),
            ((exp.And, exp.Or), lambda one: self._is(TRUTH, one.this) and self._is(TRUTH, one.expression)),
            (exp.Not, lambda one: self._is(TRUTH, one.this)),
            (exp.Is, self._is_something),
            (exp.In, lambda one: self._compared([one.this, *one.expressions])),
            (exp.Between, lambda one: self._compared([one.this, one.args["low"], one.args["high"]])),
            (exp.Predicate, lambda one: self._compared([one.this, one.expression])),
            (exp.Case, self._case),
            (exp.If, self._if),
            (exp.Coalesce, lambda one: self._alike([one.this, *one.expressions])),
            (exp.Nullif, lambda one: self._compared([one.this, one.expression]) and self.of(one.this)),
            (exp.Paren, lambda one: self.of(one.this)),
        )
        return next((given(node) for kind, given in givers if isinstance(node, kind)), None)

    def _column(self, node: exp.Expr) -> str | None:
        kind = self._kinds.get(node.name)
        if kind is None:
            return None
        if kind in NUMBERS:
            return NUMBER
        return INSTANT if kind in _INSTANTS else {Kind.BOOLEAN: TRUTH, Kind.TEXT: TEXT}.get(kind, str(kind))

    def _count(self, node: exp.Expr) -> str:
        from sqlglot import exp

        if isinstance(node.this, exp.Distinct):
            for one in node.this.expressions:
                self._compared([one])
        elif not isinstance(node.this, exp.Star):
            self.of(node.this)
        return NUMBER

    def _is_something(self, node: exp.Expr) -> str:
        from sqlglot import exp

        self._is(TRUTH, node.this) if isinstance(node.expression, exp.Boolean) else self.of(node.this)
        return TRUTH

    def _case(self, node: exp.Expr) -> str | None:
        """What its branches give; its conditions are compared with what stands behind CASE, if anything does."""
        branches = node.args["ifs"]
        if node.this is not None:
            self._compared([node.this, *(one.this for one in branches)])
        else:
            for one in branches:
                self._is(TRUTH, one.this)
        default = node.args.get("default")
        return self._alike([*(one.args["true"] for one in branches), *([default] if default is not None else [])])

    def _if(self, node: exp.Expr) -> str | None:
        self._is(TRUTH, node.this)
        return self._alike([one for one in (node.args.get("true"), node.args.get("false")) if one is not None])
