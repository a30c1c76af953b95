"""Cutting over from one implementation to another: plans, gates, sequential tests, and judgements about routes."""

from lockgate.cutover.applying import Hands, Listener, applied
from lockgate.cutover.explaining import explained, step_told
from lockgate.cutover.gates import Seen, gate_answer
from lockgate.cutover.judging import Judgement, Situation, judged
from lockgate.cutover.level import unlevel, unproven
from lockgate.cutover.planning import Moving, described, planned, retired, rolled_back, stopped
from lockgate.cutover.remembering import in_shadow, was_refused
from lockgate.cutover.telling import SIGN_OFF, editions_held, notice_of, signatures_wanted, waits_for_signatures

__all__ = [
    "Hands",
    "Judgement",
    "Listener",
    "Moving",
    "SIGN_OFF",
    "Seen",
    "Situation",
    "applied",
    "described",
    "editions_held",
    "explained",
    "gate_answer",
    "in_shadow",
    "judged",
    "notice_of",
    "planned",
    "retired",
    "rolled_back",
    "signatures_wanted",
    "step_told",
    "stopped",
    "unlevel",
    "unproven",
    "waits_for_signatures",
    "was_refused",
]
