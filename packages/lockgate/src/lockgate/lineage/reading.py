"""Reads a query once: its tree with every table named, and its scopes, those that are read from first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

LONGEST_REASON = 300
# In Snowflake a quoted upper-case name is an unquoted one: names are held against each other without their case.
_FOLDED = {"snowflake": "snowflake, normalization_strategy = case_insensitive"}


class Unreadable(Exception):
    """A query whose lineage cannot be read at all, and why."""


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """A query's tree and its scopes; the last one is that of the whole."""

    tree: exp.Query
    scopes: list[Scope]


def dialect_of(name: str) -> str:
    """Sqlglot's dialect with the way it folds names.

    Raises:
        Unreadable: there is no dialect of that name.
    """
    dialect = _FOLDED.get(name, name)
    try:
        Dialect.get_or_raise(dialect)
    except ValueError as error:
        raise Unreadable(str(error)) from error
    return dialect


def folded(name: str, dialect: str, *, is_quoted: bool) -> str:
    """A column's name as the dialect folds it.

    Raises:
        Unreadable: there is no such dialect.
    """
    identifier = exp.Identifier(this=name, quoted=is_quoted)
    return Dialect.get_or_raise(dialect_of(dialect)).normalize_identifier(identifier).name


def read_query(sql: str, dialect: str) -> ReadQuery:
    """One query, read once.

    Raises:
        Unreadable: it cannot be parsed, is no query, is several, or is nested too deeply.
    """
    named = dialect_of(dialect)
    try:
        return _read(sql, named)
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    except SqlglotError as error:
        raise Unreadable(_one_line(error)) from error
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"sqlglot cannot read it: {type(error).__name__}: {_one_line(error)}") from error


def _read(sql: str, dialect: str) -> ReadQuery:
    statements: list[Any] = [one for one in sqlglot.parse(sql, dialect=dialect) if one is not None]
    if len(statements) != 1:
        raise Unreadable("it is empty" if not statements else f"it is {len(statements)} statements")
    tree = _query_in(statements[0])
    qualified = qualify(
        tree, dialect=dialect, qualify_columns=False, quote_identifiers=False, validate_qualify_columns=False
    )
    scopes = traverse_scope(qualified)
    if not scopes:
        raise Unreadable(f"it is no query but {qualified.key.upper()}")
    return ReadQuery(qualified, scopes)


def _query_in(statement: exp.Expr) -> exp.Query:
    """The query that a statement is, or makes a relation of."""
    if isinstance(statement, exp.Create) and isinstance(statement.expression, exp.Query):
        return statement.expression.copy()
    if not isinstance(statement, exp.Query):
        raise Unreadable(f"it is no query but {statement.key.upper()}")
    return statement


def _one_line(error: Exception) -> str:
    """An error's first line without the terminal's colours."""
    text = str(error).replace("\x1b[4m", "").replace("\x1b[0m", "").split("\n")[0]
    return text[:LONGEST_REASON]
