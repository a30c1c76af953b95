"""A query over tables in memory, made one of PostgreSQL's: the tables become a part of it, out of array parameters.

No table is made for a request, so the database's catalog does not grow by what is asked. The query stands as a part of
its own, so that its parts may have names of given tables; PostgreSQL keeps the order of a part that is all there is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

from lockgate.adapters.warehouses.postgres.sessions import NAME_BYTES
from lockgate.core.arrow import column_type
from lockgate.core.sql import sql_type
from lockgate.errors import StatementFailed

if TYPE_CHECKING:
    from sqlglot import exp


@lru_cache(maxsize=256)
def confined(sql: str, given: tuple[tuple[str, pa.Schema], ...], kept: tuple[tuple[str, str], ...]) -> str:
    """The query behind the tables that it is given by `$1`, `$2` and so on, in the order of their columns.

    `kept` says which temporary table each name stands for besides.

    Raises:
        StatementFailed: it is not one query, or names what is neither given nor kept.
    """
    known = {name for name, _ in (*given, *kept)}
    names = names_in(sql)
    for name in sorted((names.tables - names.parts - known) | names.others):
        raise StatementFailed(f"the query over records names {name}, which it was not given")
    tables, number = [], 1
    for name, schema in given:
        tables.append(f"{_identifier(name).sql('postgres')} AS ({_rows(schema, number)})")
        number += len(schema)
    tables += [f"{_identifier(name).sql('postgres')} AS NOT MATERIALIZED (TABLE pg_temp.{one})" for name, one in kept]
    return "\n".join(("WITH" if tables else "", ", ".join(tables), "SELECT * FROM (", sql, ") AS answer"))


def short(name: str) -> str:
    """A name as PostgreSQL can keep it: of a longer one what it begins with, and a sum of the whole."""
    raw = name.encode()
    if len(raw) <= NAME_BYTES:
        return name
    return f"{raw[: NAME_BYTES - 17].decode(errors='ignore')}~{hashlib.sha256(raw).hexdigest()[:16]}"


@lru_cache(maxsize=256)
def shortened(sql: str) -> str:
    """A query whose tables and parts have names that PostgreSQL can keep; it cuts others without a word.

    Raises:
        StatementFailed: it is not one query.
    """
    from sqlglot import tokenize
    from sqlglot.tokenizer_core import TokenType

    names = names_in(sql)
    long = {name for name in names.tables | names.parts if len(name.encode()) > NAME_BYTES}
    made, done = [], 0
    for token in tokenize(sql, dialect="postgres") if long else ():
        if token.token_type is TokenType.IDENTIFIER and token.text in long:
            made += [sql[done : token.start], _identifier(short(token.text)).sql("postgres")]
            done = token.end + 1
    return "".join((*made, sql[done:]))


@dataclass(frozen=True, slots=True)
class Names:
    """What a query names: tables, parts of its own that may have the same names, and what is in another schema."""

    tables: frozenset[str]
    parts: frozenset[str]
    others: frozenset[str]


@lru_cache(maxsize=256)
def names_in(sql: str) -> Names:
    """What a query names.

    The guest's rights keep rows from a query; this lets it know no name of the catalog or of another schema either.

    Raises:
        StatementFailed: it is not one query.
    """
    from sqlglot import exp, parse
    from sqlglot.errors import SqlglotError

    try:
        trees = [tree for tree in parse(sql, dialect="postgres") if tree is not None]
    except (SqlglotError, RecursionError) as error:
        raise StatementFailed("the query over records cannot be read") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query) or trees[0].find(exp.Into, exp.DML):
        raise StatementFailed("what is asked of records is not one query")
    (tree,) = trees
    tables = [table for table in tree.find_all(exp.Table) if table.db or isinstance(table.this, exp.Identifier)]
    functions = [dotted for dotted in tree.find_all(exp.Dot) if isinstance(dotted.expression, exp.Func)]
    return Names(
        tables=frozenset(_folded(table.this) for table in tables if not table.db),
        parts=frozenset(_folded(part.args["alias"].this) for part in tree.find_all(exp.CTE)),
        others=frozenset(
            [one.sql("postgres").partition("(")[0] for one in tables if one.db]
            + [one.sql("postgres").partition("(")[0] for one in functions if one.this.name != "pg_catalog"]
        ),
    )


def _folded(name: exp.Identifier) -> str:
    """A name as PostgreSQL knows it."""
    text: str = name.this
    return text if name.quoted else text.lower()


def _rows(schema: pa.Schema, number: int) -> str:
    """The rows of the arrays in the parameters from `number` on, in the columns' own types."""
    from sqlglot import exp

    names = [_identifier(name) for name in schema.names]
    types = [sql_type(column_type(type_)) for type_ in schema.types]
    arrays = [
        exp.cast(exp.Parameter(this=exp.Literal.number(number + place)), exp.DataType.build(f"{type_.sql()}[]"))
        for place, type_ in enumerate(types)
    ]
    values = [exp.alias_(exp.cast(exp.column(name), type_), name) for name, type_ in zip(names, types, strict=True)]
    given = exp.Unnest(expressions=arrays, alias=exp.TableAlias(this=exp.to_identifier("given"), columns=names))
    return exp.select(*values).from_(given).sql("postgres")


def _identifier(name: str) -> exp.Identifier:
    from sqlglot import exp

    if len(name.encode()) > NAME_BYTES or "\0" in name:
        raise StatementFailed(f"PostgreSQL has no name as long as {name!r}: it keeps {NAME_BYTES} bytes")
    return exp.to_identifier(name, quoted=True)
