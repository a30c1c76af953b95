"""How a model answers records: its parts, which of them rest on records, and how rows are told to be a record's.

Whoever runs the queries is left open: a plan is made of SQL trees alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column
from lockgate.core.types import Kind
from lockgate.errors import NotOnline
from lockgate.transform.online.joining import JoinedQuery
from lockgate.transform.online.marking import MARK, REQUEST, marked
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
    of a record, as expressions over its columns, and where `is_apart` rows have their request's number (`REQUEST`).
    Of a relation `r`, `given(r)` is the table to be brought.
    """

    parts: tuple[exp.CTE, ...]
    moving: frozenset[str]
    key: tuple[exp.Expr, ...] | None
    is_apart: bool

    @property
    def model(self) -> str:
        """The name of the part that is the model."""
        return self.parts[-1].alias


def given(relation: Relation) -> str:
    """The name of the table that a relation's rows are brought as."""
    return f"given {relation}"


def plans_of(model: OnlineModel) -> Iterator[OnlinePlan]:
    """How a model may answer records: the quickest way first, then those for engines that do not take that one.

    First by rows that know their record; else by the key, with requests kept apart by their number; else one at a time.

    Raises:
        NotOnline: its rows cannot be told to be a record's; the message says why.
    """
    query = model.query
    for relation in query.leaves:
        if relation not in model.columns:
            raise refused(model.node, f"nothing is known of {relation}, which it reads", "Declare it as a source.")
    if model.records not in query.leaves:
        raise refused(model.node, f"it does not read {model.records}", "Name the source that its records are.")
    found = marked(query.query, model.records)
    if found is not None:
        if _multiplies(found):
            _key(query, model)
        yield _plan(replace(query, query=found), model, None, MARK)
    key = _key(query, model)
    shared = parted(query.query, model.records)
    if shared is not None:
        yield _plan(replace(query, query=shared), model, key, REQUEST)
    yield _plan(query, model, key)


def _plan(
    query: JoinedQuery, model: OnlineModel, key: tuple[exp.Expr, ...] | None, extra: str | None = None
) -> OnlinePlan:
    """The plan of a query; of its records' columns beside their own it reads `extra`."""
    parts = _parts(query, model, extra)
    return OnlinePlan(parts, moving_of(parts, given(model.records)), key, is_apart=extra is not None)


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


def _parts(query: JoinedQuery, model: OnlineModel, extra: str | None) -> tuple[exp.CTE, ...]:
    """All parts, with what is brought first."""
    parts = []
    for relation in query.leaves:
        more = (extra,) if extra is not None and relation == model.records else ()
        parts.append(named(str(relation), restored(relation, model.columns[relation], more)))
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
