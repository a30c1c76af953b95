"""Every error has a status; every code of the API is its own, and explained."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lockgate import errors
from lockgate.errors import LockgateError, ProjectInvalid, RetryableError
from lockgate.server.problems import Fault, problem_of, status_of

REFERENCE = Path(__file__).parents[4] / "docs/reference/api.md"


def leaves(kind=LockgateError) -> list[type[LockgateError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
    return below or [kind]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UnknownName(), 404),
        (errors.KeyReused(), 422),
        (errors.JobFinal(), 409),
        (errors.EngineOff(), 409),
        (errors.JobCancelled(), 409),
        (errors.CapabilityMissing(), 409),
        (errors.ControlPlaneUnavailable(), 503),
        (errors.WarehouseUnavailable(), 503),
        (errors.TargetBusy(), 503),
        (errors.QueueFull(), 429),
        (errors.WaitedTooLong(), 503),
        (errors.StatementFailed(), 500),
        (ProjectInvalid(()), 500),
    ],
)
def test_an_error_has_the_status_of_its_nearest_class(error, status):
    assert status_of(error) == status


@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.__name__)
def test_every_error_is_told_as_a_problem(leaf):
    error = leaf(()) if leaf is ProjectInvalid else leaf("what happened", secret_field="s-51")

    response = problem_of(error, instance="/api/jobs")
    document = json.loads(response.body)

    assert response.media_type == "application/problem+json"
    assert document["type"] == f"urn:lockgate:problem:{leaf.code}"
    assert (document["code"], document["status"], document["instance"]) == (
        leaf.code,
        response.status_code,
        "/api/jobs",
    )
    assert document["detail"]
    assert "s-51" not in str(document)
    assert ("retry-after" in response.headers) == issubclass(leaf, RetryableError)


def test_a_secret_is_not_told(monkeypatch):
    monkeypatch.setattr("lockgate.server.problems.redacted", lambda text: text.replace("s-51", "***"))

    response = problem_of(errors.WarehouseUnavailable("cannot reach postgresql://u:s-51@host", hint="not s-51"))

    assert json.loads(response.body)["detail"] == "cannot reach postgresql://u:***@host"
    assert b"s-51" not in response.body


def test_the_codes_of_the_api_are_nobody_elses():
    codes = [fault.code for fault in Fault]

    assert len(set(codes)) == len(codes)
    assert {leaf.code for leaf in leaves()} & set(codes) == set()


def test_the_reference_has_a_heading_for_each_code():
    found = re.findall(r"^### (LG8\d\d) (\d{3})$", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert found == [(fault.code, str(fault.status.value)) for fault in Fault]
