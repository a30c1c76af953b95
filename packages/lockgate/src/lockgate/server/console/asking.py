"""What the address of a page asks for: filters, and where to go on in a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from starlette.requests import Request

from lockgate.server.bodies import invalid
from lockgate.server.problems import Flaw

LONGEST = 200


def asked(request: Request, names: Sequence[str]) -> dict[str, str]:
    """What the query of an address says under these names; empty where it says nothing.

    Raises:
        Refusal: something stands there twice, is too long, or has a character that no name has.
    """
    flaws, found = [], {}
    for name in names:
        values = request.query_params.getlist(name)
        if len(values) > 1:
            flaws.append(Flaw("stands there twice", parameter=name))
        if any(len(value) > LONGEST or "\0" in value for value in values):
            flaws.append(Flaw(f"is no text of at most {LONGEST} characters", parameter=name))
        found[name] = values[0].strip() if values else ""
    if flaws:
        raise invalid(flaws)
    return found


def number_asked(request: Request, name: str) -> int | None:
    """The number that an address asks for; None where it asks for none.

    Raises:
        Refusal: it is no number.
    """
    given = asked(request, (name,))[name]
    if not given:
        return None
    if not (given.isascii() and given.isdigit()) or len(given) > 18:  # noqa: PLR2004  what a bigint holds
        raise invalid([Flaw("is no number", parameter=name)])
    return int(given)


def link(path: str, query: Mapping[str, str]) -> str:
    """An address that asks for these, without what is empty."""
    told = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{told}" if told else path
