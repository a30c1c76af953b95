"""What `lockgate check` looks at beyond the project file: sources, rule sets, dbt projects; all problems at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from functools import cache, partial

from lockgate.adapters.dbt.project import ProjectInspection
from lockgate.app.rules import catalog_of
from lockgate.app.wiring import Wiring
from lockgate.config import PROJECT_FILE
from lockgate.config.yaml_positions import Document, read_yaml
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.errors import LockgateError, Problem, ProjectInvalid
from lockgate.transform.rules import check_rule_set


def problems(wiring: Wiring, *, offline: bool) -> tuple[Problem, ...]:
    """Everything that is wrong, in the order of the project file; unless offline, sources are asked too."""
    document = read_yaml(wiring.project.folder / PROJECT_FILE, file=PROJECT_FILE)
    found = [] if offline else list(_sources(wiring, document))
    broken = bool(found)
    inspect = cache(partial(wiring.executor.inspect, kind=wiring.target.kind))
    for entity, implementation in _implementations(wiring):
        if implementation.engine is Engine.RULES:
            found += _rules(wiring, entity, implementation, offline=offline or broken)
        else:
            found += _dbt(wiring, inspect(implementation.path), document, entity, implementation)
    return tuple(dict.fromkeys(found))


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


def _rules(wiring: Wiring, entity: Entity, implementation: Implementation, *, offline: bool) -> tuple[Problem, ...]:
    """What is wrong with a rule set, in itself and against the columns it reads."""
    try:
        rule_set = wiring.rule_book.rule_set(implementation)
    except ProjectInvalid as error:
        return error.problems
    catalog = catalog_of(wiring, implementation, offline=offline)
    if offline and catalog.columns(rule_set.source) is None:
        return ()
    return check_rule_set(rule_set, catalog, entity.contract)


def _dbt(
    wiring: Wiring, inspected: ProjectInspection, document: Document, entity: Entity, implementation: Implementation
) -> Iterator[Problem]:
    """What is wrong with a dbt project, or with the model that is asked of it."""
    folder = wiring.project.folder
    yield from (replace(problem, file=os.path.relpath(problem.file, folder)) for problem in inspected.errors)
    path = ("entities", entity.name, "implementations", implementation.name)
    for source in sorted(set(inspected.sources) - set(wiring.project.relations())):
        message = f"the dbt project reads {source}, which no stream of this project loads"
        yield Problem(
            message, PROJECT_FILE, document.line((*path, "dbt")), "Declare the stream, or leave the model out."
        )
    if implementation.model not in inspected.models and not inspected.errors:
        near = get_close_matches(implementation.model, inspected.models, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(sorted(inspected.models)) or 'none'}."
        message = f"the dbt project has no model {implementation.model!r}"
        yield Problem(message, PROJECT_FILE, document.line((*path, "model")), remedy)
