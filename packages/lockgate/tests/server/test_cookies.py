"""The cookie that tells who has signed in."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from starlette.datastructures import Headers
from starlette.responses import Response

from lockgate.server.cookies import csrf_token, forget_session, keep_session, session_secret
from lockgate.server.options import Mode

SECRET = "s" * 43


def test_in_production_it_goes_to_this_host_over_tls_alone():
    response = Response()

    keep_session(response, SECRET, Mode.PRODUCTION)

    assert response.headers["Set-Cookie"] == f"__Host-lockgate={SECRET}; HttpOnly; Path=/; SameSite=strict; Secure"


def test_while_developing_it_needs_no_tls():
    response = Response()

    keep_session(response, SECRET, Mode.DEVELOPMENT)

    assert response.headers["Set-Cookie"] == f"lockgate={SECRET}; HttpOnly; Path=/; SameSite=strict"


@pytest.mark.parametrize(("mode", "name"), [(Mode.PRODUCTION, "__Host-lockgate"), (Mode.DEVELOPMENT, "lockgate")])
def test_it_is_forgotten_under_the_name_that_it_has(mode, name):
    response = Response()

    forget_session(response, mode)

    (morsel,) = SimpleCookie(response.headers["Set-Cookie"]).values()
    assert (morsel.key, morsel.value, morsel["max-age"], morsel["path"]) == (name, "", "0", "/")


@pytest.mark.parametrize(
    "sent",
    [f"lockgate={SECRET}", f"a=b; lockgate={SECRET}", f"lockgate={SECRET};a=b", f"x-lockgate=1; lockgate={SECRET}"],
)
def test_it_is_read_among_others(sent):
    assert session_secret(Headers({"cookie": sent}), Mode.DEVELOPMENT) == SECRET


@pytest.mark.parametrize(
    "sent",
    [
        "", "lockgate", "lockgate=", f"lockgate={SECRET}x", f"lockgate={SECRET[1:]}", f'lockgate="{SECRET}"',
        f"Lockgate={SECRET}", f"__Host-lockgate={SECRET}", f"lockgate={SECRET}; lockgate={'t' * 43}",
        f"lockgate={SECRET}; lockgate=", f"lockgate={SECRET[:-1]}ü", f"lockgate={SECRET[:-1]}=",
    ],
)  # fmt: skip
def test_what_is_not_exactly_one_is_none(sent):
    headers = Headers(raw=[(b"cookie", sent.encode("latin-1"))])

    assert session_secret(headers, Mode.DEVELOPMENT) is None


def test_the_token_of_its_forms_is_its_own_and_does_not_tell_it():
    assert csrf_token(SECRET) == csrf_token(SECRET) != csrf_token("t" * 43)
    assert len(csrf_token(SECRET)) == 43
    assert SECRET not in csrf_token(SECRET)
