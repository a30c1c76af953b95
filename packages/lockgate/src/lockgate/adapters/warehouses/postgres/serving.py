"""The side of a PostgreSQL target that consumers see: publishing editions and moving routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lockgate.adapters.warehouses.arms import Shown, check_order, check_seen, check_token, newest_of, shown_by
from lockgate.adapters.warehouses.editions import (
    asked_of,
    edition_of,
    edition_table,
    newest_place,
    standings_of,
    still_there,
)
from lockgate.adapters.warehouses.postgres.catalog import columns_of
from lockgate.adapters.warehouses.postgres.editions import (
    create_edition,
    drop_outdated,
    is_unchanged,
    move_edition,
    published_editions,
    release_editions,
)
from lockgate.adapters.warehouses.postgres.patience import patiently
from lockgate.adapters.warehouses.postgres.sessions import Connection, Sessions, relation_name, statement
from lockgate.adapters.warehouses.postgres.views import show
from lockgate.adapters.warehouses.rows import Row, ShownPair, numbers_in, route_of, served_of, shown_pair_of, words_of
from lockgate.core.relation import Relation
from lockgate.core.route import Arm, Edition, Publication, Route, Standing
from lockgate.errors import StaleToken

ROUTES = Relation("lockgate", "route")
TURN_SECONDS = 60.0


class PostgresServing:
    """Publishes in one transaction, whose last and only short part asks for the view's lock."""

    def __init__(self, sessions: Sessions) -> None:
        """Take the sessions of the role that owns editions and views."""
        self._sessions = sessions

    def publish(self, publication: Publication) -> Edition:
        """See `lockgate.core.ports.Serving.publish`. Publishers of an entity take turns."""
        entity = publication.entity
        with (
            self._sessions.locked(f"publishing {entity}", wait_seconds=TURN_SECONDS),
            self._sessions.session() as connection,
        ):
            check_token(entity, publication.token, _route(connection, "route", entity))
            published = published_editions(connection, entity)
            check_order(publication, published)
            newest = newest_of(publication.implementation, published)
            if newest and is_unchanged(connection, publication, newest):
                return _kept(connection, publication, newest.edition)
            return _added(connection, publication)

    def release(self, editions: Sequence[Edition], *, token: int) -> tuple[Edition, ...]:
        """See `lockgate.core.ports.Serving.release`."""
        if not editions:
            return ()
        entity = asked_of(editions)
        with self._sessions.session() as connection:
            views = [_served(connection, entity) or ROUTES]
            return patiently(connection, views, lambda: _release(connection, entity, editions, token))

    def route(self, entity: str) -> Route | None:
        """See `lockgate.core.ports.Serving.route`."""
        with self._sessions.session() as connection:
            return _route(connection, "route", entity)

    def set_route(self, route: Route) -> Route:
        """See `lockgate.core.ports.Serving.set_route`."""
        return self.set_routes((route,))[0]

    def set_routes(
        self, routes: Sequence[Route], *, seen: Mapping[str, frozenset[int]] | None = None
    ) -> tuple[Route, ...]:
        """See `lockgate.core.ports.Serving.set_routes`. Rows and views are locked in the order of entities' names."""
        in_order = sorted(routes, key=lambda route: route.entity)
        with self._sessions.session() as connection:
            views = [served for route in in_order if (served := _served(connection, route.entity))]
            stored = patiently(connection, views or [ROUTES], lambda: _store(connection, in_order, seen or {}))
        return tuple(stored[route.entity] for route in routes)

    def editions(self, entity: str) -> tuple[Edition, ...]:
        """See `lockgate.core.ports.Serving.editions`."""
        with self._sessions.session() as connection:
            rows = connection.execute(statement("editions"), {"entity": entity})
            return tuple(edition_of(row) for row in rows)

    def shown(self, entity: str) -> Mapping[int, Arm]:
        """See `lockgate.core.ports.Serving.shown`."""
        with self._sessions.session() as connection:
            return {number: arm for number, arm in zip(_shown_pair(connection, entity), Arm, strict=True) if number}

    def standings(self) -> Mapping[str, Standing]:
        """See `lockgate.core.ports.Serving.standings`."""
        with self._sessions.session() as connection:
            return standings_of(
                *(
                    connection.execute(statement(name)).fetchall()
                    for name in ("all_routes", "all_editions", "all_shown")
                )
            )

    def keep_edition(self, edition: Edition, *, kept: bool) -> None:
        """See `lockgate.core.ports.Serving.keep_edition`."""
        words = {"entity": edition.entity, "number": edition.number, "kept": kept}
        with self._sessions.session() as connection:
            connection.execute(statement("keep_edition"), words)

    def edition_relation(self, served: Relation, edition: Edition) -> Relation:
        """See `lockgate.core.ports.Serving.edition_relation`."""
        return edition_table(served, edition.entity, edition.number)


def _kept(connection: Connection, publication: Publication, edition: Edition) -> Edition:
    """Lets an edition stand for newer pins."""
    with connection.transaction():
        moved = move_edition(connection, publication, edition)
        patiently(connection, [publication.served], lambda: _switch(connection, publication))
    return moved


def _added(connection: Connection, publication: Publication) -> Edition:
    """Makes a new edition and shows it."""
    entity = publication.entity
    with connection.transaction():
        edition = create_edition(connection, publication)
        _analyze(connection, edition_table(publication.served, entity, edition.number))
        patiently(connection, [publication.served], lambda: _switch(connection, publication))
    drop_outdated(connection, entity, shown=numbers_in(_shown_pair(connection, entity)))
    return edition


def _switch(connection: Connection, publication: Publication) -> None:
    """Shows what is published now, if the route is still the one that the publisher saw."""
    entity = publication.entity
    route = check_token(entity, publication.token, _route(connection, "route_for_update", entity))
    if not publication.held:
        _show(connection, route, publication.served)


def _release(connection: Connection, entity: str, asked: Sequence[Edition], token: int) -> tuple[Edition, ...]:
    """Releases editions and shows them, if the route is still the one that the caller saw."""
    route = check_token(entity, token, _route(connection, "route_for_update", entity))
    found = still_there(asked, published_editions(connection, entity))
    release_editions(connection, [one.edition for one in found])
    if served := newest_place(found):
        _show(connection, route, served)
    return tuple(replace(one.edition, is_held=False) for one in found)


def _show(connection: Connection, route: Route, served: Relation) -> None:
    """Makes the view read what the route says, unless it does."""
    shown = shown_by(route, published_editions(connection, route.entity))
    if shown and not _shows(connection, route.entity, served, shown):
        show(connection, route.entity, served, shown)


def _shows(connection: Connection, entity: str, served: Relation, shown: Shown) -> bool:
    """Whether the view stands there and reads just these editions."""
    if _served(connection, entity) != served or _shown_pair(connection, entity) != shown.numbers:
        return False
    return bool(columns_of(connection, served))


def _store(connection: Connection, routes: Sequence[Route], seen: Mapping[str, frozenset[int]]) -> dict[str, Route]:
    """Stores the routes, and switches the views where others have to answer now than the ones they read."""
    stored = {route.entity: _stored(connection, route) for route in routes}
    for route in stored.values():
        published = published_editions(connection, route.entity)
        check_seen(route, seen.get(route.entity), published)
        shown = shown_by(route, published)
        served = _served(connection, route.entity)
        if served and shown and shown.numbers != _shown_pair(connection, route.entity):
            show(connection, route.entity, served, shown)
    return stored


def _stored(connection: Connection, route: Route) -> Route:
    """The route with its next token, which is the one in force from the transaction's end on."""
    name = "next_route" if route.token else "first_route"
    if connection.execute(statement(name), words_of(route)).rowcount == 0:
        raise StaleToken(f"the route of {route.entity} has moved on from token {route.token}", entity=route.entity)
    return replace(route, token=route.token + 1)


def _route(connection: Connection, name: str, entity: str) -> Route | None:
    return route_of(connection.execute(statement(name), {"entity": entity}).fetchone())


def _served(connection: Connection, entity: str) -> Relation | None:
    return served_of(_shown_row(connection, entity))


def _shown_pair(connection: Connection, entity: str) -> ShownPair:
    return shown_pair_of(_shown_row(connection, entity))


def _shown_row(connection: Connection, entity: str) -> Row:
    return connection.execute(statement("shown"), {"entity": entity}).fetchone()


def _analyze(connection: Connection, edition: Relation) -> None:
    from psycopg import sql

    connection.execute(sql.SQL("ANALYZE {}").format(relation_name(edition)))
