"""Claims are ours, for this project, and good now; otherwise the token is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.access import MachineToken, Role, TokenFacts
from lockgate.errors import TokenRefused
from lockgate.govern.sessions import new_session
from lockgate.govern.tokens import facts_of, machine_claims, new_token_id, session_claims, token_id_of

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
TOKEN = MachineToken("t1", "etl", frozenset({Role.OPERATOR}), NOON, "ada", NOON + timedelta(days=90))
CLAIMS = machine_claims(TOKEN, "shop")
SECOND = timedelta(seconds=1)


def test_a_machines_token_claims_who_it_is_and_until_when_and_no_role():
    at = int(NOON.timestamp())

    claims = machine_claims(TOKEN, "shop")

    assert claims == {
        "iss": "lockgate", "aud": "shop", "sub": "machine:etl", "client_id": "machine:etl", "jti": "t1",
        "iat": at, "nbf": at, "exp": at + 90 * 86400,
    }  # fmt: skip
    assert facts_of(CLAIMS, "shop", NOON) == TokenFacts("t1", "machine:etl", TOKEN.expires_at)


def test_a_sessions_token_is_good_for_an_hour_and_no_longer_than_the_session():
    session = new_session("ada", "", NOON)
    late = session.expires_at - timedelta(minutes=5)

    begun = facts_of(session_claims(session, "shop", NOON), "shop", NOON)

    assert begun == TokenFacts(session.session_id, "ada", NOON + timedelta(hours=1))
    assert facts_of(session_claims(session, "shop", late), "shop", late).expires_at == session.expires_at


def test_it_is_good_from_its_first_moment_to_its_last_and_a_little_before():
    for now in (NOON - 10 * SECOND, NOON, TOKEN.expires_at - SECOND):
        assert facts_of(CLAIMS, "shop", now).token_id == "t1"
    for now in (NOON - 11 * SECOND, TOKEN.expires_at, TOKEN.expires_at + timedelta(days=1)):
        with pytest.raises(TokenRefused):
            facts_of(CLAIMS, "shop", now)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "evil"}, {"iss": ["lockgate"]}, {"aud": "store"}, {"aud": ["shop"]}, {"aud": None}, {"sub": ""},
        {"sub": 1}, {"sub": None}, {"jti": ""}, {"jti": {}}, {"client_id": 7}, {"exp": "1"}, {"exp": True},
        {"exp": float(2**40)}, {"exp": 2**80}, {"exp": -1}, {"iat": None}, {"iat": 1.5}, {"nbf": "0"},
        {"nbf": 2**40}, {"iat": 2**35}, {"roles": ["admin"]}, {"scope": "admin"},
    ],
    ids=str,
)  # fmt: skip
def test_other_claims_are_refused(change):
    with pytest.raises(TokenRefused):
        facts_of({**CLAIMS, **change}, "shop", NOON)


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_each_claim_is_needed(name):
    with pytest.raises(TokenRefused):
        facts_of({key: value for key, value in CLAIMS.items() if key != name}, "shop", NOON)


def test_ids_are_of_128_bits():
    assert len({new_token_id() for _ in range(100)}) == 100
    assert len(new_token_id()) == 32


def test_of_one_wish_comes_one_id_like_any_other():
    assert token_id_of("ada 1") == token_id_of("ada 1") != token_id_of("bea 1")
    assert len(token_id_of("ada 1")) == len(new_token_id())
