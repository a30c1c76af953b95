"""What accounts and tokens are called, and which roles there are to give."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import normalize

from lockgate.core.access import Role
from lockgate.core.cutover import CONTROLLER
from lockgate.core.nearness import did_you_mean_or_known
from lockgate.errors import AccountRefused, UnknownName

LONGEST_NAME = 64
_NAME = re.compile(rf"[^\W_][\w.@+-]{{0,{LONGEST_NAME - 1}}}")
# Decisions and jobs name these as who asked; nobody may pass for them.
RESERVED = frozenset({CONTROLLER, "anyone", "lockgate", "loopback", "machine", "nobody", "shared", "system", "token"})


def written_name(text: str) -> str | None:
    """A name as it is kept, however the keyboard composed it (NFC); None where nobody can be called so."""
    name = normalize("NFC", text[: 4 * LONGEST_NAME])
    return name if _NAME.fullmatch(name) else None


def checked_name(name: str) -> str:
    """The name as it is kept, where an account or a machine may be called so.

    Raises:
        AccountRefused: it may not.
    """
    written = written_name(name)
    if written is None:
        hint = f"Take letters, digits and . _ @ + -, at most {LONGEST_NAME}, a letter or digit first."
        raise AccountRefused("nobody can be called so", hint=hint)
    if written.casefold() in RESERVED:
        raise AccountRefused(f"the name {written} stands for Lockgate itself", hint="Take another name.", name=written)
    return written


def checked_roles(written: Iterable[str]) -> frozenset[Role]:
    """The roles of these names, at least one.

    Raises:
        UnknownName: there is no such role; the hint has the nearest.
        AccountRefused: there is none at all.
    """
    names = list(written)
    for name in names:
        if name not in set(Role):
            hint = did_you_mean_or_known(name, Role)
            raise UnknownName(f"there is no role {name!r}", hint=hint[0].upper() + hint[1:], name=name)
    if not names:
        raise AccountRefused("somebody without a role may do nothing", hint=f"Give one of {', '.join(Role)}.")
    return frozenset(Role(name) for name in names)
