"""The project's rule sets: read when needed and when they change, found by entity and implementation, executed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.errors import CapabilityMissing, ConfigurationError, LockgateError

if TYPE_CHECKING:
    from lockgate.core.execution import Outcome
    from lockgate.core.ports import Workshop
    from lockgate.core.project import Project
    from lockgate.transform.cycle import Piece
    from lockgate.transform.rules import RuleSet

Located = Callable[[Implementation], Implementation]


class RuleBook:
    """Every rule set of a project."""

    def __init__(self, project: Project, located: Located) -> None:
        """Read nothing yet; `located` tells where the files of an implementation are."""
        self._project = project
        self._located = located
        self._read: dict[Path, tuple[str, RuleSet]] = {}

    def implementation(self, entity: Entity, name: str | None) -> Implementation:
        """The entity's rules of that name; else those that its route names first, else its only ones.

        Raises:
            CapabilityMissing: the entity has no rules, or the implementation of that name is something else.
        """
        order = (entity.route.incumbent, entity.route.candidate, *entity.implementations)
        wanted = (name,) if name is not None else order
        for each in wanted:
            implementation = entity.implementations.get(each or "")
            if implementation is not None and implementation.engine is Engine.RULES:
                return implementation
        what = f"the implementation {name!r} of {entity.name} is" if name else f"{entity.name} is made by"
        raise CapabilityMissing(f"{what} no rule set", hint="Name a rule set with --engine.", entity=entity.name)

    def rule_set(self, implementation: Implementation) -> RuleSet:
        """What an implementation's file says now.

        Raises:
            ProjectInvalid: with every problem of the file.
            CapabilityMissing, UnknownName: there is no such git revision, or it has no such file.
        """
        path = self._located(implementation).path
        digest = _digest(path)
        known = self._read.get(path)
        if known is None or known[0] != digest:
            from lockgate.config.rules import load_rule_set

            known = (digest, load_rule_set(path, file=os.path.relpath(path, self._project.folder)))
            self._read[path] = known
        return known[1]

    def revision(self, implementation: Implementation) -> str:
        """A digest of every rule set's file that an implementation can read."""
        found = [self._located(each) for each in (implementation, *self._chosen_beside(implementation))]
        files = {each.path: each.git_revision for each in found}
        text = "".join(f"{_digest(path)}{commit}\n" for path, commit in sorted(files.items()))
        return hashlib.sha256(text.encode()).hexdigest()

    def beside(self, implementation: Implementation) -> tuple[RuleSet, ...]:
        """The rule sets that one implementation may look up: each entity's of the same name, else its first.

        Files that cannot be read are left out; who needs them is told that they are missing.
        """
        found = (self._readable(chosen) for chosen in self._chosen_beside(implementation))
        return tuple(rule_set for rule_set in found if rule_set is not None)

    def executed(self, piece: Piece, workshop: Workshop) -> Outcome:
        """What came of executing one entity's rules in a workshop."""
        from lockgate.core.execution import FailedExecution
        from lockgate.transform.rules import RuleEngine

        try:
            rule_set = self.rule_set(piece.implementation)
            engine = RuleEngine(self.beside(piece.implementation))
            return engine.execute(rule_set, workshop, implementation=piece.implementation.name)
        except LockgateError as error:
            return FailedExecution(piece.entity.name, piece.implementation.name, error)

    def _chosen_beside(self, implementation: Implementation) -> Iterator[Implementation]:
        for entity in self._project.entities.values():
            rules = {each.name: each for each in entity.implementations.values() if each.engine is Engine.RULES}
            chosen = rules.get(implementation.name) or next(iter(rules.values()), None)
            if chosen is not None:
                yield chosen

    def _readable(self, implementation: Implementation) -> RuleSet | None:
        try:
            return self.rule_set(implementation)
        except ConfigurationError:
            return None


def _digest(path: Path) -> str:
    """A file's digest; empty where it cannot be read: whoever reads it says so."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
