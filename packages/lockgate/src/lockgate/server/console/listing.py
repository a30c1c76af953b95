"""Lists of the console: what their address asks for, and the link to what comes behind the last row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from lockgate.server.bodies import WITHOUT_NUL, checked_query

ROWS = 50
Name = Annotated[str, Field(max_length=255, pattern=WITHOUT_NUL)]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]

Row = TypeVar("Row")


class Asked(BaseModel):
    """What every list may be asked for: to say something, once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    said: Name | None = None


Query = TypeVar("Query", bound=Asked)


def asked(request: Request, kind: type[Query]) -> Query:
    """What an address asks for.

    Raises:
        Refusal: it names what the list does not know, or something of another type.
    """
    return checked_query(kind, request.query_params.multi_items())


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """A part of a list; `older` is the address of what comes behind it, or empty. `is_first` is its beginning."""

    rows: tuple[Row, ...]
    older: str = ""
    is_first: bool = True


def rows_of(
    request: Request, found: Sequence[Row], name: Callable[[Row], object], *, most: int = ROWS, path: str = ""
) -> Rows[Row]:
    """The first `most` of what was found; one more than that was asked for, to see whether anything comes behind.

    `name` gives what the list goes on behind; `path` is the list's, where another address is asked for.
    """
    shown = tuple(found[:most])
    given = {key: value for key, value in request.query_params.items() if value and key not in {"before", "said"}}
    is_first = not request.query_params.get("before")
    if len(found) <= most:
        return Rows(shown, "", is_first)
    return Rows(shown, f"{path or request.url.path}?{urlencode({**given, 'before': name(shown[-1])})}", is_first)


def choices(every: str, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What a filter offers: everything, told as `every`, then each name."""
    return (("", every), *((str(name), str(name)) for name in names))
