"""What earlier decisions mean for a candidate now: whether it was refused, and what was spent on its shadow."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.core.cutover import Action, Decision
from lockgate.core.gate import Evidence, Pair
from lockgate.core.route import Route, Stage

_FORWARDS = frozenset({Action.SHADOW, Action.CANARY, Action.PROMOTE})


def was_refused(decisions: Sequence[Decision], pair: Pair, *, own: str) -> bool:
    """Whether the candidate, as it is now, was rolled back or stopped, and no person has moved it on since.

    `decisions` are the newest first; `own` is the name under which the controller decides. A roll-back of which nobody
    knows the revision counts for every one, until a person moves the candidate on.
    """
    refusing: set[object] = {pair.candidate_revision, None}
    for one in decisions:
        if one.after.candidate != pair.candidate:
            continue
        revision = one.facts.get("candidate_revision")
        if one.is_backwards and revision in refusing:
            return True
        if one.action in _FORWARDS and _is_by_person(one, own):
            if revision == pair.candidate_revision:
                return False
            refusing.discard(None)
    return False


def _is_by_person(decision: Decision, own: str) -> bool:
    """Whether a person moved the route; one that was found moved was moved by a person where a plan leads there."""
    return decision.plan_id is not None if decision.is_found else decision.by != own


def in_shadow(evidence: Sequence[Evidence], decisions: Sequence[Decision], route: Route) -> tuple[Evidence, ...]:
    """The evidence that was seen while the candidate was in the shadow, and consumers read none of it."""
    known = [route, *(each for one in decisions for each in (one.before, one.after))]
    tokens = {one.token for one in known if one.stage is Stage.SHADOW and not one.is_answering}
    return tuple(one for one in evidence if one.token in tokens)
