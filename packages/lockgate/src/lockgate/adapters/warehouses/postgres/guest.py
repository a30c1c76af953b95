"""Sessions of a role that owns nothing, may read nothing and may write nothing but temporary tables.

Nobody can log in as it but while a session is being opened: its password lives no longer.
"""

from __future__ import annotations

import hashlib
import secrets

from lockgate.adapters.warehouses.postgres.failures import translated
from lockgate.adapters.warehouses.postgres.sessions import (
    CONNECT_SECONDS,
    SETTINGS,
    Connection,
    Sessions,
    composed,
    identifier,
    statement,
)

# Few rows are answered before a query of theirs would be compiled.
_SETTINGS = {**SETTINGS, "default_transaction_read_only": "on", "jit": "off"}


def guest_name(database: str) -> str:
    """The role of a database's guests: roles are the whole cluster's, so the name tells databases apart."""
    return f"lockgate_guest_{hashlib.sha256(database.encode()).hexdigest()[:16]}"


def guest_connection(owner: Sessions) -> Connection:
    """A session as the guest, which reads only unless a transaction of it says otherwise; its user closes it.

    Raises:
        WarehouseUnavailable: nobody answers.
        TargetBusy: others open such sessions all the time.
        AccessRefused: the owner may not make a role, or the guest cannot log in by a password.
    """
    with owner.locked("guest", wait_seconds=CONNECT_SECONDS), owner.session() as connection:
        role, password = guest_name(connection.info.dbname), secrets.token_urlsafe(24)
        _let_in(connection, role, password)
        try:
            guest = Sessions(owner.conninfo(), settings=_SETTINGS).opened(user=role, password=password)
        finally:
            connection.execute(composed("close_role", role=identifier(role)))
    return guest


def _let_in(connection: Connection, role: str, password: str) -> None:
    """Makes the role where it is missing, and gives it a password."""
    from psycopg import sql

    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    words = {"role": identifier(role), "database": identifier(connection.info.dbname)}
    with translated(), connection.transaction():
        if connection.execute(statement("role_exists"), {"role": role}).fetchone() == (False,):
            connection.execute(composed("create_role", **words))
        if connection.execute(statement("may_keep"), {"role": role}).fetchone() == (False,):
            connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}").format(**words))
        connection.execute(composed("open_role", **words, password=sql.Literal(hashed)))
