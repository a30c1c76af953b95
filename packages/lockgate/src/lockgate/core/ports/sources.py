"""What stages ask of a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lockgate.core.load import CursorRange, SourceFile
from lockgate.core.relation import Column
from lockgate.core.stream import Stream

if TYPE_CHECKING:
    import pyarrow as pa


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
    """JSON in UTF-8, as the source wrote it: an array of objects, one a record, or an object with it under `field`."""

    text: bytes
    field: str | None = None


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
