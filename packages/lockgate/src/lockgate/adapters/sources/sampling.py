"""The columns of a first package, as loading it would type them: found out by staging it aside."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.ports import JsonRecords, Package, StagedFile, StagingOrder
from lockgate.core.relation import Column
from lockgate.core.stream import Stream


def sampled(content: JsonRecords | StagedFile, stream: Stream) -> tuple[Column, ...]:
    """The columns that staging finds in some of a stream's records.

    Raises:
        ContractBroken: the records are not what the stream declares.
        SourceInconsistent: they cannot be read.
    """
    with TemporaryDirectory(prefix="lockgate-sample-") as folder:
        order = StagingOrder(stream, load_id=0, number=1, first_row=1, folder=Path(folder))
        return DuckDBStager().stage(Package(content, None), order).columns
