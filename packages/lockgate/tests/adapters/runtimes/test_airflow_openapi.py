"""What requests are held against is what Airflow's own package says, and it finds what is wrong with one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.sandbox.local_server import ApiRequest

HERE = Path(__file__).parent
PACKAGE = Path(__file__).parents[5] / ".venv-airflow/lib"
TOKEN = {"authorization": "Bearer x", "accept": "application/json"}
POST = ApiRequest(
    "POST",
    "/api/v2/dags/greet/dagRuns",
    (),
    {**TOKEN, "content-type": "application/json"},
    b'{"dag_run_id": "manual__one", "logical_date": null}',
)
GET = ApiRequest("GET", "/api/v2/dags/greet/dagRuns", (("limit", "20"), ("order_by", "-run_after")), TOKEN, b"")


@pytest.mark.slow
def test_the_committed_extract_is_what_airflows_package_says(openapi):
    (package,) = PACKAGE.glob("python3.*/site-packages/airflow")

    assert json.loads((HERE / "airflow_openapi.json").read_text(encoding="utf-8")) == openapi.extract(package)


@pytest.mark.parametrize(
    ("asked", "flaw"),
    [
        (replace(POST, body=b'{"dag_run_id": "manual__one"}'), "'logical_date' is a required property"),
        (replace(POST, body=b'{"logical_date": null, "run_type": "manual"}'), "Additional properties are not allowed"),
        (replace(POST, body=b'{"logical_date": 7}'), "7 is not valid under any of the given schemas"),
        (replace(POST, headers=TOKEN), "content-type None"),
        (replace(POST, headers={"content-type": "application/json"}), "no token"),
        (replace(POST, path="/api/v1/dags/greet/dagRuns"), "POST is no operation"),
        (replace(POST, method="PUT"), "PUT is no operation"),
        (replace(GET, query=(("limit", "-1"),)), "-1 is less than the minimum of 0"),
        (replace(GET, query=(("order", "x"),)), "query parameter order is not declared"),
        (replace(GET, body=b"{}"), "a body that is not declared"),
        (replace(GET, status=201, answer={}), "201 is no answer"),
        (replace(GET, status=200, answer={"dag_runs": [{}]}), "'dag_run_id' is a required property"),
    ],
)
def test_what_is_wrong_with_a_request_is_found(document, asked, flaw):
    assert any(flaw in found for found in document.flaws(asked))


@pytest.mark.parametrize("asked", [POST, GET], ids=["post", "get"])
def test_nothing_is_found_where_nothing_is_wrong(document, asked):
    assert list(document.flaws(asked)) == []
