"""The control plane is brought up to date once, whoever comes first, and failures are said in plain words."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, text

from lockgate.errors import ControlPlaneNewer, ControlPlaneUnavailable, DiskFull, UnknownName
from lockgate.store import open_store
from lockgate.store.columns import metadata
from lockgate.store.database import open_database
from lockgate.store.opening import Store
from lockgate.store.tables import run

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
SCOPE = {"project": "inventory", "target": "main"}


def test_the_migrations_make_the_tables(store):
    for log in Store.__annotations__:  # a log's tables are known once it is asked for
        getattr(store, log)
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})

        assert compare_metadata(context, metadata) == []


def test_opening_again_changes_nothing(store, address):
    run_id = store.runs.start_run("run", NOON)

    again = open_store(address, **SCOPE)

    assert again.runs.run(run_id).command == "run"
    again.close()


OPEN_AND_WRITE = """
import sys
from datetime import UTC, datetime
from lockgate.store import open_store

print(open_store(sys.argv[1], project="inventory", target="main").runs.start_run("run", datetime.now(UTC)))
"""


@pytest.mark.slow
def test_processes_that_meet_an_empty_database_at_once_all_get_in(at_once):
    printed = at_once(OPEN_AND_WRITE, processes=4)

    assert sorted(int(number) for number in printed) == [1, 2, 3, 4]


def test_a_new_file_that_many_open_at_once_turns_nobody_away(tmp_path):
    with ThreadPoolExecutor(4) as openers:
        for number in range(100):  # SQLite itself tells about one opener in twenty that the file is locked
            together, path = Barrier(4), tmp_path / f"{number}.db"
            assert list(openers.map(_look, [together] * 4, [path] * 4)) == [1, 1, 1, 1]


def _look(together: Barrier, path: Path) -> int:
    database = open_database(f"sqlite:///{path}")
    together.wait(timeout=30)
    with database.reading() as connection:
        return connection.execute(text("SELECT 1")).scalar_one()


def test_a_database_of_a_later_lockgate_is_left_alone(store, address):
    with store.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(ControlPlaneNewer, match="at revision '9999', which this Lockgate does not know"):
        open_store(address, **SCOPE)

    with store.database.reading() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


@pytest.mark.parametrize("address", ["mysql://u:hunter22@h/db", "sqlite://", "hunter22", ""])
def test_another_address_is_refused_without_being_repeated(address):
    with pytest.raises(UnknownName, match="neither sqlite:///path nor postgresql://") as caught:
        open_store(address, **SCOPE)

    assert "hunter22" not in str(caught.value)


def test_a_database_that_is_not_there_is_unavailable():
    with pytest.raises(ControlPlaneUnavailable, match="does not answer") as caught:
        open_store("postgresql://u:hunter22@127.0.0.1:1/db", **SCOPE)

    assert "hunter22" not in str(caught.value)


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "control.db").write_text("not a database, and long enough to be looked at " * 50, encoding="utf-8")

    with pytest.raises(ControlPlaneUnavailable, match="not a database"):
        open_store(f"sqlite:///{tmp_path / 'control.db'}", **SCOPE)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(ControlPlaneUnavailable, match="file cannot be made"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'control.db'}", **SCOPE)


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path):
    address = f"sqlite:///{tmp_path / 'control.db'}"
    store = open_store(address, **SCOPE)
    with store.database.reading() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))

    def fill(connection):
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        row = {"project": "p", "target": "t", "command": "x" * 1000, "status": "x", "started_at": NOON}
        connection.execute(insert(run), [row] * 1000)

    with pytest.raises(DiskFull, match="nothing was written"), store.database.writing() as connection:
        fill(connection)

    assert store.runs.runs() == ()


def test_sqlite_writes_ahead_so_that_readers_do_not_wait(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'control.db'}", **SCOPE)

    with store.database.writing():
        assert store.runs.runs() == ()

    with closing(sqlite3.connect(tmp_path / "control.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_sqlite_file_is_its_owner_s_alone(tmp_path):
    path = tmp_path / "state" / "control.db"
    store = open_store(f"sqlite:///{path}", **SCOPE)

    with store.database.reading():
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}

    assert modes["control.db"] == 0o600
    assert {mode for name, mode in modes.items() if name.startswith("control.db-")} <= {0o600}
