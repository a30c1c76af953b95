"""Reads JSON that strangers send: strictly (RFC 8259, I-JSON), within limits, and tells where each flaw is."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, islice, takewhile

from lockgate.server.options import Options
from lockgate.server.problems import Fault, Flaw, Refusal

MOST_FLAWS = 20
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_ROUND = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_PLAIN = frozenset({int, float, bool, type(None)})
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Unusable:
    """Stands where a value did that cannot be used."""

    why: str


class _Object(dict[str, object]):
    """A JSON object with a key that stands in it twice."""

    twice: str = ""


def parse(body: bytes, options: Options) -> object:
    """The document that a body holds.

    Raises:
        Refusal: it is no JSON, is nested too deeply, or has values that not every reader would read alike.
    """
    text = _decoded(body)
    if why := shape_flaw(body, options):
        raise _refused([Flaw(why, pointer="")])
    try:
        document = _reader(options.number_digits).decode(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _refused([Flaw(_syntax(error), pointer="")]) from None
    flaws = list(islice(_flaws(document), MOST_FLAWS))
    if flaws:
        raise _refused(flaws)
    return document


def digest_of(document: object) -> str:
    """The SHA-256 of a document, whatever its blanks and the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def shape_flaw(body: bytes, options: Options) -> str | None:
    """What is wrong with how many arrays and objects stand in each other; what is not balanced may pass."""
    if body.count(b"[") + body.count(b"{") <= options.depth:
        return None
    brackets = _STRING.sub(b"", body).translate(_ROUND, _NOT_BRACKETS)
    if brackets.count(b"(") > options.containers:
        return f"has more than {options.containers} arrays and objects"
    for _ in range(options.depth):
        brackets = brackets.replace(b"()", b"")
    depths = accumulate(1 if mark == ord("(") else -1 for mark in brackets)
    is_deeper = b"()" in brackets or any(depth > options.depth for depth in takewhile(lambda depth: depth >= 0, depths))
    return f"is nested more than {options.depth} deep" if is_deeper else None


def pointer_to(place: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901), in characters that UTF-8 can write."""
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)
    return pointer.encode(errors="replace").decode()


def _refused(flaws: Sequence[Flaw]) -> Refusal:
    first = flaws[0]
    return Refusal(Fault.INVALID, f"{f'{first.pointer} ' if first.pointer else 'the body '}{first.detail}", flaws=flaws)


def _decoded(body: bytes) -> str:
    if not body.strip():
        raise _refused([Flaw("is empty; send a JSON object", pointer="")])
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _refused([Flaw(f"is not UTF-8 at byte {error.start}", pointer="")]) from None


def _syntax(error: json.JSONDecodeError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return f"is not JSON: {error.msg.lower().removesuffix(' at')} at line {error.lineno}, column {error.colno}"


@cache
def _reader(most_digits: int) -> json.JSONDecoder:
    """A reader that leaves a mark where a value cannot be used, so that the mark's place can be told."""
    too_long = _Unusable(f"has more than {most_digits} digits")

    def whole(text: str) -> object:
        return int(text) if len(text) <= most_digits else too_long

    def fraction(text: str) -> object:
        if len(text) > most_digits:
            return too_long
        number = float(text)
        return number if math.isfinite(number) else _Unusable("is a number too large to be read exactly")

    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=whole,
        parse_float=fraction,
        parse_constant=lambda _: _Unusable("is not a number of JSON"),
    )


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    marked = _Object(found)
    marked.twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return marked


def _flaws(document: object) -> Iterator[Flaw]:
    """What is wrong in a document, the first things first; as deep in memory as the document is."""
    place: list[str | int] = []
    yield from _own_flaws(place, document)
    waiting = [_parts(document)]
    while waiting:
        for part, value in waiting[-1]:
            if type(value) in _PLAIN:
                continue
            place.append(part)
            yield from _own_flaws(place, value)
            if isinstance(value, dict | list):
                waiting.append(_parts(value))
                break
            place.pop()
        else:
            waiting.pop()
            if place:
                place.pop()


def _parts(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, dict):
        return iter(value.items())
    return iter(enumerate(value)) if isinstance(value, list) else iter(())


def _own_flaws(place: Sequence[str | int], value: object) -> Iterator[Flaw]:
    """What is wrong with a value, apart from what stands in it."""
    if isinstance(value, str):
        if why := _text_flaw(value):
            yield Flaw(f"has {why}", pointer_to(place))
    elif isinstance(value, _Unusable):
        yield Flaw(value.why, pointer_to(place))
    elif isinstance(value, dict):
        if isinstance(value, _Object):
            yield Flaw("stands there twice", pointer_to((*place, value.twice)))
        for why in filter(None, map(_text_flaw, value)):
            yield Flaw(f"has a key with {why}", pointer_to(place))


def _text_flaw(text: str) -> str | None:
    """What makes a text one that databases or UTF-8 cannot hold."""
    if "\0" in text:
        return "a NUL character"
    return "half a surrogate pair" if not text.isascii() and _SURROGATE.search(text) else None
