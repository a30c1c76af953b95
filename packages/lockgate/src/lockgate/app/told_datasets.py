"""What is told of datasets: what they are called, what is in them, what their columns are made of; never their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from lockgate.adapters.openlineage.naming import stream_name, target_naming
from lockgate.app.told_queries import Known, ReadQuery, read_queries
from lockgate.core.entity import Entity, Implementation
from lockgate.core.examination import Examination
from lockgate.core.execution import Execution, NodeResult
from lockgate.core.lineage import LineageNode, NodeKind, Reading
from lockgate.core.lineage_event import Assertion, Change, Dataset, DatasetName, Field, FieldRead, LineageEvent
from lockgate.core.load import Load, LoadMode, LoadStatus
from lockgate.core.relation import Column, Relation
from lockgate.core.route import Edition
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN, Source, Stream

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring

# dbt's own generic tests, by what the names of their tests begin with. dbt ends the id of such a test by ten digits of
# a digest; one of a file of SQL has none, whatever it is called.
_GENERIC = re.compile(r"test\.[^.]+\.(not_null|unique|accepted_values|relationships)_.*\.[0-9a-f]{10}")
OWN_SQL = "custom_sql"
# What a load adds to what its source has.
_OURS = frozenset({LOAD_ID_COLUMN, POSITION_COLUMN})


class ToldDatasets:
    """The datasets of one project on one target, as one run finds them."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is looked at before it is asked for."""
        self._wiring = wiring
        self._built: dict[str, Execution] = {}
        self._read: dict[str, ReadQuery] = {}

    @cached_property
    def _named(self) -> Callable[[Relation], DatasetName]:
        target = self._wiring.target
        return target_naming(target.kind, self._wiring.options(target.name))

    def workshop(self, subject: str) -> str:
        """The schema that `ENTITY@IMPLEMENTATION` is built in."""
        entity, implementation = self._piece(subject)
        return entity.workshop(implementation.name)

    # --- loads -------------------------------------------------------------------------------------------------------

    def loaded(self, load: Load) -> tuple[Dataset, Dataset]:
        """What a load read, and what it left."""
        source, stream = next(
            (source, stream)
            for source, stream in self._wiring.project.streams()
            if (source.name, stream.name) == (load.source, load.stream)
        )
        came_from = self._stream(source, stream)
        columns = self._wiring.warehouse.columns(load.relation)
        is_new = load.status is not LoadStatus.UNCHANGED
        read = load.rows + load.rejected if is_new else None
        output = Dataset(
            self._named(load.relation),
            _fields(columns),
            _same((one for one in _fields(columns) if one.name not in _OURS), came_from),
            version=str(load.load_id),
            change=Change.OVERWRITE if is_new and load.mode is LoadMode.REPLACE else None,
            rows=load.rows if is_new else 0,
            bytes=load.bytes if is_new else None,
            files=load.files if is_new else None,
        )
        return Dataset(came_from, rows=read), output

    def _stream(self, source: Source, stream: Stream) -> DatasetName:
        secrets = self._wiring.secrets
        options = {
            name: secrets.resolve(value) if isinstance(value, str) else value for name, value in source.options.items()
        }
        return stream_name(source, stream, options, str(self._wiring.project.folder))

    # --- builds ------------------------------------------------------------------------------------------------------

    def know_built(self, execution: Execution) -> None:
        """Remembers where an output stands, for what is done with it afterwards."""
        self._built[f"{execution.entity}@{execution.implementation}"] = execution

    def by_rules(self, event: LineageEvent, execution: Execution) -> LineageEvent:
        """The end of a build by rules, with what it read and left."""
        from lockgate.app.rules import catalog_of
        from lockgate.transform.rules import outcomes_query

        wiring = self._wiring
        _, implementation = self._piece(f"{execution.entity}@{execution.implementation}")
        rule_set, catalog = wiring.rule_book.rule_set(implementation), catalog_of(wiring, implementation)
        dialect = wiring.warehouse.capabilities.dialect
        sql = outcomes_query(rule_set, catalog, dialect).sql(dialect, pretty=True)
        place = (execution.built.schema, execution.built.name)
        node = LineageNode(str(execution.built), NodeKind.RULES, place, sql=sql, dialect=dialect)
        found = read_queries([node], self._known)[node.name]
        left = frozenset(rule_set.output)
        output = Dataset(
            self._named(execution.built),
            tuple(Field(name) for name in rule_set.output),
            tuple(read for read in found.fields if not read.column or read.column in left),
            rows=execution.rows,
        )
        return replace(event, inputs=self._inputs(found), outputs=(output,), sql=sql, dialect=dialect)

    def trace(self, nodes: Sequence[NodeResult]) -> None:
        """Reads the SQL that dbt has just run, of all models of an invocation together."""
        asked = [
            LineageNode(
                node.node,
                NodeKind.MODEL,
                (node.relation.schema, node.relation.name),
                sql=self._compiled(node),
                parents=node.depends_on,
                dialect=self._wiring.warehouse.capabilities.dialect,
            )
            for node in nodes
            if node.relation is not None
        ]
        self._read |= read_queries(asked, self._known)

    def by_model(self, event: LineageEvent, node: NodeResult) -> LineageEvent:
        """The end of a model's build, with what it read and left."""
        if node.relation is None:
            return event
        found = self._read.get(node.node, ReadQuery())
        output = Dataset(
            self._named(self._own(node.relation)),
            tuple(Field(name) for name in found.columns),
            found.fields,
            rows=node.rows,
        )
        outputs = () if node.status.is_bad else (output,)
        dialect = self._wiring.warehouse.capabilities.dialect if found.sql else ""
        return replace(event, inputs=self._inputs(found), outputs=outputs, sql=found.sql, dialect=dialect)

    def _compiled(self, node: NodeResult) -> str:
        """The SQL that dbt made of a model; empty where it is not on this machine."""
        if not node.compiled:
            return ""
        try:
            return (self._wiring.project.folder / node.compiled).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""

    @cached_property
    def _known(self) -> Known:
        """The streams that queries may read, and how to name anything else that they do."""
        warehouse = self._wiring.warehouse
        streams = {
            relation: tuple(column.name for column in warehouse.columns(relation))
            for relation in self._wiring.project.relations()
        }
        return Known(streams, lambda relation: self._named(self._own(relation)))

    def _own(self, relation: Relation) -> Relation:
        """A relation as we call it: BigQuery's datasets may have something before our names."""
        prefix = str(self._wiring.target.options.get("datasets_prefix") or "")
        return Relation(relation.schema.removeprefix(prefix), relation.name)

    def _inputs(self, found: ReadQuery) -> tuple[Dataset, ...]:
        return tuple(Dataset(name) for name in found.reads)

    # --- tests -------------------------------------------------------------------------------------------------------

    def tested(self, found: Examination) -> Dataset:
        """What an examination was of, and how every test came out."""
        entity, implementation = self._piece(str(found))
        output = Relation(entity.workshop(implementation.name), implementation.model or entity.name)
        trials = tuple(Assertion(trial.name, _kind(trial.name), trial.status, trial.failures) for trial in found.trials)
        return Dataset(self._named(output), assertions=trials)

    def asserted(
        self, subject: str, nodes: Sequence[NodeResult], tests: Mapping[str, Sequence[Assertion]]
    ) -> tuple[Dataset, ...]:
        """The datasets that dbt tested, each with its tests; those of nothing in particular are of the output."""
        entity, implementation = self._piece(subject)
        output = Relation(entity.workshop(implementation.name), implementation.model or entity.name)
        relations = {node.node: node.relation for node in nodes if node.relation is not None}
        found: dict[Relation, list[Assertion]] = {}
        for node, assertions in tests.items():
            found.setdefault(relations.get(node, output), []).extend(assertions)
        return tuple(
            Dataset(self._named(self._own(relation)), assertions=tuple(made)) for relation, made in found.items()
        )

    # --- publications ------------------------------------------------------------------------------------------------

    def published(self, edition: Edition) -> tuple[tuple[Dataset, ...], tuple[Dataset, ...]]:
        """What a publication read and left: an edition of what was built, and the view where consumers see it there.

        Of an edition that was there before, and is shown now, it is the view alone.
        """
        entity, _ = self._piece(f"{edition.entity}@{edition.implementation}")
        contract = entity.contract
        execution = self._built.pop(f"{edition.entity}@{edition.implementation}", None)
        kept = self._named(self._wiring.warehouse.edition_relation(entity.served, edition))
        made_of = self._named(self._own(execution.built)) if execution is not None else kept
        columns = _fields(contract.columns)
        made = Dataset(
            kept,
            columns,
            _same(columns, made_of),
            version=str(edition.number),
            change=Change.CREATE,
            rows=edition.rows,
            bytes=edition.bytes or None,
        )
        shown = replace(made, name=self._named(entity.served), change=Change.OVERWRITE)
        is_seen = not edition.is_held and self._answers(entity, edition)
        outputs = (made,) if execution is not None else ()
        return (Dataset(made_of),), (*outputs, shown) if is_seen else outputs

    def _answers(self, entity: Entity, edition: Edition) -> bool:
        """Whether consumers read rows of the edition's implementation."""
        route = self._wiring.warehouse.route(entity.name)
        arm = route.arm_of(edition.implementation) if route is not None else None
        return arm is not None and route is not None and arm is not route.idle_arm

    def _piece(self, subject: str) -> tuple[Entity, Implementation]:
        name, _, implementation = subject.partition("@")
        entity = self._wiring.project.entities[name]
        return entity, entity.implementation(implementation)


def assertions_of(tests: Iterable[NodeResult]) -> Mapping[str, Sequence[Assertion]]:
    """The tests that dbt made, by the node that each was declared for; '' for those that were for none."""
    found: dict[str, list[Assertion]] = {}
    for test in tests:
        made = Assertion(test.node, _kind(test.node), test.status, test.failures)
        found.setdefault(test.attached_to, []).append(made)
    return found


def _kind(name: str) -> str:
    """What a test asserts, as far as its id tells."""
    if name.startswith("unit_test."):
        return "unit_test"
    if name.startswith("case "):
        return "rule_case"
    if name.startswith("key "):
        return "unique" if name.endswith("unique") else "not_null"
    generic = _GENERIC.fullmatch(name)
    return generic[1] if generic else OWN_SQL


def _fields(columns: Iterable[Column]) -> tuple[Field, ...]:
    return tuple(Field(one.name, str(one.type), one.description) for one in columns)


def _same(columns: Iterable[Field], source: DatasetName) -> tuple[FieldRead, ...]:
    return tuple(FieldRead(one.name, source, one.name, Reading.DIRECT) for one in columns)
