"""Says where things are by paths from the project's folder: callers learn nothing else of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.core.examination import Examination
    from lockgate.core.execution import DbtExecutionResult, NodeResult, Outcome
    from lockgate.errors import LockgateError


class Places:
    """The project's folder and its state folder; where that lies elsewhere, it is told by its name alone."""

    def __init__(self, project: Path, state: Path) -> None:
        """Both may be links; what they stand for is known by the same paths."""
        inside = str(state.relative_to(project)) if state.is_relative_to(project) else state.name
        known = {f"{folder}/": f"{inside}/" for folder in (state, state.resolve())}
        known |= {f"{folder}/": "" for folder in (project, project.resolve())}
        self._known = sorted(known.items(), key=lambda each: -len(each[0]))

    def relative(self, text: str) -> str:
        """A text with the paths in it written from the project's folder."""
        for absolute, instead in self._known:
            text = text.replace(absolute, instead)
        return text

    def outcome(self, outcome: Outcome) -> Outcome:
        """What came of an execution, with such paths alone."""
        nodes = tuple(self._node(node) for node in outcome.nodes)
        from lockgate.core.execution import Execution

        if isinstance(outcome, Execution):
            return replace(outcome, nodes=nodes)
        return replace(outcome, nodes=nodes, error=self.error(outcome.error))

    def invocation(self, result: DbtExecutionResult) -> DbtExecutionResult:
        """What an invocation of dbt did, with such paths alone in its nodes."""
        return replace(result, nodes=tuple(self._node(node) for node in result.nodes))

    def examination(self, found: Examination) -> Examination:
        """What came of tests, with such paths alone."""
        trials = (
            replace(one, file=self.relative(one.file), message=self.relative(one.message)) for one in found.trials
        )
        error = self.error(found.error) if found.error else None
        return replace(found, trials=tuple(trials), error=error)

    def error(self, error: LockgateError) -> LockgateError:
        """The same error, with such paths alone."""
        error.message = self.relative(error.message)
        error.remedy = self.relative(error.remedy)
        error.fields = {name: self._value(value) for name, value in error.fields.items()}
        return error

    def _node(self, node: NodeResult) -> NodeResult:
        file, compiled = self.relative(node.file), self.relative(node.compiled)
        return replace(node, file=file, compiled=compiled, message=self.relative(node.message))

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self.relative(value)
        if isinstance(value, Mapping):
            return {name: self._value(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._value(one) for one in value)
        return value
