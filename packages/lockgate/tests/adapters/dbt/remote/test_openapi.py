"""What is wrong with a request or an answer is found by the documents that those of executors are held against."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lockgate.sandbox.local_server import ApiRequest

JSON = {"content-type": "application/json"}


def post(path: str, body: object, *query: tuple[str, str]) -> ApiRequest:
    return ApiRequest("POST", path, query, JSON, json.dumps(body).encode())


CREATE = post("/v1.41/containers/create", {"Image": "lockgate-dbt", "Env": ["TZ=UTC"]}, ("name", "lockgate-1"))
LOGS = ApiRequest("GET", "/v1.41/containers/abc/logs", (("follow", "1"), ("tail", "all")), {}, b"")
JOB = post(
    "/apis/batch/v1/namespaces/data/jobs",
    {"spec": {"backoffLimit": 0, "template": {"spec": {"containers": [{"name": "dbt"}]}}}},
)
RESUME = ApiRequest(
    "PATCH",
    "/apis/batch/v1/namespaces/data/jobs/a",
    (),
    {"content-type": "application/merge-patch+json"},
    b'{"spec": {"suspend": false}}',
)
PODS = ApiRequest("GET", "/api/v1/namespaces/data/pods", (("labelSelector", "job-name=a"),), {}, b"")
RUN = post("/api/v2/accounts/42/jobs/7/run/", {"cause": "Lockgate", "steps_override": ["dbt build"]})
SHOW = ApiRequest("GET", "/api/v2/accounts/42/runs/9/", (("include_related", '["run_steps"]'),), {}, b"")


@pytest.mark.parametrize(
    ("name", "asked", "flaw"),
    [
        ("docker", replace(CREATE, path="/containers/create/now"), "is no operation"),
        ("docker", replace(CREATE, query=(("nom", "x"),)), "query parameter nom is not declared"),
        ("docker", replace(CREATE, query=(("name", "a b"),)), "'a b' does not match"),
        ("docker", replace(CREATE, body=b'{"Env": "TZ=UTC"}'), "'TZ=UTC' is not of type 'array'"),
        ("docker", replace(CREATE, body=b'{"HostConfig": {"Memory": "4g"}}'), "'4g' is not of type 'integer'"),
        ("docker", replace(LOGS, query=(("follow", "perhaps"),)), "'perhaps' is no boolean"),
        ("docker", replace(CREATE, status=201, answer={"Warnings": []}), "'Id' is a required property"),
        ("docker", replace(CREATE, status=418, answer={}), "418 is no answer"),
        ("kubernetes", replace(JOB, body=b'{"spec": {}}'), "'template' is a required property"),
        ("kubernetes", replace(JOB, body=JOB.body.replace(b'"dbt"', b"7")), "7 is not of type 'string'"),
        ("kubernetes", replace(RESUME, headers=JSON), "content-type application/json"),
        ("kubernetes", replace(PODS, query=(("labels", "a=b"),)), "query parameter labels is not declared"),
        ("kubernetes", replace(PODS, status=200, answer={"kind": "PodList"}), "'items' is a required property"),
        ("kubernetes", replace(PODS, status=403, answer={"code": "403"}), "'403' is not of type 'integer'"),
        ("dbt_cloud", replace(RUN, body=b"{}"), "'cause' is a required property"),
        ("dbt_cloud", replace(RUN, body=b'{"cause": "x", "step": "dbt"}'), "Additional properties are not allowed"),
        ("dbt_cloud", replace(RUN, body=b'{"cause": "x", "steps_override": "dbt"}'), "'dbt' is not of type 'array'"),
        ("dbt_cloud", replace(RUN, path="/api/v2/accounts/42/jobs/seven/run/"), "'seven' is no integer"),
        ("dbt_cloud", replace(SHOW, status=200, answer={"data": {}, "status": {}}), "'status' is a required property"),
    ],
)
def test_what_is_wrong_is_found(name, asked, flaw, docker_document, kubernetes_document, cloud_document):
    document = {"docker": docker_document, "kubernetes": kubernetes_document, "dbt_cloud": cloud_document}[name]

    assert any(flaw in found for found in document.flaws(asked)), list(document.flaws(asked))


@pytest.mark.parametrize("asked", [CREATE, LOGS], ids=["create", "logs"])
def test_nothing_is_found_where_nothing_is_wrong_with_a_container(docker_document, asked):
    assert list(docker_document.flaws(asked)) == []


@pytest.mark.parametrize("asked", [JOB, RESUME, PODS], ids=["job", "resume", "pods"])
def test_nothing_is_found_where_nothing_is_wrong_with_a_job(kubernetes_document, asked):
    assert list(kubernetes_document.flaws(asked)) == []


@pytest.mark.parametrize("asked", [RUN, SHOW], ids=["run", "show"])
def test_nothing_is_found_where_nothing_is_wrong_with_a_run(cloud_document, asked):
    assert list(cloud_document.flaws(asked)) == []
