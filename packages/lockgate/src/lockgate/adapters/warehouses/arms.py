"""Which editions a served view shows: decided from the route and what is published, the same on every target."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.adapters.warehouses.editions import Published
from lockgate.core.bucket import BUCKETS
from lockgate.core.relation import Column
from lockgate.core.route import Arm, Publication, Route
from lockgate.errors import StaleToken


@dataclass(frozen=True, slots=True)
class Shown:
    """The published editions behind a view's arms; with one alone, it answers for every key."""

    incumbent: Published | None
    candidate: Published | None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The view's columns."""
        return self.arms[0][1].columns

    @property
    def arms(self) -> tuple[tuple[Arm, Published], ...]:
        """The arms that are there, incumbent first."""
        both = ((Arm.INCUMBENT, self.incumbent), (Arm.CANDIDATE, self.candidate))
        return tuple((arm, published) for arm, published in both if published)

    @property
    def numbers(self) -> tuple[int | None, int | None]:
        """The numbers of the editions behind the incumbent's and the candidate's arm."""
        incumbent, candidate = self.incumbent, self.candidate
        return incumbent.edition.number if incumbent else None, candidate.edition.number if candidate else None


def shown_by(route: Route, published: tuple[Published, ...]) -> Shown | None:
    """What the view shows under `route`; None while the implementation that has to answer is not published.

    What is held is not shown. The arm that has to answer stands alone where the other one is not published, or is under
    another contract or bucket column: a row could be in both arms, or in neither.
    """
    free = tuple(one for one in published if not one.edition.is_held)
    incumbent = newest_of(route.incumbent, free)
    candidate = newest_of(route.candidate, free)
    if incumbent and candidate and incumbent.splits_like(candidate):
        return Shown(incumbent, candidate)
    if candidate and route.share == BUCKETS:
        return Shown(None, candidate)
    return Shown(incumbent, None) if incumbent else None


def newest_of(implementation: str | None, published: tuple[Published, ...]) -> Published | None:
    """An implementation's newest edition, held or not; None where nothing of it is published."""
    mine = [entry for entry in published if entry.edition.implementation == implementation]
    return max(mine, key=lambda entry: entry.edition.number, default=None)


def check_token(entity: str, seen: int, route: Route | None) -> Route:
    """The stored route, if the caller saw that one.

    Raises:
        StaleToken: with both tokens.
    """
    stored = route.token if route else 0
    if route is None or stored != seen:
        raise StaleToken(
            f"the route of {entity} has token {stored}, the publisher saw {seen}",
            hint="Consumers read what they read before. Look at `lockgate cutover status`, and run again.",
            entity=entity,
            stored=stored,
            seen=seen,
        )
    return route


def check_seen(route: Route, seen: frozenset[int] | None, published: tuple[Published, ...]) -> None:
    """Refuses a move that was approved when other editions of its sides were the newest; None: it needed no approval.

    Raises:
        StaleToken: with the entity's name.
    """
    sides = (newest_of(name, published) for name in (route.incumbent, route.candidate))
    newest = {one.edition.number for one in sides if one is not None}
    if seen is None or newest == seen:
        return
    raise StaleToken(
        f"an edition of {route.entity} was published after its route's move had been approved",
        hint="The route is where it was. Repeat the command: it looks at what is published now.",
        entity=route.entity,
    )


def check_order(publication: Publication, published: tuple[Published, ...]) -> None:
    """Refuses a publisher that woke up late: its implementation has an edition of newer loads already.

    Raises:
        StaleToken: with that edition's number.
    """
    newest = newest_of(publication.implementation, published)
    if newest is None:
        return
    seen = {pin.relation: pin.last_load for pin in publication.pins}
    behind = [pin.relation for pin in newest.edition.pins if seen.get(pin.relation, pin.last_load) < pin.last_load]
    if behind:
        raise StaleToken(
            f"{publication.entity}@{publication.implementation} has edition {newest.edition.number} of newer loads of "
            f"{', '.join(str(relation) for relation in behind)}",
            entity=publication.entity,
            edition=newest.edition.number,
        )
