"""The project's entities by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.transform.cycle import selected

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.core.entity import Entity


def entity_of(wiring: Wiring, name: str) -> Entity:
    """The project's entity of that name.

    Raises:
        UnknownName: there is none.
    """
    return selected(wiring.project.entities, (name,))[0]
