"""What stages ask of the world: Protocols that adapters fulfil and `lockgate.testing` proves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lockgate.core.execution import DbtExecutionResult, DbtInvocation, NodeResult, WorkshopAccess
from lockgate.core.load import CursorRange, Landed, Landing, Load, Pin, Quarantined, SourceFile
from lockgate.core.relation import Column, Relation
from lockgate.core.route import Edition, Publication, Route
from lockgate.core.stream import Stream

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp


class Clock(Protocol):
    """Tells the time, so that tests can set it."""

    def __call__(self) -> datetime:
        """Now, in UTC, with the zone attached."""


class Secrets(Protocol):
    """Turns `secret://name` references into values, as late as possible."""

    def resolve(self, reference: str) -> str:
        """The value behind a reference; a text that is no reference comes back as it is.

        Raises:
            SecretMissing: the reference's name is not set anywhere.
        """


# --- warehouses -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a warehouse can do, as data; `docs/reference/targets.md` is printed from it."""

    dialect: str
    transactional_ddl: bool
    row_policies: bool
    roles: bool
    concurrent_writers: bool
    isolates_workshops: bool


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


class Serving(Protocol):
    """The side that consumers see: editions, views over them, and the route row each view reads."""

    def publish(self, publication: Publication) -> Edition:
        """Copies a built output into a new edition, cast to its contract, and shows it on its arm of the view.

        Readers see the old rows or the new ones, never a mixture, and are not held up. An arm is shown once its
        implementation is published under the same contract as the other arm. Editions beyond the newest three of an
        implementation are dropped where nobody reads them.

        Raises:
            OutputInvalid: a key is NULL or twice there, or a value cannot be cast; nothing was changed.
            StaleToken: the route has moved on; nothing was changed.
            DependentsInTheWay: the contract changed and other objects depend on the view; nothing was changed.
            PublishBlocked: readers kept the view locked to the end of the patience.
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

    def editions(self, entity: str) -> tuple[Edition, ...]:
        """The editions kept, oldest first."""

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

    def close(self) -> None:
        """Gives back connections; the warehouse can be used again."""


# --- tables in memory -------------------------------------------------------------------------------------------


class Memory(Protocol):
    """Runs queries over tables in memory; nothing else is in their reach. May be used by several threads."""

    dialect: str

    def query(self, sql: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        """The rows of one query, which reads the tables by their names.

        Raises:
            StatementFailed: with the engine's own message.
        """


# --- sources ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file on this machine, whole: `format` is csv, ndjson or parquet.

    `options` are those of the format.
    """

    path: Path
    format: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JsonRecords:
    """A JSON array of objects, one a record, in UTF-8."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Package:
    """A part of a load, in the source's order, and where to go on after it.

    `resume` is JSON-serialisable: extraction that starts again with it yields the next package. It is None where
    nobody can go on from here, so that an interrupted load begins anew. Records whose cursor is not `within` are left
    out by staging, where the source could not leave them out itself. `columns` have the types that the source states,
    in whatever form their values are.
    """

    content: pa.Table | StagedFile | JsonRecords
    resume: Mapping[str, object] | None
    within: CursorRange = field(default_factory=CursorRange)
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reader is asked for: a stream's records with a cursor at or after `cursor.since`, up to `cursor.until`.

    Records without a cursor value always belong to the answer. `files` are those that `SourceReader.files` named: these
    and no others are read. `resume` is None at the start.
    """

    stream: Stream
    cursor: CursorRange = field(default_factory=CursorRange)
    files: tuple[SourceFile, ...] = ()
    resume: Mapping[str, object] | None = None


class SourceReader(Protocol):
    """Reads one kind of source."""

    def files(self, stream: Stream) -> tuple[SourceFile, ...]:
        """The files that the stream's records are in, as they are now; empty where it is no source of files.

        Raises:
            SourceRefused: there is no such file.
        """

    def extract(self, extraction: Extraction) -> Iterator[Package]:
        """The stream's records, package by package; none where there are no records.

        What a package holds may be gone once the next one is asked for.

        Raises:
            SourceUnavailable: after its retries.
            SourceRefused: the request itself is wrong.
            SourceInconsistent: a page came twice, was cut, totals do not agree, or a file changed meanwhile.
        """

    def streams(self) -> tuple[Stream, ...]:
        """What the source offers, with the types it knows; used by `init` and `check`."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What staging made of one package: validated rows, rejected rows, the highest cursor value seen.

    `file` and `rejects` are Parquet as `Landing` describes; `rejects` is None where nothing was rejected. A column of
    `file` that is not among `columns` holds nothing but NULL: nobody knows its type yet.
    """

    file: Path
    rejects: Path | None
    columns: tuple[Column, ...]
    rows: int
    rejected: int
    cursor_until: str | None


@dataclass(frozen=True, slots=True)
class StagingOrder:
    """What a package of a load is staged by.

    The types of `stream.columns` stand: rows that do not fit are rejected. Those of `seen`, found earlier in the same
    load, stand too, save that whole numbers may become fractional ones. `first_row` is the position of the package's
    first record; files are written to `folder`, named by `number`.
    """

    stream: Stream
    load_id: int
    number: int
    first_row: int
    folder: Path
    seen: tuple[Column, ...] = ()


class Stager(Protocol):
    """Validates packages against a stream's columns, set-wise, into Parquet files."""

    def stage(self, package: Package, order: StagingOrder) -> Staged:
        """Writes the package's good and bad rows aside, syncs them to the disk and renames them.

        Raises:
            ContractBroken: a new column where the stream's columns are frozen, or a name that no target can have.
            SourceInconsistent: the content is cut or is not of its format.
            DiskFull: nothing of the package is left behind.
        """

    def align(self, file: Path, columns: tuple[Column, ...]) -> None:
        """Makes a staged file have exactly `columns`, in order: what is missing is NULL, types become wider.

        Raises:
            DiskFull: the file stays as it was.
        """


class LoadLedger(Protocol):
    """The control plane's memory of loads and of what each has staged so far."""

    def open_load(self, load: Load) -> Load:
        """Stores a new load under the next free number, which is not below its own `load_id`."""

    def unfinished(self, source: str, stream: str) -> Load | None:
        """The stream's load that was begun and neither landed nor failed."""

    def staged(self, load_id: int) -> tuple[tuple[Staged, Mapping[str, object] | None], ...]:
        """The packages staged so far, in order, each with its resume point."""

    def add_staged(self, load_id: int, staged: Staged, resume: Mapping[str, object] | None) -> None:
        """Stores that one more package is staged.

        Raises:
            TargetBusy: another process ended the load meanwhile.
        """

    def finish(self, load: Load) -> None:
        """Stores how far a load has come; once it landed or failed, its packages are forgotten.

        Raises:
            TargetBusy: another process ended the load otherwise.
        """

    def loads(self, *, limit: int = 100) -> tuple[Load, ...]:
        """The newest loads first."""


# --- dbt --------------------------------------------------------------------------------------------------------


class NodeListener(Protocol):
    """Hears of each node as it ends."""

    def __call__(self, node: NodeResult, /) -> None:
        """One node has ended; the caller waits meanwhile."""


class DbtExecutor(Protocol):
    """Runs dbt somewhere: in a process of this machine, a container, a cluster, dbt Cloud."""

    def execute(self, invocation: DbtInvocation, on_node: NodeListener) -> DbtExecutionResult:
        """Runs one invocation to its end; failed nodes are in the result, not raised.

        Raises:
            DbtProjectInvalid: dbt cannot parse the project.
            UnknownName: the project lacks one of the invocation's models; nothing was run.
            WorkshopEscaped: a node would be built outside the workshop; nothing was run.
            DbtTimedOut: stopped at its time-out.
            DbtCancelled: stopped by `cancel`.
            DbtProcessLost: dbt's process ended before its work did.
        """

    def warm(self) -> None:
        """Begins, without waiting, what the first invocation would otherwise wait for."""

    def cancel(self) -> None:
        """Stops every invocation that is running, from another thread."""

    def close(self) -> None:
        """Ends processes kept warm."""
