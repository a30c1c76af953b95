"""What implementations read: a failed load holds up those that read its stream, and an edition is of what it read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.core.entity import Engine, Implementation
from lockgate.core.execution import ProjectInspection
from lockgate.core.load import Pin
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

    def read(self, piece: Piece, pins: Sequence[Pin]) -> tuple[Pin, ...]:
        """Those of a cycle's pins that a piece reads; all of them where nobody can tell without parsing a project."""
        if piece.implementation.engine is Engine.DBT and self._place(piece.implementation) not in self._inspected:
            return tuple(pins)
        try:
            reads = self._reads(piece.implementation)
        except LockgateError:
            return tuple(pins)
        return tuple(pin for pin in pins if pin.relation in reads) or tuple(pins)

    def _reads(self, implementation: Implementation) -> tuple[Relation, ...]:
        if implementation.engine is Engine.RULES:
            book = self._wiring.rule_book
            return source_relations(book.rule_set(implementation), Catalog((), book.beside(implementation)))
        inspection = self._inspection(implementation)
        return inspection.reads.get(implementation.model, ())

    def _inspection(self, implementation: Implementation) -> ProjectInspection:
        variables, key = self._variables_of(implementation), self._place(implementation)
        if key not in self._inspected:
            executor = self._wiring.executor_for(implementation.executor)
            self._inspected[key] = executor.inspect(key[0], self._wiring.target.kind, variables)
        return self._inspected[key]

    def _place(self, implementation: Implementation) -> tuple[Path, str]:
        path = self._wiring.revisions.located(implementation).path
        return path, json.dumps(self._variables_of(implementation), sort_keys=True, default=str)

    def _variables_of(self, implementation: Implementation) -> dict[str, object]:
        return {**implementation.vars, **self._variables}
