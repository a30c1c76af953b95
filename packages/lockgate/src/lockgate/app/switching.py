"""The live switch: stored for every process to read, and the served views turned along with it."""

from __future__ import annotations

from lockgate.app.performing import entity_of
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Entity
from lockgate.core.job import Switch
from lockgate.errors import EngineOff, StaleToken
from lockgate.transform.cycle import ensure_route
from lockgate.transform.router import aligned

TRIES = 5


def set_dbt_enabled(wiring: Wiring, entity: str | None, *, enabled: bool, by: str) -> Switch:
    """Stores whether dbt may answer, for one entity or for all; then the views of these show who answers now.

    Raises:
        UnknownName: there is no such entity.
    """
    entities = (entity_of(wiring, entity),) if entity else tuple(wiring.project.entities.values())
    switch = Switch(entity, enabled, wiring.clock(), by)
    wiring.store.switches.set_switch(switch)
    for each in entities:
        _turn_view(wiring, each)
    return switch


def _turn_view(wiring: Wiring, entity: Entity) -> None:
    """Makes the served view show whoever answers; one that nobody answers for goes on showing what it shows."""
    try:
        choice = wiring.router.choose(entity)
    except EngineOff:
        return
    for left in reversed(range(TRIES)):
        route = ensure_route(entity, wiring.warehouse)
        turned = aligned(route, choice)
        if turned == route:
            return
        try:
            wiring.warehouse.set_route(turned)
        except StaleToken:
            if not left:
                raise
        else:
            return
