"""Cutting over from one implementation to another: plans, gates, sequential tests, and judgements about routes."""

from lockgate.cutover.applying import Hands, Listener, applied
from lockgate.cutover.explaining import explained, step_told
from lockgate.cutover.gates import Seen, gate_answer
from lockgate.cutover.judging import Judgement, Situation, judged
from lockgate.cutover.planning import Moving, described, planned, retired, rolled_back, stopped

__all__ = [
    "Hands",
    "Judgement",
    "Listener",
    "Moving",
    "Seen",
    "Situation",
    "applied",
    "described",
    "explained",
    "gate_answer",
    "judged",
    "planned",
    "retired",
    "rolled_back",
    "step_told",
    "stopped",
]
