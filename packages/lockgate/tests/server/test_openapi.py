"""The OpenAPI document: committed, true, and proof against what a fuzzer sends."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from lockgate.server import create_api

ANSWERS = {200, 202, 400, 401, 404, 405, 409, 422}
PASSWORD = "eleven grey herons at dawn"
COMMITTED = Path(__file__).parents[4] / "docs/reference/openapi.json"


def test_the_committed_document_is_what_the_code_makes(service):
    made = json.dumps(create_api(service).openapi(), indent=2, ensure_ascii=False) + "\n"

    assert COMMITTED.read_text(encoding="utf-8") == made


def test_every_route_tells_its_refusals(service):
    document = create_api(service).openapi()
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert [each["operationId"] for each in operations if not {"401", "403", "500"} <= set(each["responses"])] == []
    assert len({each["operationId"] for each in operations}) == len(operations)


def fuzz(url: str, examples: int, token: str | None = None) -> Counter:
    """Sends what the document allows and what it does not, and compares the answers with it: how many of which."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=headers)
    seen: Counter = Counter()
    for found in schema.get_all_operations():
        for mode in GenerationMode:
            cases = found.ok().as_strategy(generation_mode=mode)

            @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
            @given(cases)
            def once(case) -> None:
                seen[case.operation.label, case.call_and_validate(headers=headers).status_code] += 1

            # Of a route that takes anything, nothing is wrong.
            with contextlib.suppress(Unsatisfiable):
                once()
    return seen


@pytest.fixture
def address(running, service):
    """A server that knows every entity and forgets every key, and whose jobs end at once."""
    service.seconds = 0
    users, _ = service.entities()
    service._entity = lambda name: users
    submitted = service._submitted
    service._submitted = lambda request, caller, key: submitted(request, caller, None)
    held: Future[None] = Future()
    held.set_result(None)
    service.hold = lambda key: held
    return running(replay_seconds=0)[0].url


@pytest.mark.slow
def test_a_fuzzer_finds_no_answer_that_the_document_does_not_tell(address):
    seen = fuzz(address, examples=15)

    statuses = {status for _, status in seen}
    assert len({route for route, _ in seen}) == 24
    assert {200, 202, 401, 404, 422} <= statuses <= ANSWERS


@pytest.fixture
def token_of(service):
    """A machine's token with these roles; for `expired` one that is good no longer."""

    def token_of(name: str) -> str:
        service.access.late = -timedelta(days=2) if name == "expired" else timedelta()
        role = "admin" if name == "expired" else name
        _, text = service.access.add_token(name, [role], lifetime=timedelta(days=1), by="somebody")
        service.access.late = timedelta()
        return text

    return token_of


@pytest.mark.slow
@pytest.mark.parametrize("name", ["viewer", "operator", "approver"])
def test_nor_does_one_with_the_token_of_some_role(address, token_of, name):
    seen = fuzz(address, examples=3, token=token_of(name))

    statuses = {status for _, status in seen}
    assert statuses <= {*ANSWERS, 403}
    assert (403 in statuses) is (name != "operator")


@pytest.mark.soak
@pytest.mark.parametrize("name", ["viewer", "operator", "approver", "admin"])
def test_a_fuzzer_with_patience_finds_none_either(address, token_of, name):
    seen = fuzz(address, examples=1200, token=token_of(name))

    assert {status for _, status in seen} <= {*ANSWERS, 403}
    assert sum(seen.values()) >= 25_000
