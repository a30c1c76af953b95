"""What ingest asks of staging, and of the memory of loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lockgate.core.load import Load
from lockgate.core.ports.sources import Package
from lockgate.core.relation import Column
from lockgate.core.stream import Stream


@dataclass(frozen=True, slots=True)
class Staged:
    """What staging made of one package: validated rows, rejected rows, the highest cursor value seen.

    `file` and `rejects` are Parquet as `Landing` describes; `rejects` is None where nothing was rejected. A column of
    `file` that is not among `columns` holds nothing but NULL: nobody knows its type yet. `lacking` names columns of the
    stream that a table-like package does not have at all; a ledger does not keep them.
    """

    file: Path
    rejects: Path | None
    columns: tuple[Column, ...]
    rows: int
    rejected: int
    cursor_until: str | None
    lacking: tuple[str, ...] = ()


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
