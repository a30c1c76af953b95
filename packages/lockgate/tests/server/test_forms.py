"""Which forms are read."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request

from lockgate.core.access import Caller, CallerKind, Role
from lockgate.server.desk import Desk
from lockgate.server.forms import read_form
from lockgate.server.options import Options
from lockgate.server.problems import Refusal

FORM = "application/x-www-form-urlencoded"
OURS = {"host": "localhost", "origin": "http://localhost"}
ADA = Caller("ada", CallerKind.PERSON, frozenset({Role.ADMIN}), "session")
LOCAL = Caller("loopback", CallerKind.LOCAL, frozenset(Role))
MACHINE = Caller("ci", CallerKind.MACHINE, frozenset({Role.OPERATOR}))


@pytest.fixture
def read(service):
    """Reads a body: its fields, or the status with which it is refused."""
    desk = Desk(service, Options(), None)

    def read(body: bytes, *, caller=ADA, csrf="right", kind=FORM, has_token=True, **headers):
        raw = [(name.encode(), value.encode()) for name, value in {**OURS, "content-type": kind, **headers}.items()]
        scope = {"type": "http", "method": "POST", "headers": raw, "state": {"caller": caller, "csrf": csrf}}

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            return dict(asyncio.run(read_form(Request(scope, receive), desk, has_token=has_token)))
        except Refusal as refusal:
            return int(refusal.fault.status)

    yield read
    desk.close()
    service.close()


def test_a_form_of_the_session_is_read_without_its_token(read):
    assert read(b"csrf=right&name=J%C3%BCrgen+K&empty=") == {"name": "Jürgen K", "empty": ""}


@pytest.mark.parametrize(
    "body", [b"", b"name=x", b"csrf=", b"csrf=wrong", b"csrf=righ", b"csrf=rightx", b"csrf=%C3%BC", b"csrf=RIGHT"]
)
def test_one_without_the_right_token_is_refused(read, body):
    assert read(body) == 403


def test_the_token_of_nobody_is_no_token(read):
    assert read(b"csrf=", csrf="", caller=LOCAL, origin="http://evil.example") == 403


@pytest.mark.parametrize("caller", [LOCAL, Caller("anyone", CallerKind.NOBODY)])
def test_whoever_has_no_session_needs_the_browsers_word_that_the_form_is_ours(read, caller):
    assert read(b"name=x", caller=caller, csrf="") == {"name": "x"}
    assert read(b"name=x", caller=caller, csrf="", **{"sec-fetch-site": "same-origin"}) == {"name": "x"}
    assert read(b"name=x", caller=caller, csrf="", **{"sec-fetch-site": "none"}) == 403
    assert read(b"name=x", caller=caller, csrf="", origin="http://localhost.evil.example") == 403


def test_who_sends_a_token_in_the_head_is_led_by_no_page(read):
    assert read(b"name=x", caller=MACHINE, csrf="", origin="http://elsewhere") == {"name": "x"}


def test_the_form_to_sign_in_has_no_token_yet_but_is_ours(read):
    assert read(b"name=x", has_token=False) == {"name": "x"}
    assert read(b"name=x", has_token=False, origin="http://evil.example") == 403


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data; boundary=x", "application/json"])
def test_what_browsers_send_of_other_kinds_is_not_read(read, kind):
    assert read(b"csrf=right", kind=kind) == 415


def test_a_charset_after_the_kind_does_no_harm(read):
    assert read(b"csrf=right&a=b", kind=f"{FORM}; charset=UTF-8") == {"a": "b"}


@pytest.mark.parametrize(
    "body",
    [
        b"csrf=right&a=1&a=2", b"csrf=right&csrf=right", b"csrf=right&a=%00", b"csrf=right&%00=a", b"csrf=right&a=%FF",
        b"csrf=right&a=\xff", b"csrf=right&a", b"csrf=right&&a=b" + b"&x=y" * 200, "csrf=right&a=ü".encode(),
    ],
)  # fmt: skip
def test_what_readers_would_read_differently_is_refused(read, body):
    assert read(body) == 422


def test_a_form_of_more_than_its_limit_is_refused(read):
    assert read(b"csrf=right&a=" + b"x" * 65_536) == 413
