"""How a model answers records: its parts, which of them rest on records, and how rows are told to be a record's.

Whoever runs the queries is left open: a plan is made of SQL trees alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column
from lockgate.core.types import Kind
from lockgate.errors import NotOnline
from lockgate.transform.online.joining import JoinedQuery
from lockgate.transform.online.marking import MARK, marked
from lockgate.transform.online.model import OnlineModel
from lockgate.transform.online.parting import parted
from lockgate.transform.online.refusal import refused
from lockgate.transform.online.scope import Reach, reach_of
from lockgate.transform.online.tracing import traced

# What travels as text, and what it is in the target: JSON in the form that its raw tables have.
_AS_TEXT = {Kind.UUID: "uuid", Kind.JSON: "jsonb"}


@dataclass(frozen=True, slots=True)
class OnlinePlan:
    """The parts of a query, each after those that it reads; the last is the model.

    Rows of the model have their record's number (`MARK`) where `key` is None; else `key` is what the contract's key is
    of a record, as expressions over its columns. Of a relation `r`, `given(r)` is the table to be brought.
    """

    parts: tuple[exp.CTE, ...]
    moving: frozenset[str]
    key: tuple[exp.Expr, ...] | None

    @property
    def model(self) -> str:
        """The name of the part that is the model."""
        return self.parts[-1].alias


def given(relation: Relation) -> str:
    """The name of the table that a relation's rows are brought as."""
    return f"given {relation}"


def plan_of(model: OnlineModel, *, may_mark: bool = True) -> OnlinePlan:
    """How a model answers records; without `may_mark`, by keys even if its rows rest on one record each.

    Raises:
        NotOnline: its rows cannot be told to be a record's; the message says why.
    """
    query = model.query
    for relation in query.leaves:
        if relation not in model.columns:
            raise refused(model.node, f"nothing is known of {relation}, which it reads", "Declare it as a source.")
    if model.records not in query.leaves:
        raise refused(model.node, f"it does not read {model.records}", "Name the source that its records are.")
    found = marked(query.query, model.records) if may_mark else None
    key = None
    if found is None or _multiplies(found):
        key = _key(query, model)
    chosen = query if found is None else JoinedQuery(found, query.leaves, query.owners)
    parts = _parts(chosen, model, is_marked=found is not None)
    return OnlinePlan(parts, moving_of(parts, given(model.records)), None if found is not None else key)


def parted_plan_of(model: OnlineModel) -> OnlinePlan | None:
    """How a model answers records as if each were asked alone; None where its query cannot be parted so."""
    query = model.query
    found = parted(query.query, model.records)
    if found is None:
        return None
    parts = _parts(JoinedQuery(found, query.leaves, query.owners), model, is_marked=True)
    return OnlinePlan(parts, moving_of(parts, given(model.records)), None)


def _multiplies(query: exp.Query) -> bool:
    """Whether a function makes several rows of one; a list of values is joined as any table is."""
    return any(not isinstance(found, exp.Values) for found in query.find_all(exp.Explode, exp.UDTF))


def _key(query: JoinedQuery, model: OnlineModel) -> tuple[exp.Expr, ...]:
    columns = {relation: [one.name for one in columns] for relation, columns in model.columns.items()}
    names = ", ".join(model.contract.key)
    if reach_of(query.query, model.records) is Reach.REFERENCE:
        raise refused(model.node, f"its rows rest on no row of {model.records}", "Answer its records by rules.")
    try:
        return traced(query.query, model.records, model.contract.key, columns)
    except NotOnline as error:
        remedy = f"Take ({names}) over from {model.records} in every model, as plain columns."
        message = f"which record a row belongs to cannot be told by its key ({names}): {error.message}"
        raise refused(model.node, message, remedy) from error


def _parts(query: JoinedQuery, model: OnlineModel, *, is_marked: bool) -> tuple[exp.CTE, ...]:
    """All parts, with what is brought first."""
    parts = []
    for relation in query.leaves:
        extra = (MARK,) if is_marked and relation == model.records else ()
        parts.append(named(str(relation), restored(relation, model.columns[relation], extra)))
    for part in query.query.ctes:
        for table in _leaves(part.this):
            name = exp.to_identifier(str(Relation(table.db, table.name)), quoted=True)
            table.replace(exp.Table(**{**table.args, "this": name, "db": None}))
        parts.append(part)
    return tuple(parts)


def restored(relation: Relation, columns: Iterable[Column], extra: Sequence[str] = ()) -> exp.Select:
    """The rows of a relation as they were before they travelled: some types do as text."""
    values = [
        exp.alias_(exp.cast(column(one.name), _AS_TEXT[one.type.kind]), one.name, quoted=True)
        if one.type.kind in _AS_TEXT
        else column(one.name)
        for one in columns
    ]
    table = exp.Table(this=exp.to_identifier(given(relation), quoted=True))
    return exp.select(*values, *(column(name) for name in extra)).from_(table)


def named(name: str, query: exp.Expr) -> exp.CTE:
    """A part of a query."""
    return exp.CTE(this=query, alias=exp.TableAlias(this=exp.to_identifier(name, quoted=True)))


def moving_of(parts: Sequence[exp.CTE], records: str) -> frozenset[str]:
    """The parts that rest on the table `records`, straight or through others."""
    found = {records}
    for part in parts:
        if reads(part) & found:
            found.add(part.alias)
    return frozenset(found - {records})


def reads(part: exp.Expr) -> frozenset[str]:
    """The names that a part reads."""
    return frozenset(table.name for table in part.find_all(exp.Table))


def with_parts(select: exp.Select, parts: Iterable[exp.CTE]) -> exp.Select:
    """A SELECT after the parts that it reads."""
    whole = select.copy()
    whole.set("with_", exp.With(expressions=[part.copy() for part in parts]))
    return whole


def _leaves(query: exp.Expr) -> tuple[exp.Table, ...]:
    return tuple(table for table in query.find_all(exp.Table) if table.db)
