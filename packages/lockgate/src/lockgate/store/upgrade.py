"""Brings the control plane's tables to the revision that this Lockgate needs, once, however many start at once."""

from __future__ import annotations

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from lockgate.errors import ControlPlaneNewer
from lockgate.store.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x10C6A7E  # any number that no other user of the database takes


def upgrade(database: Database) -> None:
    """Runs the migrations that are missing, all or none, in one transaction that others wait for.

    Raises:
        ControlPlaneNewer: the tables are of a later revision than this Lockgate knows.
        ControlPlaneUnavailable: the database does not answer.
    """
    script = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    with database.writing(is_long=True) as connection:
        _exclude_others(connection)
        context = MigrationContext.configure(connection)
        current = context.get_current_revision()
        if current != script.get_current_head():
            _migrate(script, context, current)


def _exclude_others(connection: Connection) -> None:
    """Waits until nobody else upgrades; a writing transaction on SQLite excludes others by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _migrate(script: ScriptDirectory, context: MigrationContext, current: str | None) -> None:
    """Runs the revisions after `current` in their order."""
    known = [revision.revision for revision in script.walk_revisions()]
    if current is not None and current not in known:
        message = f"the control plane is at revision {current!r}, which this Lockgate does not know"
        raise ControlPlaneNewer(message, revision=current)
    missing = list(script.iterate_revisions("head", current or "base"))
    with Operations.context(context):
        for revision in reversed(missing):
            revision.module.upgrade()
    context.stamp(script, "head")
