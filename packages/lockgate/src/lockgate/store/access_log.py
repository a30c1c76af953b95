"""Who may, read as one: the epoch, and everything that admits callers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lockgate.core.access import MachineToken, Person, Session
from lockgate.store.access_epoch import read_epoch
from lockgate.store.database import Database
from lockgate.store.people_log import read_people
from lockgate.store.scope import Scope
from lockgate.store.session_log import read_sessions
from lockgate.store.token_log import read_tokens


@dataclass(frozen=True, slots=True)
class Admitting:
    """What was read: at least all changes that `epoch` counts. Each session comes with its secret's digest."""

    epoch: int
    people: tuple[Person, ...]
    sessions: tuple[tuple[Session, str], ...]
    tokens: tuple[MachineToken, ...]


class AccessLog:
    """What admits callers to one project."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Read of the scope's project in `database`."""
        self._database = database
        self._project = scope.project

    def epoch(self) -> int:
        """A number that grows with every change."""
        with self._database.reading() as connection:
            return read_epoch(connection, self._project)

    def admitting(self, now: datetime) -> Admitting:
        """Everything, of tokens those in force; the epoch is read first, so that what changes meanwhile is a change."""
        with self._database.reading() as connection:
            return Admitting(
                read_epoch(connection, self._project),
                read_people(connection, self._project),
                read_sessions(connection, self._project),
                read_tokens(connection, self._project, in_force=now),
            )
