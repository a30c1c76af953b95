"""Reads an expression: parsed as PostgreSQL's SQL, every node looked up in the allow-list, its types checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lockgate.core.nearness import nearest as names_near
from lockgate.core.types import ColumnType
from lockgate.errors import Problem
from lockgate.transform.rules.language import signatures
from lockgate.transform.rules.language.allowed import NAMES, VISITORS
from lockgate.transform.rules.language.arguments import Arguments
from lockgate.transform.rules.language.casts import cast
from lockgate.transform.rules.language.typed import BOOLEAN, TEXT, Const, Mismatch, Ref, Typed
from lockgate.transform.rules.rule_set import Expression

Scope = Mapping[str, Ref | Const]
"""The columns that an expression may name, by the names that they have at this point."""

_LONGEST, _DEEPEST = 10_000, 40
_CALLED = re.compile(r"^(\w+)\(")


class _Reported(Exception):
    """A problem inside was noted already."""


def read_expression(expression: Expression, scope: Scope) -> tuple[Typed | None, tuple[Problem, ...]]:
    """The checked expression, None where there are problems; all of them at once, each with file and line."""
    if len(expression.text) > _LONGEST:
        return None, (expression.place.problem(f"the expression is longer than {_LONGEST:,} characters"),)
    try:
        tree = sqlglot.parse_one(expression.text, dialect="postgres")
    except SqlglotError as error:
        return None, (_unreadable(expression, error),)
    except RecursionError:
        return None, (expression.place.problem("the expression is nested too deep"),)
    reader = _Reader(expression, scope)
    typed = reader.read(tree)
    return (None if reader.problems else typed), tuple(dict.fromkeys(reader.problems))


def _unreadable(expression: Expression, error: SqlglotError) -> Problem:
    """What the parser says, on one line."""
    details = getattr(error, "errors", None) or [{}]
    said = str(details[0].get("description") or error).splitlines()[0].rstrip(".")
    near = details[0].get("highlight")
    below = max(int(details[0].get("line") or 1) - 1, 0)
    place = f" near {near!r}" if near else ""
    return expression.place.problem(f"this is not an SQL expression: {said}{place}", below=below)


def nearest(name: str, known: Sequence[str], what: str) -> str:
    """A remedy that offers the nearest known name, else all of them."""
    close = names_near(name, known)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"There are: {', '.join(known)}." if known else f"There is no {what}."


class _Reader:
    """Walks one expression's tree, noting every problem."""

    def __init__(self, expression: Expression, scope: Scope) -> None:
        """Start with no problem."""
        self.problems: list[Problem] = []
        self._place = expression.place
        self._scope = scope
        self._depth = 0

    def read(self, tree: exp.Expr) -> Typed | None:
        """The whole expression; None where something is wrong."""
        try:
            return self._visit(tree)
        except _Reported:
            return None

    def _visit(self, node: exp.Expr) -> Typed:
        """One node; a mismatch is noted once, at the node that has it."""
        self._depth += 1
        try:
            return self._read_node(node)
        except Mismatch as mismatch:
            self.problems.append(self._place.problem(mismatch.message, mismatch.remedy, below=_line(node) - 1))
            raise _Reported from None
        finally:
            self._depth -= 1

    def _read_node(self, node: exp.Expr) -> Typed:
        """What a node is.

        Raises:
            Mismatch: it is not on the list, or stands too deep.
        """
        if self._depth > _DEEPEST:
            raise Mismatch(f"the expression is nested deeper than {_DEEPEST}", "Derive a part of it first.")
        if isinstance(node, exp.Paren):
            return self._visit(node.this)
        leaf = _LEAVES.get(type(node))
        if leaf is not None:
            return leaf(self, node)
        visitor = VISITORS.get(type(node))
        if visitor is None:
            raise _unknown(node)
        return visitor(Arguments(node, self._all))

    def _all(self, nodes: Sequence[exp.Expr]) -> list[Typed]:
        """Several nodes; problems of all of them are noted before any of them stops the walk."""
        read = [self.read(node) for node in nodes]
        if any(value is None for value in read):
            raise _Reported
        return [value for value in read if value is not None]

    def _column(self, node: exp.Expr) -> Typed:
        """A column by its name; without quotes in lower case, as in PostgreSQL."""
        if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier) or node.table:
            raise Mismatch(f"{node.sql('postgres')} is not a column here", "Name the column alone.")
        name = node.name if node.this.quoted else node.name.lower()
        if name in self._scope:
            return self._scope[name]
        hint = nearest(name, sorted(self._scope), "column")
        if node.name in self._scope:
            hint = f'Names without quotes are read in lower case: write "{node.name}".'
        raise Mismatch(f"there is no column {name!r} at this point", hint)

    def _literal(self, node: exp.Expr) -> Typed:
        """A number or a text."""
        if node.is_string:
            return Const(node.name, TEXT)
        if not node.name.replace(".", "", 1).isdigit():
            raise Mismatch(f"the number {node.name} is not written plainly", "Write it without an exponent.")
        value = Decimal(node.name) if "." in node.name else int(node.name)
        return Const(value, signatures.constant_type(value))

    def _boolean(self, node: exp.Expr) -> Typed:
        """TRUE or FALSE."""
        return Const(bool(node.this), BOOLEAN)

    def _null(self, _: exp.Expr) -> Typed:
        """NULL."""
        return Const(None, None)

    def _cast(self, node: exp.Expr) -> Typed:
        """CAST(… AS …), `::`, and typed literals such as DATE '2024-01-31'."""
        if node.args.get("format") or node.args.get("action") or node.args.get("default"):
            raise Mismatch("CAST takes a value and a type, nothing more")
        [value] = self._all([node.this])
        return cast(value, _type(node.args["to"]))


def _type(node: exp.Expr) -> ColumnType:
    """The logical type that a cast names.

    Raises:
        Mismatch: there is no such type here.
    """
    written = node.sql("postgres").lower()
    try:
        return ColumnType.parse({"int": "integer", "decimal": "numeric"}.get(written, written))
    except ValueError as error:
        raise Mismatch(str(error)) from None


def _unknown(node: exp.Expr) -> Mismatch:
    """What to say of a node that is not on the list."""
    if isinstance(node, exp.Query | exp.Subquery | exp.Exists):
        return Mismatch("an expression reads the columns of its own row, no other rows", "Use a lookup.")
    if isinstance(node, exp.Block | exp.Command):
        return Mismatch("one expression stands here, no statements")
    shown = node.sql("postgres")
    called = _CALLED.match(shown)
    if called and isinstance(node, exp.Func):
        name = called[1].lower()
        return Mismatch(f"there is no function {name}()", nearest(name, NAMES, "function"))
    return Mismatch(f"`{shown[:60]}` is not in the rules' SQL", "docs/reference/rules.md lists what is.")


def _line(node: exp.Expr) -> int:
    """The line of the expression, from 1, where the node or the first named thing in it stands."""
    lines = (found.meta.get("line") for found in node.walk())
    return int(next((line for line in lines if line), 1))


_LEAVES: dict[type[exp.Expr], Callable[[_Reader, exp.Expr], Typed]] = {
    exp.Column: _Reader._column,  # noqa: SLF001
    exp.Literal: _Reader._literal,  # noqa: SLF001
    exp.Boolean: _Reader._boolean,  # noqa: SLF001
    exp.Null: _Reader._null,  # noqa: SLF001
    exp.Cast: _Reader._cast,  # noqa: SLF001
}
