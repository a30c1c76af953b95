"""dbt models that answer records: their graphs as dbt compiles them, and which stream brings the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlglot import exp

from lockgate.app.rules import own_columns_of, pinned_rows
from lockgate.app.wiring import Wiring
from lockgate.core.arrow import column_type
from lockgate.core.compiled import CompiledGraph, CompiledKind, CompiledNode
from lockgate.core.entity import Entity, Implementation
from lockgate.core.execution import DbtInvocation
from lockgate.core.lineage import ColumnRef, LineageNode, NodeKind
from lockgate.core.ports import Memory, Workshop
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import table
from lockgate.errors import CapabilityMissing, DbtFailed, NotOnline
from lockgate.lineage import Graph, trace
from lockgate.transform.dbt import ignore
from lockgate.transform.online import OnlineModel, OnlineProgram, inputs_of, joined_of

COMPILING_SECONDS = 300.0
# Somebody builds there now: then it is tried again later.
WAIT_SECONDS = 10.0
_OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A graph as it was compiled, and the rows of its seeds."""

    graph: CompiledGraph
    seeds: Mapping[Relation, pa.Table]

    @property
    def reads(self) -> tuple[Relation, ...]:
        """The relations that it reads besides its seeds."""
        return tuple(one for one in inputs_of(self.graph) if one not in self.seeds)

    @property
    def has_asked(self) -> bool:
        """Whether rows of the target are in its SQL, so that it holds for these alone."""
        return any(node.has_asked for node in self.graph.nodes.values())


def compiled_model(wiring: Wiring, entity: Entity, implementation: Implementation) -> CompiledModel:
    """Compiles an entity's dbt model in the workshop that it is built in, so that templates see the same names.

    Nothing but its seeds is built there.

    Raises:
        NotOnline: models are not asked for records on such a target.
        CapabilityMissing: dbt cannot compile where the implementation is run.
        DbtError: the project cannot be compiled.
        TargetBusy: it is being built all the while.
    """
    _see_that_it_answers(wiring, implementation)
    with wiring.warehouse.workshop(entity.workshop(implementation.name), wait_seconds=WAIT_SECONDS) as workshop:
        executor = wiring.executor_for(implementation.executor)
        invocation = DbtInvocation(
            project=wiring.revisions.located(implementation).path,
            select=(f"+{implementation.model}",),
            workshop=workshop.name,
            access=workshop.access(),
            models=(implementation.model,),
            vars=implementation.vars,
            full_refresh=True,
            timeout_seconds=min(COMPILING_SECONDS, implementation.timeout.total_seconds()),
        )
        graph = executor.compiled(invocation)
        seeds = [node for node in graph.nodes.values() if node.kind is CompiledKind.SEED]
        if seeds:
            built = executor.execute(replace(invocation, select=tuple(_selector(seed) for seed in seeds)), ignore)
            if built.failed:
                raise DbtFailed(f"its seeds could not be built: {built.failed[0].node}")
        return CompiledModel(graph, {seed.relation: _rows_of(workshop, seed.relation) for seed in seeds})


def _see_that_it_answers(wiring: Wiring, implementation: Implementation) -> None:
    """Raises `NotOnline` where the target runs no queries over records."""
    try:
        wiring.warehouse.memory().close()
    except CapabilityMissing as error:
        dialect = wiring.warehouse.capabilities.dialect
        hint = "Rules answer records on every target; `online: false` at the implementation says that they shall."
        message = f"{implementation.name}: models are not asked for records on a target that speaks {dialect}"
        raise NotOnline(message, hint=hint, model=implementation.model) from error


def online_model(wiring: Wiring, entity: Entity, compiled: CompiledModel) -> OnlineModel:
    """A compiled model with the columns of what it reads, as the target has them now.

    Raises:
        NotOnline: no single stream brings its records.
        WarehouseUnavailable: the target does not answer.
    """
    columns = {one: own_columns_of(wiring, one) for one in compiled.reads}
    columns |= {one: _columns_of(rows.schema) for one, rows in compiled.seeds.items()}
    records = _record_source(wiring, entity, compiled.graph, columns)
    return OnlineModel(compiled.graph, records, columns, entity.contract)


def online_program(wiring: Wiring, model: OnlineModel, compiled: CompiledModel, memory: Memory) -> OnlineProgram:
    """The model made ready for records, over the loads that are pinned now.

    Raises:
        NotOnline: it cannot answer records.
        WarehouseUnavailable: the target does not answer.
    """
    others = (one for one in compiled.reads if one != model.records)
    context = {one: pinned_rows(wiring, one, [each.name for each in model.columns[one]]) for one in others}
    return OnlineProgram(model, memory, context={**context, **compiled.seeds})


def _selector(seed: CompiledNode) -> str:
    """What selects one node alone."""
    return seed.name.rpartition(".")[2]


def _rows_of(workshop: Workshop, relation: Relation) -> pa.Table:
    return workshop.query(exp.select("*").from_(table(relation)))


def _columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    return tuple(Column(field.name, column_type(field.type)) for field in schema)


def _record_source(
    wiring: Wiring, entity: Entity, graph: CompiledGraph, columns: Mapping[Relation, Sequence[Column]]
) -> Relation:
    """The relation whose rows are an entity's records: the one that its key is made of.

    Raises:
        NotOnline: the key is made of none that a stream fills, or of several.
    """
    streams = wiring.project.relations()
    known = {one: own for one, own in columns.items() if one in streams}
    found = {one for name in entity.contract.key for one in _made_of(graph, name, known)}
    if len(found) != 1:
        said = "several streams: " + ", ".join(map(str, sorted(found))) if found else "no stream of the project"
        hint = "Records come by one stream, whose columns make the key by value."
        raise NotOnline(f"the key of {entity.name} is made of {said}", hint=hint, model=graph.model)
    return found.pop()


def _made_of(graph: CompiledGraph, name: str, known: Mapping[Relation, Sequence[Column]]) -> set[Relation]:
    """The relations by whose values a column of the model is made."""
    query = joined_of(graph).query
    for read in query.find_all(exp.Table):
        read.set("catalog", None)
    relations = {str(one): one for one in known}
    sources = (
        LineageNode(
            str(one),
            NodeKind.SOURCE,
            (one.schema, one.name),
            tuple(column.name for column in columns),
            is_complete=True,
            dialect=graph.dialect,
        )
        for one, columns in known.items()
    )
    sql = query.sql(graph.dialect, comments=False)
    output = LineageNode(_OUTPUT, NodeKind.MODEL, sql=sql, parents=tuple(relations), dialect=graph.dialect)
    traced = Graph(trace([output, *sources]))
    spelled = next((one for one in traced.columns_of(_OUTPUT) if one.casefold() == name.casefold()), name)
    return {relations[ref.node] for ref in traced.upstream(ColumnRef(_OUTPUT, spelled)) if ref.node in relations}
