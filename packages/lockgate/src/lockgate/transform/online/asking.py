"""Queries about an online plan: whether an engine takes it, and what columns its model gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
from sqlglot import exp

from lockgate.core.arrow import arrow_schema
from lockgate.core.compiled import CompiledQuery
from lockgate.core.ports import Memory
from lockgate.core.relation import Column
from lockgate.errors import NotOnline, StatementFailed
from lockgate.transform.online.answering import ending
from lockgate.transform.online.joining import JoinedQuery, statements
from lockgate.transform.online.marking import MARK, REQUEST
from lockgate.transform.online.model import OnlineModel
from lockgate.transform.online.obstacles import node_refusals
from lockgate.transform.online.plan import OnlinePlan, given, plans_of, with_parts
from lockgate.transform.online.refusal import refused


def refusals(model: OnlineModel, memory: Memory) -> tuple[NotOnline, ...]:
    """Why a model does not answer records: every reason, with the model that has it; none if it does."""
    if found := node_refusals(model.graph, memory.dialect):
        return found
    try:
        query = model.query
        if found := tuple(_obstacles(model, query, memory)):
            return found
        checked_plan(model, memory)
    except NotOnline as refusal:
        return (refusal,)
    return ()


def _obstacles(model: OnlineModel, query: JoinedQuery, memory: Memory) -> Iterator[NotOnline]:
    """Why the engine would give something else than the models as dbt compiled them."""
    if not model.columns.keys() >= set(query.leaves):
        return  # nothing can be asked about it, and its plan is refused
    nodes = {model.graph.nodes[name].relation: model.graph.nodes[name] for name in _models_of(query)}
    queries = [
        CompiledQuery(one.relation, one.sql, _written(one.sql, memory.dialect), one.columns) for one in nodes.values()
    ]
    for relation, obstacles in memory.obstacles(queries, model.columns).items():
        yield from (refused(nodes[relation], one.reason, one.remedy) for one in obstacles)


def _models_of(query: JoinedQuery) -> tuple[str, ...]:
    """The models, each after those that it reads: a part that is a model has its name."""
    return tuple(part.alias for part in query.query.ctes if query.owners[part.alias] == part.alias)


def _written(sql: str, dialect: str) -> str:
    return ";".join(tree.sql(dialect, comments=False) for tree in statements(sql, dialect))


def checked_plan(model: OnlineModel, memory: Memory) -> OnlinePlan:
    """How a model answers records, seen to run over tables without rows.

    Raises:
        NotOnline: it cannot, or gives what the contract does not take.
    """
    tables = {given(relation): arrow_schema(columns).empty_table() for relation, columns in model.columns.items()}
    tables[given(model.records)] = marked_rows(tables[given(model.records)], [], [])
    plan, built = _running(model, memory, tables)
    end = ending(plan, model, built, memory.dialect)
    try:
        memory.query(with_parts(end.select, (*plan.parts, *end.parts)).sql(memory.dialect, comments=False), tables)
    except StatementFailed as error:
        message = f"its key does not become the contract's: {error.message}"
        raise refused(model.node, message, "Give the key its contract's type where records are first read.") from error
    return plan


def _running(
    model: OnlineModel, memory: Memory, tables: Mapping[str, pa.Table]
) -> tuple[OnlinePlan, tuple[Column, ...]]:
    """The first plan that the engine takes, and the columns that it gives."""
    reason = ""
    for plan in plans_of(model):
        try:
            return plan, built_columns(memory, plan, plan.parts, tables)
        except StatementFailed as error:  # an aggregate, perhaps, that only the engine knows to be one
            reason = error.message
    message = f"the query does not run over the columns of what it reads: {reason}"
    raise refused(model.node, message, "Declare the columns of its sources as they are.")


def built_columns(
    memory: Memory, plan: OnlinePlan, parts: tuple[exp.CTE, ...], tables: Mapping[str, pa.Table]
) -> tuple[Column, ...]:
    """The columns that the model gives; `parts` are those that are not kept.

    Raises:
        StatementFailed: the query does not run.
    """
    rows = exp.select("*").from_(exp.Table(this=exp.to_identifier(plan.model, quoted=True))).limit(0)
    return memory.columns(with_parts(rows, parts).sql(memory.dialect, comments=False), tables)


def marked_rows(rows: pa.Table, positions: Sequence[int], requests: Sequence[int]) -> pa.Table:
    """Rows of records with their numbers and those of their requests."""
    marked = rows.append_column(MARK, pa.array(positions, pa.int64()))
    return marked.append_column(REQUEST, pa.array(requests, pa.int64()))
