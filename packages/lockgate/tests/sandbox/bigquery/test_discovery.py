"""What is wrong with a request or an answer is found by the document that they are held against."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lockgate.sandbox.local_server import ApiRequest

JSON = {"content-type": "application/json"}
PROJECT = "/bigquery/v2/projects/p"
TABLE = {"tableReference": {"projectId": "p", "datasetId": "d", "tableId": "t"}, "schema": {"fields": []}}
INSERT = ApiRequest("POST", f"{PROJECT}/datasets/d/tables", (), JSON, json.dumps(TABLE).encode(), 200, TABLE)
RESULTS = ApiRequest("GET", f"{PROJECT}/queries/j", (("maxResults", "5"),), {}, b"", 200, {"totalRows": "1"})


def test_nothing_is_found_where_nothing_is_wrong(bigquery_document):
    assert [*bigquery_document.flaws(INSERT), *bigquery_document.flaws(RESULTS)] == []


@pytest.mark.parametrize(
    ("asked", "flaw"),
    [
        (replace(INSERT, path="/bigquery/v3/projects"), "is no method"),
        (replace(INSERT, body=b'{"tableName": "t"}'), "'tableName' was unexpected"),
        (replace(INSERT, body=b'{"labels": ["a"]}'), "is not of type 'object', 'null'"),
        (replace(INSERT, headers={"content-type": "text/plain"}), "content-type text/plain"),
        (replace(INSERT, answer={"numRows": 3}), "3 is not of type 'string'"),
        (replace(INSERT, answer={"rows": []}), "'rows' was unexpected"),
        (replace(RESULTS, query=(("limit", "5"),)), "parameter limit is not declared"),
        (replace(RESULTS, query=(("maxResults", "many"),)), "'many' is no integer"),
        (replace(RESULTS, body=b"{}"), "a body that is not declared"),
        (replace(RESULTS, status=404, answer={"error": {"code": 404}}), "'message' is a required property"),
    ],
)
def test_what_is_wrong_is_found(bigquery_document, asked, flaw):
    found = list(bigquery_document.flaws(asked))

    assert any(flaw in each for each in found), found
