"""Staged Parquet files: written aside, synced to the disk, and renamed when they are whole."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

COMPRESSION = "snappy"


class PartFile:
    """A Parquet file under way; as a context manager it leaves nothing behind unless `keep` was called."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Nothing is on the disk before there are rows."""
        self._path = path
        self._aside = path.with_name(f".{path.name}.part")
        self._writer: pq.ParquetWriter | None = None
        self.schema = schema
        self.rows = 0

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes what is still aside."""
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            self._aside.unlink(missing_ok=True)

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows."""
        if batch.num_rows:
            self._open().write_batch(batch)
            self.rows += batch.num_rows

    def keep(self) -> Path:
        """Ends the file, empty or not, and gives it its name once it is on the disk."""
        self._open().close()
        _sync(self._aside)
        self._aside.replace(self._path)
        _sync(self._path.parent)
        return self._path

    def _open(self) -> pq.ParquetWriter:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._aside, self.schema, compression=COMPRESSION, use_dictionary=False)
        return self._writer


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
