"""What the console's navigation leads to, and who is shown which of it."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.core.access import Caller
from lockgate.server.access import ADMINS, APPROVERS, READERS, Allowed


@dataclass(frozen=True, slots=True)
class Link:
    """A page that the navigation leads to. `is_here` tells that it, or one below it, is being looked at."""

    path: str
    title: str
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Links that belong together."""

    title: str
    links: tuple[Link, ...]


_SECTIONS: tuple[tuple[str, tuple[tuple[str, str, Allowed], ...]], ...] = (
    (
        "Cutovers",
        (
            ("/", "Overview", READERS),
            ("/gates", "Gates", READERS),
            ("/comparisons", "Comparisons", READERS),
            ("/decisions", "Decisions", READERS),
            ("/lineage", "Lineage", READERS),
        ),
    ),
    (
        "Work",
        (
            ("/jobs", "Jobs", READERS),
            ("/runs", "Runs", READERS),
            ("/loads", "Loads", READERS),
            ("/quarantine", "Quarantine", READERS),
        ),
    ),
    (
        "House",
        (
            ("/notices", "Notices", READERS),
            ("/audit", "Audit", APPROVERS),
            ("/people", "People", ADMINS),
            ("/tokens", "Tokens", ADMINS),
        ),
    ),
)
_OVERVIEW = ("/", "/entities", "/plans")


def sections_for(caller: Caller, path: str) -> tuple[Section, ...]:
    """The sections that a caller has pages of; the link to what `path` belongs to is marked."""
    found = (
        Section(title, tuple(Link(to, name, _is_here(to, path)) for to, name, allowed in links if caller.may(allowed)))
        for title, links in _SECTIONS
    )
    return tuple(section for section in found if section.links)


def _is_here(to: str, path: str) -> bool:
    if to == "/":
        return path == "/" or path.startswith(_OVERVIEW[1:])
    return path == to or path.startswith(f"{to}/")
