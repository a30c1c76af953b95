"""dbt run for one entity in its workshop, whole or the models that selectors name; nothing of it is published."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.app.entities import entity_of
from lockgate.core.lineage_event import JobKind
from lockgate.errors import UnknownName
from lockgate.flow import Facts, Step, execute
from lockgate.transform.cycle import Piece, move_pins

if TYPE_CHECKING:
    from lockgate.app.recorder import Recorder
    from lockgate.app.wiring import Wiring
    from lockgate.core.execution import DbtExecutionResult
    from lockgate.core.run import DbtRequest
    from lockgate.errors import LockgateError


class DbtBuilding:
    """One invocation of dbt, on the loads that have landed; a later run builds over what it leaves."""

    def __init__(self, wiring: Wiring, request: DbtRequest) -> None:
        """Nothing is built before `executed`.

        Raises:
            UnknownName: there is no such entity, or it has no single dbt implementation of that name.
        """
        from lockgate.transform.dbt import dbt_implementation

        self._wiring = wiring
        self._request = request
        self._entity = entity_of(wiring, request.entity)
        self._implementation = dbt_implementation(self._entity, request.engine)

    def executed(self, recorder: Recorder) -> tuple[DbtExecutionResult, LockgateError | None]:
        """Moves the pins to what has landed, and runs dbt: every node and how it ended, and the error of what failed.

        Raises:
            DbtError: dbt refused the invocation, was stopped, or crashed.
            LockgateError: what else kept dbt from running.
        """
        from lockgate.transform.dbt import failure_of

        found: list[DbtExecutionResult] = []
        piece = Piece(self._entity, self._implementation)

        def build() -> Facts:
            recorder.cycle(move_pins(self._wiring.warehouse, self._wiring.project.relations()))
            recorder.begins(JobKind.BUILD, str(piece))
            result = self._built(recorder)
            recorder.invoked(str(piece), result)
            if not result.nodes:
                selected = " ".join(self._request.select)
                raise UnknownName(f"{piece}: no node of the dbt project is selected by {selected!r}", name=selected)
            found.append(result)
            failure = failure_of(piece, result.nodes)
            if failure is not None:
                raise failure
            return {"nodes": len(result.nodes)}

        (step,) = execute((Step(f"dbt build {piece}", build),), recorder)
        if not found and step.error is not None:
            raise step.error
        return found[0], step.error

    def _built(self, recorder: Recorder) -> DbtExecutionResult:
        from lockgate.transform.dbt import DbtExecutionService

        wiring = self._wiring
        located = wiring.revisions.located(self._implementation)
        entity = replace(self._entity, implementations={**self._entity.implementations, located.name: located})
        service = DbtExecutionService(wiring.executor_for(located.executor), wiring.warehouse, recorder.node_ended)
        asked = self._request
        result = service.execute(
            entity, asked.select, asked.variables, full_refresh=asked.full_refresh, implementation=located.name
        )
        return wiring.places.invocation(result)
