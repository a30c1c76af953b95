"""What the audit keeps of a change: legible, bounded, and without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lockgate.core.legible import cut, legible
from lockgate.core.plain import Redact, to_plain

LONGEST_TEXT = 500
LONGEST_NAME = 200
MOST_FACTS = 20


def kept_name(text: str, redact: Redact, longest: int = LONGEST_NAME) -> str:
    """A name as the audit keeps it."""
    return cut(legible(redact(text)[: longest + 1]), longest)


def kept_facts(facts: Mapping[str, object], redact: Redact) -> dict[str, object]:
    """Facts as the audit keeps them: at most twenty; numbers and truth values as they are, the rest as short text."""
    return {kept_name(str(name), redact, 60): _kept(facts[name], redact) for name in list(facts)[:MOST_FACTS]}


def _kept(value: object, redact: Redact) -> object:
    plain = to_plain(value, redact)
    if plain is None or isinstance(plain, bool | float) or (isinstance(plain, int) and abs(plain) < 1 << 63):
        return plain
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return kept_name(text, redact, LONGEST_TEXT)
