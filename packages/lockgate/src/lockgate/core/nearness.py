"""What somebody may have meant by a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 3
MOST_TOLD = 20
# Nobody's name is longer; what comes behind is not held against the known ones.
MOST_LETTERS = 200


def nearest(wrong: str, known: Iterable[str], *, likeness: float = 0.6) -> list[str]:
    """The known names like a wrong one, the most alike first, at most three; capitals make no difference.

    `likeness` is the least ratio of letters in common (Python's `difflib`). Of the wrong name, the first 200 count.
    """
    names = {name.casefold(): str(name) for name in known}
    return [names[each] for each in get_close_matches(wrong[:MOST_LETTERS].casefold(), names, n=MOST, cutoff=likeness)]


def did_you_mean(wrong: str, known: Iterable[str]) -> str | None:
    """The names nearest to a wrong one, as a question; None where none is near."""
    near = nearest(wrong, known)
    return f"Did you mean {' or '.join(map(repr, near))}?" if near else None


def did_you_mean_or_known(wrong: str, known: Iterable[str]) -> str:
    """The name nearest to a wrong one, as a question; else the first of those that there are."""
    names = [str(name) for name in known]
    near = nearest(wrong, names)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names[:MOST_TOLD]) or 'none'}"
