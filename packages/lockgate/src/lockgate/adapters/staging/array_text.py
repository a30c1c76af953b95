"""The elements of a JSON array as they are written, one by one, where the text as a whole cannot be read set-wise."""

from __future__ import annotations

import re
from json import JSONDecoder

from lockgate.errors import SourceInconsistent

_BLANK = re.compile(r"[ \t\r\n]*")
# Only places matter here: digits are not turned into numbers.
_DECODER = JSONDecoder(parse_int=str, parse_float=str)


def elements(written: str, field: str | None) -> list[str]:
    """The text of each element of the array that `written` is, or that it holds under `field`.

    Raises:
        SourceInconsistent: it is cut, is not JSON, is nested too deeply, or has no such array.
    """
    try:
        return _elements(written, _beginning(written, field))
    except (ValueError, IndexError, RecursionError) as error:
        raise SourceInconsistent("the source's JSON is cut, is nested too deeply, or is no array of records") from error


def _elements(written: str, place: int) -> list[str]:
    if written[place] != "[":
        raise ValueError
    found: list[str] = []
    place = _after_blanks(written, place + 1)
    while written[place] != "]":
        _, end = _DECODER.raw_decode(written, place)
        found.append(written[place:end])
        place = _after_mark(written, end, ",]")
    return found


def _beginning(written: str, field: str | None) -> int:
    """Where the array begins; the last field of that name counts, as it does to JSON parsers."""
    place = _after_blanks(written, 0)
    if field is None:
        return place
    begins = len(written)
    place = _after_blanks(written, place + 1)
    while written[place] == '"':
        name, end = _DECODER.raw_decode(written, place)
        place = _after_mark(written, end, ":")
        begins = place if name == field else begins
        _, end = _DECODER.raw_decode(written, place)
        place = _after_mark(written, end, ",}")
    return begins


def _after_mark(written: str, place: int, marks: str) -> int:
    """Behind a comma or colon and the blanks around it; at the bracket where one ends the text's array or object."""
    place = _after_blanks(written, place)
    if written[place] not in marks:
        raise ValueError
    return _after_blanks(written, place + 1) if written[place] in ",:" else place


def _after_blanks(written: str, place: int) -> int:
    blank = _BLANK.match(written, place)
    return blank.end() if blank else place
