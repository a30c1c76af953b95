"""`DbtExecutionService`: entities built by dbt models, several in one invocation, each judged by its own nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.execution import DbtExecutionResult, DbtInvocation, Execution, NodeResult, NodeStatus
from lockgate.core.ports import DbtExecutor, NodeListener, Warehouse, Workshop
from lockgate.core.relation import Relation
from lockgate.core.sql import table
from lockgate.errors import CapabilityMissing, DbtError, DbtFailed, DbtTestFailed, LockgateError, UnknownName
from lockgate.transform.cycle import Batch, Piece

Outcome = Execution | LockgateError


def ignore(node: str) -> None:
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
        piece = Piece(entity, _implementation(entity, implementation))
        with self._warehouse.workshop(entity.workshop(piece.implementation.name)) as workshop:
            invocation = _invocation((piece,), workshop, vars or {}, full_refresh=full_refresh, select=select)
            return self._executor.execute(invocation, self._on_node)

    def execute_batch(
        self, batch: Batch, variables: Mapping[str, object] | None = None, *, full_refresh: bool = False
    ) -> tuple[Outcome, ...]:
        """Runs dbt once for every entity of a batch: what came of each, in the batch's order.

        An entity's outcome is an error where its model, anything upstream of it, or a test of these failed; the
        others of the batch are not touched by that. What stops the whole invocation is every entity's outcome.
        """
        with self._warehouse.workshop(batch.workshop) as workshop:
            invocation = _invocation(batch.pieces, workshop, variables or {}, full_refresh=full_refresh)
            try:
                result = self._executor.execute(invocation, self._on_node)
            except (DbtError, CapabilityMissing, UnknownName) as error:
                return tuple(error for _ in batch.pieces)
            return tuple(_outcome(piece, result, workshop) for piece in batch.pieces)


def _implementation(entity: Entity, name: str | None) -> Implementation:
    """The entity's dbt implementation of that name, or its only one."""
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
    wanted = tuple(select) or tuple(f"+{model}" for model in models)
    if any(word.startswith("-") for word in wanted):
        raise UnknownName(f"{' '.join(wanted)!r} selects nothing: a selector does not begin with a hyphen")
    return DbtInvocation(
        project=pieces[0].implementation.path,
        select=wanted,
        workshop=workshop.name,
        access=workshop.access(),
        models=models,
        vars={**pieces[0].implementation.vars, **variables},
        full_refresh=full_refresh,
        timeout_seconds=max(piece.implementation.timeout for piece in pieces).total_seconds(),
    )


def _outcome(piece: Piece, result: DbtExecutionResult, workshop: Workshop) -> Outcome:
    """What an invocation made of one entity."""
    nodes = _nodes_of(piece.implementation.model, result)
    bad = [node for node in nodes if node.status in {NodeStatus.FAIL, NodeStatus.ERROR}]
    if bad:
        return _failure(piece, bad)
    held_up = [node for node in nodes if node.status is NodeStatus.SKIPPED]
    if held_up:
        return DbtFailed(f"{piece}: dbt skipped {_names(held_up)}", nodes=tuple(node.node for node in held_up))
    built = Relation(workshop.name, piece.implementation.model)
    rows = _count(workshop, built)
    seconds = sum(node.seconds for node in nodes)
    return Execution(piece.entity.name, piece.implementation.name, built, rows, seconds, nodes=nodes)


def _nodes_of(model: str, result: DbtExecutionResult) -> tuple[NodeResult, ...]:
    """The nodes that answer for a model: itself, all that is upstream, and the tests that look at nothing else."""
    by_id = {node.node: node for node in result.nodes}
    upstream: set[str] = set()
    waiting = [node.node for node in result.nodes if node.kind == "model" and node.node.split(".")[2] == model]
    while waiting:
        name = waiting.pop()
        if name in by_id and name not in upstream:
            upstream.add(name)
            waiting += by_id[name].depends_on
    tests = {test.node for test in result.tests if _looked_at(test) and _looked_at(test) <= upstream}
    return tuple(node for node in result.nodes if node.node in upstream | tests)


def _looked_at(test: NodeResult) -> set[str]:
    """The nodes that a test reads, sources left out."""
    return {name for name in test.depends_on if not name.startswith("source.")}


def _failure(piece: Piece, bad: Sequence[NodeResult]) -> DbtError:
    """The error of the first node that failed, naming the others."""
    first, *others = bad
    also = f"; {_names(others)} failed too" if others else ""
    error = DbtTestFailed if all(node.status is NodeStatus.FAIL for node in bad) else DbtFailed
    text = " ".join(first.message.split())
    return error(f"{piece}: {first.node} failed: {text} ({first.file}){also}", node=first.node, file=first.file)


def _names(nodes: Iterable[NodeResult]) -> str:
    return ", ".join(node.node for node in nodes)


def _count(workshop: Workshop, relation: Relation) -> int:
    """How many rows a built relation has."""
    query = exp.select(exp.Count(this=exp.Star()).as_("rows")).from_(table(relation))
    rows: int = workshop.query(query).column(0)[0].as_py()
    return rows
