"""What the audit is told of changes that are asked for over HTTP."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import CodeType, FunctionType

import httpx
import pytest

from lockgate.core.access import AuditEnd, AuditOutcome, CallerKind
from lockgate.errors import ControlPlaneUnavailable, EngineOff, QueueFull
from lockgate.server.changing import changing
from lockgate.server.route_table import API_ROUTES, ROUTES

PASSWORD = "eleven grey herons at dawn"
OTHER = "twelve brown otters at dusk"
OVER_JSON = {
    ("POST", "/api/transform"): {"entityType": "users"},
    ("POST", "/api/jobs"): {"entityType": "users"},
    ("POST", "/api/entities/{name}/cutover/rollback"): {"reason": "wrong totals"},
    ("PUT", "/api/dbt"): {"enabled": False},
    ("PUT", "/api/entities/{name}/dbt"): {"enabled": False},
    ("POST", "/api/token"): {"name": "ada", "password": PASSWORD},
}
CHANGES = [route for route in API_ROUTES if route.change]


def reaches(handler: FunctionType, wanted: object, seen: set[object]) -> bool:
    """Whether a handler calls something, itself or by functions of the server that it names."""
    names: set[str] = set()
    codes = [handler.__code__]
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        codes += [each for each in code.co_consts if isinstance(each, CodeType)]
    for found in (handler.__globals__.get(name) for name in names):
        if found is wanted:
            return True
        if isinstance(found, FunctionType) and found.__module__.startswith("lockgate.server") and found not in seen:
            seen.add(found)
            if reaches(found, wanted, seen):
                return True
    return False


def test_the_handlers_of_routes_that_change_something_tell_the_audit_and_no_others():
    telling = {(route.method, route.path) for route in ROUTES if reaches(route.handler, changing, set())}

    assert telling == {(route.method, route.path) for route in ROUTES if route.change}


@pytest.fixture
def admin(running, service):
    """A client that sends an admin's token."""
    _, client = running()
    service.access.add_person("ada", PASSWORD, ["admin"])
    client.headers["Authorization"] = f"Bearer {service.access.sign_in('ada', PASSWORD).token}"
    return client


@pytest.fixture
def sent(admin, service):
    """Sends a route of the API what it takes, about a job that has ended."""
    job = service.succeed(service._submitted(_request(), "ada", None).job_id)
    run = service.flows.begin("nightly", by="ada")

    def sent(route):
        name = "nightly" if route.path.startswith("/api/flows/") else "users"
        path = route.path.replace("{name}", name).replace("{job_id}", job.job_id).replace("{number}", str(run.number))
        return admin.request(route.method, path, json=OVER_JSON.get((route.method, route.path)), params=None)

    service.seconds = 0
    return sent


def _request():
    from lockgate.core.job import TransformRequest

    return TransformRequest("users", None, {}, False, False)


@pytest.mark.parametrize("route", CHANGES, ids=lambda route: f"{route.method} {route.path}")
def test_each_change_is_one_entry_that_tells_how_it_went(sent, service, route):
    response = sent(route)

    (entry,) = service.access.audit()
    outcome = AuditOutcome.DONE if response.is_success else AuditOutcome.REFUSED
    assert (entry.action, entry.outcome) == (route.change, outcome)
    assert (entry.actor, entry.kind) == ("ada", CallerKind.PERSON)
    assert (entry.address, entry.correlation_id) == ("127.0.0.1", response.headers["X-Correlation-Id"])
    assert entry.ended_at >= entry.at
    if outcome is AuditOutcome.REFUSED:
        assert entry.facts["code"] == response.json()["code"]


@pytest.mark.parametrize("route", CHANGES, ids=lambda route: f"{route.method} {route.path}")
def test_what_fails_is_told_too(sent, service, route):
    def failing(*given, **named):
        raise RuntimeError("secret-51")

    for name in ("submit", "cancel", "retry", "roll_back", "set_dbt_enabled"):
        setattr(service, name, failing)
    service.flows.begin = service.flows.cancel = failing
    service.access.sign_in = service.access.sign_out = failing

    response = sent(route)

    (entry,) = service.access.audit()
    assert response.status_code == 500
    assert (entry.action, entry.outcome, entry.facts["code"]) == (route.change, AuditOutcome.FAILED, "LG811")
    assert "secret-51" not in str(entry)


def away(*given, **named):
    raise ControlPlaneUnavailable


@pytest.mark.parametrize(
    "route",
    [route for route in CHANGES if route.change != "cutover.roll-back"],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_nothing_is_changed_that_cannot_be_written_down(sent, service, route):
    before = list(service.calls)
    service.access.write_changes = away
    runs = service.flows.runs()
    service.access.sign_in = service.access.sign_out = lambda *given, **named: pytest.fail("it was done")

    response = sent(route)

    assert (response.status_code, response.json()["code"]) == (503, "LG605")
    assert (service.calls, service._switches, service.flows.runs()) == (before, {None: True}, runs)


def test_a_roll_back_is_not_held_up_by_an_audit_that_cannot_be_written(admin, service):
    service.access.write_changes = away

    response = admin.post("/api/entities/users/cutover/rollback", json={"reason": "wrong totals"})

    assert response.status_code == 200
    assert service.rolled_back == [("users", "ada: wrong totals")]


def test_nor_by_one_that_does_not_answer(admin, service, monkeypatch):
    monkeypatch.setattr("lockgate.server.changing.AUDIT_SECONDS", 0.05)
    hanging = threading.Event()
    service.access.write_changes = lambda asked: [1] * hanging.wait(20) * len(asked)

    response = admin.post("/api/entities/users/cutover/rollback", json={"reason": "wrong totals"})
    hanging.set()

    assert response.status_code == 200
    assert service.rolled_back == [("users", "ada: wrong totals")]


def test_what_was_done_stays_done_where_its_end_cannot_be_written(admin, service):
    write = service.access.write_changes
    service.access.write_changes = lambda asked: away() if isinstance(asked[0], AuditEnd) else write(asked)

    response = admin.put("/api/dbt", json={"enabled": False})

    assert response.status_code == 200
    assert service._switches == {None: False}
    (entry,) = service.access.audit()
    assert entry.outcome is AuditOutcome.BEGUN


@pytest.mark.parametrize("raised", [None, EngineOff("dbt is off"), ControlPlaneUnavailable("it went away")])
def test_what_goes_on_after_its_deadline_is_told_once_it_is_over(running, service, raised):
    _, client = running(database_seconds=2)
    begun, going_on = threading.Event(), threading.Event()

    def late(*given, **named):
        begun.set()
        assert going_on.wait(20)
        if raised is not None:
            raise raised
        return service._switches

    service.set_dbt_enabled = late
    response = client.put("/api/dbt", json={"enabled": False})

    assert (response.status_code, begun.is_set()) == (503, True)
    (entry,) = service.access.audit()
    assert entry.outcome is AuditOutcome.BEGUN
    going_on.set()
    entry = ended(service.access)
    wanted = {None: AuditOutcome.DONE, EngineOff: AuditOutcome.REFUSED}
    assert entry.outcome is wanted.get(raised and type(raised), AuditOutcome.FAILED)
    assert entry.facts.get("code") == (raised and raised.code)


def test_what_was_never_begun_for_want_of_a_thread_has_failed(running, service):
    _, client = running(database_seconds=2, threads=1)
    begun, going_on = threading.Event(), threading.Event()
    service.set_dbt_enabled = lambda *given, **named: (begun.set(), going_on.wait(60))
    with ThreadPoolExecutor(1) as other:
        first = other.submit(client.put, "/api/dbt", json={"enabled": True})
        assert begun.wait(20)
        second = httpx.put(f"{client.base_url}/api/entities/users/dbt", json={"enabled": False})
        assert (first.result().status_code, second.status_code) == (503, 503)

    entry = ended(service.access)
    going_on.set()

    assert (entry.subject, entry.outcome, entry.facts["code"]) == ("users", AuditOutcome.FAILED, "LG605")
    assert service._switches == {None: True}


def ended(access):
    """The newest entry, once it is told how it went."""
    deadline = time.monotonic() + 20
    while (entry := access.audit()[0]).outcome is AuditOutcome.BEGUN:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return entry


def test_what_is_no_request_at_all_changes_nothing_and_is_not_told(admin, service):
    assert admin.post("/api/jobs", content=b"no JSON").status_code == 422
    assert admin.put("/api/dbt", json={"enabled": "yes"}).status_code == 422

    assert service.access.audit() == ()


RECORDS = {"entityType": "users", "records": [{"user_id": 1, "email": "a@b.c"}, {}]}


def test_records_that_are_answered_change_nothing_and_are_in_the_audit(admin, service):
    response = admin.post("/api/transform", json=RECORDS, headers={"X-Correlation-Id": "order-51"})

    assert response.status_code == 200
    assert service.access.audit() == ()
    (entry,) = service.access.audit(action="records")
    assert (entry.actor, entry.kind, entry.address) == ("ada", CallerKind.PERSON, "127.0.0.1")
    assert (entry.action, entry.subject, entry.outcome) == ("records.transform", "users", AuditOutcome.DONE)
    assert (dict(entry.facts), entry.correlation_id) == ({"records": 2}, "order-51")
    assert entry.ended_at == entry.at


def test_an_answer_that_comes_again_is_an_entry_of_its_own(admin, service):
    for _ in range(2):
        admin.post("/api/transform", json=RECORDS, headers={"Idempotency-Key": "k-51"})

    assert [entry.facts for entry in service.access.audit(action="records.transform")] == [{"records": 2}] * 2


def test_records_are_not_answered_where_the_audit_cannot_be_written(admin, service):
    def away(asked):
        raise ControlPlaneUnavailable

    service.access.write_changes = away
    response = admin.post("/api/transform", json=RECORDS)

    assert (response.status_code, response.json()["code"]) == (503, "LG605")
    assert "outcomes" not in response.json()


def test_records_that_are_not_answered_are_in_no_entry_of_answers(admin, service):
    service.fails_with = QueueFull(retry_seconds=3)

    assert admin.post("/api/transform", json=RECORDS).status_code == 429
    assert service.access.audit(actor="ada") == ()


def test_records_take_the_role_of_an_operator(running, service):
    _, client = running()
    service.access.add_person("bob", PASSWORD, ["viewer"])
    headers = {"Authorization": f"Bearer {service.access.sign_in('bob', PASSWORD).token}"}

    assert client.post("/api/transform", json=RECORDS, headers=headers).status_code == 403
    assert service.calls == []
    (entry,) = service.access.audit()
    assert (entry.actor, entry.outcome, dict(entry.facts)) == (
        "bob",
        AuditOutcome.REFUSED,
        {"path": "/api/transform", "code": "LG754"},
    )


def test_a_job_is_told_with_its_number(admin, service):
    job_id = admin.post("/api/jobs", json={"entityType": "users", "engine": "rules"}).json()["jobId"]

    (entry,) = service.access.audit()
    assert (entry.subject, dict(entry.facts)) == ("users", {"engine": "rules", "job": job_id})
