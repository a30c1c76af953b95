"""The live switch: stored for every process to read, and the served views turned along with it."""

from __future__ import annotations

from datetime import datetime

from lockgate.app.deciding import decide, note_move
from lockgate.app.performing import entity_of
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import Action, Decision
from lockgate.core.entity import Entity
from lockgate.core.gate import Answer
from lockgate.core.job import Switch
from lockgate.core.route import Route
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
        _turn_view(wiring, each, switch)
    return switch


def _turn_view(wiring: Wiring, entity: Entity, switch: Switch) -> None:
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
            moved = wiring.warehouse.set_route(turned)
        except StaleToken:
            if not left:
                raise
        else:
            note_move(wiring, entity, route)
            decide(wiring, _decision(switch, route, moved, wiring.clock()))
            return


def _decision(switch: Switch, before: Route, after: Route, at: datetime) -> Decision:
    """What the switch did to a route: no step of its cutover, and known, so that nobody takes it for one."""
    return Decision(
        decision_id=0,
        entity=after.entity,
        action=Action.SWITCH,
        answer=Answer.GO,
        before=before,
        after=after,
        by=switch.changed_by,
        reason=f"dbt switched {'on' if switch.enabled else 'off'}",
        at=at,
    )
