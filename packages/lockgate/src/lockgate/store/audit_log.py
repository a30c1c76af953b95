"""The audit: entries of changes, put down before they are made, and of answers about records, before they are given.

Nothing of it is ever changed, but that it is told once how a change went; entries of one action may be taken out once
they are old, which is a change of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, TextClause, bindparam, delete, insert, select, update

from lockgate.core.access import AuditEnd, AuditEntry, AuditOutcome, CallerKind
from lockgate.store.access_tables import CHANGED, audit_entry
from lockgate.store.database import Database
from lockgate.store.scope import Scope

_PUT = insert(audit_entry).returning(audit_entry.c.audit_id, sort_by_parameter_order=True)
_END = (
    update(audit_entry)
    .where(audit_entry.c.audit_id == bindparam("number"), audit_entry.c.outcome == AuditOutcome.BEGUN)
    .values(outcome=bindparam("how"), facts=bindparam("said"), ended_at=bindparam("then"))
)


class AuditLog:
    """The audit of one project."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep entries of the scope's project in `database`; each says which target its process worked on."""
        self._database = database
        self._scope = scope

    def write(self, asked: Sequence[AuditEntry | AuditEnd]) -> list[int]:
        """Puts entries down, and how others went, in one transaction: the number of the entry of each."""
        begun = [one for one in asked if isinstance(one, AuditEntry)]
        ended = {one.audit_id: one for one in reversed(asked) if isinstance(one, AuditEnd)}
        with self._database.writing() as connection:
            numbers = iter(self._begin(connection, begun) if begun else ())
            if ended:
                self._end(connection, ended)
        return [next(numbers) if isinstance(one, AuditEntry) else one.audit_id for one in asked]

    def begin(self, entry: AuditEntry) -> int:
        """Puts an entry down: its number."""
        with self._database.writing() as connection:
            return self._begin(connection, [entry])[0]

    def end(self, audit_id: int, outcome: AuditOutcome, facts: Mapping[str, object], at: datetime) -> bool:
        """Tells how a change went, and more facts of it: whether that was not told before."""
        with self._database.writing() as connection:
            return self._end(connection, {audit_id: AuditEnd(audit_id, outcome, at, facts)})

    def _begin(self, connection: Connection, entries: Sequence[AuditEntry]) -> list[int]:
        scope = self._scope.values()
        rows = [scope | _values_of(entry) for entry in entries]
        return list(connection.execute(_PUT, rows).scalars())

    def _end(self, connection: Connection, ended: Mapping[int, AuditEnd]) -> bool:
        """Ends those that go on: whether there was one; the first of several ends of one entry counts."""
        columns = audit_entry.c
        going = (columns.project == self._scope.project, columns.outcome == AuditOutcome.BEGUN)
        query = select(columns.audit_id, columns.facts).where(*going, columns.audit_id.in_(ended))
        found: Sequence[Any] = connection.execute(query).all()
        rows = [
            {"number": number, "how": end.outcome, "said": {**facts, **end.facts}, "then": end.at}
            for number, facts in found
            for end in (ended[number],)
        ]
        if rows:
            connection.execute(_END, rows)
        return bool(rows)

    def oldest(self, action: str) -> AuditEntry | None:
        """The first entry of an action that is there."""
        query = select(audit_entry).where(*self._of(action)).order_by(audit_entry.c.audit_id).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _entry_of(row)

    def take_out(self, action: str, *, before: datetime, most: int) -> tuple[int, ...]:
        """Takes out entries of an action, the first ones first, up to one that is not from `before`: their numbers.

        There are `most` of them in the one transaction; fewer are all.
        """
        columns = audit_entry.c
        query = select(columns.audit_id, columns.at).where(*self._of(action)).order_by(columns.audit_id).limit(most)
        with self._database.writing() as connection:
            old = takewhile(lambda found: found.at < before, connection.execute(query).all())
            numbers = tuple(found.audit_id for found in old)
            if numbers:
                connection.execute(delete(audit_entry).where(*self._of(action), columns.audit_id <= numbers[-1]))
        return numbers

    def _of(self, action: str) -> tuple[ColumnElement[bool], ...]:
        return audit_entry.c.project == self._scope.project, audit_entry.c.action == action

    def entries(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[AuditEntry, ...]:
        """The newest entries first, after `before` where it is given; `action` also by its noun alone: `cutover`.

        Answers about records are among them where `action` or `actor` is given.
        """
        columns = audit_entry.c
        conditions: list[ColumnElement[bool] | TextClause] = [columns.project == self._scope.project]
        conditions += [columns.actor == actor] if actor is not None else []
        conditions += [columns.subject == subject] if subject is not None else []
        conditions += [columns.audit_id < before] if before is not None else []
        conditions += [CHANGED] if action is None and actor is None else []
        if action is not None:
            noun = columns.action.startswith(f"{action}.", autoescape=True)
            conditions.append(columns.action == action if "." in action else noun)
        query = select(audit_entry).where(*conditions).order_by(columns.audit_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(_entry_of(row) for row in connection.execute(query).mappings())


def _values_of(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "actor": entry.actor,
        "kind": entry.kind,
        "address": entry.address,
        "action": entry.action,
        "subject": entry.subject,
        "outcome": entry.outcome,
        "facts": dict(entry.facts),
        "correlation_id": entry.correlation_id,
        "ended_at": entry.ended_at,
    }


def _entry_of(row: RowMapping) -> AuditEntry:
    return AuditEntry(
        row["audit_id"],
        row["at"],
        row["actor"],
        CallerKind(row["kind"]),
        row["address"],
        row["action"],
        row["subject"],
        AuditOutcome(row["outcome"]),
        row["facts"],
        row["correlation_id"],
        row["ended_at"],
        row["target"],
    )
