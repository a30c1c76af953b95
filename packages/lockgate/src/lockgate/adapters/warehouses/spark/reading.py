"""Queries over relations that no catalog knows: each is bound to the files it is read from, for one statement."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sqlglot import exp

from lockgate.adapters.warehouses.spark.failures import translated
from lockgate.adapters.warehouses.spark.names import identifier, spark_sql
from lockgate.adapters.warehouses.spark.types import Typed, schema_of
from lockgate.core.relation import Relation
from lockgate.errors import StatementFailed

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True, slots=True)
class Files:
    """Rows in files, or in folders of files, by the columns that they are read as."""

    paths: tuple[Path, ...]
    columns: tuple[Typed, ...]
    provider: str = "parquet"


# Spark takes paths for patterns.
PATTERNS = re.compile(r"[\\\[\]{}*?]")

Source: TypeAlias = "Files | exp.Expression"
Find: TypeAlias = Callable[[Relation], "Source | None"]


def frame(spark: SparkSession, query: exp.Expression, find: Find) -> DataFrame:
    """A query as Spark will run it; `find` says what each relation is read from.

    Raises:
        StatementFailed: it names a relation that is not there, or Spark refuses it.
    """
    with translated(), ExitStack() as stack:
        return spark.sql(spark_sql(_Binding(spark, find, stack).bound(query)))


def over(spark: SparkSession, statement: str, words: Mapping[str, str], frames: Mapping[str, DataFrame]) -> DataFrame:
    """A statement with words in its braces, and frames as what it reads."""
    with translated(), ExitStack() as stack:
        names = {name: identifier(_named(spark, one, stack)) for name, one in frames.items()}
        return spark.sql(statement.format(**words, **names))


def table_of(frame: DataFrame) -> pa.Table:
    """A query's rows, under the types that every target gives."""
    import pyarrow as pa

    with translated():
        table = frame.toArrow()
    nanoseconds = pa.time64("ns")
    kinds = [pa.time64("us") if one.type == nanoseconds else one.type for one in table.schema]
    return table.cast(pa.schema([(one.name, kind) for one, kind in zip(table.schema, kinds, strict=True)]))


class _Binding:
    """What the tables of one statement stand for; a relation that is named twice is bound once."""

    def __init__(self, spark: SparkSession, find: Find, stack: ExitStack) -> None:
        self._spark = spark
        self._find = find
        self._stack = stack
        self._names: dict[Relation, str] = {}

    def bound(self, query: exp.Expression) -> exp.Expression:
        """The query over temporary views of Spark in the place of relations."""
        return query.transform(self._replaced)

    def _replaced(self, node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Table) or not node.db:
            return node
        relation = Relation(node.db, node.name)
        source = None if node.catalog else self._find(relation)
        if source is None:
            raise StatementFailed(f"there is no relation {relation} here", relation=str(relation))
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(node.name, quoted=True))
        # What else stands on the table, such as a sample or a pivot, stands on what takes its place.
        rest = {name: value for name, value in node.args.items() if name not in {"this", "db", "catalog", "alias"}}
        if isinstance(source, Files):
            place = self._names.get(relation) or self._viewed(relation, source)
            return exp.Table(this=exp.to_identifier(place, quoted=True), alias=alias.copy(), **rest)
        return exp.Subquery(this=self.bound(source), alias=alias.copy(), **rest)

    def _viewed(self, relation: Relation, source: Files) -> str:
        self._names[relation] = _named(self._spark, read(self._spark, source), self._stack)
        return self._names[relation]


def _named(spark: SparkSession, rows: DataFrame, stack: ExitStack) -> str:
    """A name by which a statement reads rows until the stack is closed; what Spark understood by then stays."""
    name = f"lockgate_{secrets.token_hex(8)}"
    rows.createOrReplaceTempView(name)
    stack.callback(spark.catalog.dropTempView, name)
    return name


def read(spark: SparkSession, source: Files) -> DataFrame:
    """The rows of files; names are taken literally."""
    if not source.paths:
        return spark.sql(f"SELECT {_no_values(source.columns)} WHERE false")
    reader = spark.read.format(source.provider).schema(schema_of(source.columns))
    return reader.load([PATTERNS.sub(r"\\\g<0>", str(path)) for path in source.paths])


def _no_values(columns: Sequence[Typed]) -> str:
    return ", ".join(f"CAST(NULL AS {type_}) AS {identifier(name)}" for name, type_ in columns)
