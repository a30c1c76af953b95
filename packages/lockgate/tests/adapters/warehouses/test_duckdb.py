"""What is DuckDB's own: files that are there or not, a catalog that is swapped, a confined workshop."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from sqlglot import exp

from lockgate.adapters.warehouses import duckdb as duckdb_adapter
from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.adapters.warehouses.duckdb.catalog import changing
from lockgate.adapters.warehouses.duckdb.engine import logical_type
from lockgate.adapters.warehouses.duckdb.failures import translated
from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
from lockgate.adapters.warehouses.folder.editions import GRACE_SECONDS
from lockgate.adapters.warehouses.folder.holder import holder_of, note_holder
from lockgate.adapters.warehouses.folder.layout import Layout, link, safe, written
from lockgate.core.load import Pin
from lockgate.core.relation import Relation
from lockgate.core.route import Arm
from lockgate.core.sql import table
from lockgate.errors import AccessRefused, DiskFull, StatementFailed, TargetBusy
from lockgate.testing.warehouses.given import (
    ENTITY,
    RAW_USERS,
    SERVED,
    build,
    labels,
    land,
    publication,
    publish,
    release,
    route,
    rows_of,
    staged,
    users,
)

ADA = {"id": 1, "name": "Ada"}
DBT = "analytics__dbt"


def clock():
    return datetime.now(UTC)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "warehouse"


@pytest.fixture
def warehouse(folder):
    warehouse = open_duckdb("main", folder, clock=clock)
    warehouse.prepare()
    return warehouse


@pytest.fixture
def small_files():
    """No file may grow beyond 300 kB: what DuckDB meets on a full disk, without the rights to make one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files_of(folder):
    """Every file with its content, save locks."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


# --- the catalog ------------------------------------------------------------------------------------------------


def test_anybody_with_duckdb_reads_the_catalog_and_keeps_what_it_opened(warehouse, folder):
    publish(warehouse, "rules", users(3, "old"))
    query = "SELECT label, count(*) FROM analytics.users GROUP BY label"

    with duckdb.connect(folder / "catalog.duckdb", read_only=True) as opened:
        before = opened.execute(query).fetchall()
        publish(warehouse, "rules", users(4, "new"))
        meanwhile = opened.execute(query).fetchall()
    with duckdb.connect(folder / "catalog.duckdb", read_only=True) as reopened:
        after = reopened.execute(query).fetchall()

    assert (before, meanwhile, after) == ([("old", 3)], [("old", 3)], [("new", 4)])


def test_a_reader_that_opened_the_catalog_long_ago_still_finds_its_edition(warehouse, folder):
    publish(warehouse, "rules", users(3, "old"))

    with duckdb.connect(folder / "catalog.duckdb", read_only=True) as opened:
        for number in range(5):
            publish(warehouse, "rules", users(1, f"{number}"))

        assert opened.execute("SELECT count(*) FROM analytics.users").fetchall() == [(3,)]


def test_files_nobody_names_are_swept_once_they_are_old(warehouse, folder):
    publish(warehouse, "rules", users(3, "old"))
    place = folder / "editions" / "analytics" / "users"
    old, young = place / ".9-rules-dead.parquet", place / "9-rules.parquet"
    for path in (old, young):
        path.write_bytes(b"left by a publisher that was killed")
    past = time.time() - GRACE_SECONDS - 1
    os.utime(old, (past, past))
    os.utime(place / "1-rules.parquet", (past, past))

    publish(warehouse, "rules", users(3, "new"))

    assert sorted(path.name for path in place.iterdir()) == ["1-rules.parquet", "2-rules.parquet", "9-rules.parquet"]


def test_a_second_preparation_changes_nothing(warehouse, folder):
    publish(warehouse, "rules", users(3, "old"))
    before = files_of(folder)

    warehouse.prepare()

    assert files_of(folder) == before


def test_a_forked_process_reads_what_its_parent_has_open(warehouse):
    publish(warehouse, "rules", users(3, "old"))
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    child = context.Process(target=lambda: theirs.send(labels(warehouse)))
    child.start()
    answered = ours.poll(30)
    child.kill()
    child.join()

    assert answered
    assert ours.recv() == {"old": 3}


def test_a_change_of_the_catalog_that_fails_leaves_it_as_it_was(warehouse, folder):
    publish(warehouse, "rules", users(3, "old"))
    before = files_of(folder)

    def fail():
        with changing(DuckDBLayout(folder)) as connection:
            connection.execute("DROP VIEW analytics.users")
            connection.execute("SELECT no_such_column")

    with pytest.raises(StatementFailed):
        fail()

    assert files_of(folder) == before
    assert labels(warehouse) == {"old": 3}


def test_a_folder_that_was_moved_is_read_where_it_is(warehouse, folder, tmp_path):
    land(warehouse, staged(tmp_path, 1, [ADA]))
    publish(warehouse, "rules", users(3, "rules"))
    publish(warehouse, "dbt", users(3, "dbt"))
    route(warehouse, share=10_000)

    folder.rename(tmp_path / "else where")
    moved = open_duckdb("main", tmp_path / "else where", clock=clock)
    moved.prepare()

    assert labels(moved) == {"dbt": 3}
    assert rows_of(moved, RAW_USERS) == [ADA]
    assert [edition.number for edition in moved.editions(ENTITY)] == [1, 2]
    assert publish(moved, "rules", users(4, "new")).number == 3


def test_what_a_killed_landing_left_aside_goes_with_the_next_one(warehouse, folder, tmp_path):
    aside = folder / "raw__log" / "raw" / "users" / ".1-dead"
    aside.mkdir(parents=True)
    (aside / "rows-000000.parquet").write_bytes(b"half")

    land(warehouse, staged(tmp_path, 1, [ADA]))

    assert [path.name for path in aside.parent.iterdir()] == ["1"]
    assert rows_of(warehouse, RAW_USERS) == [ADA]


def test_landing_writes_no_row_twice(warehouse, folder, tmp_path):
    landing = staged(tmp_path, 1, [ADA])

    land(warehouse, landing)

    (landed,) = (folder / "raw__log" / "raw" / "users" / "1").glob("*.parquet")
    assert landed.samefile(landing.files[0])


def test_a_file_of_another_file_system_is_copied(tiny_disk, tmp_path):
    (tmp_path / "there").write_bytes(b"rows")

    link(tmp_path / "there", tiny_disk / "folder" / "here")

    assert (tiny_disk / "folder" / "here").read_bytes() == b"rows"
    assert not (tiny_disk / "folder" / "here").samefile(tmp_path / "there")


# --- workshops --------------------------------------------------------------------------------------------------

HOSTILE = [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '{folder}/raw__log/raw/users/1/rows-000000.parquet'",
    "SELECT * FROM '{folder}/editions/analytics/users/1-rules.parquet'",
    "SELECT * FROM '{folder}/workshops/analytics__dbt/../../editions/analytics/users/1-rules.parquet'",
    "ATTACH '{folder}/catalog.duckdb' AS other",
    "ATTACH '{folder}/workshops/analytics__rules/workshop.duckdb' AS other",
    "COPY (SELECT 1) TO '{folder}/escaped.csv'",
    "COPY (SELECT 1) TO '{folder}/raw__log/raw/users/1/rows-000000.parquet'",
    "EXPORT DATABASE '{folder}/escaped'",
    "INSTALL httpfs",
    "LOAD '{folder}/escaped.duckdb_extension'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_directories = ['/']",
    "SET temp_directory = '/tmp'",
    "SET TimeZone = 'America/New_York'",
]


def test_a_process_that_is_given_access_is_confined(warehouse, folder, tmp_path):
    land(warehouse, staged(tmp_path, 1, [ADA]))
    publish(warehouse, "rules", users(3, "old"))
    before = files_of(folder / "raw__log") | files_of(folder / "editions")

    with warehouse.workshop(DBT) as workshop:
        access = workshop.access()
        with duckdb.connect(access.parameters["path"]) as process:
            for statement in access.parameters["setup"]:
                process.execute(statement)
            for statement in HOSTILE:
                with pytest.raises(duckdb.Error, match=r"disabled|locked|Permission"):
                    process.execute(statement.format(folder=folder))
            process.execute(f"CREATE TABLE {DBT}.mine AS SELECT name FROM raw.users")
            assert process.execute(f"SELECT * FROM {DBT}.mine").fetchall() == [("Ada",)]
            assert process.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]

    assert files_of(folder / "raw__log") | files_of(folder / "editions") == before
    assert not (folder / "escaped.csv").exists()


def test_what_overwrites_the_links_of_a_workshop_does_not_reach_the_log(warehouse, folder, tmp_path):
    land(warehouse, staged(tmp_path, 1, [ADA]))

    with warehouse.workshop(DBT) as workshop:
        (linked,) = (folder / "workshops" / DBT / "raw").rglob("*.parquet")
        workshop.query(exp.select("1"))
        with duckdb.connect() as process:
            process.execute(f"COPY (SELECT 666 AS id) TO '{linked}' (FORMAT parquet)")

    assert rows_of(warehouse, RAW_USERS) == [ADA]
    with warehouse.workshop(DBT) as workshop:
        assert workshop.query(exp.select("name").from_(table(RAW_USERS))).to_pylist() == [{"name": "Ada"}]


def test_a_workshop_sees_the_pins_of_its_opening_and_what_somebody_put_in_place_of_raw_is_gone(warehouse, tmp_path):
    land(warehouse, staged(tmp_path, 1, [ADA]))
    with warehouse.workshop(DBT) as workshop, duckdb.connect(workshop.access().parameters["path"]) as process:
        process.execute("DROP VIEW raw.users; CREATE TABLE raw.users AS SELECT 666 AS id, 'forged' AS name")
    land(warehouse, staged(tmp_path, 2, [{"id": 2, "name": "Bob"}]))

    with warehouse.workshop(DBT) as workshop:
        found = workshop.query(exp.select("name").from_(table(RAW_USERS)).order_by("name")).to_pylist()
        warehouse.move_pins([Pin(RAW_USERS, 1, 1)])
        still = workshop.query(exp.select("name").from_(table(RAW_USERS))).num_rows

    assert found == [{"name": "Ada"}, {"name": "Bob"}]
    assert still == 2


def test_a_view_that_dbt_made_over_raw_can_be_published(warehouse, tmp_path):
    land(warehouse, staged(tmp_path, 1, [ADA]))
    stored = route(warehouse, incumbent="dbt", candidate=None)
    with warehouse.workshop(DBT) as workshop, duckdb.connect(workshop.access().parameters["path"]) as process:
        process.execute(f'CREATE VIEW "workshop"."{DBT}"."stg" AS SELECT id, name FROM "workshop"."raw"."users"')
        process.execute(
            f'CREATE VIEW "workshop"."{DBT}"."fct" AS SELECT id AS user_id, name AS label FROM "workshop"."{DBT}"."stg"'
        )

    warehouse.publish(publication(Relation(DBT, "fct"), "dbt", stored.token))

    assert rows_of(warehouse, SERVED) == [{"user_id": 1, "label": "Ada"}]


def test_publishing_what_somebody_else_is_writing_to_is_refused_as_busy(warehouse):
    stored = route(warehouse)
    built = build(warehouse, "rules", users(3, "one"))
    with warehouse.workshop("analytics__rules") as workshop:
        path = workshop.access().parameters["path"]
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}

    with subprocess.Popen([sys.executable, "-c", code, path], **pipes) as writer:
        writer.stdout.readline()
        with pytest.raises(TargetBusy):
            warehouse.publish(publication(built, "rules", stored.token))
        writer.stdin.close()
    warehouse.publish(publication(built, "rules", stored.token))

    assert labels(warehouse) == {"one": 3}


# --- a catalog made by an earlier version -----------------------------------------------------------------------

BEFORE_HELD_EDITIONS = """
CREATE TABLE lockgate.before (
    entity text NOT NULL, number integer NOT NULL, implementation text NOT NULL, rows bigint NOT NULL,
    published_at timestamptz NOT NULL, pins json NOT NULL, served_schema text NOT NULL, served_name text NOT NULL,
    kept boolean NOT NULL DEFAULT false, PRIMARY KEY (entity, number)
);
INSERT INTO lockgate.before SELECT entity, number, implementation, rows, published_at, pins, served_schema, served_name,
    kept FROM lockgate.edition;
DROP TABLE lockgate.edition;
ALTER TABLE lockgate.before RENAME TO edition;
"""


def test_a_catalog_from_before_editions_were_held_is_upgraded(warehouse, folder):
    first = publish(warehouse, "rules", users(3, "old"))
    with changing(DuckDBLayout(folder)) as connection:
        connection.execute(BEFORE_HELD_EDITIONS)

    warehouse.prepare()
    upgraded = warehouse.editions(ENTITY)
    same = publish(warehouse, "rules", users(3, "old"))
    held = publish(warehouse, "dbt", users(3, "new"), held=True)
    release(warehouse, held)
    route(warehouse, share=10_000)
    catalog = (folder / "catalog.duckdb").stat().st_ino
    warehouse.prepare()

    assert upgraded == (replace(first, bytes=0),)
    assert same == upgraded[0]
    assert warehouse.shown(ENTITY) == {1: Arm.INCUMBENT, 2: Arm.CANDIDATE}
    assert labels(warehouse) == {"new": 3}
    assert (folder / "catalog.duckdb").stat().st_ino == catalog


# --- a full disk ------------------------------------------------------------------------------------------------

LARGE = "SELECT CAST(i AS bigint) AS user_id, md5(CAST(i AS text)) AS label FROM generate_series(1, 60000) AS series(i)"


def test_a_publication_that_finds_the_disk_full_changes_nothing(warehouse, folder, small_files):
    publish(warehouse, "rules", users(3, "old"))
    built = build(warehouse, "rules", LARGE, name="large")
    before = files_of(folder)

    small_files()
    with pytest.raises(DiskFull):
        warehouse.publish(publication(built, "rules", 1))

    assert files_of(folder) == before
    assert labels(warehouse) == {"old": 3}


@pytest.fixture
def on_tiny_disk(tiny_disk):
    """A target on a small disk, where rules and dbt are published."""
    warehouse = open_duckdb("main", tiny_disk / "warehouse", clock=clock)
    warehouse.prepare()
    publish(warehouse, "rules", users(3, "rules"))
    publish(warehouse, "dbt", users(3, "dbt"))
    return warehouse


@pytest.fixture
def fill(tiny_disk):
    """Fills the disk, but for some kilobytes; called again, makes room."""
    filler = tiny_disk / "filler"

    def fill(kilobytes):
        if filler.exists():
            filler.unlink()
        else:
            space = os.statvfs(tiny_disk)
            filler.write_bytes(bytes(space.f_bavail * space.f_frsize - kilobytes * 1024))

    return fill


def test_a_build_that_finds_the_disk_full_keeps_the_table_before(on_tiny_disk, fill):
    fill(1500)
    with pytest.raises(DiskFull):
        build(on_tiny_disk, "rules", LARGE.replace("60000", "400000"))
    fill(0)

    with on_tiny_disk.workshop("analytics__rules") as workshop:
        query = exp.select("label").from_(table(Relation("analytics__rules", "fct_users")))
        assert workshop.query(query).to_pylist() == [{"label": "rules"}] * 3
    assert publish(on_tiny_disk, "rules", users(4, "new")).rows == 4


def test_a_landing_that_finds_the_disk_full_leaves_nothing(on_tiny_disk, fill, tiny_disk, tmp_path):
    land(on_tiny_disk, staged(tmp_path, 1, [ADA]))
    landing = staged(tmp_path, 2, [{"id": number, "name": f"{number}"} for number in range(20_000)])
    before = files_of(tiny_disk)

    fill(100)
    with pytest.raises(DiskFull):
        on_tiny_disk.land(landing)
    fill(0)

    assert files_of(tiny_disk) == before
    assert [load.load_id for load in on_tiny_disk.landed(RAW_USERS)] == [1]
    assert on_tiny_disk.land(landing).rows == 20_000


def test_a_route_that_finds_the_disk_full_stays_as_it_is(on_tiny_disk, fill):
    fill(100)
    with pytest.raises(DiskFull):
        route(on_tiny_disk, share=10_000)

    assert labels(on_tiny_disk) == {"rules": 3}
    assert on_tiny_disk.route(ENTITY).token == 1


# --- names, types, errors ---------------------------------------------------------------------------------------


def test_file_names_are_as_different_as_names():
    names = ["a", "a.b", "a%2Eb", "a/b", "a\\b", "..", "*", "[x]", "{x}", "größe", "A"]

    written_names = [safe(name) for name in names]

    assert len(set(written_names)) == len(names)
    assert not any(set(name) & set("./\\*?[]{}") for name in written_names)


def test_a_folder_that_is_there_is_not_replaced(tmp_path):
    (tmp_path / "1").mkdir()

    with pytest.raises(FileExistsError), written(tmp_path / "1") as aside:
        aside.mkdir()

    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("BOOLEAN", "boolean"),
        ("TINYINT", "smallint"),
        ("UINTEGER", "bigint"),
        ("UBIGINT", "numeric(20,0)"),
        ("HUGEINT", "numeric(38,0)"),
        ("DECIMAL(12,2)", "numeric(12,2)"),
        ("FLOAT", "real"),
        ("VARCHAR", "text"),
        ("ENUM('a', 'b')", "text"),
        ("INTERVAL", "text"),
        ("TIMESTAMP_NS", "timestamp"),
        ("TIMESTAMP WITH TIME ZONE", "timestamptz"),
        ("JSON", "json"),
        ("INTEGER[]", "json"),
        ("STRUCT(a INTEGER, b VARCHAR)", "json"),
        ("MAP(VARCHAR, INTEGER)", "json"),
        ("BLOB", "bytes"),
    ],
)
def test_types_by_duckdbs_names(name, type_):
    assert str(logical_type(name)) == type_


@pytest.mark.parametrize(
    ("message", "expected", "told"),
    [
        ('IO Error: Could not write file "x": No space left on device', DiskFull, "No space left"),
        ('IO Error: Could not set lock on file "x": Conflicting lock', TargetBusy, "Conflicting lock"),
        ('Permission Error: Cannot access file "x"', AccessRefused, "Cannot access"),
        (
            "Conversion Error: Could not convert string 'secret' to INT32 when 77",
            StatementFailed,
            "Could not convert string",
        ),
        ('Catalog Error: Table with name "x" does not exist!', StatementFailed, 'Table with name "x"'),
    ],
)
def test_errors_are_told_without_the_values_of_rows(message, expected, told):
    with pytest.raises(expected) as failed, translated():
        raise duckdb.Error(message)

    assert told in failed.value.message
    assert "secret" not in failed.value.message
    assert "77" not in failed.value.message


def test_an_error_of_the_file_system_that_is_no_full_disk_is_not_disguised():
    with pytest.raises(FileNotFoundError), translated():
        raise FileNotFoundError("x")


def test_what_a_killed_change_of_the_catalog_left_goes_with_the_next_one(warehouse, folder):
    left = [folder / name for name in (".catalog-0123abcd.duckdb", ".catalog-0123abcd.duckdb.wal")]
    others = [folder / name for name in (".catalog-notes.duckdb", "catalog-0123abcd.duckdb", ".other-0123abcd.duckdb")]
    for path in (*left, *others):
        path.write_bytes(b"x")

    route(warehouse)

    assert [path.exists() for path in left] == [False, False]
    assert [path.exists() for path in others] == [True, True, True]


HOLDS = """
import sys, time
from pathlib import Path
from lockgate.adapters.warehouses.folder.layout import Layout
with Layout(Path(sys.argv[1])).locked("run", wait_seconds=1):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock `run` of the target in `tmp_path`."""
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_waits_for_a_lock_is_told_who_holds_it_since_when(tmp_path, holder):
    before = datetime.now(UTC)
    with pytest.raises(TargetBusy) as busy, Layout(tmp_path).locked("run", wait_seconds=0.2):
        pytest.fail("two held one lock")

    since = datetime.fromisoformat(busy.value.fields["since"])
    assert (busy.value.fields["lock"], busy.value.fields["process"]) == ("run", holder.pid)
    assert 0 <= (before - since).total_seconds() < 60
    said = f"the lock 'run' is held by process {holder.pid} on {socket.gethostname()}, since {since:%Y-%m-%dT%H:%M:%S}"
    message, _, waited = busy.value.message.partition("; waited ")
    assert (message, waited[:3]) == (f"{said}+00:00", "0.2")


def test_a_holder_that_is_stopped_is_not_waited_for(tmp_path, holder, monkeypatch):
    monkeypatch.setattr("lockgate.adapters.warehouses.folder.layout.LOOK_SECONDS", 0.1)
    holder.send_signal(signal.SIGSTOP)

    began = time.monotonic()
    with pytest.raises(TargetBusy, match="which is stopped"), Layout(tmp_path).locked("run", wait_seconds=600):
        pytest.fail("two held one lock")

    assert time.monotonic() - began < 20


def test_a_holder_that_goes_on_and_ends_is_followed(tmp_path, holder):
    holder.send_signal(signal.SIGSTOP)
    holder.send_signal(signal.SIGCONT)
    holder.kill()
    holder.wait()

    with Layout(tmp_path).locked("run", wait_seconds=20):
        found = holder_of(tmp_path / "locks/run.lock")
        assert (found.process, found.is_stopped) == (os.getpid(), False)
    assert holder_of(tmp_path / "locks/run.lock") is None


def test_a_note_that_cannot_be_read_or_written_keeps_nobody_from_working(tmp_path):
    (tmp_path / "run.holder").write_text("{", encoding="utf-8")
    note_holder(tmp_path / "nowhere" / "run.lock")

    assert holder_of(tmp_path / "run.lock") is None


def test_a_catalog_is_current_once_it_has_the_column_that_was_added_last():
    text = Path(duckdb_adapter.__file__).with_name("statements.sql").read_text(encoding="utf-8")

    added = re.findall(r"ADD COLUMN IF NOT EXISTS (\w+)", text)

    assert re.findall(r"column_name = '(\w+)'", text) == [added[-1]]
