"""Rows of other databases, streamed into the bench as they come, and counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from lockgate.compare.carry import received, sent
from lockgate.compare.scope import Scope
from lockgate.core.ports import Bench, Progress, Side


@dataclass(frozen=True, slots=True)
class Sending:
    """A query in a side's own database, with columns c0, c1 and so on, and how many rows it is expected to have.

    `is_plain` says that it has the side's rows as they are stored.
    """

    side: Side
    is_left: bool
    rows: str
    many: int | None = None
    is_plain: bool = False


def streamed(bench: Bench, scope: Scope, sending: Sending, progress: Progress) -> str:
    """Brings rows into the bench; returns the bench's query for them. What it can read itself is not moved."""
    if sending.side.engine is bench:
        return sending.rows
    name = "from_left" if sending.is_left else "from_right"
    with arriving(scope, sending, progress) as (rows, columns):
        bench.keep(name, rows, columns)
    return f"select * from {name}"


@contextmanager
def arriving(scope: Scope, sending: Sending, progress: Progress) -> Iterator[tuple[pa.RecordBatchReader, str]]:
    """Rows of another database as they come, and the bench's select list for c0, c1 and so on over them."""
    side = sending.side
    dialect = side.engine.dialect
    columns = [pair.left if sending.is_left else pair.right for pair in scope.pairs]
    sends = ", ".join(f"{sent(one, f'c{number}', dialect)} as c{number}" for number, one in enumerate(columns))
    kept = ", ".join(f"{received(one, f'c{number}', dialect)} as c{number}" for number, one in enumerate(columns))
    query = f"select {sends} from ({sending.rows}) as sent"
    with side.engine.stream(query, is_plain=sending.is_plain) as reader:
        yield pa.RecordBatchReader.from_batches(reader.schema, _counted(reader, sending, progress)), kept


def _counted(reader: pa.RecordBatchReader, sending: Sending, progress: Progress) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in reader:
        yield batch
        done += batch.num_rows
        progress(f"reading {sending.side.name}", done, sending.many)
