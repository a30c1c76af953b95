"""The steps that a flow really has: one that is `each` is a step for every entity that it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockgate.config.flow_shape import FlowShape, StepShape
from lockgate.config.shape import EntityShape
from lockgate.core.flow import StepKind

ENTITY = "{entity}"
Entities = Mapping[str, EntityShape]


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """A step, the place of its shape in the file, and the entity that it is for where it is one of `each`."""

    name: str
    shape: StepShape
    place: int
    entity: str | None = None

    @property
    def said(self) -> list[str]:
        """What it is about: names, or one command or sentence; the entity's name stands in its places."""
        written = getattr(self.shape, self.shape.kind.value)
        texts: list[str] = [written] if isinstance(written, str) else written
        return texts if self.entity is None else [text.replace(ENTITY, self.entity) for text in texts]

    @property
    def kind(self) -> StepKind:
        """What it does."""
        return self.shape.kind


def steps_of(flow: FlowShape, entities: Entities) -> tuple[WrittenStep, ...]:
    """Every step in the order of the file; those of one `each` in the order of the entities."""
    return tuple(step for place, shape in enumerate(flow.steps) for step in _each(place, shape, entities))


def needs_of(step: WrittenStep, flow: FlowShape, steps: Sequence[WrittenStep]) -> tuple[str, ...]:
    """The names of the steps that one comes after: those it says, else the one written before it.

    A step for one entity comes after the same entity's where it needs one that is `each`; any other after all of them.
    """
    before = [flow.steps[step.place - 1].name] if step.place else []
    names = before if step.shape.needs is None else step.shape.needs
    return tuple(need for name in names for need in _of(name, step.entity, steps))


def subjects(shape: StepShape, entities: Entities) -> list[str]:
    """The entities that a step `each` is for."""
    match shape.each:
        case None:
            return []
        case "entities":
            return list(entities)
        case "rules":
            return [name for name, entity in entities.items() if _is_made_by_rules(entity)]
        case _:
            return list(dict.fromkeys(shape.each))


def _is_made_by_rules(entity: EntityShape) -> bool:
    return any(implementation.rules is not None for implementation in entity.implementations.values())


def _each(place: int, shape: StepShape, entities: Entities) -> list[WrittenStep]:
    if shape.each is None:
        return [WrittenStep(shape.name, shape, place)]
    return [WrittenStep(f"{shape.name}_{entity}", shape, place, entity) for entity in subjects(shape, entities)]


def _of(name: str, entity: str | None, steps: Sequence[WrittenStep]) -> list[str]:
    """The steps of a written name that a step for an entity, or for none, comes after."""
    named = [step for step in steps if step.shape.name == name]
    own = [step for step in named if step.entity in {None, entity}]
    return [step.name for step in (own if entity is not None and own else named)]
