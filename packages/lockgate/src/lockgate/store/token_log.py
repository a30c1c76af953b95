"""Machines' tokens, without the tokens themselves: until when each is good, for what, and whether it was revoked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select, update

from lockgate.core.access import MachineToken, Role
from lockgate.errors import AccountRefused, UnknownName
from lockgate.store.access_epoch import grow_epoch
from lockgate.store.access_tables import machine_token
from lockgate.store.database import Database, insert_into
from lockgate.store.scope import Scope


class TokenLog:
    """The machine tokens of one project, those that have run out too."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep tokens of the scope's project in `database`."""
        self._database = database
        self._scope = scope

    def tokens(self) -> tuple[MachineToken, ...]:
        """Every token that was ever made, the newest first."""
        with self._database.reading() as connection:
            found = read_tokens(connection, self._scope.project)
        return tuple(sorted(found, key=lambda one: (one.created_at, one.token_id), reverse=True))

    def listed(self, *, before: str | None = None, limit: int = 100) -> tuple[MachineToken, ...]:
        """Tokens, the newest first; `before` is the id of one to go on behind.

        Raises:
            UnknownName: there is no token `before`.
        """
        columns = machine_token.c
        query = select(machine_token).where(columns.project == self._scope.project)
        order = columns.created_at.desc(), columns.token_id.desc()
        with self._database.reading() as connection:
            if before is not None:
                at = connection.scalar(select(columns.created_at).where(self._of_id(before)))
                if at is None:
                    raise UnknownName("there is no token of that id", name=before)
                same_moment = and_(columns.created_at == at, columns.token_id < before)
                query = query.where(or_(columns.created_at < at, same_moment))
            return tuple(_token_of(row) for row in connection.execute(query.order_by(*order).limit(limit)).mappings())

    def add(self, token: MachineToken) -> None:
        """Lets a token be good from now on.

        Raises:
            AccountRefused: there is one of that id already.
        """
        row = {
            "token_id": token.token_id,
            "name": token.name,
            "roles": sorted(token.roles),
            "created_at": token.created_at,
            "created_by": token.created_by,
            "expires_at": token.expires_at,
        }
        with self._database.writing() as connection:
            once = insert_into(connection, machine_token).values(project=self._scope.project, **row)
            added = connection.execute(once.on_conflict_do_nothing().returning(machine_token.c.token_id)).first()
            if added is None:
                hint = "It was shown once. If it is lost, revoke it and make another."
                raise AccountRefused("that token was made already", hint=hint, name=token.name)
            grow_epoch(connection, self._scope.project)

    def revoke(self, token_id: str, at: datetime) -> MachineToken:
        """Takes a token back; one that was taken back before stays as it is.

        Raises:
            UnknownName: there is none of that id.
        """
        mine = self._of_id(token_id)
        with self._database.writing() as connection:
            valid = and_(mine, machine_token.c.revoked_at.is_(None))
            connection.execute(update(machine_token).where(valid).values(revoked_at=at))
            row = connection.execute(select(machine_token).where(mine)).mappings().first()
            if row is None:
                raise UnknownName("there is no token of that id", name=token_id)
            grow_epoch(connection, self._scope.project)
            return _token_of(row)

    def _of_id(self, token_id: str) -> ColumnElement[bool]:
        return and_(machine_token.c.project == self._scope.project, machine_token.c.token_id == token_id)


def read_tokens(connection: Connection, project: str, *, in_force: datetime | None = None) -> tuple[MachineToken, ...]:
    """Every token that was ever made, or those that are good at a moment."""
    query = select(machine_token).where(machine_token.c.project == project)
    if in_force is not None:
        query = query.where(machine_token.c.revoked_at.is_(None), machine_token.c.expires_at > in_force)
    return tuple(_token_of(row) for row in connection.execute(query).mappings())


def _token_of(row: RowMapping) -> MachineToken:
    return MachineToken(
        row["token_id"],
        row["name"],
        frozenset(Role(one) for one in row["roles"]),
        row["created_at"],
        row["created_by"],
        row["expires_at"],
        row["revoked_at"],
    )
