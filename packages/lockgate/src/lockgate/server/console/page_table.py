"""Every page of the console in one table: path, method, who may, what answers, and what it changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from lockgate.server.access import ANYONE, Allowed
from lockgate.server.console.assets import PATH as STATIC
from lockgate.server.console.assets import static_file

Handler = Callable[..., Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One page; see `lockgate.server.route_table.ApiRoute` for `allowed` and `change`."""

    method: str
    path: str
    allowed: Allowed
    handler: Handler
    change: str = ""


PAGES: tuple[PageRoute, ...] = (PageRoute("GET", f"{STATIC}/{{name}}", ANYONE, static_file),)
