"""The end of an online query: the contract's values of each row, and whose row it is.

Values are cast as those of an edition are, so that an answer has what the served table would have. Where the contract's
type does not hold a value, there is none, and the row says of which column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from lockgate.core.casting import Cast, cast_to
from lockgate.core.relation import Column
from lockgate.core.sql import column
from lockgate.errors import OutputInvalid
from lockgate.transform.online.marking import MARK, REQUEST
from lockgate.transform.online.model import OnlineModel
from lockgate.transform.online.plan import OnlinePlan, named, restored
from lockgate.transform.online.refusal import refused

# Columns beside the contract's and MARK: the column whose value is lost, whether a row is there, whether the record
# has a key, and how many records of the request have that key.
LOST, FOUND, KEYED, SHARED = "_lockgate_lost", "_lockgate_found", "_lockgate_keyed", "_lockgate_shared"
_ANSWERS, _KEYS, _ASKED = "lockgate answers", "lockgate keys", "lockgate asked"


@dataclass(frozen=True, slots=True)
class Ending:
    """What comes after a plan's parts: more of them, and the SELECT over all."""

    parts: tuple[exp.CTE, ...]
    select: exp.Select


def ending(plan: OnlinePlan, model: OnlineModel, built: Sequence[Column], dialect: str) -> Ending:
    """The end of a plan's query, whose model gives the columns `built`.

    Raises:
        NotOnline: a column of the contract is not there, or has a type that does not become the contract's.
    """
    casts = _casts(model, {one.name: one for one in built}, dialect)
    answers = _cast(casts, dialect).from_(_table(plan.model))
    if plan.key is None:
        answers = answers.select(column(MARK))
        return Ending((named(_ANSWERS, answers),), exp.select("*").from_(_table(_ANSWERS)).order_by(column(MARK)))
    within = (REQUEST, *model.contract.key) if plan.is_apart else model.contract.key
    answers = answers.select(exp.alias_(exp.true(), FOUND, quoted=True))
    if plan.is_apart:
        answers = answers.select(column(REQUEST))
    keys = _keys(plan.key, model, [one for one in casts if one.column in model.contract.key], dialect)
    parts = named(_ANSWERS, answers), named(_KEYS, keys), named(_ASKED, _asked(model.contract.key, within))
    return Ending(parts, _matched(model, within))


def _casts(model: OnlineModel, built: dict[str, Column], dialect: str) -> list[Cast]:
    missing = [name for name in model.contract.names if name not in built]
    if missing:
        names = ", ".join(map(repr, missing))
        raise refused(model.node, f"it has no column {names}", "Give the model the contract's columns.")
    try:
        return [cast_to(one, built[one.name].type, dialect) for one in model.contract.columns]
    except OutputInvalid as error:
        raise refused(model.node, error.message, error.remedy) from error


def _cast(casts: Sequence[Cast], dialect: str) -> exp.Select:
    """The contract's values, and which is lost."""
    lost = exp.Case(ifs=[])
    values: list[exp.Expr] = []
    for one in casts:
        value: exp.Expr = sqlglot.parse_one(one.value, dialect=dialect)
        if one.refused:
            condition = exp.paren(sqlglot.parse_one(one.refused, dialect=dialect))
            lost = lost.when(condition.copy(), exp.Literal.string(one.column))
            value = exp.Case(ifs=[]).when(condition, exp.null()).else_(value)
        values.append(exp.alias_(value, one.column, quoted=True))
    which = lost if lost.args["ifs"] else exp.cast(exp.null(), "text")
    return exp.select(*values, exp.alias_(which, LOST, quoted=True))


def _keys(key: Sequence[exp.Expr], model: OnlineModel, casts: Sequence[Cast], dialect: str) -> exp.Select:
    """Each record's key, as the contract has it."""
    own = restored(model.records, model.columns[model.records], (MARK, REQUEST)).subquery("records")
    values = [exp.alias_(one.copy(), name, quoted=True) for name, one in zip(model.contract.key, key, strict=True)]
    plain = exp.select(*values, column(MARK), column(REQUEST)).from_(own).subquery("plain")
    return _cast(casts, dialect).select(column(MARK), column(REQUEST)).from_(plain)


def _asked(key: Sequence[str], within: Sequence[str]) -> exp.Select:
    """The records by their keys, with how many share one among those that are equal in `within`."""
    keyed = exp.and_(*(exp.Is(this=column(name), expression=exp.Not(this=exp.null())) for name in key))
    shared = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[column(name) for name in within])
    told = exp.alias_(keyed, KEYED, quoted=True), exp.alias_(shared, SHARED, quoted=True)
    return exp.select(*map(column, key), column(MARK), column(REQUEST), *told).from_(_table(_KEYS))


def _matched(model: OnlineModel, within: Sequence[str]) -> exp.Select:
    """A record's rows by what it has in common with them; a record without one has a row of nothing."""
    values = [exp.column(name, table="answer", quoted=True) for name in (*model.contract.names, LOST, FOUND)]
    told = [exp.column(name, table="asked", quoted=True) for name in (MARK, REQUEST, KEYED, SHARED)]
    same = [
        exp.EQ(
            this=exp.column(name, table="answer", quoted=True), expression=exp.column(name, table="asked", quoted=True)
        )
        for name in within
    ]
    joined = exp.select(*values, *told).from_(_table(_ASKED, "asked"))
    joined = joined.join(_table(_ANSWERS, "answer"), on=exp.and_(*same), join_type="left")
    return joined.order_by(exp.column(MARK, table="asked", quoted=True))


def _table(name: str, alias: str = "") -> exp.Table:
    called = exp.TableAlias(this=exp.to_identifier(alias, quoted=True)) if alias else None
    return exp.Table(this=exp.to_identifier(name, quoted=True), alias=called)
