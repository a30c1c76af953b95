"""Where a cutover stands, and the way back, over HTTP."""

from __future__ import annotations

import pytest

from lockgate.server.options import Mode

PATH = "/api/entities/users/cutover"
ROUTE = {"incumbent": "rules", "candidate": "dbt", "stage": "promoted", "share": 10000, "token": 7}
BACK = {"incumbent": "rules", "candidate": "dbt", "stage": "shadow", "share": 0, "token": 8}
DECISION = {
    "decisionId": 9,
    "entityType": "users",
    "action": "roll back",
    "answer": "no-go",
    "before": ROUTE,
    "after": BACK,
    "by": "loopback",
    "reason": "looks odd",
    "at": "2026-01-31T05:00:00Z",
}


def test_a_cutover_is_shown_with_gates_and_the_newest_comparison(client):
    assert client.get(PATH).json() == {
        "entityType": "users",
        "group": "",
        "route": ROUTE,
        "gates": [
            {
                "gate": "safe",
                "answer": "go",
                "conditions": [
                    {"condition": "row_budget", "answer": "go", "sentence": "0 rows differ", "evidence": [5]}
                ],
            }
        ],
        "comparison": {
            "evidenceId": 5,
            "kind": "comparison",
            "token": 7,
            "at": "2026-01-31T05:00:00Z",
            "by": "controller",
            "facts": {"verdict": "pass", "unexplained": 0},
        },
        "decision": None,
    }


def test_a_rollback_says_what_was_decided_and_how_old_the_data_is(client):
    done = client.post(f"{PATH}/rollback", json={"reason": "looks odd"})

    assert done.json() == {"rolledBack": [{**DECISION, "ageSeconds": 90.0}]}
    shown = client.get(PATH).json()
    assert (shown["route"], shown["decision"]) == (BACK, DECISION)


def test_what_cannot_be_rolled_back_is_a_conflict(client):
    client.post(f"{PATH}/rollback", json={"reason": "looks odd"})

    again = client.post(f"{PATH}/rollback", json={"reason": "once more"})

    assert (again.status_code, again.json()["code"]) == (409, "LG951")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "#/reason"), ({"reason": ""}, "#/reason"), ({"reason": "x" * 1001}, "#/reason"), ({"why": "x"}, "#/why")],
)
def test_a_rollback_without_a_reason_is_refused(client, service, body, pointer):
    refused = client.post(f"{PATH}/rollback", json=body)

    assert (refused.status_code, refused.json()["code"]) == (422, "LG801")
    assert pointer in [each["pointer"] for each in refused.json()["errors"]]
    assert service.rolled_back == []


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/rollback")])
def test_an_unknown_entity_is_not_found_but_its_neighbours_are(client, method, path):
    answer = client.request(method, f"/api/entities/usres/cutover{path}", json={"reason": "looks odd"})

    assert (answer.status_code, answer.json()["nearest"]) == (404, ["users"])


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/rollback")])
def test_in_production_both_want_the_token(running, service, method, path):
    _, client = running(mode=Mode.PRODUCTION, token="secret")
    sent = {"json": {"reason": "looks odd"}}

    assert client.request(method, PATH + path, **sent).status_code == 401
    assert service.rolled_back == []
    assert client.request(method, PATH + path, headers={"Authorization": "Bearer secret"}, **sent).status_code == 200


def test_a_page_of_another_site_rolls_nothing_back(client, service):
    headers = {"Origin": "http://elsewhere.example"}

    assert client.post(f"{PATH}/rollback", json={"reason": "x"}, headers=headers).status_code == 403
    assert service.rolled_back == []


def test_blanks_are_no_reason(client, service):
    response = client.post("/api/entities/users/cutover/rollback", json={"reason": "  "})

    assert (response.status_code, service.rolled_back) == (422, [])
