"""Who may call what: each route with each kind of caller, really sent, and compared with the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from starlette.routing import Route

from lockgate.core.access import AuditOutcome, Role
from lockgate.server import Mode, create_api
from lockgate.server.doors import GuardedRoute
from lockgate.server.route_table import ROUTES

PASSWORD = "eleven grey herons at dawn"
SHARED = "correct-horse-battery"
EVERYBODY = frozenset(Role)
HEADED = {"nobody", "viewer by cookie", "admin by cookie", "loopback"}
GIVEN = {"name": "users", "job_id": "job-1"}
SETS = {
    **{role: (role,) for role in Role},
    "viewer-approver": ("viewer", "approver"),
    "operator-approver": ("operator", "approver"),
}


@dataclass(frozen=True)
class Kind:
    """A kind of caller: what they send, and the roles that they must be taken to have.

    `roles` is None where nobody is known; with `status` everything is refused, whatever the table says.
    """

    name: str
    headers: dict[str, str]
    roles: frozenset[Role] | None = None
    status: int | None = None
    changes_only: dict[str, int] = field(default_factory=dict)


def filled(path: str) -> str:
    return re.sub(r"{(\w+)(:\w+)?}", lambda found: GIVEN.get(found[1], "nothing-there"), path)


class Cast:
    """A project in which there is somebody of every kind."""

    def __init__(self, access, url: str, cookie: str) -> None:
        self._access = access
        self._cookie = cookie
        self._ours = {"Origin": url}

    def kinds(self) -> Iterator[Kind]:
        yield Kind("nobody", dict(self._ours))
        yield Kind("shared token", self._bearer(SHARED), frozenset({Role.OPERATOR}))
        yield Kind("wrong shared token", self._bearer(f"{SHARED}x"), status=401)
        yield Kind("two tokens", {"Authorization": f"Bearer {SHARED}, Bearer {SHARED}"}, status=401)
        for name, roles in SETS.items():
            begun = self._person(f"by-cookie-{name}", roles)
            yield Kind(f"{name} by cookie", self._session(begun.secret), frozenset(map(Role, roles)))
            begun = self._person(f"by-token-{name}", roles)
            yield Kind(f"{name} by token", self._bearer(begun.token), frozenset(map(Role, roles)))
            _, text = self._access.add_token(f"of-machine-{name}", roles, by="somebody")
            yield Kind(f"{name}, a machine", self._bearer(text), frozenset(map(Role, roles)))
        yield from self._over()
        yield from self._misled()

    def _over(self) -> Iterator[Kind]:
        """Those who were somebody."""
        access = self._access
        ends = {
            "signed out": lambda begun: access.sign_out(begun.session.session_id),
            "disabled": lambda begun: access.set_enabled(begun.session.person, is_enabled=False),
            "removed": lambda begun: access.remove_person(begun.session.person),
            "of another password": lambda begun: access.set_password(begun.session.person, PASSWORD[::-1]),
        }
        for name, end in ends.items():
            begun = self._person(f"was-{name.replace(' ', '-')}", ("admin",))
            end(begun)
            yield Kind(f"admin {name}, by cookie", self._session(begun.secret))
            yield Kind(f"admin {name}, by token", self._bearer(begun.token), status=401)
        for name in ("cookie", "token"):
            begun = self._person(f"was-demoted-{name}", ("admin",))
            access.set_roles(begun.session.person, ["viewer"])
            sent = self._session(begun.secret) if name == "cookie" else self._bearer(begun.token)
            yield Kind(f"admin made viewer, by {name}", sent, frozenset({Role.VIEWER}))
        made, text = access.add_token("was-revoked", ["admin"], by="somebody")
        access.revoke_token(made.token_id)
        yield Kind("revoked machine", self._bearer(text), status=401)
        access.late = -timedelta(days=2)
        _, text = access.add_token("ran-out", ["admin"], lifetime=timedelta(days=1), by="somebody")
        access.late = timedelta()
        yield Kind("machine whose token ran out", self._bearer(text), status=401)

    def _misled(self) -> Iterator[Kind]:
        """Those who send what is not theirs, or not from where they say."""
        begun = self._person("misled", ("admin",))
        yield Kind("made-up cookie", self._session("A" * 43))
        twice = f"{self._cookie}={begun.secret}; {self._cookie}={begun.secret}"
        yield Kind("two cookies", {"Cookie": twice, **self._ours})
        cookie = {"Cookie": f"{self._cookie}={begun.secret}"}
        of_another = {"Sec-Fetch-Site": "cross-site"}
        changes = dict.fromkeys(("POST", "PUT", "DELETE"), 403)
        yield Kind("admin led by another site", {**cookie, **of_another}, changes_only=changes)
        yield Kind("admin led by another origin", {**cookie, "Origin": "http://evil.example"}, status=403)

    def _person(self, name: str, roles):
        self._access.add_person(name, PASSWORD, roles)
        return self._access.sign_in(name, PASSWORD)

    def _session(self, secret: str) -> dict[str, str]:
        return {"Cookie": f"{self._cookie}={secret}", **self._ours}

    def _bearer(self, text: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {text}"}


def told(client: httpx.Client, method: str, path: str, kind: Kind) -> str:
    """What becomes of a request: `in`, `sign in`, `role`, `broken`, or the status of another refusal of the caller."""
    with client.stream(method, path, headers=kind.headers) as response:
        location = response.headers.get("Location", "")
        if response.status_code == 401 or location.startswith("/sign-in?next=") or location == "/sign-in":
            return "sign in"
        if response.status_code == 403:
            text = response.read().decode()
            return "role" if method == "HEAD" or "LG754" in text else "403"
        return "broken" if response.status_code >= 500 else "in"


def expected(allowed, method: str, kind: Kind) -> str:
    """What the table says."""
    if kind.status is not None or method in kind.changes_only:
        return {401: "sign in", 403: "403"}[kind.status or kind.changes_only[method]]
    if allowed is None:
        return "in"
    if kind.roles is None:
        return "sign in"
    return "in" if Role.ADMIN in kind.roles or kind.roles & allowed else "role"


def differing(client: httpx.Client, kinds: list[Kind]) -> tuple[int, dict[str, tuple[str, str]]]:
    """How many cells were sent, and those that are not as the table says."""
    wrong, sent = {}, 0
    for kind in kinds:
        for route in sorted(ROUTES, key=lambda route: route.method == "DELETE"):  # which ends who is asked about
            methods = [route.method, *(["HEAD"] if route.method == "GET" and kind.name in HEADED else [])]
            for method in methods:
                got, want = told(client, method, filled(route.path), kind), expected(route.allowed, method, kind)
                sent += 1
                if got != want:
                    wrong[f"{kind.name}: {method} {route.path}"] = (got, want)
    return sent, wrong


@pytest.mark.slow
def test_every_route_lets_in_whom_the_table_names_and_nobody_else(running, service):
    server, client = running(token=SHARED)
    kinds = list(Cast(service.access, server.url, "lockgate").kinds())

    sent, wrong = differing(client, kinds)

    assert wrong == {}
    assert sent >= 1_000


BY_HAND = [
    ("nobody", "GET /", "sign in"),
    ("nobody", "GET /api/jobs", "sign in"),
    ("nobody", "GET /api/health", "in"),
    ("viewer", "GET /", "in"),
    ("viewer", "GET /audit", "role"),
    ("viewer", "POST /api/jobs", "role"),
    ("viewer", "POST /entities/users/roll-back", "role"),
    ("viewer", "GET /comparisons/1/rows", "role"),
    ("operator", "POST /api/jobs", "in"),
    ("operator", "POST /entities/users/roll-back", "in"),
    ("operator", "POST /plans/users-1/apply", "in"),
    ("operator", "POST /plans/users-1/promote", "role"),
    ("operator", "POST /entities/users/gates/parity/sign", "role"),
    ("operator", "GET /people", "role"),
    ("approver", "POST /plans/users-1/promote", "in"),
    ("approver", "POST /entities/users/gates/parity/sign", "in"),
    ("approver", "POST /entities/users/roll-back", "in"),
    ("approver", "GET /audit", "in"),
    ("approver", "POST /api/jobs", "role"),
    ("approver", "POST /people", "role"),
    ("admin", "POST /people", "in"),
    ("admin", "POST /tokens", "in"),
    ("admin", "POST /api/jobs", "in"),
    ("admin", "POST /plans/users-1/promote", "in"),
]


def test_so_it_is_as_people_were_told(running, service):
    _, client = running(token=SHARED)
    service.access.add_person("ada", PASSWORD, ["admin"])
    headers = {"nobody": {}}
    for role in Role:
        _, text = service.access.add_token(f"of-{role}", [role], by="somebody")
        headers[role] = {"Authorization": f"Bearer {text}"}

    got = [(who, asked, told(client, *asked.split(" "), Kind(who, headers[who]))) for who, asked, _ in BY_HAND]

    assert got == BY_HAND


@pytest.mark.slow
def test_so_it_does_in_production(running, service):
    server, client = running(mode=Mode.PRODUCTION)
    kinds = {kind.name: kind for kind in Cast(service.access, server.url, "__Host-lockgate").kinds()}
    some = ("nobody", "viewer by cookie", "admin by cookie", "approver by token", "admin led by another site")

    assert differing(client, [kinds[name] for name in some])[1] == {}


def test_before_there_is_an_account_whoever_is_here_may_everything_and_nobody_else_anything(running):
    _, client = running()
    here = Kind("loopback", {}, EVERYBODY)
    through_a_proxy = Kind("through a proxy", {"X-Forwarded-For": "127.0.0.1"})

    assert differing(client, [here, through_a_proxy])[1] == {}


@pytest.mark.parametrize("role", [None, *Role])
def test_what_methods_a_route_has_is_told_to_whoever_has_a_role(running, service, role):
    _, client = running(token=SHARED)
    service.access.add_person("ada", PASSWORD, [role or "viewer"])
    begun = service.access.sign_in("ada", PASSWORD)
    headers = {"Authorization": f"Bearer {begun.token}"} if role else {}
    want = {None: 204} if role else {None: 401}

    answers = Counter()
    for path, allowed in {route.path: route.allowed for route in reversed(ROUTES)}.items():
        response = client.options(filled(path), headers=headers)
        is_told = response.status_code == 204 and "Allow" in response.headers
        is_refused = response.status_code == 401
        answers["told" if is_told else "refused" if is_refused else f"{path} {response.status_code}"] += 1
        assert is_told or (allowed is not None and role is None and is_refused), (path, want)
    assert answers["told"] + answers["refused"] == len({route.path for route in ROUTES})


@pytest.mark.parametrize("path", ["/nowhere", "/api/nowhere", "/people/", "/api/jobs/../../people"])
def test_a_path_without_a_route_is_told_to_whoever_is_known_and_to_nobody_else(running, service, path):
    _, client = running(token=SHARED)
    service.access.add_person("ada", PASSWORD, ["viewer"])
    as_page = {"Accept": "text/html"}

    assert client.get(path).status_code in {401, 303}
    assert client.get(path, headers=as_page).headers.get("Location", "/sign-in").startswith("/sign-in")
    assert client.get(path, headers={"Authorization": f"Bearer {SHARED}"}).status_code in {403, 404}


def test_every_route_that_is_served_stands_in_the_table_once(service):
    served = [
        (method, route.path)
        for route in create_api(service).routes
        for method in getattr(route, "methods", None) or [type(route).__name__]
    ]

    declared = [(route.method, route.path) for route in ROUTES]
    assert Counter(served) == Counter(declared)
    assert max(Counter(declared).values()) == 1


def test_every_one_has_the_door_that_the_table_gives_it(service):
    routes = create_api(service).routes
    doors = {(route.door.method, route.door.path): route.door for route in routes if isinstance(route, GuardedRoute)}

    assert all(isinstance(route, GuardedRoute | Route) for route in routes)
    assert {place: (door.allowed, door.change) for place, door in doors.items()} == {
        (route.method, route.path): (route.allowed, route.change) for route in ROUTES
    }


def test_a_route_that_changes_something_has_a_name_for_it_and_no_other(service):
    of_methods = {route.method: bool(route.change) for route in ROUTES}

    assert {method for method, changes in of_methods.items() if not changes} <= {"GET"}
    assert [route.path for route in ROUTES if (route.method == "GET") == bool(route.change)] == []
    assert [
        route.change for route in ROUTES if route.change and not re.fullmatch(r"[a-z]+\.[a-z-]+", route.change)
    ] == []


def test_a_route_without_a_door_answers_nobody(running, service):
    server, client = running()

    async def forgotten() -> str:
        return "open"

    server.api.add_api_route("/forgotten", forgotten, methods=["GET"])

    response = client.get("/forgotten")

    assert (response.status_code, response.json()["code"]) == (500, "LG811")


def test_a_change_that_a_role_does_not_allow_is_refused_unread_and_written_down(running, service):
    _, client = running()
    access = service.access
    access.add_person("ada", PASSWORD, ["viewer"])
    token = {"Authorization": f"Bearer {access.sign_in('ada', PASSWORD).token}"}

    response = client.post("/api/jobs", content=b"no JSON at all", headers=token)

    assert (response.status_code, response.json()["code"]) == (403, "LG754")
    assert response.json()["detail"] == "this takes one of the roles admin, operator"
    (entry,) = access.audit()
    assert (entry.actor, entry.action, entry.subject, entry.outcome) == ("ada", "job.submit", "", AuditOutcome.REFUSED)
    assert entry.facts == {"path": "/api/jobs", "code": "LG754"}
    assert service.calls == []
