"""Brings the control plane's tables to the revision that this Lockgate needs, once, however many start at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, func, inspect, select, table

from lockgate.store.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x10C6A7E  # any number that no other user of the database takes
_VERSION = table("alembic_version", column("version_num"))


def newest_revision() -> str:
    """The revision that this Lockgate needs: the number that the last migration's file begins with."""
    return max(path.name[:4] for path in MIGRATIONS.glob("[0-9]*.py"))


def upgrade(database: Database) -> None:
    """Runs the migrations that are missing, all or none, in one transaction that others wait for.

    Where none is missing, nobody waits, and what migrates is not even imported: every command comes by here.

    Raises:
        ControlPlaneNewer: the tables are of a later revision than this Lockgate knows.
        ControlPlaneUnavailable: the database does not answer.
    """
    with database.reading() as connection:
        if _revision(connection) == newest_revision():
            return
    from lockgate.store.migrating import migrate

    with database.writing(is_long=True) as connection:
        _exclude_others(connection)
        migrate(connection, MIGRATIONS)


def _revision(connection: Connection) -> str | None:
    """The revision that the tables are at; None where there are none."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar()


def _exclude_others(connection: Connection) -> None:
    """Waits until nobody else upgrades; a writing transaction on SQLite excludes others by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
