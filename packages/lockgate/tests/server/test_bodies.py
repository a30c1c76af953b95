"""Bodies that are not what a route takes: always 422, naming the place, never a value."""

from __future__ import annotations

import json

import pytest

SECRET = "tr0ub4dor"


def flaws(response) -> list[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (422, "LG801")
    assert SECRET not in response.text
    return [(flaw["pointer"], flaw["detail"]) for flaw in response.json()["errors"]]


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({}, "#/entityType", "is missing"),
        ({"entityType": 51}, "#/entityType", "should be a valid string"),
        ({"entityType": ""}, "#/entityType", "string should have at least 1 character"),
        ({"entityType": "users", "vars": [SECRET]}, "#/vars", "should be a JSON object"),
        ({"entityType": "users", "again": SECRET}, "#/again", "should be a valid boolean"),
        ({"entityType": "users", "fullRefresh": 1}, "#/fullRefresh", "should be a valid boolean"),
        ({"entityType": "users", "records": {"a": SECRET}}, "#/records", "should be a JSON array"),
        ({"entityType": "users", "records": [{}, SECRET]}, "#/records/1", "should be a JSON object"),
        ({"entityType": "users", "entitytype": SECRET}, "#/entitytype", "is not known; did you mean entityType?"),
        ({"entityType": "users", "record": [{}]}, "#/record", "is not known; did you mean records?"),
        ({"entityType": "users", "full_refresh": True}, "#/full_refresh", "is not known; did you mean fullRefresh?"),
        ({"entityType": "users", "records": [], "again": True}, "#/again", "means nothing beside records"),
        ([SECRET], "#", "should be a JSON object"),
        (SECRET, "#", "should be a JSON object"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_used_is_named(client, service, body, pointer, detail):
    assert flaws(client.post("/api/transform", json=body)) == [(pointer, detail)]
    assert service.calls == []


def test_all_flaws_are_told_at_once(client):
    body = {"entityType": None, "again": 1, "what": 2}

    assert [pointer for pointer, _ in flaws(client.post("/api/transform", json=body))] == [
        "#/entityType", "#/again", "#/what",
    ]  # fmt: skip


def test_what_was_mistyped_is_told_before_what_is_missing_because_of_it(client):
    response = client.post("/api/transform", json={"entitty": "users", "records": []})

    assert response.json()["detail"] == "/entitty is not known; did you mean entityType?"
    assert flaws(response) == [
        ("#/entitty", "is not known; did you mean entityType?"), ("#/entityType", "is missing"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        (b"", "#", "is empty; send a JSON object"),
        (b"  \n", "#", "is empty; send a JSON object"),
        (b"{", "#", "is not JSON: expecting property name enclosed in double quotes at line 1, column 2"),
        (b"entityType=users", "#", "is not JSON: expecting value at line 1, column 1"),
        (b'{"entityType":"users"} x', "#", "is not JSON: extra data at line 1, column 24"),
        (b"\xff\xfe", "#", "is not UTF-8 at byte 0"),
        (b'{"entityType":"users","entityType":"applications"}', "#/entityType", "stands there twice"),
        (b'{"entityType":"users","vars":{"a":{"b/c":1,"b/c":2}}}', "#/vars/a/b~1c", "stands there twice"),
        (b'{"entityType":"users","vars":{"a":NaN}}', "#/vars/a", "is not a number of JSON"),
        (b'{"entityType":"users","vars":[-Infinity]}', "#/vars/0", "is not a number of JSON"),
        (b'{"entityType":"users","vars":{"a":1e999}}', "#/vars/a", "is a number too large to be read exactly"),
        (b'{"entityType":"users","vars":{"a":' + b"9" * 5000 + b"}}", "#/vars/a", "has more than 400 digits"),
        (b'{"entityType":"us\\u0000ers"}', "#/entityType", "has a NUL character"),
        (b'{"entityType":"us\x00ers"}', "#", "is not JSON: invalid control character at line 1, column 18"),
        (b'{"entityType":"\\ud800"}', "#/entityType", "has half a surrogate pair"),
        (b'{"entityType":"users","vars":{"\\udc00":1}}', "#/vars", "has a key with half a surrogate pair"),
        (b'{"entityType":"users","vars":{"a\\u0000":1}}', "#/vars", "has a key with a NUL character"),
        (b"null", "#", "should be a JSON object"),
        (b"[" * 33 + b"]" * 33, "#", "is nested more than 32 deep"),
        (b"[" * 1_000_000, "#", "has more than 100000 arrays and objects"),
        (b'{"a":' * 90_000, "#", "is nested more than 32 deep"),
    ],
)  # fmt: skip
def test_what_not_every_reader_would_read_alike_is_refused(client, service, body, pointer, detail):
    assert flaws(client.post("/api/transform", content=body)) == [(pointer, detail)]
    assert service.calls == []


def test_records_are_counted(running, service):
    _, client = running(records=2)

    fine = client.post("/api/transform", json={"entityType": "users", "records": [{}] * 2})
    many = client.post("/api/transform", json={"entityType": "users", "records": [{}] * 3})

    assert fine.status_code == 200
    assert flaws(many) == [("#/records", "has more than 2 records")]


def test_fields_of_records_are_counted(running):
    _, client = running(fields_a_record=2)

    response = client.post("/api/transform", json={"entityType": "users", "records": [{"a": 1}, dict.fromkeys("abc")]})

    assert flaws(response) == [("#/records/1", "has more than 2 fields")]


def test_text_of_every_plane_and_deep_values_go_through(client):
    value = [[[{"ключ": "👩‍🚀\t漢"}]]]

    response = client.post("/api/transform", json={"entityType": "users", "records": [{"email": "a", "v": value}]})

    assert response.json()["outcomes"][0]["output"]["v"] == value


def test_whole_numbers_keep_every_digit(client):
    body = b'{"entityType":"users","records":[{"email":"a","n":123456789012345678901234567890}]}'

    assert b"123456789012345678901234567890" in client.post("/api/transform", content=body).content


def test_a_large_body_is_read_beside_the_event_loop(client):
    records = [{"email": f"{number}@example.org", "note": "x" * 50} for number in range(2_000)]

    response = client.post("/api/transform", content=json.dumps({"entityType": "users", "records": records}))

    assert response.json()["records"] == 2_000
