"""Values of rows as people read them: nothing invisible, no control of a terminal, no longer than fits."""

from __future__ import annotations

import json
from datetime import date, datetime, time

from lockgate.core.plain import to_plain

LONGEST = 60
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BEFORE = 20


def legible(text: str) -> str:
    r"""Text on one line, in which what cannot be seen is spelled out: controls, marks of direction, odd blanks.

    A no-break space becomes `\xa0`, the start of an escape sequence `\x1b`, a line end `\n`.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _ESCAPES.get(each) or _spelled(each) for each in text)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def shown(value: object, hidden: str | None = None) -> str:
    """A value on one line: text in quotes, nothing as NULL, bytes in hexadecimal; what equals `hidden` as it is."""
    if value is None:
        return "NULL"
    if hidden is not None and value == hidden:
        return hidden
    if isinstance(value, str):
        return f"'{legible(value)}'"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"0x{bytes(value).hex()}"
    if isinstance(value, datetime | date | time):
        return str(value)
    plain = to_plain(value)
    return legible(plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False))


def cut(text: str, longest: int = LONGEST) -> str:
    """Text of so many characters at most; an ellipsis stands for the rest."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def cut_alike(left: str, right: str, longest: int = LONGEST) -> tuple[str, str]:
    """Two texts cut so that the place where they begin to differ is seen."""
    same = _same(left, right)
    if max(len(left), len(right)) <= longest or same < longest - _BEFORE:
        return cut(left, longest), cut(right, longest)
    start = same - _BEFORE
    return cut(f"…{left[start:]}", longest), cut(f"…{right[start:]}", longest)


def _same(left: str, right: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(left), len(right)))


def quantity(number: int, one: str, many: str) -> str:
    """A number with its noun: `1 row`, `1,200 rows`."""
    return f"{number:,} {one if number == 1 else many}"


def percent(share: int) -> str:
    """A share of the 10,000 buckets in percent, without digits that say nothing: `5 %`, `0.25 %`."""
    return f"{share / 100:g} %"
