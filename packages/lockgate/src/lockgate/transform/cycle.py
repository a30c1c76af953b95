"""One turn of an entity's implementations on the same pins: what to build, together with what, from which loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lockgate.core.bucket import BUCKETS
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.load import Pin, pin_of
from lockgate.core.nearness import did_you_mean
from lockgate.core.relation import Relation
from lockgate.core.route import Publication, Route, Stage
from lockgate.errors import StaleToken, UnknownName

if TYPE_CHECKING:
    from lockgate.core.execution import Execution
    from lockgate.core.ports import Landings, Serving


@dataclass(frozen=True, slots=True)
class Piece:
    """One implementation of one entity, to be executed."""

    entity: Entity
    implementation: Implementation

    def __str__(self) -> str:
        """`entity@implementation`."""
        return f"{self.entity.name}@{self.implementation.name}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Pieces that one invocation serves: the same program in the same workshop."""

    workshop: str
    engine: Engine
    pieces: tuple[Piece, ...]


def declared_route(entity: Entity) -> Route:
    """The route as the project file states it, before anybody decided anything."""
    declared = entity.route
    share = BUCKETS if declared.stage is Stage.PROMOTED else 0
    return Route(entity.name, declared.incumbent, declared.candidate, declared.stage, share=share, token=0)


def ensure_route(entity: Entity, serving: Serving) -> Route:
    """The route in force; the declared one is stored where none is."""
    in_force = serving.route(entity.name)
    if in_force is None:
        try:
            return serving.set_route(declared_route(entity))
        except StaleToken:  # somebody else has stored it in the same moment
            in_force = serving.route(entity.name)
            if in_force is None:
                raise
    return in_force


def pieces_of(entity: Entity, names: Sequence[str]) -> tuple[Piece, ...]:
    """The entity's implementations of those names, to be executed.

    Raises:
        UnknownName: the entity has no implementation of a name.
    """
    return tuple(Piece(entity, entity.implementation(name)) for name in names)


def batches_of(pieces: Iterable[Piece]) -> tuple[Batch, ...]:
    """Groups pieces that share a workshop and a program, so that dbt runs once for all its entities."""
    groups: dict[tuple[object, ...], list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(_program(piece), []).append(piece)
    return tuple(
        Batch(group[0].entity.workshop(group[0].implementation.name), group[0].implementation.engine, tuple(group))
        for group in groups.values()
    )


def _program(piece: Piece) -> tuple[object, ...]:
    """What two pieces must have in common to be one batch."""
    implementation = piece.implementation
    workshop = piece.entity.workshop(implementation.name)
    if implementation.engine is Engine.RULES:
        return workshop, implementation.engine
    variables = tuple(sorted((name, repr(value)) for name, value in implementation.vars.items()))
    return workshop, implementation.engine, implementation.path, implementation.executor, variables


def move_pins(landings: Landings, relations: Sequence[Relation]) -> tuple[Pin, ...]:
    """Starts a cycle: pins every stream at what has landed, and says where; what stands there already is left."""
    pins = newest_pins(landings, relations)
    if set(pins) != set(landings.pins()):
        landings.move_pins(pins)
    return pins


def newest_pins(landings: Landings, relations: Sequence[Relation]) -> tuple[Pin, ...]:
    """The pins that a cycle would have if it started now."""
    found = (pin_of(relation, landings.landed(relation)) for relation in relations)
    return tuple(pin for pin in found if pin is not None)


def publication_of(
    piece: Piece, execution: Execution, pins: tuple[Pin, ...], *, token: int, now: datetime, anew: bool
) -> Publication:
    """A finished execution, to become the entity's next edition; unless `anew`, an equal one stays the newest."""
    return Publication(
        entity=piece.entity.name,
        implementation=piece.implementation.name,
        contract=piece.entity.contract,
        built=execution.built,
        served=piece.entity.served,
        token=token,
        published_at=now,
        pins=pins,
        anew=anew,
    )


def selected(entities: Mapping[str, Entity], names: Sequence[str]) -> tuple[Entity, ...]:
    """The entities of those names, in the project's order; all of them where no name is given.

    Raises:
        UnknownName: the project has no entity of a name.
    """
    unknown = [name for name in names if name not in entities]
    if unknown:
        raise UnknownName(
            f"there is no entity {unknown[0]!r}; there are {', '.join(entities)}",
            hint=did_you_mean(unknown[0], entities),
            name=unknown[0],
        )
    return tuple(entity for entity in entities.values() if not names or entity.name in names)
