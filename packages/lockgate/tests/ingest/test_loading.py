"""What a load lands, remembers and leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.load import CursorRange, LoadMode, LoadStatus
from lockgate.core.ports import Extraction
from lockgate.core.run import Bounds
from lockgate.core.stream import NewColumnPolicy, Stream
from lockgate.errors import ContractBroken, DiskFull, SourceInconsistent, SourceRefused, SourceUnavailable


class Failing:
    """A port whose method `name` raises at its `at`-th call."""

    def __init__(self, port, name: str, error: Exception, *, at: int = 1) -> None:
        self._port, self._name, self._error, self._left = port, name, error, at

    def __getattr__(self, name):
        if name != self._name:
            return getattr(self._port, name)
        self._left -= 1
        if self._left:
            return getattr(self._port, name)
        raise self._error


class Stopping:
    """A reader that gives so many packages and then raises."""

    def __init__(self, reader, packages: int, error: Exception) -> None:
        self._reader, self._packages, self._error = reader, packages, error
        self.asked: list[Extraction] = []

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def extract(self, extraction):
        self.asked.append(extraction)
        for number, package in enumerate(self._reader.extract(extraction)):
            if number == self._packages:
                raise self._error
            yield package


def test_a_stream_without_a_cursor_is_replaced(house):
    house.write("a.ndjson", {"id": 1}, {"id": 2})
    first = house.load()
    house.write("a.ndjson", {"id": 3})
    second = house.load()

    assert [first.mode, second.mode] == [LoadMode.REPLACE, LoadMode.REPLACE]
    assert house.rows == [{"id": 3}]
    assert (second.rows, second.rejected, second.files, second.status) == (1, 0, 1, LoadStatus.LANDED)
    assert first.load_id < second.load_id
    assert house.left_staged == []


def test_unchanged_files_change_nothing(house):
    house.write("a.ndjson", {"id": 1})
    first = house.load()
    house.write("a.ndjson", {"id": 1})

    again = house.load()

    assert (again.status, again.load_id, again.rows) == (LoadStatus.UNCHANGED, first.load_id, 1)
    assert [load.load_id for load in house.landed] == [first.load_id]
    assert house.statuses == ["landed"]


def test_unchanged_files_are_loaded_again_when_asked_whole_or_declared_anew(house):
    house.write("a.ndjson", {"id": 1})
    house.load()

    assert house.load(Bounds(full=True)).status is LoadStatus.LANDED
    house.stream = replace(house.stream, on_new_column=NewColumnPolicy.DISCARD_VALUE)
    assert house.load().status is LoadStatus.LANDED
    assert house.rows == [{"id": 1}]


def test_a_new_file_is_a_change(house):
    house.write("a.ndjson", {"id": 1})
    house.load()
    house.write("b.ndjson", {"id": 2})

    house.load()

    assert house.rows == [{"id": 1}, {"id": 2}]


def test_a_cursor_adds_from_its_lookback_on(house):
    house.stream = replace(house.stream, cursor="at", lookback=timedelta(days=1))
    house.write("a.ndjson", *[{"id": day, "at": f"2024-01-0{day}T00:00:00Z"} for day in (1, 2, 3)])
    first = house.load()
    house.write("b.ndjson", {"id": 4, "at": "2024-01-04T00:00:00Z"}, {"id": 9, "at": None})
    second = house.load()

    assert [first.cursor, second.cursor] == [
        CursorRange(None, "2024-01-03T00:00:00Z"),
        CursorRange("2024-01-02T00:00:00Z", "2024-01-04T00:00:00Z"),
    ]
    assert [first.mode, second.mode] == [LoadMode.APPEND, LoadMode.APPEND]
    assert [row["id"] for row in house.rows] == [1, 2, 3, 2, 3, 4, 9]


def test_a_cursor_begins_where_the_target_ends_whatever_the_ledger_says(house, tmp_path):
    house.stream = replace(house.stream, cursor="at")
    house.write("a.ndjson", {"id": 1, "at": "2024-01-01"})
    house.load()
    (tmp_path / "control.db").unlink()
    house.__post_init__()
    house.write("b.ndjson", {"id": 2, "at": "2024-01-02"})

    assert house.load().cursor.since == "2024-01-01"


def test_bounds_are_for_streams_with_a_cursor(house):
    house.write("a.ndjson", {"id": 1})

    with pytest.raises(SourceRefused, match="no cursor"):
        house.load(Bounds(since="2024-01-01"))


def test_bounds_keep_to_a_part(house):
    house.stream = replace(house.stream, cursor="at")
    house.write("a.ndjson", *[{"id": day, "at": f"2024-01-0{day}"} for day in (1, 2, 3, 4)])

    house.load(Bounds(since="2024-01-02", until="2024-01-03"))

    assert [row["id"] for row in house.rows] == [2, 3]


def test_a_full_load_has_no_bounds(house):
    house.stream = replace(house.stream, cursor="at")
    house.write("a.ndjson", {"id": 1, "at": "2024-01-01"})

    for bounds in (Bounds(full=True, since="2024-01-01"), Bounds(full=True, until="2024-01-01")):
        with pytest.raises(SourceRefused, match="loaded whole or within bounds, not both"):
            house.load(bounds)

    assert (house.statuses, house.landed) == ([], ())


def test_bounds_are_written_as_the_source_writes_its_cursor(house):
    house.stream = replace(house.stream, cursor="id")
    house.write("a.ndjson", *[{"id": number} for number in (9, 10, 11, 100)])
    house.load(Bounds(since="10", until="11"))
    numbers = house.rows
    house.stream = replace(house.stream, name="codes", cursor="code")
    house.write("a.ndjson", *[{"code": code} for code in ("9", "a", "b", "c", "ü")])
    house.load(Bounds(since="a", until="b"))

    assert numbers == [{"id": 10}, {"id": 11}]
    assert house.rows == [{"code": "a"}, {"code": "b"}]


def test_a_bound_that_is_no_value_of_the_cursor_is_refused(house):
    house.stream = replace(house.stream, cursor="id")
    house.write("a.ndjson", {"id": 1})

    with pytest.raises(SourceRefused, match="'2024-01-01' is no bigint, so 'id' cannot be compared with it"):
        house.load(Bounds(since="2024-01-01"))

    assert house.landed == ()


def test_packages_are_numbered_on_and_keep_what_earlier_ones_brought(house):
    for number in range(5):
        house.write(f"{number}.ndjson", {"id": number}, {f"c{number}": number})
    orders = []

    class Stager:
        def stage(self, package, order):
            orders.append((order.number, order.first_row, [column.name for column in order.seen]))
            return DuckDBStager().stage(package, order)

        align = staticmethod(DuckDBStager().align)

    with pytest.raises(SourceUnavailable):
        house.load(reader=Stopping(house.ports.reader, 3, SourceUnavailable("away")), stager=Stager())
    house.load(stager=Stager())

    brought = ["id", "c0", "c1", "c2", "c3"]
    assert orders == [(1 + n, 1 + 2 * n, brought[: n + 1] if n else []) for n in range(5)]


def test_types_that_landed_first_stand(house):
    house.write("a.ndjson", {"id": 1, "n": 1})
    house.load()
    house.write("a.ndjson", {"id": 2, "n": "x"}, {"id": 3, "n": 2}, {"id": "4", "n": 3, "new": True})
    house.load()

    assert house.types == {"id": "bigint", "n": "bigint", "new": "boolean"}
    assert house.rows == [{"id": 3, "n": 2, "new": None}, {"id": 4, "n": 3, "new": True}]
    (rejected,) = house.warehouse.quarantined(house.relation)
    assert (rejected.position, rejected.column, rejected.reason) == (1, "n", "does not fit bigint")


def test_refuses_another_type_than_was_landed_before_it_asks_the_source(house):
    house.write("a.ndjson", {"id": 1})
    house.load()
    house.stream = replace(house.stream, columns=house.columns(id="text"))

    with pytest.raises(ContractBroken, match="declared text, was landed as bigint"):
        house.load()

    assert house.statuses == ["landed"]


def test_the_first_load_of_a_frozen_stream_may_bring_any_column(house):
    house.stream = replace(house.stream, on_new_column=NewColumnPolicy.FREEZE)
    house.write("a.ndjson", {"id": 1})
    house.load()
    house.write("a.ndjson", {"id": 1, "b": 2})

    with pytest.raises(ContractBroken, match="new columns: b"):
        house.load()

    assert house.statuses == ["landed", "failed"]
    assert house.rows == [{"id": 1}]
    assert house.left_staged == []


def test_columns_that_hold_only_null_become_text(house):
    house.write("a.ndjson", {"id": 1, "n": None})
    house.write("b.ndjson", {"id": 2, "n": None, "m": None})

    house.load()

    assert house.types == {"id": "bigint", "n": "text", "m": "text"}
    assert house.rows == [{"id": 1, "n": None, "m": None}, {"id": 2, "n": None, "m": None}]


def test_files_of_one_load_get_the_same_columns(house):
    house.write("a.ndjson", {"id": 1, "n": None})
    house.write("b.ndjson", {"n": 1, "id": 2})
    house.write("c.ndjson", {"id": 3, "n": 0.5, "m": "x"})

    house.load()

    assert house.types == {"id": "bigint", "n": "double", "m": "text"}
    assert [(row["n"], row["m"]) for row in house.rows] == [(None, None), (1.0, None), (0.5, "x")]


@pytest.mark.parametrize("records", [(), ({"id": 1},)])
def test_an_empty_source_is_a_valid_load_of_what_is_declared(house, records):
    house.stream = replace(house.stream, columns=house.columns(id="bigint", at="date"))
    if records:
        house.write("a.ndjson", *records)
        house.load()
    house.write("a.ndjson")

    done = house.load()

    assert (done.rows, done.status) == (0, LoadStatus.LANDED)
    assert house.rows == []
    assert house.types == {"id": "bigint", "at": "date"}


def test_an_empty_source_nobody_knows_anything_of_is_a_valid_load(house):
    house.write("a.ndjson")

    assert house.load().rows == 0
    assert house.rows == []


def test_a_missing_file_is_refused_by_its_path(house):
    with pytest.raises(SourceRefused, match=r"files/\*\.ndjson"):
        house.load()

    assert house.statuses == []


@pytest.mark.parametrize("stream", [Stream("things", key=("idd",)), Stream("things", cursor="idd")])
def test_refuses_a_key_or_cursor_that_is_not_there_and_names_the_nearest(house, stream):
    house.stream = replace(stream, options=house.stream.options)
    house.write("a.ndjson", {"id": 1, "name": "x"})

    with pytest.raises(ContractBroken, match="no column 'idd'; did you mean 'id'"):
        house.load()

    assert (house.statuses, house.landed, house.left_staged) == (["failed"], (), [])


def test_goes_on_after_the_last_package_when_the_source_was_away(house):
    for name in "abc":
        house.write(f"{name}.ndjson", {"id": name})
    away = Stopping(house.ports.reader, 2, SourceUnavailable("away"))
    with pytest.raises(SourceUnavailable):
        house.load(reader=away)
    assert (house.statuses, house.landed) == (["extracting"], ())

    back = Stopping(house.ports.reader, 9, SourceUnavailable("never"))
    done = house.load(reader=back)

    assert back.asked[0].resume == {"files": 2}
    assert [row["id"] for row in house.rows] == ["a", "b", "c"]
    assert (house.statuses, [load.load_id for load in house.landed]) == (["landed"], [done.load_id])


@pytest.mark.parametrize("change", ["file", "stream", "bounds", "lost"])
def test_begins_anew_where_going_on_would_mix_two_requests(house, change, tmp_path):
    house.write("a.ndjson", {"id": "a"})
    house.write("b.ndjson", {"id": "b"})
    with pytest.raises(SourceUnavailable):
        house.load(reader=Stopping(house.ports.reader, 1, SourceUnavailable("away")))
    bounds = Bounds()
    if change == "file":
        house.write("a.ndjson", {"id": "A"})
    elif change == "stream":
        house.stream = replace(house.stream, columns=house.columns(id="text"))
    elif change == "bounds":
        bounds = Bounds(full=True)
    else:
        next((tmp_path / "loads").rglob("*.parquet")).unlink()

    house.load(bounds)

    assert house.statuses == ["failed", "landed"]
    assert [row["id"] for row in house.rows] == [{"file": "A"}.get(change, "a"), "b"]
    assert house.left_staged == []


@pytest.mark.parametrize("error", [SourceInconsistent("a page came twice"), DiskFull()])
def test_a_load_that_cannot_be_loaded_leaves_nothing(house, error):
    house.write("a.ndjson", {"id": "a"})
    house.write("b.ndjson", {"id": "b"})

    with pytest.raises(type(error)):
        house.load(reader=Stopping(house.ports.reader, 1, error))

    assert (house.statuses, house.landed, house.left_staged) == (["failed"], (), [])
    assert house.store.loads.loads()[0].error == f"{error.code} {error.message}"


def test_a_target_that_failed_gets_what_was_staged(house):
    from lockgate.errors import WarehouseUnavailable

    house.write("a.ndjson", {"id": "a"})
    with pytest.raises(WarehouseUnavailable):
        house.load(landings=Failing(house.warehouse, "land", WarehouseUnavailable()))
    assert house.statuses == ["staged"]

    house.load(reader=Failing(house.ports.reader, "extract", AssertionError("asked again")))

    assert (house.rows, house.statuses) == ([{"id": "a"}], ["landed"])


def test_a_ledger_that_missed_the_landing_is_mended(house):
    house.write("a.ndjson", {"id": "a"})
    with pytest.raises(KeyboardInterrupt):
        house.load(ledger=Failing(house.store.loads, "finish", KeyboardInterrupt(), at=2))
    assert house.statuses == ["staged"]

    mended = house.load(reader=Failing(house.ports.reader, "files", AssertionError("asked again")))

    assert (mended.status, mended.rows) == (LoadStatus.LANDED, 1)
    assert (house.statuses, len(house.landed)) == (["landed"], 1)


def test_load_ids_grow_though_the_clock_stands_still_or_goes_back(house):
    house.write("a.ndjson", {"id": 1})
    first = house.load()
    house.write("a.ndjson", {"id": 2})
    house.now -= timedelta(days=1)
    second = house.load()

    assert first.load_id == 1709208060000000
    assert second.load_id == first.load_id + 1


def test_a_declared_column_that_no_table_has_any_more_is_refused(house):
    house.kind = "csv"
    house.stream = replace(house.stream, options={"path": "*.csv"}, columns=house.columns(id="bigint", name="text"))
    (house.folder / "files").mkdir()
    (house.folder / "files/one.csv").write_text("id,name\n1,Ada\n", encoding="utf-8")
    house.load()
    (house.folder / "files/one.csv").write_text("id\n1\n2\n", encoding="utf-8")

    with pytest.raises(ContractBroken, match="things has no column 'name' any more, which the project declares"):
        house.load()

    assert len(house.warehouse.landed(house.source.relation(house.stream))) == 1


def test_a_declared_column_that_older_files_lack_is_nothing_there(house):
    house.kind = "csv"
    house.stream = replace(house.stream, options={"path": "*.csv"}, columns=house.columns(id="bigint", name="text"))
    (house.folder / "files").mkdir()
    (house.folder / "files/1.csv").write_text("id\n1\n", encoding="utf-8")
    (house.folder / "files/2.csv").write_text("id,name\n2,Ada\n", encoding="utf-8")

    assert house.load().rows == 2


def test_records_may_leave_a_declared_field_out(house):
    house.stream = replace(house.stream, columns=house.columns(id="bigint", name="text"))
    house.write("one.ndjson", {"id": 1})

    assert house.load().rows == 1
