"""What a database adds to the suite that every reader passes: its types, its settings, its rights."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from lockgate.adapters.discover.postgres import found_database
from lockgate.adapters.sources import postgres as postgres_source
from lockgate.adapters.sources.postgres import open_postgres
from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.load import CursorRange
from lockgate.core.ports import Extraction, StagingOrder
from lockgate.core.stream import Source, Stream
from lockgate.errors import ContractBroken, SourceRefused, SourceUnavailable


class NoSecrets:
    def resolve(self, reference: str) -> str:
        return reference


def reader(url: str, *streams: Stream):
    return open_postgres(Source("shop", "postgres", streams, options={"url": url}), NoSecrets(), Path())


def told(url: str, name: str) -> dict[str, str]:
    (stream,) = reader(url, Stream(name)).streams()
    return {one.name: str(one.type) for one in stream.columns}


def read(url: str, stream: Stream, folder: Path, **asked) -> tuple[list[tuple], list[object]]:
    """The rows, and each package's resume point."""
    rows, ends = [], []
    for package in reader(url, stream).extract(Extraction(stream, **asked)):
        staged = DuckDBStager().stage(package, StagingOrder(stream, load_id=7, number=1, first_row=1, folder=folder))
        found = pq.read_table(staged.file).drop_columns(["_load_id", "_row"]).to_pylist()
        rows += [tuple(row.values()) for row in found]
        ends.append(package.resume)
    return rows, ends


@pytest.fixture
def run(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection.execute


def test_init_finds_the_very_types_that_a_load_has(postgres_url, run) -> None:
    run("create domain money_text as varchar(10)")
    run("create domain price as numeric(12, 2)")
    run(
        "create table odd (id int primary key, wide numeric(50, 2), any_size numeric, negative numeric(5, -2),"
        " cost price, label money_text, tags int[], address inet, day date, span interval, spot point)"
    )

    (found,) = found_database(postgres_url).tables

    assert {one.name: str(one.type) for one in found.columns} == told(postgres_url, "odd")
    assert told(postgres_url, "odd") == {
        "id": "integer", "wide": "numeric(38,18)", "any_size": "numeric(38,18)", "negative": "numeric(38,18)",
        "cost": "numeric(12,2)", "label": "text", "tags": "json", "address": "text", "day": "date", "span": "text",
        "spot": "text",
    }  # fmt: skip


def test_values_mean_the_same_whatever_the_role_has_set(postgres_url, run, tmp_path) -> None:
    run("create table moments (at timestamptz, day date, span interval, cost real)")
    run("insert into moments values ('2024-02-29 23:30:00+00', '2024-02-03', '1 day 2 hours', 0.1)")
    for setting in ("timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'"):
        run(f"alter role current_user set {setting}")

    try:
        rows, _ = read(postgres_url, Stream("moments"), tmp_path)
    finally:
        run("alter role current_user reset all")

    ((at, day, span, cost),) = rows
    assert (at.isoformat(), day.isoformat(), span) == ("2024-02-29T23:30:00+00:00", "2024-02-03", "P1DT2H")
    assert round(cost, 6) == 0.1


def test_what_is_read_is_never_written_to(postgres_url, run) -> None:
    run("create sequence counter")
    run("create view counting as select nextval('counter') as n")

    with pytest.raises(SourceRefused, match="read-only"):
        list(reader(postgres_url).extract(Extraction(Stream("counting"))))


def test_a_row_that_cannot_be_computed_is_refused_without_its_value(postgres_url, run) -> None:
    run("create table texts as select n::text from generate_series(1, 20000) n union all select 'canary-99'")
    run("create view numbers as select n::int from texts")

    with pytest.raises(SourceRefused, match="shop: invalid input syntax for type integer") as caught:
        list(reader(postgres_url).extract(Extraction(Stream("numbers"))))

    assert "canary-99" not in str(caught.value)


def test_a_connection_that_is_lost_midway_is_unavailable(postgres_url, run, monkeypatch) -> None:
    monkeypatch.setattr(postgres_source, "PACKAGE_BYTES", 1000)
    run("create table things as select n, repeat('x', 1000) as x from generate_series(1, 50000) n")
    packages = reader(postgres_url).extract(Extraction(Stream("things")))
    next(packages)

    run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lockgate'")

    # A server that is in the middle of sending rows cannot always send why it ends the connection.
    ended = "terminating connection|server closed the connection unexpectedly"
    with pytest.raises(SourceUnavailable, match=f"shop does not answer: .*({ended})"):
        list(packages)


def test_a_key_that_the_database_does_not_hold_unique_is_not_gone_on_with(
    postgres_url, run, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(postgres_source, "PACKAGE_BYTES", 1)
    run("create table things (id int not null, at int)")
    run("insert into things select 1, 1 from generate_series(1, 3)")

    rows, ends = read(postgres_url, Stream("things", key=("id",), cursor="at"), tmp_path)

    assert rows == [(1, 1)] * 3
    assert set(ends) == {None}


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("numeric", ["-1e-25", "1e-25", "2e30", "1e31"]),
        ("bytea", [r"\x00", r"\x00ff", r"\x27", r"\xff"]),
        ("double precision", ["-Infinity", "0.1", "0.30000000000000004", "1e300"]),
        ("text", ["B", "_", "a", "ä"]),
        ("uuid", [f"0000000{n}-0000-0000-0000-000000000000" for n in range(4)]),
        ("mood", ["B", "_", "a", "ä"]),
    ],
)
def test_reading_goes_on_behind_a_cursor_of_any_type(postgres_url, run, monkeypatch, type_, values) -> None:
    monkeypatch.setattr(postgres_source, "PACKAGE_BYTES", 1)
    run("create type mood as enum ('ä', 'a', '_', 'B')")
    run(f"create table things (id int primary key, at {type_})")
    for number, value in enumerate(reversed(values)):
        run(f"insert into things values ({number}, '{value}')")
    stream = Stream("things", key=("id",), cursor="at")

    def read_ids(**asked) -> tuple[list[int], list[object]]:
        """The ids, and with each of them where its package ends."""
        packages = list(reader(postgres_url).extract(Extraction(stream, **asked)))
        found = [(id_, one.resume) for one in packages for id_ in one.content.column("id").to_pylist()]
        return [id_ for id_, _ in found], [end for _, end in found]

    ids, ends = read_ids()

    assert ids == [3, 2, 1, 0]
    assert [read_ids(resume=end)[0] for end in ends] == [ids[4 - ends[::-1].index(end) :] for end in ends]
    assert len({str(end) for end in ends}) > 1
    assert read_ids(cursor=CursorRange(values[1], values[2]))[0] == [2, 1]


def test_a_bound_that_is_no_value_of_the_cursor_is_refused(postgres_url, run) -> None:
    run("create table things (id int primary key)")

    with pytest.raises(SourceRefused, match="shop: invalid input syntax for type integer"):
        list(reader(postgres_url).extract(Extraction(Stream("things", cursor="id"), CursorRange("yesterday"))))


def test_a_column_that_is_not_there_is_refused_by_the_nearest_name(postgres_url, run) -> None:
    run("create table things (id int primary key)")

    with pytest.raises(ContractBroken, match="things has no column 'idd'; did you mean 'id'"):
        list(reader(postgres_url).extract(Extraction(Stream("things", key=("idd",)))))


def test_a_table_that_may_not_be_read_is_refused(postgres_url, run) -> None:
    run("create table things (id int primary key)")
    run("create role nobody_much login password 'x'")
    address = postgres_url.partition("://")[2].partition("@")[2]

    with pytest.raises(SourceRefused, match="permission denied for table things"):
        list(reader(f"postgresql://nobody_much:x@{address}").extract(Extraction(Stream("things"))))


def test_a_database_that_is_not_there_is_unavailable_and_its_password_untold() -> None:
    with pytest.raises(SourceUnavailable, match="shop does not answer") as caught:
        list(reader("postgresql://me:hunter22@127.0.0.1:1/db").extract(Extraction(Stream("things"))))

    assert "hunter22" not in str(caught.value)
