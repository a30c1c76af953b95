"""`AuditBook`: the audit of many callers at once, in few transactions; nobody waits for a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace

from lockgate.app.access import Access
from lockgate.core.access import AuditEnd, AuditEntry, AuditOutcome, Caller
from lockgate.core.deadline import within
from lockgate.transform.gathering import Gathering

MOST = 1000


class AuditBook:
    """One thread that puts down whatever was told since it last looked."""

    def __init__(self, access: Access, *, seconds: float) -> None:
        """Put down by `access`, within so many seconds or not."""
        self._access = access
        self._seconds = seconds
        self._told: Gathering[AuditEntry | AuditEnd, int] = Gathering("lockgate-audit", self._write, most=MOST)

    def begin(
        self, caller: Caller, action: str, subject: str, *, address: str, facts: Mapping[str, object]
    ) -> Future[int]:
        """The number of a change that somebody is about to make, once that is durable."""
        return self._told.ask(self._access.entry_of(caller, action, subject, address=address, facts=facts))

    def tell(
        self, caller: Caller, action: str, subject: str, *, address: str, facts: Mapping[str, object]
    ) -> Future[int]:
        """The number of what somebody was given, in one entry that is done; the future is done once that is durable."""
        entry = self._access.entry_of(caller, action, subject, address=address, facts=facts)
        return self._told.ask(replace(entry, outcome=AuditOutcome.DONE, ended_at=entry.at))

    def end(self, audit_id: int, outcome: AuditOutcome, facts: Mapping[str, object]) -> Future[int]:
        """Tells how a change went; the future is done once that is durable."""
        return self._told.ask(self._access.end_of(audit_id, outcome, facts))

    def close(self) -> None:
        """Puts down what was told, and takes nothing more."""
        self._told.close()

    def _write(self, asked: Sequence[AuditEntry | AuditEnd]) -> list[int]:
        with within(self._seconds):
            return self._access.write_changes(asked)
