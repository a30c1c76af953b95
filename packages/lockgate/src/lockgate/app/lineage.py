"""The lineage of any dbt project folder, and of a whole Lockgate project from its streams to its served views."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlglot import exp

from lockgate.adapters.dbt.config import DbtConfig
from lockgate.adapters.dbt.dialects import broken_profile, connection_type, dialect_of_type
from lockgate.adapters.dbt.fingerprint import Fingerprint
from lockgate.adapters.dbt.lineage import RenderedProject
from lockgate.adapters.dbt.local import EXTRA, LocalDbtExecutor
from lockgate.adapters.dbt.project import PROJECT_FILE
from lockgate.adapters.registry import require
from lockgate.app.lineage_cache import LineageCache
from lockgate.app.rules import catalog_of
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.lineage import ColumnRef, LineageNode, NodeKind
from lockgate.core.nearness import did_you_mean
from lockgate.errors import LockgateError, RetryableError, UnknownName
from lockgate.lineage import BY_NAME, Graph, Impact, trace
from lockgate.settings import STATE_FOLDER

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.transform.rules import Catalog, RuleSet

DEFAULT_DIALECT = "duckdb"
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class FoundLineage:
    """The graph, what a person should know of it, and how many queries had to be read for it.

    Of a project, `outputs` names the node of each entity's implementation, `served` that of each entity's view.
    `is_passing` says that something failed which may go well another time.
    """

    graph: Graph
    warnings: tuple[str, ...]
    worked_out: int
    outputs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    served: Mapping[str, str] = field(default_factory=dict)
    is_passing: bool = False

    @property
    def makers(self) -> Mapping[str, str]:
        """The entity of each node that makes or serves one."""
        made = {node: entity for (entity, _), node in self.outputs.items()}
        return made | {node: entity for entity, node in self.served.items()}

    def node(self, name: str) -> str:
        """The whole name of the node that is called so, or that alone ends so.

        Raises:
            UnknownName: there is none, or there are several.
        """
        nodes = self.graph.nodes
        found = [name] if name in nodes else sorted(one for one in nodes if one.endswith(f".{name}"))
        relations = [one for one in found if nodes[one].relation]
        found = relations if len(relations) == 1 else found
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownName(f"several nodes are called {name!r}: {', '.join(found[:MOST_NAMED])}", name=name)
        hint = did_you_mean(name, [*nodes, *(one.rsplit(".", 1)[-1] for one in nodes)])
        raise UnknownName(f"there is no node {name!r}", hint=hint, name=name)

    def column(self, node: str, name: str) -> ColumnRef:
        """The column of a node; capitals do not matter.

        Raises:
            UnknownName: it has none of that name that is known.
        """
        columns = self.graph.columns_of(node)
        found = [one for one in columns if one == name] or [one for one in columns if one.casefold() == name.casefold()]
        if not found:
            known = f"it has {', '.join(columns[:MOST_NAMED])}" if columns else "none of its columns is known"
            raise UnknownName(f"{node} has no column {name!r}; {known}", hint=did_you_mean(name, columns), name=name)
        return ColumnRef(node, found[0])

    def impact(self, node: str, column: str | None) -> Impact:
        """What a change of a node, or of one of its columns, reaches.

        Raises:
            UnknownName: it has no such column.
        """
        columns = self.graph.columns_of(node)
        starts = [self.column(node, column)] if column is not None else [ColumnRef(node, one) for one in columns]
        found = self.graph.impact(starts)
        if column is not None:
            return found
        kinds = {NodeKind.EXPOSURE, NodeKind.METRIC, NodeKind.SERVED, NodeKind.TEST}
        below = [one for one in self.graph.nodes_downstream(node) if self.graph.nodes[one].kind in kinds]
        return Impact(found.columns, tuple(sorted({*found.nodes, *below})))


def lineage_of_folder(folder: Path, dialect: str | None) -> FoundLineage:
    """The lineage of a dbt project; `dialect` goes before what its own profile says.

    Raises:
        UnknownName: the folder is no dbt project, or there is no such dialect.
        DbtProjectInvalid: dbt can parse nothing of it.
        ExtraMissing: dbt is not installed.
    """
    if not (folder / PROJECT_FILE).is_file():
        raise UnknownName(f"{folder} is no dbt project: it has no {PROJECT_FILE}", name=str(folder))
    kind = connection_type(folder)
    spoken = dialect or dialect_of_type(kind) or DEFAULT_DIALECT
    _refuse_unknown(spoken)
    cache = LineageCache(folder / STATE_FOLDER)
    key = _key(folder, kind, spoken, {})
    project = cache.rendered(key, lambda: _rendered(folder, kind, spoken, {}))
    warnings = list(_missing(project))
    if not kind and dialect is None:
        broken = broken_profile(folder)
        missing = f"no profiles.yml in {folder} says which SQL this is"
        told = f"profiles.yml in {folder} cannot be read: {broken}" if broken else missing
        warnings.append(f"{told}: read as {spoken}; --dialect names another")
    return _found(project.nodes, cache, warnings)


def lineage_of_project(wiring: Wiring) -> FoundLineage:
    """The lineage of everything a project declares, in one graph."""
    cache = LineageCache(wiring.state)
    return _Assembly(wiring, cache).found()


def _found(nodes: tuple[LineageNode, ...], cache: LineageCache, warnings: list[str]) -> FoundLineage:
    traced = trace(nodes, cache.lineages())
    cache.keep(traced)
    return FoundLineage(Graph(traced), tuple(warnings), traced.worked_out)


def _rendered(folder: Path, kind: str, dialect: str, variables: Mapping[str, object]) -> RenderedProject:
    require(EXTRA, "the lineage of a dbt project")
    with (
        TemporaryDirectory(prefix="lockgate-lineage-") as place,
        closing(LocalDbtExecutor(DbtConfig(Path(place)))) as dbt,
    ):
        return dbt.rendered(folder, variables, kind=kind, dialect=dialect)


def _missing(project: RenderedProject) -> Iterator[str]:
    if project.packages:
        yield f"these packages are not installed: {', '.join(project.packages)}; what needs them is not resolved"


def _refuse_unknown(dialect: str) -> None:
    from sqlglot.dialects.dialect import Dialect

    try:
        Dialect.get_or_raise(dialect)
    except ValueError as error:
        raise UnknownName(f"there is no dialect {dialect!r}", name=dialect) from error


def _key(folder: Path, kind: str, dialect: str, variables: Mapping[str, object]) -> str:
    """The hash of all that rendering a project rests on."""
    parts = [str(folder.resolve()), Fingerprint(folder).now(), kind, dialect, dict(variables)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(slots=True)
class _Assembly:
    """The nodes of a project: streams, rule sets, dbt projects and served views."""

    wiring: Wiring
    cache: LineageCache
    nodes: dict[str, LineageNode] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    outputs: dict[tuple[str, str], LineageNode] = field(default_factory=dict)
    served: dict[str, str] = field(default_factory=dict)
    is_passing: bool = False
    projects: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def found(self) -> FoundLineage:
        """The whole, traced."""
        for node in self._streams():
            self.nodes[node.name] = node
        for entity in self.wiring.project.entities.values():
            for implementation in entity.implementations.values():
                self._add(entity, implementation)
            self._serve(entity)
        self._read_what_is_served()
        found = _found(tuple(self.nodes.values()), self.cache, self.warnings)
        outputs = {key: node.name for key, node in self.outputs.items()}
        return replace(found, outputs=outputs, served=self.served, is_passing=self.is_passing)

    @property
    def _project(self) -> str:
        return self.wiring.project.name

    @property
    def _dialect(self) -> str:
        return dialect_of_type(self.wiring.target.kind)

    def _streams(self) -> Iterator[LineageNode]:
        for source, stream in self.wiring.project.streams():
            relation = source.relation(stream)
            columns = tuple(column.name for column in stream.columns)
            name = f"stream.{self._project}.{source.name}.{stream.name}"
            place = (relation.schema, relation.name)
            yield LineageNode(name, NodeKind.STREAM, place, columns, dialect=self._dialect)

    def _add(self, entity: Entity, implementation: Implementation) -> None:
        made = self._by_dbt if implementation.engine is Engine.DBT else self._by_rules
        try:
            node = made(entity, implementation)
        except LockgateError as error:
            self.is_passing = self.is_passing or isinstance(error, RetryableError)
            self.warnings.append(f"{entity.name}@{implementation.name} is not read: {error.message}. {error.remedy}")
            name = f"{implementation.engine}.{self._project}.{entity.name}.{implementation.name}"
            node = LineageNode(name, NodeKind.OTHER, why_unread=error.message, dialect=self._dialect)
        self.nodes.setdefault(node.name, node)
        self.outputs[entity.name, implementation.name] = node

    def _by_rules(self, entity: Entity, implementation: Implementation) -> LineageNode:
        try:
            return self._compiled(entity, implementation, catalog_of(self.wiring, implementation, offline=True))
        except LockgateError:  # what is declared of a stream's columns may be less than it has
            return self._compiled(entity, implementation, catalog_of(self.wiring, implementation))

    def _compiled(self, entity: Entity, implementation: Implementation, catalog: Catalog) -> LineageNode:
        from lockgate.transform.rules import outcomes_query, source_relations

        rule_set = self.wiring.rule_book.rule_set(implementation)
        read = {(one.schema, one.name) for one in source_relations(rule_set, catalog)}
        parents = [name for name, node in self.nodes.items() if node.relation in read]
        parents += self._looked_up(rule_set, implementation)
        return LineageNode(
            self._rules(entity, implementation.name),
            NodeKind.RULES,
            (entity.workshop(implementation.name), entity.name),
            sql=outcomes_query(rule_set, catalog, self._dialect).sql(self._dialect),
            parents=tuple(sorted(parents)),
            file=str(implementation.path),
            dialect=self._dialect,
        )

    def _rules(self, entity: Entity, implementation: str) -> str:
        return f"rules.{self._project}.{entity.name}.{implementation}"

    def _looked_up(self, rule_set: RuleSet, implementation: Implementation) -> Iterator[str]:
        """The rule sets of other entities that one looks up: each one's of the same name, else its first."""
        for name in rule_set.entities():
            other = self.wiring.project.entities.get(name)
            rules = [one for one in other.implementations.values() if one.engine is Engine.RULES] if other else []
            if other is not None and rules:
                same = (one.name for one in rules if one.name == implementation.name)
                yield self._rules(other, next(same, rules[0].name))

    def _by_dbt(self, entity: Entity, implementation: Implementation) -> LineageNode:
        located = self.wiring.revisions.located(implementation)
        key = _key(located.path, self.wiring.target.kind, self._dialect, located.vars)
        if key not in self.projects:
            self._add_project(key, located)
        wanted = [one for one in self.projects[key].values() if self._is_model(one, implementation.model)]
        if len(wanted) != 1:
            message = f"the dbt project of {entity.name} has no model {implementation.model!r}"
            raise UnknownName(message, name=implementation.model)
        return self.nodes[wanted[0]]

    def _is_model(self, name: str, model: str) -> bool:
        """Whether a node is the model of that name; two projects in one graph have `@` behind their names."""
        return self.nodes[name].kind is NodeKind.MODEL and name.split("@", maxsplit=1)[0].rsplit(".", 1)[-1] == model

    def _add_project(self, key: str, located: Implementation) -> None:
        """Takes a project's nodes in; where another one has the same ids, with its number behind them."""
        kind = self.wiring.target.kind
        project = self.cache.rendered(key, lambda: _rendered(located.path, kind, self._dialect, located.vars))
        self.warnings += _missing(project)
        behind = f"@{len(self.projects) + 1}" if any(node.name in self.nodes for node in project.nodes) else ""
        names = {node.name: f"{node.name}{behind}" for node in project.nodes}
        for node in project.nodes:
            parents = tuple(names.get(one, one) for one in node.parents)
            attached_to = names.get(node.attached_to, node.attached_to)
            moved = replace(node, name=names[node.name], parents=parents, attached_to=attached_to)
            self.nodes[moved.name] = self._fed(moved) if node.kind is NodeKind.SOURCE else moved
        self.projects[key] = names

    def _fed(self, source: LineageNode) -> LineageNode:
        """A source of dbt that is the raw view of a stream, whose columns it has."""
        for stream in list(self.nodes.values()):
            if stream.kind is NodeKind.STREAM and stream.relation == source.relation[-2:]:
                view = exp.table_(stream.relation[1], stream.relation[0], quoted=True)
                sql = exp.select("*").from_(view).sql(self._dialect)
                return replace(source, sql=sql, parents=(stream.name,), dialect=self._dialect)
        return source

    def _serve(self, entity: Entity) -> None:
        """The view that consumers read: the contract's columns of the implementations that the route declares."""
        names = [name for name in (entity.route.incumbent, entity.route.candidate) if name]
        sides = [self.outputs[entity.name, name] for name in names if self.outputs[entity.name, name].relation]
        arms = [
            exp.select(*(exp.column(name, quoted=True) for name in entity.contract.names)).from_(_node(side))
            for side in sides
        ]
        union = exp.union(*arms, distinct=False) if len(arms) > 1 else arms[0] if arms else None
        name = f"served.{self._project}.{entity.name}"
        self.nodes[name] = LineageNode(
            name,
            NodeKind.SERVED,
            (entity.schema, entity.name),
            entity.contract.names,
            is_complete=True,
            sql=union.sql(self._dialect) if union is not None else "",
            parents=tuple(dict.fromkeys(side.name for side in sides)),
            why_unread="" if arms else "no implementation of it could be read",
            dialect=self._dialect,
        )
        self.served[entity.name] = name

    def _read_what_is_served(self) -> None:
        """Lets dbt's sources that are views which this project serves stand on these."""
        served = {self.nodes[name].relation: self.nodes[name] for name in self.served.values()}
        for node in list(self.nodes.values()):
            view = served.get(node.relation[-2:]) if node.kind is NodeKind.SOURCE and not node.parents else None
            if view is not None:
                sql = exp.select("*").from_(_node(view)).sql(self._dialect)
                self.nodes[node.name] = replace(node, sql=sql, parents=(view.name,), dialect=self._dialect)


def _node(node: LineageNode) -> exp.Table:
    """A node by its own name: what two projects build may have the same relation."""
    return exp.table_(node.name, BY_NAME, quoted=True)
