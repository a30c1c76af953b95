"""`page`: a template with what every page needs, as an answer; what a browser may do with it, every answer says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from lockgate.core.access import Caller, CallerKind
from lockgate.core.legible import legible
from lockgate.server.access import Allowed
from lockgate.server.console.assets import asset
from lockgate.server.console.sections import Section, sections_for
from lockgate.server.console.writing import FILTERS
from lockgate.server.desk import desk_of

if TYPE_CHECKING:
    from jinja2 import Environment

# Where templates stand: the console's own, and the pictures that reports have too.
_ROOMS = ("server.console", "adapters.reports")
# What a page says after somebody was sent to it; an address can name one of these and nothing else.
SAID = {
    "signed-out": "You have signed out.",
    "password-changed": "Your password was changed. Your other sessions have ended.",
    "switched-on": "dbt was switched on, in force at once.",
    "switched-off": "dbt was switched off, in force at once.",
    "signed": "Your signature is recorded.",
    "retired": "The cutover has ended: the candidate is the incumbent now.",
    "cancelled": "The job was cancelled.",
    "retried": "The job waits for another try.",
    "saved": "Saved.",
    "added": "Added.",
    "removed": "Removed.",
    "revoked": "Revoked.",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the content of every page."""

    project: str
    target: str
    me: Caller
    csrf: str
    path: str
    sections: tuple[Section, ...]
    said: str

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a session to end."""
        return self.me.kind is CallerKind.PERSON

    @property
    def is_nobody(self) -> bool:
        """Whether the caller has not said who they are, so that nothing is shown of the project."""
        return self.me.kind is CallerKind.NOBODY

    @property
    def is_unguarded(self) -> bool:
        """Whether everybody on this machine may do everything, as nobody has an account yet."""
        return self.me.kind is CallerKind.LOCAL

    def may(self, allowed: Allowed) -> bool:
        """Whether a button is shown that only these roles may press; the server decides again when it is pressed."""
        return self.me.may(allowed)


def page(
    request: Request,
    template: str,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **facts: object,
) -> Response:
    """A page: the template `console/templates/<template>` with `facts`, and the frame around it as `frame`."""
    text = fragment(request, template, **facts)
    return Response(text, status, dict(headers or {}), "text/html")


def fragment(request: Request, template: str, **facts: object) -> str:
    """The markup alone: of a page, or of the part of one that is drawn anew while it is looked at."""
    return _environment().get_template(template).render(frame=frame_of(request), **facts)


def see(path: str, *, said: str = "") -> Response:
    """Sends a browser on to a page by GET (RFC 9110, 303), which then says the sentence `SAID[said]`."""
    query = f"{'&' if '?' in path else '?'}said={quote(said)}" if said else ""
    return RedirectResponse(f"{path}{query}", HTTPStatus.SEE_OTHER)


def frame_of(request: Request) -> Frame:
    """What stands around a page, for whoever asks for it."""
    caller: Caller = request.state.caller
    service = desk_of(request).service
    return Frame(
        project=service.project,
        target=service.target,
        me=caller,
        csrf=request.state.csrf,
        path=request.url.path,
        sections=() if caller.kind is CallerKind.NOBODY else sections_for(caller, request.url.path),
        said=SAID.get(request.query_params.get("said", ""), ""),
    )


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    from lockgate.server import access

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(f"lockgate.{room}", "templates") for room in _ROOMS]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    roles = {name: getattr(access, name) for name in ("READERS", "OPERATORS", "DECIDERS", "APPROVERS", "ADMINS")}
    environment.globals.update(asset=asset, **roles)
    return environment


def _seen(value: object) -> object:
    """What is about to be written: nothing invisible; markup that a template or a filter made is no plain text."""
    return legible(value) if type(value) is str else value
