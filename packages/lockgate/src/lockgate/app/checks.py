"""What `lockgate check` looks at beyond the project file: sources, rule sets, dbt projects; all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path

from lockgate.app.rules import catalog_of
from lockgate.app.wiring import Wiring
from lockgate.config import PROJECT_FILE
from lockgate.config.yaml_positions import Document, read_yaml
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.errors import LockgateError, Problem, ProjectInvalid
from lockgate.transform.rules import check_rule_set

_Models = Callable[[Path], Mapping[str, tuple[str, ...]]]


def problems(wiring: Wiring, *, offline: bool) -> tuple[Problem, ...]:
    """Everything that is wrong, in the order of the project file; unless offline, sources are asked too."""
    document = read_yaml(wiring.project.folder / PROJECT_FILE, file=PROJECT_FILE)
    found = [] if offline else list(_sources(wiring, document))
    broken = bool(found)
    models = cache(partial(wiring.executor.models, kind=wiring.target.kind))
    for entity, implementation in _implementations(wiring):
        if implementation.engine is Engine.RULES:
            found += _rules(wiring, entity, implementation, offline=offline or broken)
        else:
            found += _dbt(models, document, entity, implementation)
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


def _dbt(models: _Models, document: Document, entity: Entity, implementation: Implementation) -> Iterator[Problem]:
    """What is wrong with a dbt project, or with the model that is asked of it."""
    path = ("entities", entity.name, "implementations", implementation.name)
    try:
        found = models(implementation.path)
    except LockgateError as error:
        yield Problem(error.message, PROJECT_FILE, document.line((*path, "dbt")), error.remedy)
        return
    if implementation.model not in found:
        near = get_close_matches(implementation.model, found, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(sorted(found)) or 'none'}."
        message = f"the dbt project has no model {implementation.model!r}"
        yield Problem(message, PROJECT_FILE, document.line((*path, "model")), remedy)
