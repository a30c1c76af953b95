"""What BigQuery does otherwise: decimals are computed with as BIGNUMERIC, and no cast rounds by itself.

GoogleSQL's casts take no digits, a product of NUMERICs has nine decimals, and integer literals end at INT64. BIGNUMERIC
has 38 digits on both sides of the point, so no value of ours is too long for it. Source: GoogleSQL, "Data types" and
"Conversion rules".
"""

from __future__ import annotations

from sqlglot import exp

from lockgate.core.sql import sql_type
from lockgate.core.types import INTEGERS, ColumnType, Kind
from lockgate.transform.rules.language.typed import Call, Ref, Typed, digits, fits, is_exact

_LARGEST = 2**63 - 1


def adapted(node: Call) -> Call:
    """The call as BigQuery's templates have it."""
    if node.function == "decimal_as_text":
        [value] = node.args
        scale = digits(value.type)[1] if value.type is not None else 0
        if not scale:
            return Call("convert", node.args, node.type)
        return Call(node.function, node.args, node.type, (scale, str(10**scale)))
    if node.function == "add_seconds" and node.type is not None and node.type.kind is Kind.TIMESTAMPTZ:
        civil = ColumnType(Kind.TIMESTAMP)
        moved = Call(node.function, (Call("as_utc", node.args, civil),), civil, node.params)
        return Call("utc_instant", (moved,), node.type)
    return node


def type_of(type_: ColumnType) -> exp.DataType:
    """The type in which values are computed with."""
    return exp.DataType.build("bignumeric", dialect="bigquery") if type_.kind is Kind.NUMERIC else sql_type(type_)


def is_column_to_widen(node: Ref) -> bool:
    """Whether it is a column that may be a NUMERIC."""
    return node.type.kind is Kind.NUMERIC


def number(text: str, type_: ColumnType | None) -> exp.Expr | None:
    """An exact number that is no INT64 literal, cast from text; None where a literal will do."""
    is_whole = "." not in text and (type_ is None or type_.kind is not Kind.NUMERIC)
    if is_whole and abs(int(text)) <= _LARGEST:
        return None
    kind = "int64" if type_ is not None and type_.kind in INTEGERS else "bignumeric"
    return exp.cast(exp.Literal.string(text), kind, dialect="bigquery")


def converted(value: Typed, inner: exp.Expr, to: ColumnType) -> exp.Expr:
    """A cast that rounds half away from zero to a decimal's digits, and is NULL where an integer has no room."""
    is_narrower = is_exact(value.type) and value.type is not None and not fits(value.type, to)
    if is_narrower and to.kind is not Kind.NUMERIC:
        return exp.TryCast(this=inner, to=type_of(to), safe=True)
    cast = exp.Cast(this=inner, to=type_of(to))
    return rounded(cast, to) if is_narrower else cast


def rounded(value: exp.Expr, to: ColumnType) -> exp.Expr:
    """A decimal with the digits of its type."""
    return exp.Round(this=value, decimals=exp.Literal.number(digits(to)[1]))


def read(text: exp.Expr, to: ColumnType) -> tuple[exp.Expr, exp.Expr | None]:
    """A text as an exact number, and the condition under which the type has room for it; None: always."""
    wide = exp.TryCast(this=text.copy(), to=exp.DataType.build("bignumeric", dialect="bigquery"), safe=True)
    if to.kind is Kind.NUMERIC:
        precision, scale = digits(to)
        limit = 10 ** (precision - scale)
        value = rounded(wide, to)
        bound = number(str(limit), None) or exp.Literal.number(limit)
        return value, exp.LT(this=exp.Abs(this=value.copy()), expression=bound)
    whole = exp.TryCast(this=text.copy(), to=sql_type(ColumnType(Kind.BIGINT)), safe=True)
    if to.kind is Kind.BIGINT:
        return whole, None
    power = 2 ** (15 if to.kind is Kind.SMALLINT else 31)
    low, high = exp.Neg(this=exp.Literal.number(power)), exp.Literal.number(power - 1)
    return whole, exp.Between(this=whole.copy(), low=low, high=high)
