"""`ConsoleDesk`: what pages about entities ask for and decide, in one object that every thread may use."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.app.cutovers import Cutovers
from lockgate.app.glance import Overview, overview
from lockgate.app.plan_runs import PlanRuns
from lockgate.app.wiring import Wiring


class ConsoleDesk:
    """The pages' way to entities, plans, gates and decisions."""

    def __init__(self, wiring: Wiring, told: Callable[[], None]) -> None:
        """`told` is called after each decision, so that notices of it are sent at once."""
        self._wiring = wiring
        self._told = told
        self._cutovers = Cutovers(wiring)
        self.plans = PlanRuns(lambda: self._cutovers, lambda: wiring.store.workers)

    def overview(self) -> Overview:
        """Every entity at a glance, and what concerns none of them alone."""
        return overview(self._wiring)

    def close(self, *, patience_seconds: float) -> None:
        """Applies no more plans; a step under way may end."""
        self.plans.close(patience_seconds=patience_seconds)
