"""Accounts: each change is one transaction that lets the epoch grow, so that every process heeds it within a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from lockgate.core.access import HeldUp, Person, Role, Session
from lockgate.core.nearness import did_you_mean
from lockgate.errors import AccountRefused, UnknownName
from lockgate.govern.lockout import account_locked_until
from lockgate.govern.sessions import MOST_SESSIONS
from lockgate.store.access_epoch import grow_epoch
from lockgate.store.access_tables import person, session
from lockgate.store.database import Database
from lockgate.store.exclusion import exclude_others
from lockgate.store.failure_log import Failures, held_up
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

    def listed(self, *, text: str = "", before: str | None = None, limit: int = 100) -> tuple[Person, ...]:
        """Accounts by name, those whose name has `text` in it, whatever its capitals; `before` goes on behind a name.

        Both orders and capitals are the database's; SQLite knows capitals of ASCII alone.
        """
        query = select(person).where(person.c.project == self._scope.project)
        if text:
            query = query.where(person.c.name.icontains(text, autoescape=True))
        if before is not None:
            query = query.where(person.c.name > before)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(person.c.name).limit(limit)).mappings()
            return tuple(person_of(row) for row in rows)

    def held_up(self, names: Sequence[str], now: datetime) -> Mapping[str, HeldUp]:
        """How these accounts are held up where wrong passwords came from; whoever is not is left out."""
        with self._database.reading() as connection:
            return held_up(connection, self._scope.project, names, now)

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

    def set_password(
        self,
        name: str,
        password: str,
        at: datetime,
        *,
        instead_of: str | None = None,
        begun: tuple[Session, str] | None = None,
    ) -> None:
        """Sets a password, ends a lock-out and every session of the account; `instead_of` what was kept, if given.

        In the same step `begun` begins, where it is given: a session with its secret's digest.

        Raises:
            UnknownName: there is no such account.
            AccountRefused: another password was set meanwhile, or the account was disabled where a session is to begin.
        """
        values: dict[str, object] = {"password": password, "password_changed_at": at, "failures": 0}
        values["locked_until"] = None
        with self._changing() as connection:
            self._known(connection, name)
            self._failures(connection, name).forget_all()
            mine = self._named(name)
            if instead_of is not None:
                mine = and_(mine, person.c.password == instead_of)
            if begun is not None:
                mine = and_(mine, person.c.is_enabled.is_(True))
                values["signed_in_at"] = at
            if connection.execute(update(person).where(mine).values(values)).rowcount == 0:
                raise AccountRefused(f"the password of {name} was changed meanwhile", name=name)
            self._end_sessions(connection, name)
            if begun is not None:
                self._begin(connection, *begun)

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
        """Forgets wrong passwords, wherever they came from.

        Raises:
            UnknownName: there is no such account.
        """
        with self._changing() as connection:
            self._known(connection, name)
            self._failures(connection, name).forget_all()
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
            self._failures(connection, name).forget_all()
            connection.execute(delete(person).where(self._named(name)))

    def count_failure(self, name: str, source: str, now: datetime) -> None:
        """Counts a wrong password that comes from `source`, unless the account is locked, there or everywhere.

        However many are counted at once, each counts, and none after that which locks.
        """
        with self._database.writing() as connection:
            failures = self._failures(connection, name)
            if failures.locked_until(source, now) is not None:
                return
            count = failures.count(now) + 1
            values = {"failures": count, "locked_until": account_locked_until(count, now)}
            if connection.execute(update(person).where(self._named(name), is_open(now)).values(values)).rowcount:
                failures.put(source, now)

    def locked_until(self, name: str, source: str, now: datetime) -> datetime | None:
        """Until when somebody is locked out, there or everywhere; None where they are not."""
        with self._database.writing() as connection:
            there = self._failures(connection, name).locked_until(source, now)
            everywhere = connection.execute(select(person.c.locked_until).where(self._named(name))).scalar()
        return max((until for until in (there, everywhere) if until is not None and until > now), default=None)

    def note_right(self, name: str, kept: str, source: str, now: datetime) -> bool:
        """Forgets wrong passwords for whoever gave the one of which `kept` is kept: whether they are let in now.

        They are not while the account is locked there or everywhere, or disabled, or where another password was set
        meanwhile.
        """
        with self._database.writing() as connection:
            return self._noted(connection, (name, kept, source), {}, now)

    def admit(self, begun: Session, digest: str, kept: str, source: str) -> bool:
        """Begins a session of whoever gave the password of which `kept` is kept: whether they are let in now."""
        now = begun.began_at
        with self._database.writing() as connection:
            if not self._noted(connection, (begun.person, kept, source), {"signed_in_at": now}, now):
                return False
            self._begin(connection, begun, digest)
        return True

    def _noted(
        self, connection: Connection, given: tuple[str, str, str], values: Mapping[str, object], now: datetime
    ) -> bool:
        name, kept, source = given
        failures = self._failures(connection, name)
        if failures.locked_until(source, now) is not None:
            return False
        same = and_(self._named(name), person.c.password == kept, person.c.is_enabled.is_(True), is_open(now))
        anew = {"failures": 0, "locked_until": None, **values}
        if not connection.execute(update(person).where(same).values(anew)).rowcount:
            return False
        failures.forget(source)
        return True

    def _begin(self, connection: Connection, begun: Session, digest: str) -> None:
        """Begins a session; of one person's, the oldest end that are too many."""
        connection.execute(insert(session).values(row_of(begun, digest) | {"project": self._scope.project}))
        mine = and_(session.c.project == self._scope.project, session.c.person == begun.person)
        newest = select(session.c.session_id).where(mine).order_by(session.c.began_at.desc(), session.c.session_id)
        kept: list[str] = list(connection.scalars(newest.limit(MOST_SESSIONS)))
        if connection.execute(delete(session).where(mine, session.c.session_id.not_in(kept))).rowcount:
            grow_epoch(connection, self._scope.project)

    def _failures(self, connection: Connection, name: str) -> Failures:
        return Failures(connection, self._scope.project, name)

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
