"""The side of a Spark target that consumers see: views that the state file describes, over folders of Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lockgate.adapters.warehouses.arms import check_order, check_token, newest_of
from lockgate.adapters.warehouses.editions import (
    Published,
    edition_made,
    edition_table,
    moved,
    written_pins,
)
from lockgate.adapters.warehouses.folder.editions import let_go, sweep
from lockgate.adapters.warehouses.folder.layout import Layout
from lockgate.adapters.warehouses.spark.editions import Output
from lockgate.adapters.warehouses.spark.engine import Engine
from lockgate.adapters.warehouses.spark.state import changing, current
from lockgate.adapters.warehouses.state import State
from lockgate.core.relation import Relation
from lockgate.core.route import Arm, Edition, Publication, Route, Standing

TURN_SECONDS = 60.0
# A statement of Spark comes for its files when its tasks begin, not when it is understood.
GRACE_SECONDS = 900.0


class SparkServing:
    """Publishes a folder, then a state that names it."""

    def __init__(self, layout: Layout, engine: Engine) -> None:
        """Take the target's paths and its Spark."""
        self._layout = layout
        self._engine = engine

    def publish(self, publication: Publication) -> Edition:
        """See `lockgate.core.ports.Serving.publish`. Publishers of an entity take turns."""
        entity = publication.entity
        with self._layout.locked(f"publishing {entity}", wait_seconds=TURN_SECONDS):
            state = current(self._layout)
            check_token(entity, publication.token, state.route(entity))
            published = state.published(entity)
            check_order(publication, published)
            newest = newest_of(publication.implementation, published)
            output = Output(self._layout, self._engine, publication)
            if newest and output.is_unchanged(newest):
                return self._kept(publication, newest.edition)
            return self._added(publication, output, next_number(published))

    def _kept(self, publication: Publication, edition: Edition) -> Edition:
        """Lets an edition stand for newer pins."""
        with changing(self._layout) as state:
            route = check_token(publication.entity, publication.token, state.route(publication.entity))
            kept = moved(publication, edition)
            state.change(edition, pins=written_pins(kept.pins), revision=kept.revision, is_held=kept.is_held)
            if not publication.held:
                state.show(route, publication.served)
        return kept

    def _added(self, publication: Publication, output: Output, number: int) -> Edition:
        """Makes a new edition and shows it."""
        import pyarrow.parquet as pq

        entity = publication.entity
        files = list(output.write(number).glob("*.parquet"))
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        with changing(self._layout) as state:
            route = check_token(entity, publication.token, state.route(entity))
            size = sum(file.stat().st_size for file in files)
            edition = edition_made(publication, number, rows=rows, size=size)
            state.add(publication, edition)
            if not publication.held:
                state.show(route, publication.served)
            self._forget_outdated(state, entity)
        sweep(self._layout, publication.served, self.editions(entity), grace_seconds=GRACE_SECONDS)
        return edition

    def _forget_outdated(self, state: State, entity: str) -> None:
        """Takes what retention lets go of out of the state; the files follow when `sweep` finds them old enough."""
        for one in state.let_go(entity):
            if one.served is not None:
                let_go(self._layout, one.served, one.edition)

    def release(self, editions: Sequence[Edition], *, token: int) -> tuple[Edition, ...]:
        """See `lockgate.core.ports.Serving.release`."""
        if not editions:
            return ()
        with changing(self._layout) as state:
            return state.release(editions, token)

    def route(self, entity: str) -> Route | None:
        """See `lockgate.core.ports.Serving.route`."""
        return current(self._layout).route(entity)

    def set_route(self, route: Route) -> Route:
        """See `lockgate.core.ports.Serving.set_route`."""
        return self.set_routes((route,))[0]

    def set_routes(
        self, routes: Sequence[Route], *, seen: Mapping[str, frozenset[int]] | None = None
    ) -> tuple[Route, ...]:
        """See `lockgate.core.ports.Serving.set_routes`."""
        with changing(self._layout) as state:
            return state.move_routes(routes, seen or {})

    def editions(self, entity: str) -> tuple[Edition, ...]:
        """See `lockgate.core.ports.Serving.editions`."""
        return current(self._layout).editions(entity)

    def shown(self, entity: str) -> Mapping[int, Arm]:
        """See `lockgate.core.ports.Serving.shown`."""
        return current(self._layout).shown(entity)

    def standings(self) -> Mapping[str, Standing]:
        """See `lockgate.core.ports.Serving.standings`."""
        return current(self._layout).standings()

    def keep_edition(self, edition: Edition, *, kept: bool) -> None:
        """See `lockgate.core.ports.Serving.keep_edition`."""
        with changing(self._layout) as state:
            state.change(edition, kept=kept)

    def edition_relation(self, served: Relation, edition: Edition) -> Relation:
        """See `lockgate.core.ports.Serving.edition_relation`."""
        return edition_table(served, edition.entity, edition.number)


def next_number(published: Sequence[Published]) -> int:
    """The number of the next edition."""
    return max((one.edition.number for one in published), default=0) + 1
