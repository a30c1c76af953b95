"""What people name to be compared: files and tables by themselves; targets, entities and secrets by the project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lockgate.adapters.discover.files import kind_of
from lockgate.adapters.relations.references import SEPARATOR, Reference, in_target, reference, relation_named, split
from lockgate.app.look import newest_editions
from lockgate.app.wiring import Wiring
from lockgate.core.entity import ComparisonDeclaration, Entity
from lockgate.core.nearness import did_you_mean
from lockgate.core.ports import Secrets
from lockgate.core.relation import Relation
from lockgate.core.route import Edition
from lockgate.core.secret import SCHEME
from lockgate.errors import UnknownName

_HOW = "Name a file, TARGET.SCHEMA.TABLE, ENTITY, or ENTITY@IMPLEMENTATION."


@dataclass(frozen=True, slots=True)
class Named:
    """Where a relation is; and which entity it is of, with the editions that are shown.

    With `tells_loads`, what their loads say is held against those of the other side.
    """

    reference: Reference
    entity: Entity | None = None
    editions: tuple[Edition, ...] = ()
    tells_loads: bool = True

    @property
    def key(self) -> tuple[str, ...]:
        """The entity's key; empty where it is none."""
        return self.entity.contract.key if self.entity else ()

    @property
    def declaration(self) -> ComparisonDeclaration | None:
        """How the entity is compared."""
        return self.entity.comparison if self.entity else None


def is_known_alone(name: str) -> bool:
    """Whether a name means something without a project.

    Raises:
        ComparisonInvalid: it is written like an address or a database file, and wrongly.
        UnknownName: it names a database file that is not there.
    """
    return not name.startswith(SCHEME) and reference(name) is not None


def named_alone(name: str, secrets: Secrets) -> Named:
    """What a file, a database's table or a secret stands for; an address is kept out of what is written.

    Raises:
        UnknownName: there is no such file.
        SecretMissing: the secret is not set.
    """
    is_secret = name.startswith(SCHEME)
    written = _revealed(name, secrets) if is_secret else name
    if "://" in written:
        secrets.hide(split(written)[0])
    found = reference(written)
    if found is None:
        raise no_file(name)
    return Named(replace(found, name=name) if is_secret else found)


def _revealed(name: str, secrets: Secrets) -> str:
    """A reference to a secret, `secret://name::schema.table` as a rule, with its value in its place."""
    location, table = split(name)
    return f"{secrets.resolve(location)}{SEPARATOR}{table}" if table else secrets.resolve(location)


def named_in(wiring: Wiring, name: str) -> Named:
    """What a name means in a project: a file or an address first, then a target's table, then an entity.

    Raises:
        UnknownName: it means nothing, or nothing of it is published yet.
    """
    if name.startswith(SCHEME) or is_known_alone(name):
        return named_alone(name, wiring.secrets)
    target, dot, table = name.partition(".")
    if dot and target in wiring.project.targets:
        return Named(_in_target(wiring, name, target, table))
    entity, at, implementation = name.partition("@")
    if entity not in wiring.project.entities:
        raise _unknown(wiring, name)
    known = wiring.project.entities[entity]
    return _edition(wiring, known, implementation) if at else _served(wiring, known)


def _edition(wiring: Wiring, entity: Entity, implementation: str) -> Named:
    """The newest edition of an implementation."""
    if implementation not in entity.implementations:
        hint = did_you_mean(implementation, entity.implementations) or f"It has {', '.join(entity.implementations)}."
        raise UnknownName(f"{entity.name} has no implementation {implementation!r}", hint=hint, name=implementation)
    edition = newest_editions(wiring, entity).get(implementation)
    if edition is None:
        raise _unpublished(f"{entity.name}@{implementation}", f"--select {entity.name} --engine {implementation}")
    return named_edition(wiring, entity, edition, f"{entity.name}@{implementation}")


def named_edition(wiring: Wiring, entity: Entity, edition: Edition, name: str) -> Named:
    """One edition, under a name."""
    return _of_entity(wiring, entity, name, wiring.warehouse.edition_relation(entity.served, edition), (edition,))


def _served(wiring: Wiring, entity: Entity) -> Named:
    """What consumers see."""
    answering = _answering(wiring, entity)
    editions = tuple(each for each in wiring.warehouse.editions(entity.name) if each.number in answering)
    if not editions:
        raise _unpublished(entity.name, f"--select {entity.name}")
    return _of_entity(wiring, entity, entity.name, entity.served, editions)


def _answering(wiring: Wiring, entity: Entity) -> frozenset[int]:
    """The numbers of the editions that the served view reads; an arm without a share is not read."""
    shown, route = wiring.warehouse.shown(entity.name), wiring.warehouse.route(entity.name)
    idle = route.idle_arm if route else None
    return frozenset(number for number, arm in shown.items() if len(shown) == 1 or arm is not idle)


def _of_entity(wiring: Wiring, entity: Entity, name: str, relation: Relation, editions: tuple[Edition, ...]) -> Named:
    target = wiring.target
    place = in_target(name, target.kind, wiring.options(target.name), relation)
    return Named(place, entity, editions)


def _in_target(wiring: Wiring, name: str, target: str, table: str) -> Reference:
    kind = wiring.project.targets[target].kind
    return in_target(name, kind, wiring.options(target), relation_named(table, kind))


def _unpublished(name: str, options: str) -> UnknownName:
    return UnknownName(f"nothing of {name} is published yet", hint=f"`lockgate run {options}` publishes it.", name=name)


def _unknown(wiring: Wiring, name: str) -> UnknownName:
    if kind_of(Path(name)) or "/" in name:
        return no_file(name)
    entities = wiring.project.entities
    known = [*entities, *(f"{each.name}@{one}" for each in entities.values() for one in each.implementations)]
    hint = did_you_mean(name, known) or _HOW
    return UnknownName(f"there is no file, target or entity {name!r}", hint=hint, name=name)


def no_file(name: str) -> UnknownName:
    """Nothing of that name is there, and no project knows it."""
    path = Path(name).expanduser()
    if path.is_dir():
        return UnknownName(f"{name} is a folder", hint="Name a CSV or Parquet file in it.", name=name)
    beside = [each.name for each in path.parent.iterdir() if kind_of(each)] if path.parent.is_dir() else []
    hint = did_you_mean(path.name, beside) or "Entities and targets are known in a project's folder, or by --project."
    return UnknownName(f"there is no file {name}", hint=hint, name=name)
