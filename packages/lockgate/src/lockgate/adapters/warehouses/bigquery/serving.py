"""The side of a BigQuery target that consumers see: views over editions, which a table of routes opens and closes.

A view reads, of each edition that is in its text, the buckets that `lockgate.route` grants it at that moment: one
transaction there moves any number of entities at one instant. Who moves writes the view first with the editions of
before and of after; none of the new ones has a row yet. Then comes the transaction, then the text without the old ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from lockgate.adapters.exchange import retrying
from lockgate.adapters.warehouses.arms import check_order, check_token, newest_of
from lockgate.adapters.warehouses.bigquery.editions import Output
from lockgate.adapters.warehouses.bigquery.failures import is_lease_lost
from lockgate.adapters.warehouses.bigquery.jobs import TURNS, Jobs
from lockgate.adapters.warehouses.bigquery.leases import Leases
from lockgate.adapters.warehouses.bigquery.state import Change, StateRow
from lockgate.adapters.warehouses.bigquery.turning import Turning
from lockgate.adapters.warehouses.bigquery.views import Views
from lockgate.adapters.warehouses.editions import (
    asked_of,
    edition_table,
    moved,
    still_there,
    written_pins,
)
from lockgate.adapters.warehouses.state import State
from lockgate.core.relation import Relation
from lockgate.core.route import Arm, Edition, Publication, Route, Standing
from lockgate.errors import StaleToken, StatementFailed, TargetBusy

if TYPE_CHECKING:
    from lockgate.core.ports import Clock

TURN_SECONDS = 60.0
# A query that was planned before goes on reading the edition that it was planned for.
GRACE = timedelta(minutes=15)
Answer = TypeVar("Answer")


class BigQueryServing:
    """Publishes a table, then a view over it, then the row that opens it."""

    def __init__(self, jobs: Jobs, state: StateRow, leases: Leases, clock: Clock) -> None:
        """Take what asks BigQuery, the target's state, its locks, and the clock that tells when."""
        self._jobs = jobs
        self._state = state
        self._leases = leases
        self._turning = Turning(jobs, state, leases)
        self._views = Views(jobs)
        self._clock = clock

    def publish(self, publication: Publication) -> Edition:
        """See `lockgate.core.ports.Serving.publish`. Publishers of an entity take turns."""
        entity = publication.entity
        with self._leases.held(f"publishing {entity}", wait_seconds=TURN_SECONDS):
            state = self._state.current()
            check_token(entity, publication.token, state.route(entity))
            published = state.published(entity)
            check_order(publication, published)
            if entity not in state.views:
                self._views.refuse_table(publication.served)
            newest = newest_of(publication.implementation, published)
            output = Output(self._jobs, publication, self._clock)
            if newest and output.is_unchanged(newest):
                return self._kept(publication, newest.edition)
            return self._added(publication, output, max((one.edition.number for one in published), default=0) + 1)

    def _kept(self, publication: Publication, edition: Edition) -> Edition:
        """Lets an edition stand for newer pins."""

        def keep(state: State) -> Edition:
            route = check_token(publication.entity, publication.token, state.route(publication.entity))
            check_order(publication, state.published(publication.entity))
            still_there([edition], state.published(publication.entity))
            kept = moved(publication, edition)
            state.change(edition, pins=written_pins(kept.pins), revision=kept.revision, is_held=kept.is_held)
            if not publication.held:
                state.show(route, publication.served)
            return kept

        return self._moved((publication.entity,), keep)

    def _added(self, publication: Publication, output: Output, number: int) -> Edition:
        """Makes a new edition and shows it."""
        entity = publication.entity
        edition = output.write(number)

        def add(state: State) -> tuple[Relation, ...]:
            route = check_token(entity, publication.token, state.route(entity))
            check_order(publication, state.published(entity))
            state.add(publication, edition)
            if not publication.held:
                state.show(route, publication.served)
            return tuple(one.stored for one in state.let_go(entity))

        try:
            let_go = self._moved((entity,), add)
        except (StaleToken, TargetBusy):  # it is certain that nothing names it
            output.discard(edition)
            raise
        for old in let_go:
            with suppress(StatementFailed):  # somebody dropped it
                self._jobs.expire(old, self._clock() + GRACE)
        return edition

    def release(self, editions: Sequence[Edition], *, token: int) -> tuple[Edition, ...]:
        """See `lockgate.core.ports.Serving.release`."""
        if not editions:
            return ()
        return self._moved((asked_of(editions),), lambda state: state.release(editions, token))

    def route(self, entity: str) -> Route | None:
        """See `lockgate.core.ports.Serving.route`."""
        return self._state.current().route(entity)

    def set_route(self, route: Route) -> Route:
        """See `lockgate.core.ports.Serving.set_route`."""
        return self.set_routes((route,))[0]

    def set_routes(
        self, routes: Sequence[Route], *, seen: Mapping[str, frozenset[int]] | None = None
    ) -> tuple[Route, ...]:
        """See `lockgate.core.ports.Serving.set_routes`."""
        if not routes:
            return ()
        return self._moved(tuple(one.entity for one in routes), lambda state: state.move_routes(routes, seen or {}))

    def editions(self, entity: str) -> tuple[Edition, ...]:
        """See `lockgate.core.ports.Serving.editions`."""
        return self._state.current().editions(entity)

    def shown(self, entity: str) -> Mapping[int, Arm]:
        """See `lockgate.core.ports.Serving.shown`."""
        return self._state.current().shown(entity)

    def standings(self) -> Mapping[str, Standing]:
        """See `lockgate.core.ports.Serving.standings`."""
        return self._state.current().standings()

    def keep_edition(self, edition: Edition, *, kept: bool) -> None:
        """See `lockgate.core.ports.Serving.keep_edition`."""

        def change(state: State) -> Change[None]:
            state.change(edition, kept=kept)
            return Change(None)

        self._state.change(change)

    def edition_relation(self, served: Relation, edition: Edition) -> Relation:
        """See `lockgate.core.ports.Serving.edition_relation`."""
        return edition_table(served, edition.entity, edition.number)

    def _moved(self, entities: Sequence[str], change: Callable[[State], Answer]) -> Answer:
        """Lets `change` change the state of these entities, and their views with it, at one instant."""
        with ExitStack() as held:
            leases = [
                held.enter_context(self._leases.held(f"view {entity}", wait_seconds=TURN_SECONDS))
                for entity in sorted(set(entities))
            ]

            def once() -> Answer:
                before = self._state.current()
                after = deepcopy(before)
                answer = change(after)
                self._turning.turn(before, after, leases)
                return answer

            return retrying(TURNS, TargetBusy, unless=is_lease_lost)(once)
