"""Operators, casts and calls of GoogleSQL as DuckDB has to be asked for them, by the types of what they are given.

Source: cloud.google.com/bigquery/docs/reference/standard-sql/operators and /conversion_rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlglot import exp

from lockgate.sandbox.bigquery_api import calls
from lockgate.sandbox.bigquery_api.casting import cast
from lockgate.sandbox.bigquery_api.fields import BIGNUMERIC, NUMERIC, held, stored
from lockgate.sandbox.bigquery_api.functions import filled
from lockgate.sandbox.bigquery_api.grammar import field_of
from lockgate.sandbox.bigquery_api.kinds import family, is_big, refuse_fine, typed_null
from lockgate.sandbox.bigquery_api.macros import safely
from lockgate.sandbox.bigquery_api.refusals import bad_query, unknown
from lockgate.sandbox.bigquery_api.scopes import Columns

DUCK = "duck"
_NUMBERS = {"int", "float", "decimal"}
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_MOMENTS = {"date", "datetime", "timestamp", "time"}
# What means the same as it stands.
_SAME = (
    exp.And, exp.Or, exp.Not, exp.Paren, exp.Is, exp.Null, exp.Boolean, exp.Neg, exp.Star, exp.Distinct, exp.Order,
    exp.Ordered, exp.Limit, exp.Alias, exp.Window, exp.WindowSpec, exp.IgnoreNulls, exp.RespectNulls, exp.Tuple,
    exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot, exp.HavingMax, exp.Interval,
)  # fmt: skip
_LIKE_ESCAPES = re.compile(r"\\.")

__all__ = ["Operators", "typed_null"]


class Operators:
    """Lowers an expression whose parts are lowered already."""

    def __init__(self, describe: Callable[[str], Columns]) -> None:
        """`describe` tells the columns of a query of DuckDB."""
        self._describe = describe

    # --- types ----------------------------------------------------------------------------------------------------

    def type_of(self, node: exp.Expr) -> str:
        """The DuckDB type of a lowered expression."""
        if DUCK in node.meta:
            return str(node.meta[DUCK])
        leaf = node.copy()
        holder = exp.Paren(this=leaf)
        for each in list(holder.walk(prune=lambda part: DUCK in part.meta)):
            if DUCK in each.meta:
                each.replace(typed_null(str(each.meta[DUCK])))
        inner = holder.this
        return self._describe(f"SELECT {inner.sql('duckdb')}")[0][1]

    def common(self, kinds: Sequence[str], what: str) -> str:
        """The type that several have in common.

        Raises:
            Refusal: there is none.
        """
        families = {family(kind) for kind in kinds} - {"null"}
        if len(families) > 1 and not families <= _NUMBERS:
            raise bad_query(f"{what} has incompatible types: {', '.join(sorted(kinds))}")
        query = " UNION ALL ".join(f"SELECT {typed_null(kind).sql('duckdb')}" for kind in kinds)
        return self._describe(query)[0][1]

    def family(self, node: exp.Expr) -> str:
        """The family of a lowered expression's type."""
        return family(self.type_of(node))

    def refuse_unless_bool(self, node: exp.Expr, asked: exp.Expr) -> None:
        """Refuses a condition that is none."""
        if self.family(node) not in {"bool", "null"}:
            raise bad_query(
                f"WHERE clause should return type BOOL, but returns {self.type_of(node)}: {asked.sql('bigquery')}"
            )

    def refuse_incomparable(self, left: exp.Expr, right: exp.Expr, what: str) -> None:
        """Refuses what BigQuery compares with nothing of the other type."""
        families = {self.family(left), self.family(right)} - {"null"}
        if len(families) > 1 and not families <= _NUMBERS:
            kinds = f"{self.type_of(left)}, {self.type_of(right)}"
            raise bad_query(f"No matching signature for operator {what} for argument types: {kinds}")

    def matched(self, left: exp.Expr, right: exp.Expr, what: str) -> tuple[exp.Expr, exp.Expr]:
        """Both, with a literal in the type of the other one.

        Raises:
            Refusal: they cannot be compared.
        """
        left, right = self._as_other(left, right), self._as_other(right, left)
        self.refuse_incomparable(left, right, what)
        return left, right

    def _as_other(self, node: exp.Expr, other: exp.Expr) -> exp.Expr:
        """A literal becomes what it is compared with: text a date or moment, a number with decimals a NUMERIC."""
        if not node.meta.get("literal"):
            return node
        kind, wanted = self.family(node), self.family(other)
        if (kind == "text" and wanted in _MOMENTS) or (kind == "float" and wanted == "decimal"):
            if kind == "float":
                return filled(f"CAST(_1 AS {self._decimal(other)})", exp.Literal.string(node.meta["literal"]))
            return cast(node, kind, _NAMES[wanted])
        return node

    def _decimal(self, *nodes: exp.Expr) -> str:
        for each in nodes:
            refuse_fine(self.type_of(each))
        return BIGNUMERIC if any(is_big(self.type_of(each)) for each in nodes) else NUMERIC

    # --- nodes ----------------------------------------------------------------------------------------------------

    @staticmethod
    def is_part(node: exp.Expr, child: exp.Expr) -> bool:
        """Whether a child is no expression but a word of its parent: a part of a date, an index, a unit."""
        return calls.is_word(node, child)

    def lowered(self, node: exp.Expr) -> exp.Expr:
        """The expression as DuckDB has it.

        Raises:
            Refusal: the stand-in does not know it, or it is given what it does not take.
        """
        if type(node) in _ARITHMETIC:
            return self._arithmetic(node)
        if isinstance(node, _COMPARISONS):
            return self._comparison(node)
        if isinstance(node, exp.Anonymous):
            return calls.lowered(node, self)
        for kinds, lower in self._RULES:
            if isinstance(node, kinds):
                return lower(self, node)
        if not isinstance(node, _SAME):
            raise unknown(f"{type(node).__name__.upper()}: {node.sql('bigquery')[:80]}")
        if isinstance(node, exp.And | exp.Or | exp.Not):
            for each in node.iter_expressions():
                if self.family(each) not in {"bool", "null"}:
                    raise bad_query(f"No matching signature for operator {node.key.upper()} for {self.type_of(each)}")
        return node

    def _arithmetic(self, node: exp.Expr) -> exp.Expr:
        sign = _ARITHMETIC[type(node)]
        left, right = self._as_other(node.this, node.expression), self._as_other(node.expression, node.this)
        families = {self.family(left), self.family(right)} - {"null"}
        if families == {"date", "int"} and sign in "+-":
            return filled(f"_1 {sign} CAST(_2 AS INTEGER)", left, right)
        if not families <= _NUMBERS:
            kinds = f"{self.type_of(left)}, {self.type_of(right)}"
            raise bad_query(f"No matching signature for operator {sign} for argument types: {kinds}")
        if families <= {"int", "float"} or "float" in families:
            if sign == "/":
                zero = "error('division by zero')"
                return filled(
                    f"CASE WHEN _2 = 0 THEN {zero} ELSE CAST(_1 AS DOUBLE) / CAST(_2 AS DOUBLE) END", left, right
                )
            return filled(f"_1 {sign} _2", left, right)
        kind = self._decimal(left, right)
        name = "bignumeric" if kind == BIGNUMERIC else "numeric"
        if sign in "+-":
            return filled(f"CAST(CAST(_1 AS {kind}) {sign} CAST(_2 AS {kind}) AS {kind})", left, right)
        word = "multiply" if sign == "*" else "divide"
        return filled(f"bq_{name}_{word}(CAST(_1 AS {kind}), CAST(_2 AS {kind}))", left, right)

    def _comparison(self, node: exp.Expr) -> exp.Expr:
        left, right = self.matched(node.this, node.expression, node.key.upper())
        node.set("this", left)
        node.set("expression", right)
        node.meta[DUCK] = "BOOLEAN"
        return node

    def _between(self, node: exp.Expr) -> exp.Expr:
        low = self.matched(node.this, node.args["low"], "BETWEEN")[1]
        high = self.matched(node.this, node.args["high"], "BETWEEN")[1]
        node.set("low", low)
        node.set("high", high)
        return node

    def _like(self, node: exp.Expr) -> exp.Expr:
        if self.family(node.this) not in {"text", "null"} or self.family(node.expression) not in {"text", "null"}:
            raise bad_query("No matching signature for operator LIKE")
        return filled(r"_1 LIKE _2 ESCAPE '\'", node.this, node.expression)

    def _literal(self, node: exp.Expr) -> exp.Expr:
        if node.args.get("is_string"):
            node.meta[DUCK], node.meta["literal"] = "VARCHAR", node.name
            return node
        text = node.name
        kind = "BIGINT" if node.is_int else "DOUBLE"
        made = exp.cast(exp.Literal.string(text) if kind == "DOUBLE" else node.copy(), kind, dialect="duckdb")
        made.meta[DUCK], made.meta["literal"] = kind, text
        return made

    def _raw(self, node: exp.Expr) -> exp.Expr:
        return self._literal(exp.Literal.string(node.name))

    def _bytes(self, node: exp.Expr) -> exp.Expr:
        return filled("encode(_1)", exp.Literal.string(node.name))

    def _cast(self, node: exp.Expr) -> exp.Expr:
        if node.args.get("format"):
            raise unknown("CAST with FORMAT")
        is_safe = isinstance(node, exp.TryCast)
        to = field_of("", node.args["to"])
        inner: exp.Expr = node.this
        made: exp.Expr
        if isinstance(inner, exp.Null) or to["mode"] == "REPEATED" or to["type"] == "RECORD":
            made = inner
        else:
            made = cast(inner, self.family(inner), to["type"], held=held(to)[0])
        safe = safely(made) if is_safe and made is not inner else made
        word = exp.TryCast if is_safe else exp.Cast
        typed = word(this=safe, to=exp.DataType.build(stored(to), dialect="duckdb"))
        typed.meta[DUCK] = stored(to)
        return typed

    def _case(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Case) and node.this is not None:
            for each in node.args["ifs"]:
                each.set("this", self.matched(node.this, each.this, "CASE")[1])
        return node

    def _concat(self, node: exp.Expr) -> exp.Expr:
        families = {self.family(each) for each in (node.this, node.expression)} - {"null"}
        if len(families) > 1 or not families <= {"text", "bytes", "array"}:
            raise bad_query("No matching signature for operator || for its argument types")
        return node

    def _bracket(self, node: exp.Expr) -> exp.Expr:
        (index,) = node.expressions
        offset = node.args.get("offset")
        if offset is None and not node.args.get("safe"):
            offset = 0
        place = filled("_1 + 1", index) if offset == 0 else index
        if node.args.get("safe"):
            return filled("CASE WHEN _2 > 0 THEN list_extract(_1, _2) END", node.this, place)
        out = "error('Array index is out of bounds')"
        return filled(f"CASE WHEN _2 < 1 OR _2 > len(_1) THEN {out} ELSE list_extract(_1, _2) END", node.this, place)

    def _array(self, node: exp.Expr) -> exp.Expr:
        first = node.expressions[0] if node.expressions else None
        if isinstance(first, exp.Struct):
            for each in node.expressions[1:]:
                _renamed(first, each)
        kinds = [self.type_of(each) for each in node.expressions]
        if kinds and not isinstance(first, exp.Struct):
            self.common(kinds, "an array")
        for each in ("value_constructor", "struct_name_inheritance"):
            node.args.pop(each, None)
        return node

    def _extract(self, node: exp.Expr) -> exp.Expr:
        return calls.extracted(node, self)

    def _safe(self, node: exp.Expr) -> exp.Expr:
        return safely(node.this)

    def _json(self, node: exp.Expr) -> exp.Expr:
        return filled("CAST(_1 AS JSON)", node.this)

    def _now(self, node: exp.Expr) -> exp.Expr:
        if node.args.get("this"):
            raise unknown(node.sql("bigquery"))
        names: dict[type[exp.Expr], str] = {exp.CurrentDate: "CURRENT_DATE", exp.CurrentDatetime: "CURRENT_DATETIME"}
        return calls.lowered(exp.Anonymous(this=names.get(type(node), "CURRENT_TIMESTAMP"), expressions=[]), self)

    def _path(self, node: exp.Expr) -> exp.Expr:
        if self.family(node.this) != "struct":
            raise unknown(f"the path {node.sql('bigquery')}")
        return node

    _RULES = (
        (exp.Between, _between),
        (exp.Like, _like),
        (exp.Literal, _literal),
        (exp.RawString, _raw),
        (exp.ByteString, _bytes),
        (exp.Cast, _cast),
        ((exp.Case, exp.If), _case),
        (exp.DPipe, _concat),
        (exp.Bracket, _bracket),
        (exp.Array, _array),
        (exp.Extract, _extract),
        (exp.SafeFunc, _safe),
        (exp.ParseJSON, _json),
        ((exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentDatetime), _now),
        (exp.Dot, _path),
    )


def _renamed(first: exp.Expr, other: exp.Expr) -> None:
    """Structs in an array have the names of the first one: GoogleSQL goes by their places."""
    if not isinstance(other, exp.Struct) or len(first.expressions) != len(other.expressions):
        raise bad_query("Array elements of types STRUCT do not have a common supertype")
    for mine, theirs in zip(first.expressions, other.expressions, strict=True):
        theirs.set("this", mine.this.copy())


_NAMES = {"date": "DATE", "datetime": "DATETIME", "timestamp": "TIMESTAMP", "time": "TIME"}
