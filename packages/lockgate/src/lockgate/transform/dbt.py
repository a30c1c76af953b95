"""`DbtExecutionService`: entities built by dbt models, several in one invocation, each judged by its own nodes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from sqlglot import exp

from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.examination import Examination, Trial
from lockgate.core.execution import (
    DbtExecutionResult,
    DbtInvocation,
    Execution,
    FailedExecution,
    NodeResult,
    NodeStatus,
    Outcome,
)
from lockgate.core.load import Pin
from lockgate.core.ports import DbtExecutor, NodeListener, Warehouse, Workshop
from lockgate.core.relation import Relation
from lockgate.core.sql import table
from lockgate.errors import DbtError, DbtFailed, DbtTestFailed, LockgateError, UnknownName
from lockgate.transform.cycle import Batch, Piece


def ignore(node: NodeResult) -> None:
    """Hears of a node, and leaves it at that."""


class DbtExecutionService:
    """Executes entities whose implementation is a dbt model."""

    def __init__(self, executor: DbtExecutor, warehouse: Warehouse, on_node: NodeListener = ignore) -> None:
        """Builds in workshops of `warehouse` by `executor`, telling `on_node` of each node's end."""
        self._executor = executor
        self._warehouse = warehouse
        self._on_node = on_node

    def execute(
        self,
        entity: Entity,
        select: Sequence[str] = (),
        vars: Mapping[str, object] | None = None,  # noqa: A002  dbt's own word
        *,
        full_refresh: bool = False,
        implementation: str | None = None,
    ) -> DbtExecutionResult:
        """Runs dbt for one entity: its model with all that is upstream and their tests, or what `select` names.

        Raises:
            UnknownName: the entity has no dbt implementation of that name.
            DbtError: the invocation was refused, stopped or crashed; failed nodes are in the result.
        """
        piece = Piece(entity, dbt_implementation(entity, implementation))
        with self._warehouse.workshop(entity.workshop(piece.implementation.name)) as workshop:
            invocation = _invocation((piece,), workshop, vars or {}, full_refresh=full_refresh, select=select)
            invocation = replace(invocation, inputs=_inputs(self._warehouse.pins()))
            return with_rows(self._executor.execute(invocation, self._on_node), workshop)

    def execute_batch(
        self, batch: Batch, variables: Mapping[str, object] | None = None, *, full_refresh: bool = False
    ) -> tuple[Outcome, ...]:
        """Runs dbt once for every entity of a batch: what came of each, in the batch's order.

        An entity's outcome is an error where its model, anything upstream of it, or a test of these failed; the
        others of the batch are not touched by that. What stops the whole invocation is every entity's outcome.
        """
        with self._warehouse.workshop(batch.workshop) as workshop:
            invocation = _invocation(batch.pieces, workshop, variables or {}, full_refresh=full_refresh)
            invocation = replace(invocation, inputs=_inputs(self._warehouse.pins()))
            try:
                result = self._executor.execute(invocation, self._on_node)
            except LockgateError as error:
                return tuple(_failed(piece, error) for piece in batch.pieces)
            counted = with_rows(result, workshop)
            concerns = _concerns(counted, tuple(piece.implementation.model for piece in batch.pieces))
            return tuple(_outcome(piece, nodes, workshop) for piece, nodes in zip(batch.pieces, concerns, strict=True))

    def test_batch(self, batch: Batch, variables: Mapping[str, object] | None = None) -> tuple[Examination, ...]:
        """Runs the tests of what dbt built of a batch, once, and builds nothing: what they found, in the batch's order.

        They are those of each entity's model and of all that is upstream of it, as in `execute_batch`. What stops the
        whole invocation is every examination's error.
        """
        with self._warehouse.workshop(batch.workshop) as workshop:
            invocation = _invocation(batch.pieces, workshop, variables or {}, full_refresh=False)
            try:
                result = self._executor.execute(replace(invocation, tests_only=True), self._on_node)
            except LockgateError as error:
                return tuple(_examination(piece, (), error) for piece in batch.pieces)
        concerns = _concerns(result, invocation.models)
        return tuple(_examination(piece, nodes) for piece, nodes in zip(batch.pieces, concerns, strict=True))


def dbt_implementation(entity: Entity, name: str | None) -> Implementation:
    """The entity's dbt implementation of that name, or its only one.

    Raises:
        UnknownName: there is none, or there are several.
    """
    built_by_dbt = [each for each in entity.implementations.values() if each.engine is Engine.DBT]
    found = [each for each in built_by_dbt if name in {None, each.name}]
    if len(found) != 1:
        known = ", ".join(each.name for each in built_by_dbt) or "none"
        raise UnknownName(f"{entity.name} has no single dbt implementation {name or ''!r}; it has {known}", name=name)
    return found[0]


def _invocation(
    pieces: Sequence[Piece],
    workshop: Workshop,
    variables: Mapping[str, object],
    *,
    full_refresh: bool,
    select: Sequence[str] = (),
) -> DbtInvocation:
    """One invocation for pieces of one program; its time-out is the longest of theirs."""
    models = tuple(piece.implementation.model for piece in pieces)
    return DbtInvocation(
        project=pieces[0].implementation.path,
        select=_selectors(select) or tuple(f"+{model}" for model in models),
        workshop=workshop.name,
        access=workshop.access(),
        models=models,
        vars=_json({**pieces[0].implementation.vars, **variables}),
        full_refresh=full_refresh,
        timeout_seconds=max(piece.implementation.timeout for piece in pieces).total_seconds(),
    )


def _inputs(pins: Sequence[Pin]) -> str:
    """A digest of the loads that are pinned; empty where none is, so that nothing is known of what is read."""
    told = sorted(str(pin) for pin in pins)
    return hashlib.sha256("\n".join(told).encode()).hexdigest() if told else ""


def _selectors(words: Sequence[str]) -> tuple[str, ...]:
    """The selectors, none of which dbt could take for an option."""
    wrong = [word for word in words if not word.strip() or word.lstrip().startswith("-")]
    if wrong:
        raise UnknownName(f"{wrong[0]!r} selects nothing: a selector is not empty and does not begin with a hyphen")
    return tuple(words)


def _json(variables: Mapping[str, object]) -> Mapping[str, object]:
    """The variables, which dbt must be able to read back as they are."""
    for name, value in variables.items():
        try:
            is_same = json.loads(json.dumps(value, allow_nan=False)) == value
        except (TypeError, ValueError):
            is_same = False
        if not is_same:
            kind = type(value).__name__
            raise UnknownName(f"the variable {name!r} is a {kind} that JSON cannot hold; write it as text", name=name)
    return variables


def with_rows(result: DbtExecutionResult, workshop: Workshop) -> DbtExecutionResult:
    """The result with the rows of every table that dbt's adapter did not count; views are not run for that."""
    uncounted = [node for node in result.nodes if node.rows is None and _is_table(node)]
    if not uncounted:
        return result
    counts = [_counted(node.relation, number) for number, node in enumerate(uncounted) if node.relation is not None]
    found = workshop.query(exp.union(*counts, distinct=False) if len(counts) > 1 else counts[0]).to_pydict()
    rows = {uncounted[number].node: count for number, count in zip(found["node"], found["rows"], strict=True)}
    nodes = (replace(node, rows=rows.get(node.node, node.rows)) for node in result.nodes)
    return replace(result, nodes=tuple(nodes))


def _is_table(node: NodeResult) -> bool:
    """Whether a node has left rows of its own."""
    return node.status is NodeStatus.SUCCESS and node.relation is not None and "view" not in node.materialized


def _outcome(piece: Piece, nodes: tuple[NodeResult, ...], workshop: Workshop) -> Outcome:
    """What an invocation made of one entity, from the nodes that answer for it."""
    error = failure_of(piece, nodes)
    if error is not None:
        return _failed(piece, error, nodes)
    output = next((node for node in nodes if _is_model(node, piece.implementation.model)), None)
    if output is None or output.relation is None:
        model = piece.implementation.model
        return _failed(piece, DbtFailed(f"{piece}: dbt built no {model}: it is ephemeral, or was not selected"), nodes)
    # What an incremental model's adapter counts are the rows that it added.
    counted = output.rows if output.materialized == "table" else None
    rows = _count(workshop, output.relation) if counted is None else counted
    seconds = sum(node.seconds for node in nodes)
    read = [node.read_bytes for node in nodes if node.read_bytes is not None]
    return Execution(
        piece.entity.name,
        piece.implementation.name,
        output.relation,
        rows,
        seconds,
        nodes=nodes,
        read_bytes=sum(read) if len(read) == len(nodes) else None,
    )


def _examination(piece: Piece, nodes: tuple[NodeResult, ...], error: LockgateError | None = None) -> Examination:
    """What the tests among the nodes that answer for an entity found; or why none of them ran."""
    tests = tuple(node for node in nodes if node.kind in {"test", "unit_test"})
    trials = tuple(Trial(node.node, node.status, node.failures, node.message, node.file) for node in tests)
    seconds = sum(node.seconds for node in nodes)
    return Examination(piece.entity.name, piece.implementation.name, trials, seconds, error or failure_of(piece, nodes))


def failure_of(piece: Piece, nodes: Sequence[NodeResult]) -> LockgateError | None:
    """What failed among the nodes that answer for an entity, or was not reached; None where all went well."""
    bad = [node for node in nodes if node.status in {NodeStatus.FAIL, NodeStatus.ERROR}]
    if bad:
        return _failure(piece, bad)
    held_up = [node for node in nodes if node.status is NodeStatus.SKIPPED]
    return DbtFailed(f"{piece}: dbt skipped {_names(held_up)}", nodes=_told(held_up)) if held_up else None


def _concerns(result: DbtExecutionResult, models: Sequence[str]) -> list[tuple[NodeResult, ...]]:
    """For each model the nodes that answer for it: itself, all that is upstream, their tests, and hooks.

    A generic test answers for the node that it was declared for. Another one answers for whatever stands on all that
    it reads; where nothing does, for everything that it reads.
    """
    upstreams = [result.upstream.get(model) or _upstream(model, result) for model in models]
    return [tuple(node for node in result.nodes if _answers(node, own, upstreams)) for own in upstreams]


def _answers(node: NodeResult, own: AbstractSet[str], upstreams: Sequence[AbstractSet[str]]) -> bool:
    if node.kind == "operation" or node.node in own:
        return True
    if node.kind not in {"test", "unit_test"}:
        return False
    if node.attached_to:
        return node.attached_to in own
    read = {name for name in node.depends_on if not name.startswith("source.")}
    return read <= own if any(read <= upstream for upstream in upstreams) else bool(read & own)


def _upstream(model: str, result: DbtExecutionResult) -> set[str]:
    """The ids of a model and of every node it stands on."""
    by_id = {node.node: node for node in result.nodes}
    found: set[str] = set()
    waiting = [node.node for node in result.nodes if _is_model(node, model)]
    while waiting:
        name = waiting.pop()
        if name in by_id and name not in found:
            found.add(name)
            waiting += by_id[name].depends_on
    return found


def _is_model(node: NodeResult, model: str) -> bool:
    return node.kind == "model" and node.node.split(".")[2] == model


def _failure(piece: Piece, bad: Sequence[NodeResult]) -> DbtError:
    """The error of the first node that failed, naming the others."""
    first, *others = bad
    also = f"; {_names(others)} failed too" if others else ""
    error = DbtTestFailed if all(node.status is NodeStatus.FAIL for node in bad) else DbtFailed
    text = " ".join(first.message.split())
    message = f"{piece}: {first.node} failed: {text} ({first.file}){also}"
    return error(message, node=first.node, file=first.file, nodes=_told(bad))


def _failed(piece: Piece, error: LockgateError, nodes: tuple[NodeResult, ...] = ()) -> FailedExecution:
    return FailedExecution(piece.entity.name, piece.implementation.name, error, nodes)


def _told(nodes: Iterable[NodeResult]) -> tuple[dict[str, object], ...]:
    """What an error says of its nodes."""
    return tuple(
        {"node": node.node, "status": node.status.value, "message": node.message, "file": node.file} for node in nodes
    )


def _names(nodes: Iterable[NodeResult]) -> str:
    return ", ".join(node.node for node in nodes)


def _count(workshop: Workshop, relation: Relation) -> int:
    """How many rows a built relation has."""
    rows: int = workshop.query(_counted(relation, 0)).column("rows")[0].as_py()
    return rows


def _counted(relation: Relation, number: int) -> exp.Select:
    """The query for a relation's `rows`, with a number to know it by."""
    facts = exp.Literal.number(number).as_("node"), exp.Count(this=exp.Star()).as_("rows")
    return exp.select(*facts).from_(table(relation))
