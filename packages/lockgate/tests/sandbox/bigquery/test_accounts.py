"""Who is let in: RFC 7523's grant with an assertion that the account has signed, and tokens of limited life.

Expected answers: RFC 6749 section 5.2, developers.google.com/identity/protocols/oauth2/service-account, and
cloud.google.com/bigquery/docs/error-messages.
"""

from __future__ import annotations

import time

import httpx
import pytest
from google.auth import crypt, jwt

from lockgate.sandbox.bigquery_api import BigQueryApi

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLES = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/bigquery"


def assertion(key: dict[str, str], **claims: object) -> bytes:
    now = int(time.time())
    said = {"iss": key["client_email"], "scope": SCOPE, "aud": GOOGLES, "iat": now, "exp": now + 3600, **claims}
    return jwt.encode(crypt.RSASigner.from_service_account_info(key), said)


def ask(api, signed: bytes, grant: str = GRANT) -> httpx.Response:
    return httpx.post(f"{api.url}/token", data={"grant_type": grant, "assertion": signed.decode()})


def test_gives_a_token_for_an_assertion_that_the_account_signed(api):
    answer = ask(api, assertion(api.service_account("one")))

    assert answer.status_code == 200
    assert {**answer.json(), "access_token": ""} == {"access_token": "", "token_type": "Bearer", "expires_in": 3600}


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example/token"},
        {"exp": 1_600_000_000},
        {"exp": int(time.time()) + 7200},
        {"iss": "nobody@elsewhere.iam.gserviceaccount.com"},
        {"scope": "https://www.googleapis.com/auth/drive"},
    ],
    ids=["audience", "expired", "too-long", "stranger", "scope"],
)
def test_refuses_an_assertion_whose_claims_are_not_good(api, claims):
    answer = ask(api, assertion(api.service_account("two"), **claims))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_refuses_an_assertion_that_another_key_signed(api):
    mine, other = api.service_account("three"), api.service_account("four")
    forged = {**other, "client_email": mine["client_email"], "private_key_id": mine["private_key_id"]}

    answer = ask(api, assertion(forged))

    assert answer.json() == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


def test_refuses_other_grants(api):
    answer = ask(api, b"", "password")

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_refuses_who_has_no_good_token(api):
    for headers in ({}, {"authorization": "Bearer ya29.stolen"}):
        answer = httpx.get(f"{api.url}/bigquery/v2/projects/{api.project}/datasets", headers=headers)

        assert answer.status_code == 401
        assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
        assert answer.json()["error"]["errors"][0]["reason"] == "authError"


def test_a_token_ends():
    with BigQueryApi(token_seconds=0) as api:
        token = api.accounts.issue("late")

        answer = httpx.get(
            f"{api.url}/bigquery/v2/projects/{api.project}/datasets", headers={"authorization": f"Bearer {token}"}
        )

    assert answer.status_code == 401
