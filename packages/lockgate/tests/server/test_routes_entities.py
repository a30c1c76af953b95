"""Entities as callers see them, and the live switch."""

from __future__ import annotations

import pytest


def test_entities_are_listed_with_who_would_answer(client):
    entities = client.get("/api/entities").json()["entities"]

    assert [entity["entityType"] for entity in entities] == ["users", "applications"]
    assert entities[0] == {
        "entityType": "users",
        "key": ["user_id"],
        "contract": {"user_id": "bigint", "email": "text"},
        "implementations": {"rules": "rules", "dbt": "dbt"},
        "stage": "promoted",
        "incumbent": "rules",
        "candidate": "dbt",
        "share": 10000,
        "answers": "dbt",
        "routedBy": "route",
        "isDbtEnabled": True,
        "warning": None,
    }


def test_one_entity_is_shown(client):
    assert client.get("/api/entities/applications").json()["incumbent"] == "dbt"


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/entities/usres"), ("PUT", "/api/entities/usres/dbt")])
def test_an_unknown_entity_is_not_found_but_its_neighbours_are(client, method, path):
    response = client.request(method, path, json={"enabled": False})

    assert (response.status_code, response.json()["nearest"]) == (404, ["users"])


def test_dbt_is_switched_off_for_all(client, service):
    service.warnings["users"] = "rules answers, the view shows dbt"

    response = client.put("/api/dbt", json={"enabled": False})

    assert response.json() == {
        "entityType": None, "enabled": False, "changedAt": "2026-01-31T05:00:00Z", "changedBy": "loopback",
        "warnings": ["rules answers, the view shows dbt"],
    }  # fmt: skip
    assert [entity["isDbtEnabled"] for entity in client.get("/api/entities").json()["entities"]] == [False, False]


def test_a_warning_is_told_where_it_concerns_the_switch(client, service):
    service.warnings["users"] = "rules answers, the view shows dbt"

    told = [
        client.put(f"/api/entities/{name}/dbt", json={"enabled": False}).json()["warnings"]
        for name in ("users", "applications")
    ]

    assert told == [["rules answers, the view shows dbt"], []]
    assert client.get("/api/entities/users").json()["warning"] == "rules answers, the view shows dbt"


def test_dbt_is_switched_off_for_one(client):
    assert client.put("/api/entities/users/dbt", json={"enabled": False}).json()["entityType"] == "users"
    assert [entity["isDbtEnabled"] for entity in client.get("/api/entities").json()["entities"]] == [False, True]


@pytest.mark.parametrize("body", [{}, {"enabled": "false"}, {"enabled": 0}, {"enabled": None}])
def test_the_switch_moves_only_by_a_truth_value(client, body):
    assert client.put("/api/dbt", json=body).status_code == 422
    assert client.get("/api/entities/users").json()["isDbtEnabled"] is True
