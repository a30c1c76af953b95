"""Names and trees as Spark's SQL writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp


def identifier(*names: str) -> str:
    """A quoted, dotted name."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def spark_sql(query: exp.Expression) -> str:
    """A tree as Spark's SQL, with the types that sqlglot calls by names that mean something else there."""
    from sqlglot import exp

    kinds = exp.DataType.Type

    def named(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.DataType):
            if node.this is kinds.TIMESTAMP:
                return exp.DataType(this=kinds.TIMESTAMPNTZ)
            if node.this is kinds.TIME:
                return exp.DataType(this=kinds.USERDEFINED, kind="TIME")
            if node.this in {kinds.JSON, kinds.JSONB}:
                return exp.DataType(this=kinds.TEXT)
        return node

    return query.transform(named).sql("spark")
