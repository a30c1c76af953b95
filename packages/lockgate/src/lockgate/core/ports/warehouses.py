"""What stages ask of a target: landings, workshops, and the side that consumers see; and of tables in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from lockgate.core.compiled import CompiledQuery, Obstacle
    from lockgate.core.execution import WorkshopAccess
    from lockgate.core.load import Landed, Landing, Pin, Pruned, Quarantined
    from lockgate.core.relation import Column, Relation
    from lockgate.core.route import Arm, Edition, Publication, Route, Standing


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a warehouse can do, as data; `docs/reference/targets.md` is printed from it.

    With `estimates_distinct`, `approx_distinct` of many rows is cheap; where not, distinct values can only be counted.
    `stored_bytes` and `read_bytes` say what is counted as the bytes of an edition and of making one; '' is nothing.
    """

    dialect: str
    transactional_ddl: bool
    row_policies: bool
    roles: bool
    concurrent_writers: bool
    isolates_workshops: bool
    estimates_distinct: bool
    stored_bytes: str
    read_bytes: str


class Landings(Protocol):
    """The raw side of a warehouse: an append-only log a stream, and a view of it up to a pin."""

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """The columns of a relation, in order; empty where there is none. A stream's view has those of its log."""

    def land(self, landing: Landing) -> Landed:
        """Adds a staged load to its stream's log: all of it or nothing; a load id that is there is not added twice.

        Raises:
            ContractBroken: the log has a column of that name with another type.
            DiskFull: nothing was changed.
        """

    def landed(self, relation: Relation) -> tuple[Landed, ...]:
        """The loads that the target holds of a stream, oldest first."""

    def move_pins(self, pins: Sequence[Pin]) -> None:
        """Makes the `raw` views show exactly these loads, from the next statement of every reader on."""

    def pins(self) -> tuple[Pin, ...]:
        """The pins that are in force."""

    def prune(self, relation: Relation, *, before: int, dry_run: bool = False) -> Pruned:
        """Takes the loads numbered below `before` out of a stream's log, with what was rejected of them.

        The caller sees to it that no pin reaches them; the log keeps their columns. With `dry_run`, only counts.
        """

    def raw_state(self) -> str:
        """A text that becomes another one whenever pins move, or columns of what was landed change; quick to get."""

    def quarantined(self, relation: Relation, *, limit: int = 100) -> tuple[Quarantined, ...]:
        """The newest rejected records of a stream, at most `limit`."""


class Workshop(Protocol):
    """The one place where an implementation builds; it reads raw and nothing outside reads it."""

    name: str
    dialect: str

    def access(self) -> WorkshopAccess:
        """What an isolated process needs to build here. Valid until the workshop is closed."""

    def build(self, name: str, query: exp.Expression) -> int:
        """Replaces the table `name` by the rows of `query`; returns how many.

        Raises:
            StatementFailed: with the database's own message; the table before is left as it was.
        """

    def query(self, query: exp.Expression) -> pa.Table:
        """The rows of `query`, read with the workshop's own rights."""

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """The columns of a relation that the workshop can read."""

    def read_bytes(self) -> int | None:
        """The bytes that were billed for reading in this workshop since it was opened; None where nobody counts."""


class Serving(Protocol):
    """The side that consumers see: editions, views over them, and the route row each view reads."""

    def publish(self, publication: Publication) -> Edition:
        """Copies a built output into a new edition, cast to its contract, and shows it on its arm of the view.

        Where the output equals, row for row, the newest edition of its implementation under the same contract, that one
        is kept and given back: its pins move up to the publication's, and it is released where it was held and the
        publication is not.

        A publication that is held changes nothing for readers: its edition waits for `release`.

        Readers see the old rows or the new ones, never a mixture, and are not held up. An arm is shown once its
        implementation is published under the same contract, bucket column included, as the other arm. The newest three
        editions of an implementation stay, and its newest that is not held; others are dropped where nobody reads them.

        Raises:
            OutputInvalid: a key is NULL or twice there, or a value cannot be cast; nothing was changed.
            StaleToken: the route has moved on; nothing was changed.
            DependentsInTheWay: the contract changed and other objects depend on the view; nothing was changed.
            PublishBlocked: readers kept the view locked to the end of the patience.
        """

    def release(self, editions: Sequence[Edition], *, token: int) -> tuple[Edition, ...]:
        """Lets held editions of one entity be shown, all at once: no reader sees one without the other.

        `token` is the route's that the caller saw. Gives the editions back as they are now; one that is released
        already is left as it is.

        Raises:
            StaleToken: the route has moved on; nothing was changed.
            UnknownName: an edition is not kept any more; nothing was changed.
            DependentsInTheWay, PublishBlocked: as for `publish`; nothing was changed.
            ValueError: the editions are of several entities.
        """

    def route(self, entity: str) -> Route | None:
        """The route in force, from the target itself."""

    def set_route(self, route: Route) -> Route:
        """Stores `route` with the next token, if the stored token is still `route.token` (0: no route is stored).

        A change of share alone is one updated row, whatever readers do. Where other implementations than before
        answer, the view is switched along with the row.

        Raises:
            StaleToken: somebody stored another route since.
            PublishBlocked: the view had to be switched, and readers kept it locked to the end of the patience.
        """

    def set_routes(
        self, routes: Sequence[Route], *, seen: Mapping[str, frozenset[int]] | None = None
    ) -> tuple[Route, ...]:
        """Stores the routes of several entities as `set_route` does one, all of them at one instant or none.

        `seen` gives, for entities of these, the numbers of the editions that were the newest of the route's two sides
        when the move was approved; whoever approves of nothing leaves it out. Gives the routes back in the order in
        which they were given.

        Raises:
            StaleToken: somebody stored another route of one of the entities since, or published a newer edition than
                was seen of it; its name is a field of the error.
            PublishBlocked: as for `set_route`.
        """

    def editions(self, entity: str) -> tuple[Edition, ...]:
        """The editions kept, oldest first."""

    def shown(self, entity: str) -> Mapping[int, Arm]:
        """The numbers of the editions that the served view stands on, each with its arm."""

    def standings(self) -> Mapping[str, Standing]:
        """What `route`, `editions` and `shown` tell of every entity, by its name, in as many statements as for one."""

    def keep_edition(self, edition: Edition, *, kept: bool) -> None:
        """Keeps an edition beyond the newest three until the same call lets go of it."""

    def edition_relation(self, served: Relation, edition: Edition) -> Relation:
        """Where an edition's rows can be read by operators."""


class Warehouse(Landings, Serving, Protocol):
    """A target, whole."""

    name: str
    capabilities: Capabilities

    def prepare(self) -> None:
        """Creates what Lockgate keeps in the target; a second call changes nothing."""

    def lock(self, name: str, *, wait_seconds: float) -> AbstractContextManager[None]:
        """Holds a named lock that dies with its holder.

        Raises:
            TargetBusy: another holder kept it for `wait_seconds`.
        """

    def workshop(self, name: str, *, wait_seconds: float = 60.0) -> AbstractContextManager[Workshop]:
        """Opens the workshop of that name, alone, creating it where it is missing.

        It reads the streams that are landed when it is opened.

        Raises:
            TargetBusy: another holder kept it for `wait_seconds`.
            AccessRefused: what builds there could also create elsewhere.
        """

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """The columns of a relation, in order; empty where there is none."""

    def query(self, query: exp.Expression) -> pa.Table:
        """The rows of `query`, in Arrow."""

    def memory(self) -> Memory:
        """What runs queries over records as this target does; its user closes it.

        Raises:
            CapabilityMissing: nothing does, or none that answers in time.
        """

    def close(self) -> None:
        """Gives back connections; the warehouse can be used again."""


class Memory(Protocol):
    """Runs queries over tables in memory; nothing else is in their reach. May be used by several threads.

    Moments are in UTC. A given table hides a kept one of its name. UUIDs and JSON are given, and come back, as text.
    """

    dialect: str

    def query(self, sql: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        """The rows of one query, which reads the tables by their names.

        Raises:
            StatementFailed: with the engine's own message.
            WarehouseUnavailable: the engine does not answer, or not before the deadline.
        """

    def keep(self, name: str, sql: str, tables: Mapping[str, pa.Table]) -> None:
        """Keeps the rows of one query as a table, which later queries read by its name.

        Raises:
            StatementFailed: with the engine's own message.
            WarehouseUnavailable: the engine does not answer, or not before the deadline.
        """

    def columns(self, sql: str, tables: Mapping[str, pa.Table]) -> tuple[Column, ...]:
        """The columns that one query gives, as the target tells those of a table that is made of it.

        Raises:
            StatementFailed: with the engine's own message.
            WarehouseUnavailable: the engine does not answer, or not before the deadline.
        """

    def obstacles(
        self, queries: Sequence[CompiledQuery], columns: Mapping[Relation, Sequence[Column]]
    ) -> Mapping[Relation, tuple[Obstacle, ...]]:
        """Why queries, each after those that it reads, would give something else here than the SQL that dbt compiled.

        What a query calls may move: clocks, chance, sequences, settings, files. Or it means something else once it was
        written again. `columns` has those of what no query makes. A query without an obstacle may be left out.

        Raises:
            WarehouseUnavailable: the engine does not answer, or not before the deadline.
        """

    def close(self) -> None:
        """Gives back what is open and kept; the memory can be used again."""
