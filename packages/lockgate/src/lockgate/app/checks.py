"""What `lockgate check` looks at beyond the project file: sources, rule sets, dbt projects; all problems at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from lockgate.app.online_checks import not_online
from lockgate.app.rules import catalog_of
from lockgate.app.wiring import Wiring
from lockgate.config import PROJECT_FILE
from lockgate.config.project_file import read_project
from lockgate.config.references import DBT_FILE
from lockgate.config.yaml_positions import Document
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.execution import ProjectInspection
from lockgate.core.nearness import nearest
from lockgate.core.route import Route
from lockgate.core.stream import Stream
from lockgate.errors import CapabilityMissing, EngineOff, LockgateError, Problem, ProjectInvalid
from lockgate.transform.cycle import declared_route
from lockgate.transform.router import DbtSwitches, TransformationModeRouter, lacks_candidate, warning_of
from lockgate.transform.rules import DIALECTS, check_rule_set, refusals


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found: `problems` are wrong, `warnings` are what a person should look at."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def findings(wiring: Wiring, *, offline: bool) -> Findings:
    """Everything that is wrong, in the order of the project file, and what is to be looked at besides."""
    document = read_project(wiring.project.folder)
    found = [] if offline else list(_sources(wiring, document))
    offline = offline or bool(found)
    found += _events_file(wiring, document)
    dbt = _DbtProjects(wiring, document)
    for entity, implementation in _implementations(wiring):
        revision = tuple(_revision(wiring, document, entity, implementation))
        found += revision
        if revision:
            continue
        if implementation.engine is Engine.RULES:
            found += _rules(wiring, entity, implementation, offline=offline)
        else:
            found += dbt.problems(entity, implementation)
    if not offline and not found:
        found += not_online(wiring, document)
    routed = () if offline else (*_unshown(wiring, document), *_taken_out(wiring, document))
    warnings = [*dbt.warnings, *routed]
    return Findings(tuple(dict.fromkeys(found)), tuple(warnings))


def _unshown(wiring: Wiring, document: Document) -> Iterator[Problem]:
    """Entities whose served view cannot show what answers for them, dbt being switched off."""
    switches = wiring.switches()
    for entity in wiring.project.entities.values():
        if switches.is_enabled(entity.name):
            continue
        route = wiring.warehouse.route(entity.name) or declared_route(entity)
        with suppress(EngineOff):
            choice = _router(switches, route).choose(entity)
            if warning := warning_of(route, choice):
                yield document.problem(("entities", entity.name), warning)


def _taken_out(wiring: Wiring, document: Document) -> Iterator[Problem]:
    """Cutovers under way to implementations that the project has no more."""
    for entity in wiring.project.entities.values():
        route = wiring.warehouse.route(entity.name)
        if route is not None and lacks_candidate(entity, route):
            message = f"the route of {entity.name} is in {route.stage} to {route.candidate}, which is declared no more"
            remedy = "Declare it again, or leave it: the next run gives everything back to the incumbent."
            yield document.problem(("entities", entity.name, "implementations"), message, remedy)


def _router(switches: DbtSwitches, route: Route) -> TransformationModeRouter:
    """What chooses by a route without storing it."""
    return TransformationModeRouter(lambda: switches, lambda _: route)


def _implementations(wiring: Wiring) -> Iterator[tuple[Entity, Implementation]]:
    for entity in wiring.project.entities.values():
        for implementation in entity.implementations.values():
            yield entity, implementation


def _sources(wiring: Wiring, document: Document) -> Iterator[Problem]:
    """Streams that their sources do not answer for."""
    for source, stream in wiring.project.streams():
        try:
            wiring.offered(source, stream)
        except LockgateError as error:
            line = document.line(("sources", source.name, "streams", stream.name))
            yield Problem(f"{source.name}.{stream.name}: {error.message}", PROJECT_FILE, line, error.remedy)


def _events_file(wiring: Wiring, document: Document) -> Iterator[Problem]:
    """A file for lineage events that is something else already."""
    declared = wiring.project.lineage_events
    if declared is None or not declared.file:
        return
    file, name = Path(declared.file).resolve(), Path(declared.file).name
    sources = (
        f"is a file of the stream {source.name}.{stream.name}"
        for source, stream in wiring.project.streams()
        if "path" in source.options and _is_of(file, Path(str(source.options["path"])), stream)
    )
    if file == (wiring.project.folder / PROJECT_FILE).resolve():
        what = "is the project file"
    elif file.is_relative_to(wiring.state.resolve()):
        what = "lies in the state folder"
    else:
        what = next(sources, "")
    if what:
        yield document.problem(("lineage", "events", "file"), f"{name} {what}", "Name a file for events alone.")


def _is_of(file: Path, folder: Path, stream: Stream) -> bool:
    """Whether a stream's files, which may be a pattern's, are this one or would be."""
    pattern = folder.resolve() / str(stream.options.get("path") or stream.name)
    if "**" in str(pattern):
        return fnmatchcase(str(file), str(pattern).replace("**/", "*"))
    return file in {pattern, pattern.resolve()} or file.match(str(pattern))


def _revision(wiring: Wiring, document: Document, entity: Entity, implementation: Implementation) -> Iterator[Problem]:
    """A git revision that is not there, or lacks the implementation's files."""
    path = ("entities", entity.name, "implementations", implementation.name, "revision")
    try:
        located = wiring.revisions.located(implementation)
    except LockgateError as error:
        yield document.problem(path, error.message, error.remedy)
        return
    if located.git_revision and located.engine is Engine.DBT and not (located.path / DBT_FILE).is_file():
        message = f"there is no dbt project at this revision: it has no {DBT_FILE}"
        yield document.problem(path, message, "Name another revision.")


def _rules(wiring: Wiring, entity: Entity, implementation: Implementation, *, offline: bool) -> tuple[Problem, ...]:
    """What is wrong with a rule set, in itself and against the columns it reads."""
    try:
        rule_set = wiring.rule_book.rule_set(implementation)
    except ProjectInvalid as error:
        return error.problems
    catalog = catalog_of(wiring, implementation, offline=offline)
    if offline and catalog.columns(rule_set.source) is None:
        return ()
    kind = wiring.target.kind
    problems = check_rule_set(rule_set, catalog, entity.contract)
    return problems or (refusals(rule_set, catalog, kind) if kind in DIALECTS else ())


class _DbtProjects:
    """The dbt projects of the implementations, each read once with the variables that it is run with."""

    def __init__(self, wiring: Wiring, document: Document) -> None:
        self._wiring = wiring
        self._document = document
        self._inspected: dict[tuple[Path, str], ProjectInspection] = {}
        self.warnings: dict[Problem, None] = {}

    def problems(self, entity: Entity, implementation: Implementation) -> Iterator[Problem]:
        """What is wrong with a dbt project, or with the model that is asked of it."""
        path = ("entities", entity.name, "implementations", implementation.name)
        try:
            inspected = self._inspect(implementation)
        except CapabilityMissing as error:
            yield self._document.problem((*path, "executor"), error.message, error.remedy)
            return
        yield from map(self._placed, inspected.errors)
        self.warnings.update(dict.fromkeys(map(self._placed, inspected.warnings)))
        for source in sorted(set(inspected.sources) - set(self._wiring.project.relations())):
            message = f"the dbt project reads {source}, which no stream of this project loads"
            yield self._document.problem((*path, "dbt"), message, "Declare the stream, or leave the model out.")
        if implementation.model not in inspected.models and not inspected.errors:
            near = nearest(implementation.model, inspected.models)
            remedy = (
                f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(sorted(inspected.models)) or 'none'}."
            )
            message = f"the dbt project has no model {implementation.model!r}"
            yield self._document.problem((*path, "model"), message, remedy)

    def _inspect(self, implementation: Implementation) -> ProjectInspection:
        """A project as it is run for an implementation."""
        path = self._wiring.revisions.located(implementation).path
        key = path, json.dumps(dict(implementation.vars), sort_keys=True, default=str)
        if key not in self._inspected:
            executor = self._wiring.executor_for(implementation.executor)
            kind = self._wiring.target.kind
            self._inspected[key] = executor.inspect(path, kind, implementation.vars)
        return self._inspected[key]

    def _placed(self, problem: Problem) -> Problem:
        """The problem with its file as seen from the project's folder."""
        return replace(problem, file=os.path.relpath(problem.file, self._wiring.project.folder))
