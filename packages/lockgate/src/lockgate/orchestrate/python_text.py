"""Values as Python source, spelled so that a formatter leaves them as they are."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

WIDTH = 120
_UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def literal(text: str) -> str:
    """A string literal, in double quotes unless single ones need fewer backslashes."""
    return _quoted("".join(map(_escaped, text)))


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    return character if character.isprintable() else repr(character)[1:-1]


def _quoted(body: str) -> str:
    quote = '"' if body.count('"') <= body.count("'") else "'"
    return quote + body.replace(quote, "\\" + quote) + quote


def docstring(text: str) -> str:
    """What stands between the quotes of a docstring: in lines that fit, four blanks before each but the first."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', "'")
    return "\n    ".join(textwrap.wrap(plain, WIDTH - 12, break_long_words=False, break_on_hyphens=False))


def filled(text: str, places: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """Text as an expression, with the expression of each of `places` where it stands in it.

    One place alone is its own expression; among other text, which goes through `escape`, it makes an f-string.
    """
    return places[text] if text in places else _string(text, places, escape)


def _string(text: str, places: Mapping[str, str], escape: Callable[[str], str]) -> str:
    pieces = re.split("|".join(f"({re.escape(place)})" for place in places), text) if places else [text]
    found = [piece for piece in pieces if piece]
    if not any(piece in places for piece in found):
        return literal(escape(text))
    return "f" + _quoted(
        "".join(f"{{{places[piece]}}}" if piece in places else _plain(escape(piece)) for piece in found)
    )


def _plain(text: str) -> str:
    """Text as it stands in an f-string."""
    return "".join(map(_escaped, text)).replace("{", "{{").replace("}", "}}")


def spread(
    text: str, places: Mapping[str, str], *, indent: int, beside: int, escape: Callable[[str], str] = str
) -> str:
    """The same on one line, or where that is too wide with `beside` more on it, in brackets over several lines."""
    whole = filled(text, places, escape)
    pieces = list(_pieces(text, WIDTH - indent - 24))
    if indent + beside + len(whole) <= WIDTH or len(pieces) == 1:
        return whole
    margin = " " * indent
    # A formatter joins what fits on one line of its own.
    parts = [whole] if indent + 4 + len(whole) <= WIDTH else [_string(piece, places, escape) for piece in pieces]
    return "\n".join(["(", *(f"{margin}    {part}" for part in parts), f"{margin})"])


def _pieces(text: str, room: int) -> Iterator[str]:
    """Text cut behind blanks into pieces of that length, as far as there are blanks."""
    piece = ""
    for word in text.split(" "):
        if piece and len(piece) + len(word) > room:
            yield piece
            piece = ""
        piece += f"{word} "
    yield piece[:-1]


def listed(texts: Sequence[str], places: Mapping[str, str], *, indent: int, beside: int) -> str:
    """A list of texts on one line, or where that is too wide with `beside` more on it, over a line for each."""
    items = [spread(text, places, indent=indent + 4, beside=1) for text in texts]
    return bracketed(items, indent=indent, beside=beside)


def bracketed(items: Sequence[str], *, indent: int, beside: int) -> str:
    """A list of expressions, likewise."""
    return _within("[", items, "]", indent=indent, beside=beside)


def called(function: str, arguments: Sequence[str], *, indent: int, beside: int) -> str:
    """A call, likewise."""
    return _within(f"{function}(", arguments, ")", indent=indent, beside=beside)


def _within(start: str, items: Sequence[str], end: str, *, indent: int, beside: int) -> str:
    line = f"{start}{', '.join(items)}{end}"
    if "\n" not in line and indent + beside + len(line) <= WIDTH:
        return line
    margin = " " * indent
    return "\n".join([start, *(f"{margin}    {item}," for item in items), f"{margin}{end}"])


def duration(length: timedelta) -> str:
    """A `timedelta` in the largest units that say it."""
    left = int(length.total_seconds())
    parts: list[str] = []
    for unit, seconds in _UNITS.items():
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{unit}={count}")
    return f"timedelta({', '.join(parts or ['0'])})"


def identifiers(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """A Python name for each: itself, or with underscores behind it where that is a word of the language or taken."""
    found: dict[str, str] = {}
    for name in names:
        free = name
        while keyword.iskeyword(free) or keyword.issoftkeyword(free) or free in taken or free in found.values():
            free += "_"
        found[name] = free
    return found


def class_names(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """The same with the names of classes: `load_users` is `LoadUsers`."""
    titles = {name: "".join(part.title() for part in name.split("_")) for name in names}
    found: dict[str, str] = {}
    for name, title in titles.items():
        found[name] = identifiers([title], {*taken, *found.values()})[title]
    return found
