"""Who may call, and who may not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from lockgate.core.access import CallerKind, Role
from lockgate.errors import ControlPlaneUnavailable
from lockgate.server.admission import Admission
from lockgate.server.cookies import csrf_token
from lockgate.server.known_callers import KnownCallers
from lockgate.server.options import Mode, Options
from lockgate.server.problems import Refusal

TOKEN = "correct-horse-battery"
PASSWORD = "eleven grey herons at dawn"
DEVELOPING = Options()
GUARDED = Options(token=TOKEN)
PRODUCTION = Options(mode=Mode.PRODUCTION, token=TOKEN)
HERE = {"host": "localhost:5003"}
OURS = {**HERE, "origin": "http://localhost:5003"}
RIGHT = {"authorization": f"Bearer {TOKEN}"}


async def at_once(function, *given):
    return function(*given)


@pytest.fixture
def access(service):
    yield service.access
    service.access.close()


@pytest.fixture
def admitted(access):
    """Asks who calls, with these headers."""

    def admitted(headers, peer="127.0.0.1", options=DEVELOPING, method="GET"):
        pairs = headers.items() if isinstance(headers, dict) else headers
        raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
        scope = {"type": "http", "method": method, "headers": raw, "client": (peer, 51234) if peer else None}
        admission = Admission(options, KnownCallers(access, at_once, at_once))
        return asyncio.run(admission.admit(scope))

    return admitted


@pytest.fixture
def status(admitted):
    """Who is let in, or with which status not."""

    def status(headers, peer="127.0.0.1", options=DEVELOPING, method="GET") -> str | int:
        try:
            found = admitted(headers, peer, options, method)
        except Refusal as refusal:
            return refusal.fault.status
        return str(found.caller) if found.why_not is None else found.why_not.fault.status

    return status


@pytest.fixture
def ada(access):
    """Somebody who may approve, signed in."""
    access.add_person("ada", PASSWORD, ["approver"])
    return access.sign_in("ada", PASSWORD)


def cookie(signed_in, name="lockgate"):
    return {"cookie": f"{name}={signed_in.secret}"}


def bearer(text):
    return {"authorization": f"Bearer {text}"}


# --- before there is an account ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:5003", "127.0.0.1:5003", "[::1]:5003", "api.localhost"])
def test_callers_on_this_machine_need_no_token_while_developing(status, peer, host):
    assert status({"host": host}, peer) == "loopback"


def test_they_may_do_everything(admitted):
    caller = admitted(HERE).caller

    assert (caller.kind, caller.roles) == (CallerKind.LOCAL, frozenset(Role))


@pytest.mark.parametrize(
    "peer", ["10.0.0.9", "192.168.1.7", "8.8.8.8", "::ffff:10.0.0.9", "fe80::1", "testclient", None]
)
def test_callers_elsewhere_need_one(status, peer):
    assert status(HERE, peer) == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5003", "localhost.evil.example", "127.0.0.1.nip.io", "[::1", "", "0.0.0.0:5003"],
)
def test_a_name_that_was_bound_to_this_machine_is_refused(status, host):
    assert status({"host": host}) == 403


def test_no_host_is_no_loopback_host(status):
    assert status({}) == 403


@pytest.mark.parametrize("name", ["forwarded", "x-forwarded-for", "x-real-ip", "via"])
def test_whoever_comes_through_a_proxy_is_not_on_this_machine(status, name):
    assert status({**HERE, name: "127.0.0.1"}) == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_the_first_account_nobody_is_believed_for_being_on_this_machine(status, access, method):
    access.add_person("ada", PASSWORD, ["viewer"])

    assert status(HERE, method=method) == 401


def test_production_never_believes_it(status):
    assert status(HERE, options=Options(mode=Mode.PRODUCTION)) == 401


# --- where a request comes from ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://localhost:5004", "file://", "localhost:5003", ""]
)
def test_a_page_of_another_site_is_refused_whatever_it_sends(status, ada, origin):
    assert status({**HERE, "origin": origin}) == 403
    assert status({**HERE, **RIGHT, "origin": origin}, options=GUARDED) == 403
    assert status({**HERE, **cookie(ada), "origin": origin}) == 403
    assert status({**HERE, **bearer(ada.token), "origin": origin}) == 403


def test_our_own_pages_are_served(status):
    assert status(OURS) == "loopback"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", ""])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_change_that_another_site_asks_for_is_refused_also_without_an_origin(status, site, method):
    assert status({**HERE, "sec-fetch-site": site}, method=method) == 403


# --- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [GUARDED, PRODUCTION])
@pytest.mark.parametrize("headers", [{"host": "lockgate.example"}, HERE, {}])
@pytest.mark.parametrize("peer", ["10.0.0.9", "127.0.0.1", None])
def test_the_shared_token_is_taken_from_anywhere(status, options, headers, peer):
    assert status({**headers, **RIGHT}, peer, options) == "token"


def test_who_sends_it_is_an_operator(admitted):
    caller = admitted({**HERE, **RIGHT}, options=GUARDED).caller

    assert (caller.kind, caller.roles) == (CallerKind.SHARED, frozenset({Role.OPERATOR}))


@pytest.mark.parametrize("options", [GUARDED, PRODUCTION, DEVELOPING])
@pytest.mark.parametrize(
    "sent", ["Bearer wrong", "Bearer ", "Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ü", ""]
)
def test_a_wrong_token_is_refused_also_from_this_machine(status, options, sent):
    assert status({**HERE, "authorization": sent}, options=options) == 401


def test_a_token_where_none_is_set_is_wrong(status):
    assert status({**HERE, **RIGHT}, options=DEVELOPING) == 401


def test_two_tokens_are_none(status):
    assert status([("authorization", RIGHT["authorization"])] * 2, options=GUARDED) == 401


def test_a_machine_is_known_by_its_token(admitted, access):
    _, text = access.add_token("ci", ["operator"], by="ada")

    caller = admitted(bearer(text), "10.0.0.9", PRODUCTION).caller

    assert (str(caller), caller.kind, caller.roles) == ("machine:ci", CallerKind.MACHINE, frozenset({Role.OPERATOR}))


def test_a_token_that_was_revoked_is_refused(status, access):
    made, text = access.add_token("ci", ["operator"], by="ada")
    access.revoke_token(made.token_id)

    assert status(bearer(text), "10.0.0.9") == 401


def test_a_token_that_ran_out_is_refused(status, access):
    _, text = access.add_token("ci", ["operator"], lifetime=timedelta(days=1), by="ada")
    access.late = timedelta(days=1, seconds=1)

    assert status(bearer(text)) == 401


def test_a_person_is_known_by_the_token_of_their_session(admitted, ada):
    found = admitted(bearer(ada.token), "10.0.0.9", PRODUCTION)

    assert (found.caller.name, found.caller.kind, found.csrf) == ("ada", CallerKind.PERSON, "")


# --- cookies ----------------------------------------------------------------------------------------------------------


def test_a_person_is_known_by_their_cookie_and_their_forms_by_its_token(admitted, ada):
    found = admitted({**HERE, **cookie(ada)})

    assert (found.caller.name, found.caller.roles) == ("ada", frozenset({Role.APPROVER}))
    assert found.csrf == csrf_token(ada.secret)
    assert ada.secret not in found.csrf


def test_what_a_role_is_given_later_counts_at_once(admitted, access, ada):
    access.set_roles("ada", ["viewer"])

    assert admitted({**HERE, **cookie(ada)}).caller.roles == frozenset({Role.VIEWER})


@pytest.mark.parametrize("sent", ["lockgate=", "lockgate=x", "lockgate={}x", "other={}", "lockgate={0}; lockgate={0}"])
def test_a_cookie_that_is_not_the_one_is_none(status, ada, sent):
    assert status({**HERE, "cookie": sent.format(ada.secret)}) == 401


def test_two_cookie_headers_with_a_session_are_none(status, ada):
    assert status([*HERE.items(), *cookie(ada).items(), *cookie(ada).items()]) == 401


def test_production_takes_only_the_cookie_that_browsers_guard(status, ada):
    options = Options(mode=Mode.PRODUCTION)

    assert status({**HERE, **cookie(ada)}, options=options) == 401
    assert status({**HERE, **cookie(ada, "__Host-lockgate")}, options=options) == "ada"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_cookie_that_another_site_has_sent_is_not_looked_at(status, ada, site):
    assert status({**HERE, **cookie(ada), "sec-fetch-site": site}) == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_cookie_changes_nothing_unless_the_browser_says_that_a_page_of_ours_asks(status, ada, method):
    assert status({**HERE, **cookie(ada)}, method=method) == 403
    assert status({**HERE, **cookie(ada), "sec-fetch-site": "none"}, method=method) == 403
    assert status({**OURS, **cookie(ada)}, method=method) == "ada"
    assert status({**HERE, **cookie(ada), "sec-fetch-site": "same-origin"}, method=method) == "ada"


@pytest.mark.parametrize("end", ["sign_out", "set_enabled", "remove_person", "set_password", "wait"])
def test_a_session_that_is_over_is_nobodys(status, access, ada, end):
    access.add_person("bea", PASSWORD, ["admin"])
    match end:
        case "sign_out":
            access.sign_out(ada.session.session_id)
        case "set_enabled":
            access.set_enabled("ada", is_enabled=False)
        case "remove_person":
            access.remove_person("ada")
        case "set_password":
            access.set_password("ada", "twelve grey herons at dusk")
        case "wait":
            access.late = timedelta(hours=1, seconds=1)

    assert status({**HERE, **cookie(ada)}) == 401
    assert status({**HERE, **bearer(ada.token)}) == 401


def test_a_token_goes_before_a_cookie(status, ada):
    assert status({**HERE, **cookie(ada), **RIGHT}, options=GUARDED) == "token"
    assert status({**HERE, **cookie(ada), **bearer("wrong")}) == 401


# --- while nobody can be looked up ------------------------------------------------------------------------------------


def test_without_a_control_plane_nobody_is_known_but_by_the_shared_token(admitted, access, ada):
    def away():
        raise ControlPlaneUnavailable

    access.epoch = access.known = away

    for headers in ({**HERE}, {**HERE, **cookie(ada)}, {**HERE, **bearer(ada.token)}):
        found = admitted(headers)
        assert (found.caller.kind, type(found.why_not)) == (CallerKind.NOBODY, ControlPlaneUnavailable)
    assert str(admitted({**HERE, **RIGHT}, options=GUARDED).caller) == "token"


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_a_refusal_over_http_challenges_and_leaks_no_token(running):
    _, client = running(token=TOKEN)

    response = client.get("/api/jobs", headers={"Authorization": "Bearer wrong-51"})

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="lockgate"')
    assert response.json()["code"] == "LG805"
    assert "wrong-51" not in response.text
    assert TOKEN not in response.text


@pytest.mark.parametrize("path", ["/api/jobs", "/api/ready", "/metrics", "/docs", "/api/health/", "/nowhere"])
def test_production_serves_nobody_without_a_token(running, path):
    _, client = running(mode=Mode.PRODUCTION, token=TOKEN)

    assert client.get(path).status_code == 401


def test_whether_a_server_is_alive_is_told_to_anyone_whatever_its_control_plane_does(running, service):
    def away():
        raise ControlPlaneUnavailable

    service.access.epoch = service.access.known = away
    _, client = running(token=TOKEN)

    assert client.get("/api/health").status_code == 200
    assert client.get("/api/jobs").status_code == 503
    assert client.get("/api/jobs", headers=RIGHT).status_code == 200


def test_a_foreign_origin_or_host_reaches_no_route_over_http(running, service):
    _, client = running()

    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        response = client.post("/api/jobs", json={"entityType": "users"}, headers=headers)

        assert (response.status_code, response.json()["code"]) == (403, "LG806")
    assert service.calls == []


def test_the_caller_is_part_of_the_job(running, service):
    _, client = running(token=TOKEN)

    client.post("/api/jobs", json={"entityType": "users"}, headers=RIGHT)
    client.post("/api/jobs", json={"entityType": "users"})

    assert [caller for _, caller, _ in service.calls] == ["token", "loopback"]
