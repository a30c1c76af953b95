"""One writer at a time within a scope, so that what a transaction has read stays true until it commits."""

from __future__ import annotations

from sqlalchemy import Connection, text

from lockgate.store.scope import Scope

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")


def exclude_others(connection: Connection, scope: Scope, subject: str) -> None:
    """Waits until nobody else writes about `subject`, until the end of the transaction.

    On SQLite a writing transaction excludes others by itself.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"subject": f"{subject}\n{scope.project}\n{scope.target}"})
