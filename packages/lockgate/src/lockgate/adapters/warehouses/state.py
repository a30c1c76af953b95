"""What a target holds apart from its rows, as one document: routes, editions, what views read, pins, columns.

For targets that have no transaction over many tables, or none that is cheap: the document is replaced whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from lockgate.adapters.warehouses.arms import check_seen, check_token, shown_by
from lockgate.adapters.warehouses.editions import (
    Published,
    asked_of,
    edition_of,
    edition_table,
    newest_place,
    outdated,
    published_of,
    recorded,
    standings_of,
    still_there,
)
from lockgate.adapters.warehouses.rows import route_of, words_of
from lockgate.core.load import Pin
from lockgate.core.relation import Column, Relation
from lockgate.core.route import Arm, Edition, Publication, Route, Standing
from lockgate.core.types import ColumnType, Kind, digits
from lockgate.errors import StaleToken

_ROUTE = ("entity", "incumbent", "candidate", "stage", "share", "token")
_EDITION = (
    "entity", "number", "implementation", "rows", "published_at", "pins", "is_held", "bytes", "revision",
    "bucket_by", "key", "served_schema", "served_name",
)  # fmt: skip


@dataclass(slots=True)
class View:
    """What a served view reads: the editions behind its arms, and the share that divides them."""

    schema: str
    name: str
    incumbent: int | None
    candidate: int | None
    share: int

    @property
    def served(self) -> Relation:
        """Where consumers read it."""
        return Relation(self.schema, self.name)


@dataclass(slots=True)
class State:
    """All that is known of a target apart from its rows; `generation` counts its changes."""

    generation: int = 0
    routes: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    pins: list[tuple[str, str, int, int]] = field(default_factory=list)
    streams: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)

    def route(self, entity: str) -> Route | None:
        """The route in force."""
        found = self.routes.get(entity)
        return route_of([found[name] for name in _ROUTE]) if found else None

    def set_route(self, route: Route) -> None:
        """Puts a route in force."""
        self.routes[route.entity] = words_of(route)

    def rows(self, entity: str) -> list[dict[str, Any]]:
        """What the ledger has of an entity's editions, oldest first."""
        return [row for row in self.ledger if row["entity"] == entity]

    def published(self, entity: str) -> tuple[Published, ...]:
        """The editions kept of an entity, oldest first, each with its columns."""
        return tuple(_published(row) for row in self.rows(entity))

    def editions(self, entity: str) -> tuple[Edition, ...]:
        """The editions kept of an entity, oldest first."""
        return tuple(_edition(row) for row in self.rows(entity))

    def all_rows(self) -> list[tuple[Any, ...]]:
        """The whole ledger, as rows in the order of the statement `editions`."""
        return [_as_row(row) for row in self.ledger]

    def add(self, publication: Publication, edition: Edition) -> None:
        """Notes a new edition."""
        words = recorded(publication, edition)
        words["published_at"] = words["published_at"].isoformat()
        columns = [(one.name, str(_settled(one.type))) for one in publication.contract.columns]
        self.ledger.append(words | {"columns": columns, "kept": False})

    def change(self, edition: Edition, **words: Any) -> None:
        """Notes something else of an edition."""
        for row in self.rows(edition.entity):
            if row["number"] == edition.number:
                row.update(words)

    def forget(self, edition: Edition) -> None:
        """Takes an edition out of the ledger."""
        self.ledger = [row for row in self.ledger if (row["entity"], row["number"]) != (edition.entity, edition.number)]

    def shown(self, entity: str) -> Mapping[int, Arm]:
        """The numbers of the editions that an entity's view reads, each with its arm."""
        view = self.views.get(entity)
        pair = (view.incumbent, view.candidate) if view else (None, None)
        return {number: arm for number, arm in zip(pair, Arm, strict=True) if number}

    def standings(self) -> Mapping[str, Standing]:
        """How every entity stands."""
        routes = [tuple(words.values()) for words in self.routes.values()]
        shown = [(entity, view.incumbent, view.candidate) for entity, view in self.views.items()]
        return standings_of(routes, self.all_rows(), shown)

    def show(self, route: Route, served: Relation) -> None:
        """Makes the view read what the route says, where what has to answer is published."""
        shown = shown_by(route, self.published(route.entity))
        if shown is not None:
            incumbent, candidate = shown.numbers
            self.views[route.entity] = View(served.schema, served.name, incumbent, candidate, route.share)

    def move_routes(self, routes: Sequence[Route], seen: Mapping[str, frozenset[int]]) -> tuple[Route, ...]:
        """Puts routes in force, each with its next token, and makes the views read what they say.

        Raises:
            StaleToken: a route has moved on, or shows other editions than were seen.
        """
        stored = tuple(self._moved(route) for route in routes)
        for route in stored:
            check_seen(route, seen.get(route.entity), self.published(route.entity))
            if view := self.views.get(route.entity):
                self.show(route, view.served)
        return stored

    def release(self, editions: Sequence[Edition], token: int) -> tuple[Edition, ...]:
        """Holds editions of one entity back no longer."""
        entity = asked_of(editions)
        route = check_token(entity, token, self.route(entity))
        found = still_there(editions, self.published(entity))
        for one in found:
            self.change(one.edition, is_held=False)
        if served := newest_place(found):
            self.show(route, served)
        return tuple(replace(one.edition, is_held=False) for one in found)

    def let_go(self, entity: str) -> tuple[Published, ...]:
        """Forgets the editions that are no longer retained; gives them."""
        kept = {row["number"] for row in self.rows(entity) if row["kept"]}
        published = {one.edition.number: one for one in self.published(entity)}
        found = outdated(self.editions(entity), spared=frozenset(kept | set(self.shown(entity))))
        for edition in found:
            self.forget(edition)
        return tuple(published[edition.number] for edition in found)

    def _moved(self, route: Route) -> Route:
        in_force = self.route(route.entity)
        if (in_force.token if in_force else 0) != route.token:
            raise StaleToken(f"the route of {route.entity} has moved on from token {route.token}", entity=route.entity)
        next_one = replace(route, token=route.token + 1)
        self.set_route(next_one)
        return next_one

    def all_pins(self) -> tuple[Pin, ...]:
        """The pins in force, by relation."""
        return tuple(Pin(Relation(schema, name), first, last) for schema, name, first, last in sorted(self.pins))

    def move_pin(self, pin: Pin) -> None:
        """Puts a pin in force."""
        place = (pin.relation.schema, pin.relation.name)
        others = [one for one in self.pins if (one[0], one[1]) != place]
        self.pins = [*others, (*place, pin.first_load, pin.last_load)]

    def columns_of(self, stream: Relation) -> tuple[Column, ...]:
        """The columns that a stream's view has; empty where there is none."""
        for schema, name, columns in self.streams:
            if (schema, name) == (stream.schema, stream.name):
                return read_columns(columns)
        return ()

    def show_columns(self, stream: Relation, columns: tuple[Column, ...]) -> None:
        """Gives a stream's view these columns."""
        others = [one for one in self.streams if (one[0], one[1]) != (stream.schema, stream.name)]
        self.streams = [*others, (stream.schema, stream.name, written_columns(columns))]


def written_columns(columns: tuple[Column, ...]) -> list[tuple[str, str]]:
    """Columns in a form for JSON."""
    return [(column.name, str(column.type)) for column in columns]


def read_columns(columns: list[tuple[str, str]]) -> tuple[Column, ...]:
    """Columns out of JSON."""
    return tuple(Column(name, ColumnType.parse(type_)) for name, type_ in columns)


def document_of(state: State) -> str:
    """A state as JSON."""
    return json.dumps(asdict(state), ensure_ascii=False, indent=1)


def state_of(document: str) -> State:
    """The state that JSON tells of."""
    told = json.loads(document)
    views = {entity: View(**words) for entity, words in told.pop("views").items()}
    return State(**told, views=views)


def _settled(type_: ColumnType) -> ColumnType:
    """A type as a target knows it: `numeric` alone has a precision there."""
    return ColumnType(Kind.NUMERIC, *digits(type_)) if type_.kind is Kind.NUMERIC else type_


def _as_row(words: dict[str, Any]) -> tuple[Any, ...]:
    told = words | {"published_at": datetime.fromisoformat(words["published_at"])}
    return tuple(told[name] for name in _EDITION)


def _edition(words: dict[str, Any]) -> Edition:
    return edition_of(_as_row(words))


def _published(words: dict[str, Any]) -> Published:
    served = Relation(words["served_schema"], words["served_name"])
    stored = edition_table(served, words["entity"], words["number"])
    return published_of(_as_row(words), stored, read_columns(words["columns"]))
