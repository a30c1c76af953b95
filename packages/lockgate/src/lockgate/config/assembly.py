"""Builds core's project from a file's shape that has no problems: paths absolute, defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from lockgate.config.comparison_shape import CompareShape
from lockgate.config.cutover_shape import GateShape, PolicyShape
from lockgate.config.executor_shape import ExecutorsShape
from lockgate.config.flows import flow_of
from lockgate.config.grammar import Shape
from lockgate.config.lineage_shape import LineageEventsShape
from lockgate.config.notification_shape import AnyNotification, NotificationShape
from lockgate.config.runtime_shape import AirflowRuntime
from lockgate.config.shape import (
    AnySource,
    Columns,
    EntityShape,
    ImplementationShape,
    ProjectShape,
    RouteShape,
    SourceShape,
    StreamShape,
)
from lockgate.core.comparison import ColumnRule, ExpectedDifference, Status, Transform
from lockgate.core.cost import NO_PRICES, Prices
from lockgate.core.entity import (
    ComparisonDeclaration,
    DbtExecutionMode,
    Engine,
    Entity,
    Implementation,
    QualityDeclaration,
    RouteDeclaration,
)
from lockgate.core.executor import ExecutorDeclaration
from lockgate.core.flow import DEFAULT_POOL, DEFAULT_SLOTS, Runtime, RuntimeDeclaration
from lockgate.core.gate import GateDeclaration, SignOff
from lockgate.core.lineage_event import EventsDeclaration
from lockgate.core.notice import NotificationDeclaration, Severity
from lockgate.core.policy import Budget, Guard, Policy
from lockgate.core.project import Project, Target
from lockgate.core.relation import Column, Contract
from lockgate.core.route import Stage
from lockgate.core.stream import NewColumnPolicy, Source, Stream

DEFAULT_TARGET = "main"
DEFAULT_FOLDER = "warehouse/"
DBT_TIMEOUT = timedelta(minutes=30)


def assembled(shape: ProjectShape, folder: Path) -> Project:
    """The project; `folder` is absolute."""
    targets = _targets(shape, folder)
    default = next(iter(targets))
    return Project(
        name=shape.project,
        folder=folder,
        targets=targets,
        sources={name: _source(name, source, folder) for name, source in shape.sources.items()},
        entities={name: _entity(name, entity, default, folder) for name, entity in shape.entities.items()},
        default_target=default,
        gates={name: _gate(name, gate) for name, gate in shape.gates.items()},
        policies={name: _policy(name, policy) for name, policy in shape.policies.items()},
        roles={name: frozenset(people) for name, people in shape.roles.items()},
        flows={name: flow_of(name, flow, shape.calendars, shape.entities) for name, flow in shape.flows.items()},
        pools={DEFAULT_POOL: DEFAULT_SLOTS, **shape.pools},
        dbt_enabled=shape.transformation.dbt.enabled,
        runtimes={name: _runtime(name, runtime) for name, runtime in shape.runtimes.items()},
        executors=_executors(shape.executors),
        notifications={name: _notification(name, channel) for name, channel in shape.notifications.items()},
        lineage_events=_lineage_events(shape.lineage.events, folder),
        prices=NO_PRICES if shape.costs is None else Prices(**shape.costs.model_dump()),
    )


def _targets(shape: ProjectShape, folder: Path) -> Mapping[str, Target]:
    """The targets in the order of the file; an embedded DuckDB where none is declared."""
    if not shape.targets:
        return {DEFAULT_TARGET: Target(DEFAULT_TARGET, "duckdb", {"path": str(folder / DEFAULT_FOLDER)})}
    return {name: Target(name, target.kind, _options(target, Shape, folder)) for name, target in shape.targets.items()}


def _source(name: str, shape: AnySource, folder: Path) -> Source:
    """A source with its streams."""
    streams = tuple(_stream(key, stream) for key, stream in shape.streams.items())
    return Source(name, shape.kind, streams, shape.schema_, _options(shape, SourceShape, folder))


def _stream(name: str, shape: StreamShape) -> Stream:
    """A stream; what its source's kind alone knows is in its options."""
    return Stream(
        name=name,
        key=tuple(shape.key),
        cursor=shape.cursor,
        lookback=shape.lookback,
        columns=_columns(shape.columns),
        on_new_column=NewColumnPolicy(shape.on_new_column),
        options=_options(shape, StreamShape, None),
    )


def _notification(name: str, shape: AnyNotification) -> NotificationDeclaration:
    """A channel with what its kind alone needs."""
    options = _options(shape, NotificationShape, None)
    return NotificationDeclaration(name, shape.kind, Severity(shape.severity), tuple(shape.entities), options)


def _lineage_events(shape: LineageEventsShape | None, folder: Path) -> EventsDeclaration | None:
    """Where lineage events go; None where nobody wants any."""
    if shape is None:
        return None
    file = str(folder / shape.file) if shape.file else ""
    endpoint = shape.endpoint if shape.url else ""
    return EventsDeclaration(file, shape.url or "", endpoint, shape.api_key or "", shape.namespace or "")


def _runtime(name: str, shape: AirflowRuntime) -> RuntimeDeclaration:
    """A runtime with what its kind alone needs."""
    return RuntimeDeclaration(name, Runtime(shape.kind), _options(shape, Shape, None))


def _executors(shape: ExecutorsShape) -> Mapping[DbtExecutionMode, ExecutorDeclaration]:
    """The places that are declared, with what each alone needs."""
    declared = {DbtExecutionMode(name): getattr(shape, name) for name in type(shape).model_fields}
    return {
        mode: ExecutorDeclaration(mode, _options(place, Shape, None))
        for mode, place in declared.items()
        if place is not None
    }


def _options(shape: BaseModel, common: type[BaseModel], folder: Path | None) -> Mapping[str, object]:
    """The keys that one kind has beyond those of all; a `path` is made absolute below `folder`."""
    own = set(type(shape).model_fields) - set(common.model_fields) - {"kind", "streams"}
    options = {key: getattr(shape, key) for key in type(shape).model_fields if key in own}
    if folder is not None and "path" in options:
        options["path"] = str(folder / options["path"])
    return {key: value for key, value in options.items() if value is not None}


def _columns(columns: Columns) -> tuple[Column, ...]:
    """Columns in the order of the file."""
    return tuple(Column(name, column.type, column.description) for name, column in columns.items())


def _entity(name: str, shape: EntityShape, default_target: str, folder: Path) -> Entity:
    """An entity, served from the default target unless it says otherwise."""
    return Entity(
        name=name,
        contract=Contract(_columns(shape.contract), tuple(shape.key), shape.bucket_by or ""),
        target=shape.serve.target or default_target,
        schema=shape.serve.schema_,
        implementations={
            key: _implementation(key, implementation, folder) for key, implementation in shape.implementations.items()
        },
        route=_route(shape.route, next(iter(shape.implementations))),
        group=shape.group or "",
        bucket_by=shape.bucket_by or "",
        dbt_enabled=shape.dbt.enabled,
        comparison=_comparison(shape.compare),
        quality=QualityDeclaration(shape.quality.measure, shape.quality.metrics, frozenset(shape.quality.holidays)),
    )


def _comparison(shape: CompareShape) -> ComparisonDeclaration:
    """Rules a column, and the differences that were agreed on."""
    columns = dict.fromkeys([*shape.tolerance, *shape.transform])
    rules = {
        name: ColumnRule(shape.tolerance.get(name), tuple(Transform(one) for one in shape.transform.get(name, ())))
        for name in columns
    }
    expected = tuple(
        ExpectedDifference(
            name=name,
            owner=one.owner,
            reason=one.reason,
            expires=one.expires,
            most_rows=one.rows,
            columns=tuple(one.columns),
            where=one.where,
            right=one.right,
            status=Status(one.status),
        )
        for name, one in shape.expected.items()
    )
    return ComparisonDeclaration(rules, frozenset(shape.exclude), expected)


def _implementation(name: str, shape: ImplementationShape, folder: Path) -> Implementation:
    """A rule set's file, or a dbt project's folder with the model that is the output."""
    if shape.rules is not None:
        return Implementation(name, Engine.RULES, folder / shape.rules, git_revision=shape.revision or "")
    return Implementation(
        name,
        Engine.DBT,
        folder / (shape.dbt or ""),
        shape.model or "",
        DbtExecutionMode(shape.executor or DbtExecutionMode.LOCAL),
        shape.timeout or DBT_TIMEOUT,
        shape.vars or {},
        shape.revision or "",
        shape.online,
    )


def _route(shape: RouteShape | None, only: str) -> RouteDeclaration:
    """The route; without one the only implementation answers."""
    if shape is None:
        return RouteDeclaration(only)
    stage, gates = Stage(shape.stage), tuple(shape.gates)
    return RouteDeclaration(shape.incumbent, shape.candidate, gates, stage, shape.policy)


def _gate(name: str, shape: GateShape) -> GateDeclaration:
    """A gate with its conditions."""
    return GateDeclaration(
        name,
        unexplained_differences=shape.unexplained_differences,
        runs=shape.runs,
        row_budget=shape.row_budget,
        tests=shape.tests is not None,
        freshness=shape.freshness,
        error_rate=shape.error_rate,
        latency=shape.latency,
        requests=shape.requests,
        score=None if shape.score is None else Decimal(str(shape.score)),
        sign_off=SignOff(tuple(shape.sign_off.roles), shape.sign_off.people) if shape.sign_off else None,
        within=shape.within,
    )


def _policy(name: str, shape: PolicyShape) -> Policy:
    """A policy."""
    return Policy(
        name,
        automatic=shape.advance == "automatic",
        shares=tuple(shape.shares),
        hold=shape.hold,
        guard=Guard(**dict(shape.guard)),
        budget=Budget(**dict(shape.budget)),
    )
