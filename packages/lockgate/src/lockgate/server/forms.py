"""Reads what a page's form sends: strictly, within limits, and only where it comes from a page of ours."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from lockgate.core.access import Caller, CallerKind
from lockgate.server.bodies import invalid
from lockgate.server.desk import Desk
from lockgate.server.json_body import MOST_FLAWS
from lockgate.server.origin import is_same_origin
from lockgate.server.problems import Fault, Flaw, Refusal
from lockgate.server.reading import read_body

MEDIA_TYPE = "application/x-www-form-urlencoded"
TOKEN_FIELD = "csrf"
MOST_BYTES = 64 * 1024
MOST_FIELDS = 100
# Whom a browser takes for who they are without being told by the page.
_AMBIENT = frozenset({CallerKind.LOCAL, CallerKind.NOBODY})


async def read_form(request: Request, desk: Desk, *, has_token: bool = True) -> Mapping[str, str]:
    """The fields of a form, without the one that proves where it comes from; each stands there once.

    A caller with a session must send its token (`frame.csrf`, in the hidden field `csrf`), others their browser's word
    that the form is ours. `has_token` is False for the one form that is filled in before there is a session.

    Raises:
        Refusal: the form is too large, cannot be read, or does not come from a page of ours.
        ClientGone: the client hung up.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Refusal(Fault.ENCODED, f"the body is not {MEDIA_TYPE}")
    fields = _parsed(await read_body(request, desk.options, MOST_BYTES))
    given = fields.pop(TOKEN_FIELD, "")
    _check_origin(request, given, has_token=has_token)
    return fields


def _check_origin(request: Request, given: str, *, has_token: bool) -> None:
    """Returns where a form was sent by a page of ours (OWASP, Cross-Site Request Forgery Prevention)."""
    caller: Caller = request.state.caller
    right: str = request.state.csrf
    if not right or not has_token:
        is_ours = (right == "" and caller.kind not in _AMBIENT) or is_same_origin(request.headers)
    else:
        is_ours = hmac.compare_digest(given.encode(errors="replace"), right.encode())
    if not is_ours:
        hint = "Load the page again, and send its form again."
        raise Refusal(Fault.FORBIDDEN, "the form does not come from a page of this session", hint=hint)


def _parsed(body: bytes) -> dict[str, str]:
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        kind = "is not UTF-8" if isinstance(error, UnicodeError) else f"is no form of at most {MOST_FIELDS} fields"
        raise invalid([Flaw(kind, pointer="")]) from None
    names = Counter(name for name, _ in pairs)
    flaws = [Flaw("stands there twice", parameter=name) for name, times in names.items() if times > 1]
    flaws += [Flaw("has a NUL character", parameter=name) for name, value in pairs if "\0" in f"{name}{value}"]
    if flaws:
        raise invalid(flaws[:MOST_FLAWS])
    return dict(pairs)
