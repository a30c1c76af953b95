"""How the console writes instants, durations, shares and sizes; every template has these as filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from lockgate.adapters.secrets.redaction import redacted
from lockgate.core.legible import cut, legible, percent

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")


class Markup(str):
    """Text that is markup already: templates write it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """What templates ask for."""
        return str(self)


def when(at: datetime | None) -> str:
    """An instant to the second, as a `time` element; a dash where there is none."""
    if at is None:
        return "–"
    utc = at.astimezone(UTC)
    return Markup(f'<time datetime="{utc.isoformat(timespec="seconds")}">{utc:%Y-%m-%d %H:%M:%S}</time>')


def lasting(length: timedelta | float | None) -> str:
    """A duration in its largest unit: `3.2 s`, `14 min`, `2.5 h`, `3 d`; a dash where there is none."""
    if length is None:
        return "–"
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    if seconds >= 10:  # noqa: PLR2004  from there on tenths say nothing
        return f"{seconds:.0f} s"
    return f"{seconds:.2f} s" if 0 < seconds < 1 else f"{seconds:.1f} s"


def sized(count: int | None) -> str:
    """Bytes in the unit that fits: `12 KiB`; a dash where nothing was counted."""
    if not count:
        return "–"
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(_BYTES) - 1:  # noqa: PLR2004  IEC 80000-13
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_BYTES[unit]}" if amount >= 10 or unit == 0 else f"{amount:.1f} {_BYTES[unit]}"  # noqa: PLR2004


def thousands(number: float | None) -> str:
    """A number with its thousands parted; a dash where there is none."""
    return "–" if number is None else f"{number:,}"


def segment(name: object) -> str:
    """A name as one segment of a path."""
    return quote(str(name), safe="")


def short(text: str, longest: int = 60) -> str:
    """Text of so many characters at most."""
    return cut(legible(text), longest)


def revision_told(revision: str) -> str:
    """A revision as people tell it apart: twelve characters of a digest, or the commit that it names."""
    if not revision:
        return "unknown"
    commit, found, path = revision.partition(":")
    digest = path if commit.startswith("sha") else commit
    return digest[:12] if found and digest else revision[:12]


FILTERS: Mapping[str, Callable[..., str]] = {
    "when": when,
    "lasting": lasting,
    "sized": sized,
    "thousands": thousands,
    "percent": percent,
    "segment": segment,
    "short": short,
    "revision": revision_told,
    "redacted": redacted,
}
