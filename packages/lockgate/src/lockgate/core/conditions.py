"""Conditions over columns, as people write them in SQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lockgate.core.nearness import did_you_mean_or_known
from lockgate.errors import ComparisonInvalid

if TYPE_CHECKING:
    from sqlglot import exp

_CONDITION_HINT = "Write what could stand behind WHERE, over columns of the left side alone: amount > 0"
# Functions that answer otherwise each time that they are asked, by the names of sqlglot, PostgreSQL and DuckDB.
_VOLATILE = frozenset(
    {"rand", "random", "randn", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp"}
    | {"timeofday", "nextval", "currval", "lastval", "pg_sleep", "set_config"}
)


def condition_of(written: str, names: Collection[str]) -> exp.Expr:
    """A condition over columns, read as PostgreSQL's SQL.

    Raises:
        ComparisonInvalid: it is no condition, reads something else than columns, names one that is not there, or has
            other answers each time.
    """
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        condition = exp.condition(written, dialect="postgres")
    except SqlglotError as error:
        raise ComparisonInvalid(f"{written!r} is no condition in SQL", hint=_CONDITION_HINT) from error
    if condition.find(exp.Query, exp.DDL, exp.Command, exp.Placeholder, exp.Parameter, exp.AggFunc, exp.Window):
        raise ComparisonInvalid(f"{written!r} is more than a condition over columns", hint=_CONDITION_HINT)
    for function in condition.find_all(exp.Func):
        name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
        if name.lower() in _VOLATILE:
            raise ComparisonInvalid(f"{written!r} is true of other rows each time", hint=_CONDITION_HINT)
    for each in condition.find_all(exp.Column):
        if each.table:
            raise ComparisonInvalid(f"{each.sql()!r} names a table", hint="Name the column alone.")
        if each.name not in names:
            told = did_you_mean_or_known(each.name, names)
            raise ComparisonInvalid(f"the relation has no column {each.name!r}; {told}", column=each.name)
    return condition
