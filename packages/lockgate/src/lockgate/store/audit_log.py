"""The audit: an entry for each change, put down before it is made; nothing of it is ever changed or taken away.

The one exception is how a change went, which is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, and_, insert, select, update

from lockgate.core.access import AuditEntry, AuditOutcome, CallerKind
from lockgate.store.access_tables import audit_entry
from lockgate.store.database import Database
from lockgate.store.scope import Scope


class AuditLog:
    """The audit of one project."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep entries of the scope's project in `database`; each says which target its process worked on."""
        self._database = database
        self._scope = scope

    def begin(self, entry: AuditEntry) -> int:
        """Puts an entry down: its number."""
        values = {
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
        with self._database.writing() as connection:
            put = insert(audit_entry).values(self._scope.values() | values).returning(audit_entry.c.audit_id)
            return connection.execute(put).scalar_one()

    def end(self, audit_id: int, outcome: AuditOutcome, facts: Mapping[str, object], at: datetime) -> bool:
        """Tells how a change went, and more facts of it: whether that was not told before."""
        mine = and_(audit_entry.c.project == self._scope.project, audit_entry.c.audit_id == audit_id)
        open_ = and_(mine, audit_entry.c.outcome == AuditOutcome.BEGUN)
        with self._database.writing() as connection:
            before: Any = connection.execute(select(audit_entry.c.facts).where(open_)).scalar()
            if before is None:
                return False
            values = {"outcome": outcome, "facts": {**before, **facts}, "ended_at": at}
            return bool(connection.execute(update(audit_entry).where(open_).values(values)).rowcount)

    def entries(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[AuditEntry, ...]:
        """The newest entries first, after `before` where it is given; `action` also by its noun alone: `cutover`."""
        columns = audit_entry.c
        conditions = [columns.project == self._scope.project]
        conditions += [columns.actor == actor] if actor is not None else []
        conditions += [columns.subject == subject] if subject is not None else []
        conditions += [columns.audit_id < before] if before is not None else []
        if action is not None:
            noun = columns.action.startswith(f"{action}.", autoescape=True)
            conditions.append(columns.action == action if "." in action else noun)
        query = select(audit_entry).where(*conditions).order_by(columns.audit_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(_entry_of(row) for row in connection.execute(query).mappings())


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
