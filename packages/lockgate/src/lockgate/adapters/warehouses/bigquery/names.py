"""Names and trees as BigQuery's SQL writes them; what a name cannot hold there is spelled out, and read back.

A character that BigQuery refuses becomes `_x` and its code point in hexadecimal and `_`: a quotation mark is `_x22_`.
Datasets take letters of English, digits and `_`; tables take letters of any language, spaces and `-`, too; columns the
same without spaces and `-` (cloud.google.com/bigquery/docs: datasets, tables, schemas#flexible-column-names).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.core.relation import Relation
from lockgate.core.sql import is_bignumeric

if TYPE_CHECKING:
    from sqlglot import exp

_IN_DATASETS = re.compile(r"[A-Za-z0-9_]")
_IN_TABLES = re.compile(r"[\w \-]")
_IN_COLUMNS = re.compile(r"\w")
_SPELLED = re.compile(r"_x([0-9a-f]{1,6})_")
# What no column's name may begin with, in any case: a digit, or a prefix that BigQuery keeps for itself.
_RESERVED = re.compile(r"\d|_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Names:
    """Where relations are: in one project, each schema a dataset whose name begins with `prefix`."""

    project: str
    prefix: str = ""

    def dataset(self, schema: str) -> str:
        """The id of a schema's dataset."""
        return self.prefix + _spelled(schema, _IN_DATASETS)

    def path(self, relation: Relation) -> str:
        """A relation's id as the interface takes it, with dots between its parts."""
        return f"{self.project}.{self.dataset(relation.schema)}.{_spelled(relation.name, _IN_TABLES)}"

    def quoted(self, relation: Relation) -> str:
        """A relation's name in SQL."""
        return quoted(self.project, self.dataset(relation.schema), _spelled(relation.name, _IN_TABLES))

    def sql(self, tree: exp.Expression) -> str:
        """A tree as BigQuery's SQL, with every name as BigQuery has it."""
        return tree.transform(self._bound).sql("bigquery", identify=True)

    def _bound(self, node: exp.Expression) -> exp.Expression:
        from sqlglot import exp

        if isinstance(node, exp.DataType):
            return _typed(node)
        if isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Table):
            return exp.to_identifier(field(node.name), quoted=True)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            return self._placed(node)
        return node

    def _placed(self, node: exp.Table) -> exp.Table:
        from sqlglot import exp

        if not node.db:  # a query's own table
            node.set("this", exp.to_identifier(field(node.name), quoted=True))
            return node
        if not node.args.get("alias"):  # columns may be said to be of it
            node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
        node.set("this", exp.to_identifier(_spelled(node.name, _IN_TABLES), quoted=True))
        node.set("db", exp.to_identifier(self.dataset(node.db), quoted=True))
        node.set("catalog", exp.to_identifier(self.project, quoted=True))
        return node


def field(name: str) -> str:
    """A column's name as BigQuery has it."""
    spelled = _spelled(name, _IN_COLUMNS)
    if _RESERVED.match(spelled):
        return f"_x{ord(spelled[0]):x}_{spelled[1:]}"
    return spelled


def column_of(name: str) -> str:
    """The column behind a name that BigQuery has."""
    return _SPELLED.sub(lambda match: chr(int(match[1], 16)), name)


def identifier(name: str) -> str:
    """A column's quoted name."""
    return quoted(field(name))


def quoted(*names: str) -> str:
    """A quoted, dotted name of parts that BigQuery takes."""
    return ".".join(f"`{name}`" for name in names)


def _spelled(name: str, allowed: re.Pattern[str]) -> str:
    plain = _SPELLED.sub(lambda match: f"_x5f_{match[0][1:]}", name)
    return "".join(one if allowed.fullmatch(one) else f"_x{ord(one):x}_" for one in plain)


def _typed(node: exp.DataType) -> exp.DataType:
    """A type as BigQuery knows it: UUID and JSON are text there, and wide decimals have a type of their own."""
    from sqlglot import exp

    kinds = exp.DataType.Type
    if node.this in {kinds.UUID, kinds.JSON, kinds.JSONB}:
        return exp.DataType(this=kinds.TEXT)
    if node.this in {kinds.TIMESTAMP, kinds.TIMESTAMPNTZ}:
        return exp.DataType(this=kinds.DATETIME)
    if node.this is kinds.DECIMAL and node.expressions:
        precision, scale = ([int(one.name) for one in node.expressions] + [0])[:2]
        if is_bignumeric(precision, scale):
            return exp.DataType(this=kinds.BIGDECIMAL, expressions=node.expressions)
    return node
