"""How long a caller prefers to wait: the `Prefer` header (RFC 7240)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.server.options import Options

MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Preference:
    """How long to wait, and what of the caller's wish was kept (empty where there was none)."""

    wait_seconds: int
    applied: str = ""


def preference_of(values: Sequence[str], options: Options) -> Preference:
    """What `Prefer` headers come to; a preference that cannot be read is none, as the RFC asks."""
    wanted = _wanted(values)
    wait = wanted.get("wait", "")
    if wait.isascii() and wait.isdigit() and len(wait) <= MOST_DIGITS:
        seconds = min(int(wait), options.longest_wait_seconds)
        return Preference(seconds, f"wait={seconds}")
    if "respond-async" in wanted:
        return Preference(0, "respond-async")
    return Preference(options.wait_seconds)


def _wanted(values: Sequence[str]) -> dict[str, str]:
    """Each preference with its value, parameters left out; the first of a name counts."""
    found: dict[str, str] = {}
    for part in ",".join(values).split(","):
        name, _, value = part.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found
