"""A workshop in PostgreSQL: a schema, and a role that reads raw and creates nowhere else."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.postgres.catalog import columns_of
from lockgate.adapters.warehouses.postgres.landing import create_schema
from lockgate.adapters.warehouses.postgres.sessions import (
    Connection,
    Sessions,
    composed,
    identifier,
    relation_name,
    statement,
)
from lockgate.core.execution import WorkshopAccess
from lockgate.core.relation import Column, Relation
from lockgate.errors import AccessRefused

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

STATEMENT_TIMEOUT = "1h"
_CONNECTION_WORDS = ("sslmode", "sslrootcert", "sslcert", "sslkey")


class PostgresWorkshop:
    """Builds as the workshop's own role."""

    dialect = "postgres"

    def __init__(self, name: str, sessions: Sessions, access: WorkshopAccess) -> None:
        """Take the sessions of the workshop's role, and how another process becomes it."""
        self.name = name
        self._sessions = sessions
        self._access = access

    def access(self) -> WorkshopAccess:
        """See `lockgate.core.ports.Workshop.access`."""
        return self._access

    def build(self, name: str, query: exp.Expression) -> int:
        """See `lockgate.core.ports.Workshop.build`."""
        from psycopg import sql

        aside = identifier(self.name, f"_{secrets.token_hex(8)}")
        words = {"aside": aside, "table": relation_name(Relation(self.name, name)), "name": identifier(name)}
        with self._sessions.session() as connection, connection.transaction():
            creation = sql.SQL("CREATE TABLE {} AS ").format(aside) + sql.SQL(query.sql("postgres"))
            rows = connection.execute(creation).rowcount
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {table}").format(**words))
            connection.execute(sql.SQL("ALTER TABLE {aside} RENAME TO {name}").format(**words))
        return rows

    def read_bytes(self) -> None:
        """See `lockgate.core.ports.Workshop.read_bytes`: nobody counts here."""

    def query(self, query: exp.Expression) -> pa.Table:
        """See `lockgate.core.ports.Workshop.query`."""
        from lockgate.adapters.warehouses.postgres.bulk import read

        return read(self._sessions.conninfo(), query)

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Workshop.columns`."""
        with self._sessions.session() as connection:
            return columns_of(connection, relation)


@contextmanager
def opened(owner: Sessions, name: str, *, wait_seconds: float) -> Iterator[PostgresWorkshop]:
    """The workshop of that name, its role open for as long as it is used; afterwards nobody can become the role.

    Raises:
        TargetBusy: another session kept the workshop for `wait_seconds`.
        AccessRefused: the role could create in other schemas; names them.
    """
    with owner.locked(f"workshop {name}", wait_seconds=wait_seconds), owner.session() as connection:
        role, password = _open_role(connection, name)
        sessions = Sessions(owner.conninfo(user=role, password=password))
        try:
            _refuse_open_schemas(connection, role, name)
            yield PostgresWorkshop(name, sessions, _access(connection, name, role, password))
        finally:
            sessions.close()
            _close_role(connection, role)


def role_name(database: str, workshop: str) -> str:
    """The role of a workshop: roles are the whole cluster's, so the name tells databases apart; at most 63 bytes."""
    digest = hashlib.sha256(f"{database}\0{workshop}".encode()).hexdigest()[:16]
    readable = workshop.encode()[:36].decode(errors="ignore")
    return f"lockgate_{readable}_{digest}"


def _open_role(connection: Connection, workshop: str) -> tuple[str, str]:
    """Makes the role where it is missing, gives it its schema and what is landed to read, and a new password."""
    from psycopg import sql

    role, password = role_name(connection.info.dbname, workshop), secrets.token_urlsafe(24)
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    words = {"role": identifier(role), "schema": identifier(workshop), "database": identifier(connection.info.dbname)}
    with connection.transaction():
        found = connection.execute(statement("role_exists"), {"role": role}).fetchone()
        if found and not found[0]:
            connection.execute(composed("create_role", **words))
            connection.execute(sql.SQL("GRANT {role} TO CURRENT_USER").format(**words))
            connection.execute(composed("limit_role", **words, timeout=sql.Literal(STATEMENT_TIMEOUT)))
        create_schema(connection, workshop)
        connection.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}").format(**words))
        _grant_raw(connection, role)
        connection.execute(composed("open_role", **words, password=sql.Literal(hashed)))
    return role, password


def _grant_raw(connection: Connection, role: str) -> None:
    from psycopg import sql

    streams = [Relation(schema, stream) for schema, stream in connection.execute(statement("streams"))]
    for schema in sorted({stream.schema for stream in streams}):
        words = {"schema": identifier(schema), "role": identifier(role)}
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {role}").format(**words))
    for stream in sorted(streams):
        words = {"view": relation_name(stream), "role": identifier(role)}
        connection.execute(sql.SQL("GRANT SELECT ON {view} TO {role}").format(**words))


def _refuse_open_schemas(connection: Connection, role: str, workshop: str) -> None:
    found = connection.execute(statement("other_schemas_open"), {"role": role, "schema": workshop})
    if schemas := [name for (name,) in found]:
        told = ", ".join(schemas)
        raise AccessRefused(
            f"what is built in {workshop} could also create in {told}",
            hint=f"REVOKE CREATE ON SCHEMA {told} FROM PUBLIC",
            schemas=schemas,
        )


def _access(connection: Connection, workshop: str, role: str, password: str) -> WorkshopAccess:
    info = connection.info
    given = info.get_parameters()
    parameters = {"host": info.host, "port": info.port, "dbname": info.dbname, "user": role, "schema": workshop}
    parameters |= {word: given[word] for word in _CONNECTION_WORDS if word in given}
    return WorkshopAccess("postgres", workshop, parameters, {"password": password})


def _close_role(connection: Connection, role: str) -> None:
    """Takes the role's login away, then ends whoever still works as it."""
    connection.execute(composed("close_role", role=identifier(role)))
    connection.execute(statement("end_sessions"), {"role": role})
