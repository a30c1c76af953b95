"""What is told of work as lineage: jobs and their runs, the datasets that they read and leave, how each came out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from lockgate.core.execution import NodeStatus
from lockgate.core.lineage import Reading
from lockgate.core.notice import DeliveryStatus

CHANNEL = "lineage"


@dataclass(frozen=True, slots=True)
class EventsDeclaration:
    """Where lineage events go: lines of a `file` (absolute), or `url` and the `endpoint` behind it.

    `url` and `api_key` may be references to secrets, and stay that until they are used. `namespace` is that of jobs.
    """

    file: str = ""
    url: str = ""
    endpoint: str = ""
    api_key: str = ""
    namespace: str = ""


class Phase(StrEnum):
    """What an event says of a run."""

    START = "START"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    ABORT = "ABORT"


class JobKind(StrEnum):
    """What a job does."""

    RUN = "RUN"
    LOAD = "LOAD"
    BUILD = "BUILD"
    MODEL = "MODEL"
    TEST = "TEST"
    PUBLICATION = "PUBLICATION"


@dataclass(frozen=True, slots=True)
class Work:
    """A part of a run: `SOURCE.STREAM` that is loaded, or `ENTITY@IMPLEMENTATION` that is built, tested, published."""

    kind: JobKind
    subject: str


class Change(StrEnum):
    """What a job does to a dataset as a whole."""

    CREATE = "CREATE"
    OVERWRITE = "OVERWRITE"


@dataclass(frozen=True, slots=True)
class DatasetName:
    """A dataset, by the naming of OpenLineage."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column; its type is empty where it is not known."""

    name: str
    type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class FieldRead:
    """One edge to a column of a dataset, from a column of another one; without `column` to each row of it."""

    column: str
    dataset: DatasetName
    field: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Assertion:
    """A test of a dataset: what it is called, what it asserts, and how it came out; never rows that it found."""

    name: str
    kind: str
    status: NodeStatus
    failures: int | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as a job reads or leaves it; what is not known is empty or None."""

    name: DatasetName
    columns: tuple[Field, ...] = ()
    fields: tuple[FieldRead, ...] = ()
    version: str = ""
    change: Change | None = None
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None
    assertions: tuple[Assertion, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job: its UUID, and the job's name within the declared namespace."""

    run_id: str
    job: str


@dataclass(frozen=True, slots=True)
class LineageEvent:
    """What happened to a run of a job at an instant; `parent` is the run that it is part of, `root` the outermost.

    `nominal` are the instants that the run is about. `error` holds no values of rows and no secrets, and neither does
    `sql`.
    """

    phase: Phase
    at: datetime
    run: JobRun
    kind: JobKind
    parent: JobRun | None = None
    root: JobRun | None = None
    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()
    sql: str = ""
    dialect: str = ""
    error: str = ""
    nominal: tuple[datetime, datetime] | None = None

    @property
    def event_id(self) -> str:
        """What it is known by: of a run, each phase is told once."""
        return f"{self.run.run_id}/{self.phase}"


@dataclass(frozen=True, slots=True)
class EventDocument:
    """An event as it is sent."""

    event_id: str
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class EventDelivery:
    """An event on its way. `attempts` counts how often sending was begun, and is the fencing token of the newest."""

    number: int
    event: EventDocument
    status: DeliveryStatus
    attempts: int
    next_at: datetime
    said: str
    added_at: datetime
    sent_at: datetime | None

    @property
    def channel(self) -> str:
        """All go the same way."""
        return CHANNEL

    @property
    def key(self) -> str:
        """What the event is known by."""
        return self.event.event_id


def run_uuid(at: datetime, *parts: str) -> str:
    """A UUID of version 7 (RFC 9562, 5.7) that is the same for the same instant and parts.

    It begins with the instant's milliseconds, so that ids sort by when the run began; the rest is a digest.
    """
    milliseconds = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    digest = hashlib.sha256("\x00".join((at.isoformat(), *parts)).encode("utf-8", "backslashreplace")).digest()
    rest = int.from_bytes(digest[:10], "big")
    number = (milliseconds << 80) | (rest & ((1 << 80) - 1))
    number = (number & ~(0xF << 76)) | (0x7 << 76)
    number = (number & ~(0x3 << 62)) | (0x2 << 62)
    return str(UUID(int=number))
