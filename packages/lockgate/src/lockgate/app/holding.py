"""What a failed load holds up: the implementations that read its stream, and no others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.core.entity import Engine, Implementation
from lockgate.core.execution import ProjectInspection
from lockgate.core.relation import Relation
from lockgate.errors import LockgateError, ProjectInvalid
from lockgate.transform.cycle import Piece
from lockgate.transform.rules import Catalog, source_relations

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring


class Holding:
    """Remembers the loads that failed; what pieces read is looked up once one has."""

    def __init__(self, wiring: Wiring, variables: Mapping[str, object]) -> None:
        """Nothing has failed yet; `variables` are those that dbt is run with."""
        self._wiring = wiring
        self._variables = variables
        self._failed: dict[Relation, str] = {}
        self._inspected: dict[tuple[Path, str], ProjectInspection] = {}

    def failed(self, relation: Relation, step: str) -> None:
        """A stream's load has failed in the step of that name."""
        self._failed[relation] = step

    def by(self, piece: Piece) -> tuple[str, ...]:
        """The failed steps that hold a piece up; all of them where nobody can tell what it reads.

        What is wrong with a rule set or a dbt project holds nothing up: building it tells.
        """
        if not self._failed:
            return ()
        try:
            reads = self._reads(piece.implementation)
        except ProjectInvalid:
            return ()
        except LockgateError:
            return tuple(self._failed.values())
        return tuple(step for relation, step in self._failed.items() if relation in reads)

    def _reads(self, implementation: Implementation) -> tuple[Relation, ...]:
        if implementation.engine is Engine.RULES:
            book = self._wiring.rule_book
            return source_relations(book.rule_set(implementation), Catalog((), book.beside(implementation)))
        inspection = self._inspection(implementation)
        return inspection.reads.get(implementation.model, ())

    def _inspection(self, implementation: Implementation) -> ProjectInspection:
        variables = {**implementation.vars, **self._variables}
        path = self._wiring.revisions.located(implementation).path
        key = path, json.dumps(variables, sort_keys=True, default=str)
        if key not in self._inspected:
            executor = self._wiring.executor_for(implementation.executor)
            self._inspected[key] = executor.inspect(path, self._wiring.target.kind, variables)
        return self._inspected[key]
