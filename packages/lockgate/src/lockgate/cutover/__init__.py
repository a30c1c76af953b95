"""Cutting over from one implementation to another: plans, gates, sequential tests, and judgements about routes."""

from lockgate.cutover.applying import Hands, applied
from lockgate.cutover.explaining import explained
from lockgate.cutover.gates import Seen, gate_answer
from lockgate.cutover.judging import Judgement, Situation, judged
from lockgate.cutover.planning import Moving, planned, rolled_back, stopped

__all__ = [
    "Hands",
    "Judgement",
    "Moving",
    "Seen",
    "Situation",
    "applied",
    "explained",
    "gate_answer",
    "judged",
    "planned",
    "rolled_back",
    "stopped",
]
