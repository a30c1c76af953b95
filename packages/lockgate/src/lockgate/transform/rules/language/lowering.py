"""Checked expressions to one engine's SQL, as sqlglot trees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from sqlglot import exp

from lockgate.core.sql import column, sql_type
from lockgate.core.types import INTEGERS, ColumnType, Kind
from lockgate.errors import RuleSetInvalid
from lockgate.transform.rules.language import bigquery, grammar, spark
from lockgate.transform.rules.language.functions import template
from lockgate.transform.rules.language.literals import BITS
from lockgate.transform.rules.language.patterns import check_depth, spelled
from lockgate.transform.rules.language.typed import Call, Const, Mismatch, Ref, Typed, digits, fits, is_exact

Let: TypeAlias = Callable[[Typed, exp.Expr], exp.Expr]
"""Puts an expression that is needed several times into a column of its own; gives that column."""

_PATTERNS = {"matches", "regexp_replace"}
_OPERATORS = (exp.Binary, exp.Unary, exp.In, exp.Between, exp.AtTimeZone)
_TRY_CASTS = {"duckdb", "spark", "bigquery"}
_WITHOUT_UUIDS = {"spark", "bigquery"}


class Lowering:
    """Spells expressions for one engine; `let` names what stands in an expression more than once."""

    def __init__(self, dialect: str, let: Let) -> None:
        """Spell for `dialect`."""
        self._dialect = dialect
        self._let = let

    def lower(self, node: Typed) -> exp.Expr:
        """The expression in the engine's SQL.

        Raises:
            RuleSetInvalid: it has a function that is not offered on this engine.
        """
        if isinstance(node, Ref):
            return self._column(node)
        if isinstance(node, Const):
            return self._constant(node)
        if self._dialect == "spark":
            node = self._adapted(node)
        elif self._dialect == "bigquery":
            node = bigquery.adapted(node)
        special = _SPECIAL.get(node.function)
        return special(self, node) if special else self._filled(node)

    def _adapted(self, node: Call) -> Call:
        """The call as Spark has to be asked for it.

        Raises:
            RuleSetInvalid: Spark cannot give its exact value, or cannot match its pattern against every text.
        """
        try:
            if node.function == "matches":
                check_depth(str(node.params[0]))
            return spark.adapted(node)
        except Mismatch as mismatch:
            wanted = f"{mismatch.message} is not offered on {self._dialect}"
            raise RuleSetInvalid(wanted, hint=mismatch.remedy, function=node.function, dialect="spark") from None

    def _type(self, type_: ColumnType) -> exp.DataType:
        """A type as the engine computes with it."""
        return bigquery.type_of(type_) if self._dialect == "bigquery" else sql_type(type_)

    def _column(self, node: Ref) -> exp.Expr:
        """A column; a decimal on BigQuery with room for what is computed."""
        named = column(node.name)
        is_narrow = self._dialect == "bigquery" and bigquery.is_column_to_widen(node)
        return exp.Cast(this=named, to=self._type(node.type)) if is_narrow else named

    def _constant(self, node: Const) -> exp.Expr:
        """A value written out; NULL with its type, since engines guess."""
        value, type_ = node.value, node.type
        if value is None:
            return exp.null() if type_ is None else exp.cast(exp.null(), self._type(type_))
        if isinstance(value, bool):
            return exp.true() if value else exp.false()
        if isinstance(value, int | Decimal):
            return self._number(value, type_)
        if isinstance(value, date | datetime):
            return exp.cast(exp.Literal.string(value.isoformat()), self._type(type_) if type_ else "date")
        text = exp.Literal.string(value)
        return text if type_ is None or type_.kind is Kind.TEXT else exp.cast(text, self._type(type_))

    def _number(self, value: int | Decimal, type_: ColumnType | None) -> exp.Expr:
        """A number; doubles, and decimals where a bare one is a double, by a cast from text."""
        text = f"{value:f}" if isinstance(value, Decimal) else str(value)
        if type_ is not None and type_.kind in {Kind.DOUBLE, Kind.REAL}:
            return exp.cast(exp.Literal.string(text), sql_type(type_))
        wide = bigquery.number(text, type_) if self._dialect == "bigquery" else None
        if wide is not None:
            return wide
        number: exp.Expr = exp.Literal.number(text.removeprefix("-"))
        number = exp.Neg(this=number) if text.startswith("-") else number
        is_told = type_ is not None and type_.kind is Kind.NUMERIC and type_.precision is not None
        return exp.cast(number, sql_type(type_)) if type_ and is_told and self._dialect == "spark" else number

    def _filled(self, node: Call) -> exp.Expr:
        """A call by its template."""
        pattern = template(node.function, self._dialect)
        if pattern is None:
            wanted = f"{node.function.replace('_', ' ')!r} is not offered on {self._dialect}"
            raise RuleSetInvalid(wanted, hint="", function=node.function, dialect=self._dialect)
        args = [self._argument(arg, named=number in pattern.repeated) for number, arg in enumerate(node.args, 1)]
        params = [self._parameter(node, param) for param in node.params]
        return fill(pattern.tree, args, params)

    def _argument(self, node: Typed, *, named: bool) -> exp.Expr:
        """An argument, as a column of its own where the template has it more than once."""
        lowered = self.lower(node)
        return self._let(node, lowered) if named and isinstance(node, Call) else lowered

    def _parameter(self, node: Call, param: str | int) -> exp.Expr:
        """A literal parameter; patterns in the engine's spelling, `0.01` and the like as numbers."""
        if isinstance(param, int):
            return self._number(param, None)
        if node.function in _PATTERNS and param == node.params[0]:
            return exp.Literal.string(spelled(param, self._dialect))
        if node.function == "like" and self._dialect == "spark":
            param = spark.like_pattern(param)
        return self._number(Decimal(param), None) if node.function in _SCALED else exp.Literal.string(param)

    def _case(self, node: Call) -> exp.Expr:
        """CASE WHEN … THEN … ELSE … END."""
        *pairs, otherwise = [self.lower(arg) for arg in node.args]
        ifs = [exp.If(this=test, true=value) for test, value in zip(pairs[::2], pairs[1::2], strict=True)]
        is_null = isinstance(node.args[-1], Const) and node.args[-1].value is None
        return exp.Case(ifs=ifs, default=None if is_null else otherwise)

    def _chain(self, node: Call) -> exp.Expr:
        """AND, OR, ||, of as many parts as there are."""
        kind = _CHAINED[node.function]
        is_logic = kind is not exp.DPipe
        chain, *others = [_bracketed(self.lower(arg), is_logic=is_logic) for arg in node.args]
        for part in others:
            chain = kind(this=chain, expression=part)
        return chain

    def _coalesce(self, node: Call) -> exp.Expr:
        """COALESCE(…)."""
        first, *others = [self.lower(arg) for arg in node.args]
        return exp.Coalesce(this=first, expressions=others)

    def _in(self, node: Call) -> exp.Expr:
        """… IN (…)."""
        first, *members = [self.lower(arg) for arg in node.args]
        return exp.In(this=exp.paren(first) if isinstance(first, _OPERATORS) else first, expressions=members)

    def _convert(self, node: Call) -> exp.Expr:
        """A cast that cannot fail."""
        [value] = node.args
        inner = self.lower(value)
        if node.type is None:
            return inner
        if self._dialect == "bigquery":
            return bigquery.converted(value, inner, node.type)
        is_narrower = is_exact(value.type) and value.type is not None and not fits(value.type, node.type)
        if is_narrower and self._dialect == "spark":
            return exp.TryCast(this=inner, to=sql_type(node.type), safe=True)
        return exp.Cast(this=inner, to=sql_type(node.type))

    def _read(self, node: Call) -> exp.Expr:
        """Text that matches its form, cast; else NULL."""
        assert node.type is not None  # noqa: S101  # `casts` says which type is read
        text = self._argument(node.args[0], named=True)
        if node.type.kind is Kind.BOOLEAN:
            return _words(text)
        if forms := grammar.forms(node.type, tuple(str(param) for param in node.params)):
            return _case(
                [(self._matches(text, form.pattern), self._safe(_iso(text, form), node.type)) for form in forms]
            )
        if node.type.kind in INTEGERS or node.type.kind is Kind.NUMERIC:
            return self._exact(text, node.type)
        pattern = grammar.UUID if node.type.kind is Kind.UUID else grammar.DOUBLE
        if node.type.kind is Kind.UUID and self._dialect in _WITHOUT_UUIDS:
            return _case([(self._matches(text, pattern), exp.Lower(this=text.copy()))])
        return _case([(self._matches(text, pattern), self._safe(text, node.type))])

    def _matches(self, text: exp.Expr, pattern: str) -> exp.Expr:
        """Whether the text is of the form."""
        matches = template("matches", self._dialect)
        assert matches is not None  # noqa: S101  # every engine has it
        return fill(matches.tree, [text], [exp.Literal.string(spelled(pattern, self._dialect))])

    def _safe(self, text: exp.Expr, to: ColumnType) -> exp.Expr:
        """Text that is known to be castable, cast; by the engine's lenient cast where it has one."""
        if self._dialect in _TRY_CASTS:
            return exp.TryCast(this=text.copy(), to=self._type(to), safe=True)
        return exp.Cast(this=text.copy(), to=self._type(to))

    def _exact(self, text: exp.Expr, to: ColumnType) -> exp.Expr:
        """Text as an integer or a decimal; where the engine has no lenient cast, inside a check of its range."""
        pattern = grammar.INTEGER if to.kind in INTEGERS else grammar.numeric_pattern(to)
        if self._dialect == "bigquery":
            value, has_room = bigquery.read(text, to)
            return _case([(self._matches(text, pattern), value if has_room is None else _case([(has_room, value)]))])
        value = self._safe(text, to)
        if self._dialect not in _TRY_CASTS:
            value = _case([(_in_range(exp.cast(text.copy(), "numeric"), to), value)])
        return _case([(self._matches(text, pattern), value)])


_CHAINED: dict[str, type[exp.Expr]] = {"and": exp.And, "or": exp.Or, "concat": exp.DPipe}
_SCALED = {"decimal_as_text", "divide", "scaled_double", "whole_double"}
_SPECIAL: dict[str, Callable[[Lowering, Call], exp.Expr]] = {
    "and": Lowering._chain,  # noqa: SLF001
    "or": Lowering._chain,  # noqa: SLF001
    "concat": Lowering._chain,  # noqa: SLF001
    "case": Lowering._case,  # noqa: SLF001
    "coalesce": Lowering._coalesce,  # noqa: SLF001
    "in": Lowering._in,  # noqa: SLF001
    "convert": Lowering._convert,  # noqa: SLF001
    "read": Lowering._read,  # noqa: SLF001
}


def fill(tree: exp.Expr, args: list[exp.Expr], params: list[exp.Expr]) -> exp.Expr:
    """A template with its blanks filled."""

    def filled(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column) or not node.name.startswith("_"):
            return node
        blank = node.name
        if blank.startswith("_p"):
            return params[int(blank[2:]) - 1].copy()
        value = args[int(blank[1:]) - 1].copy()
        return _grouped(value, node.parent)

    return tree.copy().transform(filled, copy=False)


def _grouped(value: exp.Expr, beside: exp.Expr | None) -> exp.Expr:
    """The value in brackets where the operator that it becomes a part of could tear it apart."""
    is_logic = isinstance(beside, exp.Connector | exp.Not)
    return _bracketed(value, is_logic=is_logic) if isinstance(beside, _OPERATORS) else value


def _bracketed(value: exp.Expr, *, is_logic: bool) -> exp.Expr:
    """The value in brackets where it is an operator that binds no closer than the one around it."""
    loose = exp.Connector if is_logic else _OPERATORS
    return exp.paren(value, copy=False) if isinstance(value, loose) else value


def _case(branches: list[tuple[exp.Expr, exp.Expr]]) -> exp.Case:
    """CASE WHEN … THEN … END."""
    return exp.Case(ifs=[exp.If(this=test, true=value) for test, value in branches])


def _words(text: exp.Expr) -> exp.Expr:
    """The truth value that a word stands for; no letter outside ASCII becomes one of these in lower case."""
    lowered = exp.Lower(this=text)
    words = ((grammar.TRUE_WORDS, exp.true()), (grammar.FALSE_WORDS, exp.false()))
    return _case([(lowered.copy().isin(*listed), value) for listed, value in words])


def _iso(text: exp.Expr, form: grammar.Form) -> exp.Expr:
    """The text put into ISO order."""
    pieces = [
        exp.Literal.string(part)
        if isinstance(part, str)
        else exp.Substring(this=text.copy(), start=exp.Literal.number(part[0]), length=exp.Literal.number(part[1]))
        for part in form.parts
    ]
    if not pieces:
        return text
    joined: exp.Expr = pieces[0]
    for piece in pieces[1:]:
        joined = exp.DPipe(this=joined, expression=piece, safe=True)
    return joined


def _in_range(number: exp.Expr, to: ColumnType) -> exp.Expr:
    """Whether a decimal of any size, once rounded, fits the type."""
    if to.kind in INTEGERS:
        power = 2 ** BITS[to.kind]
        return exp.Between(this=number, low=exp.Neg(this=exp.Literal.number(power)), high=exp.Literal.number(power - 1))
    precision, scale = digits(to)
    rounded = exp.func("round", number, exp.Literal.number(scale))
    return exp.LT(this=exp.Abs(this=rounded), expression=exp.Literal.number(10 ** (precision - scale)))
