"""The control plane's tables at the revision that is needed: brought there once, and then found there quickly."""

from __future__ import annotations

import sys

from alembic.script import ScriptDirectory

from lockgate.store.database import open_database
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
