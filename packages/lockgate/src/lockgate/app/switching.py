"""The live switch: stored for every process to read, and the served views turned along with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lockgate.app.deciding import decide, note_move
from lockgate.app.entities import entity_of
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import Action, Decision
from lockgate.core.entity import Entity
from lockgate.core.gate import Answer
from lockgate.core.job import Switch
from lockgate.core.route import Edition, Route, Stage
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


def stale_view(route: Route, editions: Sequence[Edition]) -> str:
    """That a promoted candidate is shown as it was before the incumbent's newest loads; empty where it is not.

    So it is once dbt, switched off for a while, answers again: nothing was built of it meanwhile.
    """
    if route.stage is not Stage.PROMOTED or route.share == 0:
        return ""
    free = (edition for edition in editions if not edition.is_held)
    newest = {edition.implementation: edition for edition in free}
    shown, other = newest.get(route.candidate or ""), newest.get(route.incumbent)
    if shown is None or other is None or not _reads_older(shown, other):
        return ""
    at = f"{shown.published_at:%Y-%m-%d %H:%M:%S} UTC"
    told = f"the served view of {route.entity} shows edition {shown.number} of {shown.implementation}, published {at}"
    return f"{told}; {other.implementation} has one of newer loads. Build both: lockgate run --select {route.entity}"


def _reads_older(one: Edition, other: Edition) -> bool:
    """Whether an edition was made of an older load of some stream than another one."""
    seen = {pin.relation: pin.last_load for pin in other.pins}
    return any(seen.get(pin.relation, pin.last_load) > pin.last_load for pin in one.pins)


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
