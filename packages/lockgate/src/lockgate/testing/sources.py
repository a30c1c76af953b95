"""What every reader of a source must do, whatever it reads: every record once and exactly, bounds, going on, refusals.

A test class inherits `ReaderConformance`, or `FileReaderConformance` where the source is files, and gives two fixtures:
`stand`, a `Stand`, and `stager`, a `Stager` that tells what the packages hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pyarrow.parquet as pq
import pytest

from lockgate.core.load import CursorRange
from lockgate.core.ports import Extraction, Package, SourceReader, Stager, StagingOrder
from lockgate.core.relation import Column
from lockgate.core.stream import Stream
from lockgate.core.types import ColumnType
from lockgate.errors import SourceInconsistent, SourceRefused

Record = Mapping[str, Any]

COLUMNS = tuple(
    Column(name, ColumnType.parse(type_))
    for name, type_ in {
        "id": "bigint",
        "name": "text",
        "amount": "numeric(38,10)",
        "at": "timestamptz",
        "number": "bigint",
        "code": "text",
    }.items()
)
THINGS = Stream("things", key=("id",), columns=COLUMNS)


def _record(place: int, name: str | None, amount: str, cursor: int | None) -> Record:
    at = None if cursor is None else datetime(2024, 2, cursor, 23, 59, 59, 123456, tzinfo=UTC)
    code = None if cursor is None else "_-AZaz"[cursor % 6] + "é"
    return {"id": place, "name": name, "amount": Decimal(amount), "at": at, "number": cursor, "code": code}


# Cursors neither rise nor are they all there; code points order the codes otherwise than any language does.
RECORDS: tuple[Record, ...] = (
    _record(1, "Zoë", "0.1000000000", 9),
    _record(2, "漢字, 😀", "1234567890123456789012345678.0123456789", 2),
    _record(3, None, "-0.0000000001", 10),
    _record(4, 'a "b"\nc', "12345678901234567.8900000000", None),
    _record(5, "naïve", "0.0000000000", 10),
    _record(6, "\\ '", "1.0000000000", 11),
    _record(7, "last", "7.0000000000", None),
)
# For each cursor: a range as a source writes it, and the records in it.
BOUNDS = (
    ("at", CursorRange("2024-02-09T23:59:59.123456Z", "2024-02-10T23:59:59.123456Z"), {1, 3, 4, 5, 7}),
    ("at", CursorRange(until="2024-02-09T23:59:59.123455Z"), {2, 4, 7}),
    ("number", CursorRange(since="10"), {3, 4, 5, 6, 7}),
    ("number", CursorRange("2", "9"), {1, 2, 4, 7}),
    ("code", CursorRange("A", "_"), {1, 2, 4, 7}),
    ("code", CursorRange(since="a"), {3, 4, 5, 6, 7}),
)


class Stand(Protocol):
    """A source that a test fills."""

    def hold(self, records: Sequence[Record]) -> None:
        """Makes the source's stream `things` hold these records and no others, so that three come at a time."""

    def open(self, stream: Stream) -> SourceReader:
        """A reader of a source that has this stream."""


class ReaderConformance:
    """Readers of any kind; `resumes` says whether a stream with a key and a cursor is gone on with after a package."""

    resumes = True

    @pytest.mark.parametrize("cursor", [None, "at"])
    def test_every_record_comes_once_and_exactly(self, stand: Stand, stager: Stager, tmp_path, cursor) -> None:
        stand.hold(RECORDS)
        stream = replace(THINGS, cursor=cursor)

        found = rows(stand.open(stream), stream, stager, tmp_path)

        assert by_id(found) == list(RECORDS)

    @pytest.mark.parametrize("cursor", ["at", "number", "code"])
    def test_going_on_after_any_package_gives_the_rest(self, stand: Stand, stager: Stager, tmp_path, cursor) -> None:
        stand.hold(RECORDS)
        stream = replace(THINGS, cursor=cursor)
        packages = [(package.resume, staged(package, stream, stager, tmp_path)) for package in read(stand, stream)]

        ends = [json.loads(json.dumps(resume)) for resume, _ in packages]
        assert [end is not None for end in ends] == [self.resumes] * len(packages)
        assert len(packages) > 2  # or nothing was gone on with in the middle
        for done, end in enumerate(ends, start=1) if self.resumes else ():
            begun = [row for _, part in packages[:done] for row in part]
            rest = rows(stand.open(stream), stream, stager, tmp_path, resume=end)
            assert by_id([*begun, *rest]) == list(RECORDS)

    @pytest.mark.parametrize(("cursor", "within", "ids"), BOUNDS)
    def test_bounds_are_inclusive_and_records_without_a_cursor_belong_to_every_answer(
        self, stand: Stand, stager: Stager, tmp_path, cursor, within, ids
    ) -> None:
        stand.hold(RECORDS)
        stream = replace(THINGS, cursor=cursor)

        found = rows(stand.open(stream), stream, stager, tmp_path, cursor=within)

        assert {row["id"] for row in found} == ids

    @pytest.mark.parametrize("cursor", [None, "at"])
    def test_a_stream_without_records_has_none(self, stand: Stand, stager: Stager, tmp_path, cursor) -> None:
        stand.hold(())
        stream = replace(THINGS, cursor=cursor)

        assert rows(stand.open(stream), stream, stager, tmp_path) == []

    def test_a_name_that_is_not_there_is_refused(self, stand: Stand) -> None:
        stand.hold(RECORDS)

        with pytest.raises(SourceRefused, match="nothing"):
            read(stand, replace(THINGS, name="nothing"))

    def test_tells_the_columns_with_declared_types_as_they_are(self, stand: Stand) -> None:
        stand.hold(RECORDS)
        amount = next(one for one in COLUMNS if one.name == "amount")

        (told,) = stand.open(replace(THINGS, columns=(amount,))).streams()

        assert {one.name for one in told.columns} == {one.name for one in COLUMNS}
        types = {one.name: str(one.type) for one in told.columns}
        assert (types["id"], types["name"], types["amount"]) == ("bigint", "text", "numeric(38,10)")

    def test_the_same_is_read_twice(self, stand: Stand, stager: Stager, tmp_path) -> None:
        stand.hold(RECORDS)
        reader = stand.open(THINGS)

        assert rows(reader, THINGS, stager, tmp_path) == rows(reader, THINGS, stager, tmp_path)


class FileReaderConformance(ReaderConformance):
    """Readers of files."""

    def test_files_that_stay_the_same_are_told_the_same(self, stand: Stand) -> None:
        stand.hold(RECORDS)
        first = stand.open(THINGS).files(THINGS)
        stand.hold(RECORDS)

        assert stand.open(THINGS).files(THINGS) == first
        assert len(first) > 2

    def test_a_file_with_other_content_is_told_apart(self, stand: Stand) -> None:
        stand.hold(RECORDS)
        first = stand.open(THINGS).files(THINGS)
        stand.hold([*RECORDS[:-1], {**RECORDS[-1], "name": "lost"}])

        second = stand.open(THINGS).files(THINGS)

        assert [one.name for one in second] == [one.name for one in first]
        assert [one == other for one, other in zip(first, second, strict=True)] == [True] * (len(first) - 1) + [False]

    def test_a_file_that_changed_since_it_was_described_is_refused(self, stand: Stand) -> None:
        stand.hold(RECORDS)
        files = stand.open(THINGS).files(THINGS)
        stand.hold([{**RECORDS[0], "name": "Zoé"}, *RECORDS[1:]])

        with pytest.raises(SourceInconsistent, match="changed"):
            list(stand.open(THINGS).extract(Extraction(THINGS, files=files)))


def read(stand: Stand, stream: Stream) -> Iterable[Package]:
    """The packages of a stream, one after the other."""
    reader = stand.open(stream)
    packages = reader.extract(Extraction(stream, files=reader.files(stream)))
    first = next(packages, None)
    return (package for part in ([first] if first else [], packages) for package in part)


def rows(reader: SourceReader, stream: Stream, stager: Stager, folder: Path, **asked: Any) -> list[Record]:
    """What an extraction holds once it is staged."""
    packages = reader.extract(Extraction(stream, files=reader.files(stream), **asked))
    return [row for package in packages for row in staged(package, stream, stager, folder)]


def staged(package: Package, stream: Stream, stager: Stager, folder: Path) -> list[Record]:
    """What one package holds; nothing of it may be rejected."""
    found = stager.stage(package, StagingOrder(stream, load_id=7, number=1, first_row=1, folder=folder / "staged"))
    assert found.rejected == 0
    rows: list[Record] = pq.read_table(found.file).select([one.name for one in COLUMNS]).to_pylist()
    return rows


def by_id(found: Iterable[Record]) -> list[Record]:
    """Records in the order of their ids."""
    return sorted(found, key=lambda record: int(record["id"]))
