"""What somebody may have meant by a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wrong: str, known: Iterable[str]) -> str | None:
    """The names nearest to a wrong one, as a question, at most three; None where none is near."""
    near = get_close_matches(wrong, list(known), n=3)
    return f"Did you mean {' or '.join(map(repr, near))}?" if near else None
