"""A notice's words as receivers take them: of characters that can be written, and no longer than a vendor allows."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from hashlib import sha256

from lockgate.core.legible import cut
from lockgate.core.notice import Notice

_KEPT = {"\n", "\t"}
# Controls, what turns the direction of text around, and halves of characters, which no encoding can write.
_UNWRITABLE = {"Cc", "Cf", "Cs"}
_JOINERS = {"\u200c", "\u200d"}  # letters of several scripts and emoji need them
_LONGEST_NAME, _LONGEST_VALUE = 80, 300
_READ = 4  # so many times the characters that are kept are looked at: unwritable ones fall out
HIDDEN = "***"
_SHORTEST_HIDDEN = 4


def paragraph(text: str, longest: int) -> str:
    """Text whose lines stay, without characters that steer a terminal or a client, cut to so many characters."""
    lines = text[: _READ * longest].replace("\r\n", "\n").replace("\r", "\n")
    return cut("".join(each for each in lines if each in _KEPT or _is_writable(each)), longest)


def one_line(text: str, longest: int) -> str:
    """Text on one line, every blank and line end one space, cut to so many characters."""
    blanks_joined = " ".join(text[: _READ * longest].split())
    return cut(" ".join(paragraph(blanks_joined, _READ * longest).split()), longest)


def _is_writable(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in _UNWRITABLE


def within(text: str, longest: int, size: Callable[[str], int]) -> str:
    """The longest beginning of a text whose `size` is at most `longest`, an ellipsis standing for the rest."""
    if size(text) <= longest:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle] + "…") <= longest else (low, middle - 1)
    return text[:low] + "…"


def facts_of(notice: Notice, most: int) -> list[tuple[str, str]]:
    """The first facts as name and value, each on one line."""
    pairs = list(notice.facts.items())[:most]
    return [(one_line(name, _LONGEST_NAME), one_line(str(value), _LONGEST_VALUE)) for name, value in pairs]


def footing(notice: Notice, origin: str) -> str:
    """What stands below: how grave, of which project and entity, when."""
    ends = "recovered" if notice.is_recovery else str(notice.severity)
    parts = (ends, origin, notice.entity, notice.at.strftime("%Y-%m-%d %H:%M:%S UTC"))
    return one_line(" · ".join(part for part in parts if part), _LONGEST_VALUE)


def key_of(origin: str, key: str) -> str:
    """A key in hexadecimal, the same for the same notice of the same project, made of nothing a receiver could read."""
    return sha256(f"{origin}\n{key}".encode(errors="backslashreplace")).hexdigest()[:40]


def without(secrets: Sequence[str], text: str, longest: int = 200) -> str:
    """What a receiver said, on one line and without the secrets it may have repeated."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_HIDDEN:
            text = text.replace(secret, HIDDEN)
    return one_line(text, longest)
