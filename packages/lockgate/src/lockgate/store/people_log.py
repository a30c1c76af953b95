"""Accounts: each change is one transaction that lets the epoch grow, so that every process heeds it within a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)

from lockgate.core.access import Person, Role, Session
from lockgate.core.nearness import did_you_mean
from lockgate.errors import AccountRefused, UnknownName
from lockgate.store.access_epoch import grow_epoch
from lockgate.store.access_tables import person, session
from lockgate.store.columns import Instant
from lockgate.store.database import Database
from lockgate.store.exclusion import exclude_others
from lockgate.store.scope import Scope
from lockgate.store.session_log import row_of

SUBJECT = "people"


class PeopleLog:
    """The accounts of one project. Passwords come and go as what is kept of them."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep accounts of the scope's project in `database`."""
        self._database = database
        self._scope = scope

    def people(self) -> tuple[Person, ...]:
        """Everybody with an account, by name."""
        with self._database.reading() as connection:
            return read_people(connection, self._scope.project)

    def kept_password(self, name: str) -> tuple[Person, str] | None:
        """An account and what is kept of its password; None where there is no such account."""
        with self._database.reading() as connection:
            row = connection.execute(select(person).where(self._named(name))).mappings().first()
            return (person_of(row), row["password"]) if row is not None else None

    def add(self, name: str, password: str, roles: frozenset[Role], at: datetime) -> Person:
        """Makes an account.

        Raises:
            AccountRefused: there is one of that name, whatever its capitals.
        """
        made = Person(name, roles, is_enabled=True, created_at=at, password_changed_at=at)
        with self._changing() as connection:
            names = (each.name for each in read_people(connection, self._scope.project))
            there = next((each for each in names if each.casefold() == name.casefold()), None)
            if there is not None:
                raise AccountRefused(f"there is an account {there} already", name=there)
            connection.execute(
                insert(person).values(
                    project=self._scope.project,
                    name=name,
                    password=password,
                    roles=sorted(roles),
                    is_enabled=True,
                    created_at=at,
                    password_changed_at=at,
                    failures=0,
                )
            )
        return made

    def set_password(self, name: str, password: str, at: datetime, *, instead_of: str | None = None) -> None:
        """Sets a password, ends a lock-out and every session of the account; `instead_of` what was kept, if given.

        Raises:
            UnknownName: there is no such account.
            AccountRefused: another password was set meanwhile.
        """
        values = {"password": password, "password_changed_at": at, "failures": 0, "locked_until": None}
        with self._changing() as connection:
            self._known(connection, name)
            mine = self._named(name)
            if instead_of is not None:
                mine = and_(mine, person.c.password == instead_of)
            if connection.execute(update(person).where(mine).values(values)).rowcount == 0:
                raise AccountRefused(f"the password of {name} was changed meanwhile", name=name)
            self._end_sessions(connection, name)

    def rehash(self, name: str, password: str, *, instead_of: str) -> None:
        """Keeps the same password in the present way, unless another one was set meanwhile."""
        mine = and_(self._named(name), person.c.password == instead_of)
        with self._database.writing() as connection:
            connection.execute(update(person).where(mine).values(password=password))

    def set_roles(self, name: str, roles: frozenset[Role]) -> Person:
        """Gives an account these roles and no others.

        Raises:
            UnknownName: there is no such account.
            AccountRefused: it is the last admin's.
        """
        with self._changing() as connection:
            before = self._known(connection, name)
            if Role.ADMIN not in roles:
                self._refuse_the_last(connection, before, "stays an admin")
            connection.execute(update(person).where(self._named(name)).values(roles=sorted(roles)))
            return self._known(connection, name)

    def set_enabled(self, name: str, *, is_enabled: bool) -> Person:
        """Lets an account be used, or not: then its sessions end.

        Raises:
            UnknownName: there is no such account.
            AccountRefused: it is the last admin's.
        """
        with self._changing() as connection:
            before = self._known(connection, name)
            if not is_enabled:
                self._refuse_the_last(connection, before, "stays enabled")
            connection.execute(update(person).where(self._named(name)).values(is_enabled=is_enabled))
            if not is_enabled:  # after that: somebody may just be signing in
                self._end_sessions(connection, name)
            return self._known(connection, name)

    def unlock(self, name: str) -> Person:
        """Forgets wrong passwords.

        Raises:
            UnknownName: there is no such account.
        """
        with self._changing() as connection:
            self._known(connection, name)
            connection.execute(update(person).where(self._named(name)).values(failures=0, locked_until=None))
            return self._known(connection, name)

    def remove(self, name: str) -> None:
        """Takes an account away, with its sessions.

        Raises:
            UnknownName: there is no such account.
            AccountRefused: it is the last admin's.
        """
        with self._changing() as connection:
            self._refuse_the_last(connection, self._known(connection, name), "stays")
            connection.execute(delete(person).where(self._named(name)))

    def count_failure(self, name: str, now: datetime, ends: Mapping[int, datetime]) -> None:
        """Counts a wrong password, unless the account is locked; `ends` says until when so many failures lock it.

        However many are counted at once, each counts, and none after that which locks.
        """
        counted = person.c.failures + 1
        locks = sorted(ends.items(), reverse=True)
        until = case(
            *((counted >= number, literal(end, Instant())) for number, end in locks), else_=person.c.locked_until
        )
        mine = and_(self._named(name), is_open(now))
        with self._database.writing() as connection:
            connection.execute(update(person).where(mine).values(failures=counted, locked_until=until))

    def note_right(self, name: str, kept: str, now: datetime) -> bool:
        """Forgets wrong passwords for whoever gave the one of which `kept` is kept: whether they are let in now.

        They are not while the account is locked or disabled, or where another password was set meanwhile.
        """
        with self._database.writing() as connection:
            return self._noted(connection, name, kept, {"failures": 0, "locked_until": None}, now)

    def admit(self, begun: Session, digest: str, kept: str) -> bool:
        """Begins a session of whoever gave the password of which `kept` is kept: whether they are let in now."""
        now = begun.began_at
        values = {"failures": 0, "locked_until": None, "signed_in_at": now}
        with self._database.writing() as connection:
            if not self._noted(connection, begun.person, kept, values, now):
                return False
            connection.execute(insert(session).values(row_of(begun, digest) | {"project": self._scope.project}))
        return True

    def _noted(self, connection: Connection, name: str, kept: str, values: Mapping[str, object], now: datetime) -> bool:
        same = and_(self._named(name), person.c.password == kept, person.c.is_enabled.is_(True), is_open(now))
        return bool(connection.execute(update(person).where(same).values(values)).rowcount)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A transaction that changes who may, one at a time."""
        with self._database.writing() as connection:
            exclude_others(connection, Scope(self._scope.project, ""), SUBJECT)
            yield connection
            grow_epoch(connection, self._scope.project)

    def _named(self, name: str) -> ColumnElement[bool]:
        return and_(person.c.project == self._scope.project, person.c.name == name)

    def _known(self, connection: Connection, name: str) -> Person:
        row = connection.execute(select(person).where(self._named(name))).mappings().first()
        if row is None:
            names = [one.name for one in read_people(connection, self._scope.project)]
            raise UnknownName(f"there is no account {name!r}", hint=did_you_mean(name, names), name=name)
        return person_of(row)

    def _end_sessions(self, connection: Connection, name: str) -> None:
        mine = and_(session.c.project == self._scope.project, session.c.person == name)
        connection.execute(delete(session).where(mine))

    def _refuse_the_last(self, connection: Connection, one: Person, what: str) -> None:
        """Keeps somebody who may let people in.

        Raises:
            AccountRefused: nobody else is an admin who is enabled.
        """
        if not _is_admin(one):
            return
        others = (each for each in read_people(connection, self._scope.project) if each.name != one.name)
        if not any(_is_admin(each) for each in others):
            hint = "Make another admin first: `lockgate govern user roles NAME --role admin`."
            raise AccountRefused(f"{one.name} is the only admin, and {what}", hint=hint, name=one.name)


def _is_admin(one: Person) -> bool:
    return one.is_enabled and Role.ADMIN in one.roles


def is_open(now: datetime) -> ColumnElement[bool]:
    """The condition that an account is not locked."""
    return or_(person.c.locked_until.is_(None), person.c.locked_until <= now)


def read_people(connection: Connection, project: str) -> tuple[Person, ...]:
    """Everybody with an account, by name."""
    query = select(person).where(person.c.project == project).order_by(person.c.name)
    return tuple(person_of(row) for row in connection.execute(query).mappings())


def person_of(row: RowMapping) -> Person:
    """An account as it is read by callers, without what is kept of its password."""
    return Person(
        row["name"],
        frozenset(Role(one) for one in row["roles"]),
        row["is_enabled"],
        row["created_at"],
        row["password_changed_at"],
        row["signed_in_at"],
        row["failures"],
        row["locked_until"],
    )
