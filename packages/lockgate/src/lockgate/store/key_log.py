"""Idempotency keys: what a caller sends twice under one key within 24 h is one request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, tuple_

from lockgate.core.job import IdempotencyKey
from lockgate.errors import KeyReused
from lockgate.store.scope import Scope
from lockgate.store.tables import idempotency_key

KEPT = timedelta(hours=24)


class Keys:
    """The keys of some submissions that are in force, and the new ones, within one transaction."""

    def __init__(
        self, connection: Connection, scope: Scope, asked: Sequence[IdempotencyKey | None], at: datetime
    ) -> None:
        """Look at which of the keys asked for are in force at an instant."""
        self._connection = connection
        self._scope = scope
        self._at = at
        self._new: list[dict[str, Any]] = []
        named = {(each.scope, each.key) for each in asked if each is not None}
        self._outdated: list[tuple[str, str]] = []
        self._known: dict[tuple[str, str], tuple[str, str | None]] = {}
        for row in _stored(connection, scope, {key for _, key in named}):
            name = row["scope"], row["key"]
            if name in named and row["stored_at"] > at - KEPT:
                self._known[name] = row["digest"], row["job_id"]
            elif name in named:
                self._outdated.append(name)

    def job_of(self, key: IdempotencyKey | None) -> str | None:
        """The job that a key stands for; None where it is new, stands for no job, or there is none.

        Raises:
            KeyReused: it was sent with another body.
        """
        if key is None or (key.scope, key.key) not in self._known:
            return None
        digest, job_id = self._known[key.scope, key.key]
        if digest != key.digest:
            raise KeyReused(job_id=job_id)
        return job_id

    def add(self, key: IdempotencyKey | None, job_id: str | None) -> None:
        """Lets a key, where there is one that is new, stand for a job, or for a request without one, from now on."""
        if key is not None and (key.scope, key.key) not in self._known:
            self._known[key.scope, key.key] = key.digest, job_id
            values = {"scope": key.scope, "key": key.key, "digest": key.digest, "job_id": job_id, "stored_at": self._at}
            self._new.append(self._scope.values() | values)

    def store(self) -> None:
        """Stores the new keys, in the place of outdated ones."""
        if self._outdated:
            names = tuple_(idempotency_key.c.scope, idempotency_key.c.key).in_(self._outdated)
            self._connection.execute(delete(idempotency_key).where(self._scope.of(idempotency_key), names))
        if self._new:
            self._connection.execute(insert(idempotency_key), self._new)


def _stored(connection: Connection, scope: Scope, keys: set[str]) -> Sequence[RowMapping]:
    if not keys:
        return ()
    query = select(idempotency_key).where(scope.of(idempotency_key), idempotency_key.c.key.in_(keys))
    return connection.execute(query).mappings().all()
