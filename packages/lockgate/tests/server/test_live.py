"""Whether whoever watches may still watch."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request

from lockgate.errors import ControlPlaneUnavailable
from lockgate.server import create_api
from lockgate.server.access import APPROVERS
from lockgate.server.doors import Door
from lockgate.server.known_callers import KnownCallers
from lockgate.server.live import still_admitted
from lockgate.server.problems import overloaded

PASSWORD = "eleven grey herons at dawn"


@pytest.fixture
def watching(service):
    """Asks, for ada's session on a route for approvers."""
    access = service.access
    access.add_person("ada", PASSWORD, ["approver"])
    access.add_person("root", PASSWORD, ["admin"])
    secret = access.sign_in("ada", PASSWORD).secret
    api = create_api(service)
    route = type("Route", (), {"door": Door("GET", "/audit", APPROVERS, is_page=True)})

    async def asked():
        api.state.desk.known_callers.forget()
        headers = [(b"host", b"localhost"), (b"cookie", f"lockgate={secret}".encode())]
        scope = {"type": "http", "method": "GET", "headers": headers, "client": ("127.0.0.1", 1), "app": api}
        return await still_admitted(Request({**scope, "route": route, "path": "/audit", "state": {}}))

    yield lambda: asyncio.run(asked())
    api.state.desk.close()
    access.close()


def test_who_is_somebody_still_is(watching):
    assert watching().name == "ada"


@pytest.mark.parametrize("end", ["signed out", "disabled", "of another role", "removed"])
def test_who_is_not_any_more_is_told_at_once(watching, service, end):
    assert watching() is not None
    access = service.access
    match end:
        case "signed out":
            access.sign_out(access.sessions("ada")[0].session_id)
        case "disabled":
            access.set_enabled("ada", is_enabled=False)
        case "of another role":
            access.set_roles("ada", ["viewer"])
        case "removed":
            access.remove_person("ada")

    assert watching() is None


@pytest.mark.parametrize("why", [ControlPlaneUnavailable("it is away"), overloaded("too many wait")])
def test_where_nobody_can_tell_that_is_said_and_nobody_is_turned_away(watching, service, why):
    def away():
        raise why

    service.access.epoch = service.access.known = away

    with pytest.raises(type(why)) as caught:
        watching()
    assert caught.value is why


def test_to_watch_is_no_sign_of_life(watching, service, monkeypatch):
    seen = []
    monkeypatch.setattr(KnownCallers, "_tell", lambda self, sessions: seen.append(sessions))

    watching()

    assert seen == []
