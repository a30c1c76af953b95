"""The controller's own moves in the audit: told once they are done, for nothing holds up a roll-back."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.wiring import Wiring
from lockgate.core.access import AuditEntry, AuditOutcome, CallerKind
from lockgate.core.correlation import correlation_id
from lockgate.core.cutover import CONTROLLER, Decision
from lockgate.core.deadline import within
from lockgate.errors import LockgateError
from lockgate.govern.auditing import kept_facts

logger = logging.getLogger(__name__)

AUDIT_SECONDS = 2.0


def audited(wiring: Wiring, decisions: Sequence[Decision]) -> None:
    """Tells the audit of moves that nobody asked for; one that cannot be told is logged, and stands in its decision."""
    try:
        with within(AUDIT_SECONDS):
            for decision in decisions:
                wiring.store.audit.begin(_entry(decision))
    except LockgateError as error:
        logger.warning("the audit was not written", extra={"facts": {"error": error.code}})


def _entry(decision: Decision) -> AuditEntry:
    facts = {
        "decision": decision.decision_id,
        "stage": f"{decision.before.stage} → {decision.after.stage}",
        "share": decision.after.share,
        "reason": decision.reason,
    }
    return AuditEntry(
        audit_id=0,
        at=decision.at,
        actor=CONTROLLER,
        kind=CallerKind.SYSTEM,
        address="",
        action=f"cutover.{decision.action.value.replace(' ', '-')}",
        subject=decision.entity,
        outcome=AuditOutcome.DONE,
        facts=kept_facts(facts, redacted),
        correlation_id=correlation_id(),
        ended_at=decision.at,
    )
