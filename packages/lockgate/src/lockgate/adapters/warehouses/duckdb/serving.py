"""The side of a DuckDB target that consumers see: a catalog of views over edition files, swapped whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.arms import Shown, check_order, check_seen, check_token, newest_of, shown_by
from lockgate.adapters.warehouses.duckdb.catalog import changing, composed, reading, statement
from lockgate.adapters.warehouses.duckdb.editions import (
    editions_of,
    forget_outdated,
    is_unchanged,
    move_edition,
    published_editions,
    record_edition,
    rehome_editions,
    release_editions,
    write_edition,
)
from lockgate.adapters.warehouses.duckdb.failures import translated
from lockgate.adapters.warehouses.duckdb.landing import create_view
from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
from lockgate.adapters.warehouses.duckdb.names import identifier, relation_name
from lockgate.adapters.warehouses.editions import asked_of, edition_table, newest_place, standings_of, still_there
from lockgate.adapters.warehouses.folder.editions import sweep
from lockgate.adapters.warehouses.rows import Row, ShownPair, numbers_in, route_of, served_of, shown_pair_of, words_of
from lockgate.core.relation import Relation
from lockgate.core.route import Arm, Edition, Publication, Route, Standing
from lockgate.errors import StaleToken

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TURN_SECONDS = 60.0


class DuckDBServing:
    """Publishes a file, then a catalog whose view reads it."""

    def __init__(self, layout: DuckDBLayout) -> None:
        """Take the target's paths."""
        self._layout = layout
        self._known: tuple[object, dict[str, Route | None]] = (None, {})

    def publish(self, publication: Publication) -> Edition:
        """See `lockgate.core.ports.Serving.publish`. Publishers of an entity take turns."""
        entity = publication.entity
        with self._layout.locked(f"publishing {entity}", wait_seconds=TURN_SECONDS):
            with reading(self._layout) as connection:
                _checked_route(connection, publication)
                published = published_editions(connection, entity)
            check_order(publication, published)
            newest = newest_of(publication.implementation, published)
            if newest and is_unchanged(self._layout, publication, newest):
                return self._kept(publication, newest.edition)
            return self._added(publication)

    def _kept(self, publication: Publication, edition: Edition) -> Edition:
        """Lets an edition stand for newer pins."""
        with changing(self._layout) as connection:
            route = _checked_route(connection, publication)
            moved = move_edition(connection, publication, edition)
            if not publication.held:
                show(connection, route, publication.served)
        return moved

    def _added(self, publication: Publication) -> Edition:
        """Makes a new edition and shows it."""
        entity = publication.entity
        with reading(self._layout) as connection:
            row = connection.execute(statement("next_number"), {"entity": entity}).fetchone()
        number = int(row[0]) if row else 1
        file = write_edition(self._layout, publication, number)
        with changing(self._layout) as connection:
            route = _checked_route(connection, publication)
            edition = record_edition(connection, publication, number, file)
            if not publication.held:
                show(connection, route, publication.served)
            forget_outdated(connection, self._layout, entity, shown=numbers_in(_shown_pair(connection, entity)))
        sweep(self._layout, publication.served, self.editions(entity))
        return edition

    def release(self, editions: Sequence[Edition], *, token: int) -> tuple[Edition, ...]:
        """See `lockgate.core.ports.Serving.release`."""
        if not editions:
            return ()
        entity = asked_of(editions)
        with changing(self._layout) as connection:
            route = check_token(entity, token, _route(connection, entity))
            found = still_there(editions, published_editions(connection, entity))
            release_editions(connection, [one.edition for one in found])
            if served := newest_place(found):
                show(connection, route, served)
        return tuple(replace(one.edition, is_held=False) for one in found)

    def route(self, entity: str) -> Route | None:
        """See `lockgate.core.ports.Serving.route`. Every change is a new catalog file: it is read once for each."""
        with translated():
            found = self._layout.catalog.stat()
        state = found.st_ino, found.st_mtime_ns
        known, routes = self._known
        if known != state:
            routes = {}
            self._known = state, routes
        if entity not in routes:
            with reading(self._layout) as connection:
                routes[entity] = _route(connection, entity)
        return routes[entity]

    def set_route(self, route: Route) -> Route:
        """See `lockgate.core.ports.Serving.set_route`."""
        return self.set_routes((route,))[0]

    def set_routes(
        self, routes: Sequence[Route], *, seen: Mapping[str, frozenset[int]] | None = None
    ) -> tuple[Route, ...]:
        """See `lockgate.core.ports.Serving.set_routes`."""
        with changing(self._layout) as connection:
            stored = tuple(_stored(connection, route) for route in routes)
            for route in stored:
                check_seen(route, (seen or {}).get(route.entity), published_editions(connection, route.entity))
                if served := _served(connection, route.entity):
                    show(connection, route, served)
        return stored

    def editions(self, entity: str) -> tuple[Edition, ...]:
        """See `lockgate.core.ports.Serving.editions`."""
        with reading(self._layout) as connection:
            return editions_of(connection, entity)

    def shown(self, entity: str) -> Mapping[int, Arm]:
        """See `lockgate.core.ports.Serving.shown`."""
        with reading(self._layout) as connection:
            return {number: arm for number, arm in zip(_shown_pair(connection, entity), Arm, strict=True) if number}

    def standings(self) -> Mapping[str, Standing]:
        """See `lockgate.core.ports.Serving.standings`."""
        with reading(self._layout) as connection:
            return standings_of(
                *(
                    connection.execute(statement(name)).fetchall()
                    for name in ("all_routes", "all_editions", "all_shown")
                )
            )

    def keep_edition(self, edition: Edition, *, kept: bool) -> None:
        """See `lockgate.core.ports.Serving.keep_edition`."""
        words = {"entity": edition.entity, "number": edition.number, "kept": kept}
        with changing(self._layout) as connection:
            connection.execute(statement("keep_edition"), words)

    def edition_relation(self, served: Relation, edition: Edition) -> Relation:
        """See `lockgate.core.ports.Serving.edition_relation`."""
        return edition_table(served, edition.entity, edition.number)


def rehome(connection: DuckDBPyConnection, layout: DuckDBLayout) -> None:
    """Makes every edition and served view read the files where they are now."""
    for (entity,) in connection.execute(statement("entities")).fetchall():
        rehome_editions(connection, layout, entity)
        route, served = _route(connection, entity), _served(connection, entity)
        if route and served:
            show(connection, route, served)


def show(connection: DuckDBPyConnection, route: Route, served: Relation) -> None:
    """Makes the view read what the route says; the share stands in it as a number, so that an idle arm is not read."""
    shown = shown_by(route, published_editions(connection, route.entity))
    if shown is None:
        return
    create_view(connection, served, _query(shown, route))
    incumbent, candidate = shown.numbers
    words = {"entity": route.entity, "schema": served.schema, "name": served.name}
    connection.execute(statement("set_shown"), words | {"incumbent": incumbent, "candidate": candidate})


def _query(shown: Shown, route: Route) -> str:
    """One arm alone where the other one is idle; else each has its buckets."""
    arms = [(arm, one) for arm, one in shown.arms if len(shown.arms) == 1 or arm is not route.idle_arm]
    columns = ", ".join(identifier(one.name) for one in shown.columns)
    read = {arm.value: relation_name(published.stored) for arm, published in arms}
    if len(read) == 1:
        return composed("one_arm", columns=columns, edition=read.popitem()[1])
    return composed("two_arms", columns=columns, share=route.share, **read)


def _checked_route(connection: DuckDBPyConnection, publication: Publication) -> Route:
    """The route in force, if it is the one that the publisher saw."""
    return check_token(publication.entity, publication.token, _route(connection, publication.entity))


def _stored(connection: DuckDBPyConnection, route: Route) -> Route:
    """The route with its next token, which is the one in force from the catalog's swap on."""
    in_force = _route(connection, route.entity)
    if (in_force.token if in_force else 0) != route.token:
        raise StaleToken(f"the route of {route.entity} has moved on from token {route.token}", entity=route.entity)
    moved = replace(route, token=route.token + 1)
    connection.execute(statement("set_route"), words_of(moved))
    return moved


def _route(connection: DuckDBPyConnection, entity: str) -> Route | None:
    return route_of(connection.execute(statement("route"), {"entity": entity}).fetchone())


def _served(connection: DuckDBPyConnection, entity: str) -> Relation | None:
    return served_of(_shown_row(connection, entity))


def _shown_pair(connection: DuckDBPyConnection, entity: str) -> ShownPair:
    return shown_pair_of(_shown_row(connection, entity))


def _shown_row(connection: DuckDBPyConnection, entity: str) -> Row:
    return connection.execute(statement("shown"), {"entity": entity}).fetchone()
