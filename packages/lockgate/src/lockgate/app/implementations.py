"""What is done with implementations besides running them: dbt alone, and proving that they agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.core.execution import DbtExecutionResult
    from lockgate.core.ports import Progress
    from lockgate.core.run import DbtRequest
    from lockgate.core.verification import Verification
    from lockgate.errors import LockgateError
    from lockgate.flow import StepListener


class Implementations:
    """One method a verb, over a project that is open; nothing that they build is published."""

    def __init__(self, wiring: Wiring) -> None:
        """Over a project that is wired already."""
        self._wiring = wiring

    def verify(
        self,
        names: Sequence[str],
        targets: Sequence[str],
        listener: StepListener,
        progress: Progress,
        *,
        load: bool = False,
        wait_seconds: float = 0.0,
    ) -> Verification:
        """Whether all implementations of entities give the same rows, on each of these targets and between them.

        Raises:
            UnknownName: there is no such entity or target.
            TargetBusy: another run held a target all the while.
        """
        from lockgate.app.verifying import Verifying

        verifying = Verifying(self._wiring, names, targets)
        return verifying.executed(listener, progress, load=load, wait_seconds=wait_seconds)

    def build_by_dbt(
        self, request: DbtRequest, listener: StepListener, *, wait_seconds: float = 0.0
    ) -> tuple[DbtExecutionResult, LockgateError | None]:
        """Runs dbt on the loads landed so far, and publishes nothing; the error tells which nodes failed.

        Raises:
            UnknownName: there is no such entity, or it has no single dbt implementation of that name.
            TargetBusy: another run held the target all the while.
            DbtError: dbt refused the invocation, was stopped, or crashed.
        """
        from lockgate.app.dbt_building import DbtBuilding
        from lockgate.app.turns import alone

        building = DbtBuilding(self._wiring, request)
        with alone(self._wiring, "dbt build", listener, wait_seconds) as recorder:
            return building.executed(recorder)
