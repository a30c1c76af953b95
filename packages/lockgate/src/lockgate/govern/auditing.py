"""What the audit keeps of a change: legible, bounded, and without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lockgate.core.access import AuditOutcome
from lockgate.core.cutover import PlanResult
from lockgate.core.gate import Answer
from lockgate.core.legible import cut, legible
from lockgate.core.plain import Redact, to_plain
from lockgate.errors import (
    AccessError,
    CapabilityMissing,
    CutoverInvalid,
    EngineOff,
    FlowRuntimeError,
    JobCancelled,
    JobFinal,
    KeyReused,
    NotOnline,
    QueueFull,
    RuleSetInvalid,
    StaleToken,
    UnknownName,
)

# Those say that nothing was begun.
REFUSALS = (
    AccessError,
    CapabilityMissing,
    CutoverInvalid,
    EngineOff,
    FlowRuntimeError,
    JobCancelled,
    JobFinal,
    KeyReused,
    NotOnline,
    QueueFull,
    RuleSetInvalid,
    StaleToken,
    UnknownName,
)
LONGEST_TEXT = 500
LONGEST_NAME = 200
MOST_FACTS = 20


def outcome_of(error: BaseException) -> AuditOutcome:
    """Whether a change that an error ended was refused, or was begun and failed."""
    return AuditOutcome.REFUSED if isinstance(error, REFUSALS) else AuditOutcome.FAILED


def outcome_of_plan(came: PlanResult) -> AuditOutcome:
    """The same of a plan that was applied to its end, or to a gate that did not say go."""
    return AuditOutcome.DONE if came.answer is Answer.GO else AuditOutcome.REFUSED


def kept_name(text: str, redact: Redact, longest: int = LONGEST_NAME) -> str:
    """A name as the audit keeps it."""
    return cut(legible(redact(text)[: longest + 1]), longest)


def kept_facts(facts: Mapping[str, object], redact: Redact) -> dict[str, object]:
    """Facts as the audit keeps them: at most twenty; numbers and truth values as they are, the rest as short text.

    What is listed stands between commas.
    """
    return {kept_name(str(name), redact, 60): _kept(facts[name], redact) for name in list(facts)[:MOST_FACTS]}


def _kept(value: object, redact: Redact) -> object:
    plain = to_plain(value, redact)
    if plain is None or isinstance(plain, bool | float) or (isinstance(plain, int) and abs(plain) < 1 << 63):
        return plain
    if isinstance(plain, list) and not any(isinstance(one, dict | list) for one in plain):
        plain = ", ".join(map(str, plain))
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return kept_name(text, redact, LONGEST_TEXT)
