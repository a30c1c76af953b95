"""What the controller moves by itself is in the audit as its own, and never waits for it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from lockgate.app.own_moves import audited
from lockgate.core.access import AuditOutcome, CallerKind
from lockgate.core.cutover import CONTROLLER, Action, Decision
from lockgate.core.gate import Answer
from lockgate.core.route import Route, Stage

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
BEFORE = Route("users", "rules", "dbt", Stage.CANARY, share=500, token=3)
AFTER = Route("users", "rules", "dbt", Stage.SHADOW, share=0, token=4)
DECISION = Decision(
    decision_id=7,
    entity="users",
    action=Action.ROLL_BACK,
    answer=Answer.NO_GO,
    before=BEFORE,
    after=AFTER,
    by=CONTROLLER,
    reason="3 of 10 requests failed",
    at=NOON,
)


def test_a_move_is_told_once_it_is_done(wiring):
    audited(wiring, [DECISION])

    (entry,) = wiring.store.audit.entries()
    assert (entry.actor, entry.kind, entry.action) == ("controller", CallerKind.SYSTEM, "cutover.roll-back")
    assert (entry.subject, entry.outcome, entry.at, entry.ended_at) == ("users", AuditOutcome.DONE, NOON, NOON)
    assert entry.facts == {
        "decision": 7,
        "stage": "canary → shadow",
        "share": 0,
        "reason": "3 of 10 requests failed",
    }


def test_where_nothing_was_moved_nothing_is_told(wiring):
    audited(wiring, [])

    assert wiring.store.audit.entries() == ()


def test_what_cannot_be_told_is_logged(wiring, caplog):
    with wiring.store.database.writing() as connection:
        connection.execute(text("DROP TABLE audit_entry"))

    audited(wiring, [DECISION])

    assert "the audit was not written" in caplog.text
