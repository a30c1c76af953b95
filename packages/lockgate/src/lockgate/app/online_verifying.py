"""Proving that an implementation gives by records what it gives as a batch: the whole table, in several ways."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lockgate.app.comparing import compared_with_file
from lockgate.app.record_programs import Lent, RecordPrograms
from lockgate.app.rules import own_columns_of, pinned_rows
from lockgate.core.verification import Maker, Verified
from lockgate.errors import CapabilityMissing, LockgateError, NotOnline
from lockgate.transform.rules.query import OUTCOME
from lockgate.transform.rules.rule_set import Outcome

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.core.entity import Entity
    from lockgate.core.ports import Progress
    from lockgate.core.route import Edition
    from lockgate.transform.rules.records import Record

# Records of one query, as of requests that come at once; and how many are in a request of several.
TOGETHER = 500
FEW = 7
SEED = 20

Requests = Sequence[Sequence["Record"]]


def verified_online(
    wiring: Wiring, entity: Entity, maker: Maker, edition: Edition, progress: Progress
) -> Iterator[Verified]:
    """Whether an implementation's answers about records equal its edition, row by row.

    Of one that cannot answer nothing is told, unless it is declared to.
    All records are asked at once. Where each stands for itself they are asked in requests of one too, and of several in
    an order of chance.
    """
    implementation = entity.implementation(maker.implementation)
    with closing(RecordPrograms(wiring)) as programs, TemporaryDirectory(prefix="lockgate-") as folder:
        try:
            with programs.lend_at_last(entity, implementation) as lent:
                for way, rows in _answers(wiring, lent, entity.contract.names, progress):
                    yield _held(wiring, entity, (maker, edition), (way, rows, Path(folder)), progress)
        except (CapabilityMissing, NotOnline) as refusal:
            if implementation.is_online:
                yield Verified(replace(maker, way="for records"), against=maker, error=refusal)
        except LockgateError as error:
            yield Verified(replace(maker, way="for records"), against=maker, error=error)


def _answers(wiring: Wiring, lent: Lent, names: Sequence[str], progress: Progress) -> Iterator[tuple[str, pa.Table]]:
    columns = [column.name for column in own_columns_of(wiring, lent.records)]
    records = pinned_rows(wiring, lent.records, columns).to_pylist()
    for way, groups in _ways(records, is_alone=lent.program.is_alone and lent.program.is_apart):
        progress(f"asking {len(records)} records {way}", 0, None)
        tables = [table for group in groups for table in lent.program.outcomes(group)]
        yield way, _outputs(tables or lent.program.outcomes([[]]), names)


def _ways(records: Sequence[Record], *, is_alone: bool) -> Iterator[tuple[str, Iterator[Requests]]]:
    """How records are asked: each way's groups of requests, which one query answers."""
    yield "at once", iter([[records]])
    if is_alone:
        yield "one by one", _groups([[record] for record in records], TOGETHER)
        shuffled = random.Random(SEED).sample(records, len(records))  # noqa: S311  no secret
        several = [shuffled[begin : begin + FEW] for begin in range(0, len(shuffled), FEW)]
        yield f"in requests of {FEW}", _groups(several, TOGETHER // FEW)


def _groups(requests: Requests, most: int) -> Iterator[Requests]:
    return (requests[begin : begin + most] for begin in range(0, len(requests), most))


def _outputs(outcomes: Sequence[pa.Table], names: Sequence[str]) -> pa.Table:
    """The rows that records gave."""
    rows = pa.concat_tables(outcomes)
    is_ok = pc.equal(rows[OUTCOME], Outcome.OK.value)
    return rows.filter(is_ok).select(list(names))


def _held(
    wiring: Wiring,
    entity: Entity,
    batch: tuple[Maker, Edition],
    answers: tuple[str, pa.Table, Path],
    progress: Progress,
) -> Verified:
    (against, edition), (way, rows, folder) = batch, answers
    maker = replace(against, way=way)
    file = folder / f"{way}.parquet"
    pq.write_table(rows, file)
    try:
        found = compared_with_file(entity, (str(maker), file), (str(against), wiring, edition), progress)
    except LockgateError as error:
        return Verified(maker, rows.num_rows, against, error=error)
    return Verified(maker, rows.num_rows, against, found.verdict, found.unexplained, found.reasons)
