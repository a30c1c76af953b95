"""Tokens for passwords, over the API."""

from __future__ import annotations

import pytest

PASSWORD = "eleven grey herons at dawn"


@pytest.fixture
def signed_in(running, service):
    """A client, and the answer to the right password."""
    _, client = running()
    service.access.add_person("ada", PASSWORD, ["operator"])
    return client, client.post("/api/token", json={"name": "ada", "password": PASSWORD})


def bearer(answer):
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_a_password_gives_a_token_of_an_hour(signed_in):
    client, answer = signed_in

    document = answer.json()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert (document.keys(), document["token_type"]) == ({"access_token", "token_type", "expires_in"}, "Bearer")
    assert 3590 <= document["expires_in"] <= 3600
    assert "Set-Cookie" not in answer.headers
    assert client.get("/api/jobs", headers=bearer(answer)).status_code == 200


def test_given_back_it_is_good_for_nothing_at_once(signed_in, service):
    client, answer = signed_in

    assert client.delete("/api/token", headers=bearer(answer)).status_code == 204

    assert client.get("/api/jobs", headers=bearer(answer)).status_code == 401
    assert service.access.sessions() == ()


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "not hers 51"), ("nobody", PASSWORD), ("", ""), ("ada", "x" * 1000), ("a" * 255, PASSWORD)],
)
def test_anything_else_gives_none_and_tells_one_thing(signed_in, name, password):
    client, _ = signed_in

    answer = client.post("/api/token", json={"name": name, "password": password})

    document = answer.json()
    assert (answer.status_code, document["code"]) == (401, "LG751")
    assert document["detail"] == "The name or the password is wrong, or the account is locked or disabled."
    assert not password or password not in answer.text


@pytest.mark.parametrize(
    "body", [{}, {"name": "ada"}, {"name": "ada", "password": 1}, {"name": ["ada"], "password": PASSWORD}, [PASSWORD]]
)
def test_what_names_nobody_is_told_without_the_password(signed_in, body):
    client, _ = signed_in

    answer = client.post("/api/token", json=body)

    assert answer.status_code == 422
    assert PASSWORD not in answer.text


def test_machines_have_no_session_to_end(signed_in, service):
    client, _ = signed_in
    _, text = service.access.add_token("ci", ["viewer"], by="ada")

    answer = client.delete("/api/token", headers={"Authorization": f"Bearer {text}"})

    assert (answer.status_code, answer.json()["code"]) == (409, "LG755")
    assert client.get("/api/jobs", headers={"Authorization": f"Bearer {text}"}).status_code == 200


def test_the_token_says_nothing_of_roles(signed_in, service):
    client, answer = signed_in
    assert client.put("/api/dbt", json={"enabled": True}, headers=bearer(answer)).status_code == 200

    service.access.set_roles("ada", ["viewer"])
    client.get("/api/jobs", headers={"Authorization": "Bearer unknown"})

    assert service.access.known().caller_of_token(service.access.read_token(answer.json()["access_token"])).roles == {
        "viewer"
    }
