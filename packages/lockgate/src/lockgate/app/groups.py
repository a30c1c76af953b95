"""The groups of verbs that an `App` has besides its own, each made when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lockgate.app.cutovers import Cutovers
from lockgate.app.lineage_events import LineageEvents

if TYPE_CHECKING:
    from lockgate.app.access import Access
    from lockgate.app.costs import Costs
    from lockgate.app.flows import Flows
    from lockgate.app.implementations import Implementations
    from lockgate.app.notices import Notices
    from lockgate.app.quality import Quality
    from lockgate.app.wiring import Wiring
    from lockgate.core.project import Project


class Groups:
    """What is done with a project that is open, group by group."""

    def __init__(self, wiring: Wiring) -> None:
        """Over a project that is wired already; `App.open` finds and wires one."""
        self._wiring = wiring

    @property
    def cutovers(self) -> Cutovers:
        """The verbs that move routes, and those that look at what routes are moved by."""
        return Cutovers(self._wiring)

    @property
    def project(self) -> Project:
        """What the project file declares."""
        return self._wiring.project

    @cached_property
    def implementations(self) -> Implementations:
        """What is done with implementations besides running them: dbt alone, and proving that they agree."""
        from lockgate.app.implementations import Implementations

        return Implementations(self._wiring)

    @cached_property
    def flows(self) -> Flows:
        """The verbs of flows."""
        from lockgate.app.flows import Flows

        return Flows(self._wiring)

    @cached_property
    def lineage_events(self) -> LineageEvents:
        """The events of lineage on their way out."""
        return LineageEvents(self._wiring)

    @cached_property
    def notices(self) -> Notices:
        """The verbs of notices."""
        from lockgate.app.notices import Notices

        return Notices(self._wiring)

    @cached_property
    def quality(self) -> Quality:
        """The verbs of quality."""
        from lockgate.app.quality import Quality

        return Quality(self._wiring)

    @cached_property
    def access(self) -> Access:
        """Who may call, and the audit of what they change."""
        from lockgate.app.access import Access

        return Access(self._wiring)

    @cached_property
    def costs(self) -> Costs:
        """What entities cost, and advice on how that could be less."""
        from lockgate.app.costs import Costs

        return Costs(self._wiring)
