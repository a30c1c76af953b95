"""Turns what the service says of cutovers into answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lockgate.app.cutting_over import RolledBack, RouteStatus
from lockgate.core.cutover import Decision
from lockgate.core.gate import Evidence, GateAnswer
from lockgate.core.plain import to_plain
from lockgate.core.route import Route
from lockgate.server import answers


def cutover_answer(status: RouteStatus) -> answers.CutoverAnswer:
    """Where a cutover stands."""
    return answers.CutoverAnswer(
        entity_type=status.entity,
        group=status.group,
        route=_route(status.route),
        gates=[_gate(one) for one in status.gates],
        comparison=_evidence(status.comparison) if status.comparison else None,
        decision=answers.DecisionAnswer(**_decision(status.decision)) if status.decision else None,
    )


def rollback_answer(done: Sequence[RolledBack]) -> answers.RollbackAnswer:
    """What was rolled back."""
    found = [answers.RolledBackAnswer(**_decision(one.decision), age_seconds=one.age_seconds) for one in done]
    return answers.RollbackAnswer(rolled_back=found)


def _route(route: Route) -> answers.RouteAnswer:
    return answers.RouteAnswer(
        incumbent=route.incumbent, candidate=route.candidate, stage=route.stage, share=route.share, token=route.token
    )


def _gate(found: GateAnswer) -> answers.GateAnswer:
    conditions = [
        answers.ConditionAnswer(
            condition=one.condition, answer=one.answer, sentence=one.sentence, evidence=one.evidence
        )
        for one in found.conditions
    ]
    return answers.GateAnswer(gate=found.gate, answer=found.answer, conditions=conditions)


def _evidence(found: Evidence) -> answers.EvidenceAnswer:
    facts: Any = to_plain(dict(found.facts))
    return answers.EvidenceAnswer(
        evidence_id=found.evidence_id, kind=found.kind, token=found.token, at=found.at, by=found.by, facts=facts
    )


def _decision(made: Decision) -> dict[str, Any]:
    return {
        "decision_id": made.decision_id,
        "entity_type": made.entity,
        "action": made.action,
        "answer": made.answer,
        "before": _route(made.before),
        "after": _route(made.after),
        "by": made.by,
        "reason": made.reason,
        "at": made.at,
    }
