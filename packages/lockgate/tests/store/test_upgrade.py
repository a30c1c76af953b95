"""The control plane's tables at the revision that is needed: brought there once, and then found there quickly."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from lockgate.core.access import Role
from lockgate.store import open_store
from lockgate.store.database import open_database
from lockgate.store.migrating import migrate
from lockgate.store.run_log import RunLog
from lockgate.store.scope import Scope
from lockgate.store.upgrade import MIGRATIONS, newest_revision, upgrade


def test_the_newest_revision_is_that_of_the_last_file():
    script = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])

    assert newest_revision() == script.get_current_head()


def test_tables_that_are_up_to_date_are_found_so_without_the_migrations(tmp_path, monkeypatch):
    database = open_database(f"sqlite:///{tmp_path / 'control.db'}")
    upgrade(database)

    monkeypatch.setitem(sys.modules, "lockgate.store.migrating", None)  # an import of it fails from now on
    upgrade(database)

    database.close()


@pytest.fixture
def before(address, tmp_path):
    """A control plane as it was before there were accounts, with a run in it."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for path in MIGRATIONS.glob("000[1-8]_*.py"):
        shutil.copy(path, folder)
    database = open_database(address)
    with database.writing(is_long=True) as connection:
        migrate(connection, folder)
        assert not inspect(connection).has_table("person")
    RunLog(database, Scope("inventory", "main")).start_run("run", datetime(2026, 2, 28, tzinfo=UTC))
    database.close()
    return address


def test_a_control_plane_without_accounts_gets_them_and_keeps_what_it_has(before):
    store = open_store(before, project="inventory", target="main")

    assert [one.run_id for one in store.runs.runs()] == [1]
    assert (store.access.epoch(), store.people.people(), store.audit.entries()) == (0, (), ())
    store.people.add("ada", "kept", frozenset({Role.ADMIN}), datetime(2026, 2, 28, tzinfo=UTC))
    store.close()
