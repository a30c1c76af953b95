"""Tokens are read in one way only: whatever is not written and signed as ours are is refused, in few words."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256, sha512

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.adapters.credentials.jwt import LARGEST_BYTES, JwtTokens
from lockgate.adapters.credentials.signing_keys import SigningKey
from lockgate.errors import LockgateError, TokenRefused

KEY, OLD = SigningKey("new", b"n" * 32), SigningKey("old", b"o" * 32)
CLAIMS = {"sub": "ada", "exp": 1, "ł": "ż"}
HEADER = {"alg": "HS256", "kid": "new", "typ": "at+jwt"}


@pytest.fixture
def tokens():
    return JwtTokens(lambda again: (KEY, OLD))


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(header: bytes | dict, payload: bytes | dict = CLAIMS, key: bytes = KEY.secret, digest=sha256) -> str:
    """A token with a right signature, whatever stands in it."""
    parts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, payload)]
    text = ".".join(encoded(part) for part in parts)
    return f"{text}.{encoded(hmac.digest(key, text.encode(), digest))}"


def test_what_was_written_is_read_back(tokens):
    assert tokens.verified(tokens.written(CLAIMS)) == CLAIMS


def test_another_reader_of_jwt_reads_ours(tokens):
    text = tokens.written({"sub": "ada"})

    assert jwt.decode(text, KEY.secret, algorithms=["HS256"]) == {"sub": "ada"}
    assert jwt.get_unverified_header(text) == HEADER


def test_our_own_reader_takes_what_is_signed_by_hand(tokens):
    assert tokens.verified(signed(HEADER)) == CLAIMS


def test_the_first_key_signs_and_each_verifies(tokens):
    old = JwtTokens(lambda again: (OLD,)).written(CLAIMS)

    assert jwt.get_unverified_header(tokens.written(CLAIMS))["kid"] == "new"
    assert tokens.verified(old) == CLAIMS
    with pytest.raises(TokenRefused):
        JwtTokens(lambda again: (KEY,)).verified(old)


def test_keys_are_looked_at_again_for_a_name_that_is_not_known():
    tokens = JwtTokens(lambda again: (KEY, OLD) if again else (OLD,))

    assert tokens.verified(signed(HEADER)) == CLAIMS


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "alg": "none"},
        {**HEADER, "alg": "None"},
        {**HEADER, "alg": "HS512"},
        {**HEADER, "alg": "RS256"},
        {**HEADER, "alg": "hs256"},
        {**HEADER, "alg": ["HS256"]},
        {**HEADER, "typ": "JWT"},
        {**HEADER, "typ": "AT+JWT"},
        {**HEADER, "kid": "none"},
        {**HEADER, "kid": ["new"]},
        {**HEADER, "kid": None},
        {**HEADER, "kid": "../../dev/null"},
        {"alg": "HS256", "typ": "at+jwt"},
        {"alg": "HS256", "kid": "new"},
        *({**HEADER, name: "x"} for name in ("jku", "x5u", "x5c", "cty", "zip", "enc")),
        {**HEADER, "jwk": {"kty": "oct", "k": encoded(KEY.secret)}},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "b64": False, "crit": ["b64"]},
        b'{"alg":"HS256","kid":"new","typ":"at+jwt","alg":"HS256"}',
        b'{"alg":"HS256","kid":"new","typ":"at+jwt"',
        b'\xef\xbb\xbf{"alg":"HS256","kid":"new","typ":"at+jwt"}',
        b'{"alg":"HS256","kid":"\xff","typ":"at+jwt"}',
        b"[]",
        b"null",
        b"",
    ],
    ids=str,
)
def test_another_header_is_refused_though_the_signature_is_right(tokens, header):
    with pytest.raises(TokenRefused):
        tokens.verified(signed(header))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"sub":"ada","sub":"bob"}',
        b'{"a":{"b":1,"b":2}}',
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b"[]",
        b'"ada"',
        b"\xff",
        b"[" * 2000,
        b"",
    ],
)
def test_another_payload_is_refused_though_the_signature_is_right(tokens, payload):
    with pytest.raises(TokenRefused):
        tokens.verified(signed(HEADER, payload))


def test_another_signature_is_refused(tokens):
    head = signed(HEADER).rpartition(".")[0]

    for signature in ("", encoded(bytes(32)), encoded(hmac.digest(OLD.secret, head.encode(), sha256))):
        with pytest.raises(TokenRefused):
            tokens.verified(f"{head}.{signature}")
    with pytest.raises(TokenRefused):
        tokens.verified(signed(HEADER, digest=sha512))
    with pytest.raises(TokenRefused):
        tokens.verified(signed({**HEADER, "kid": "old"}))


def test_one_way_of_writing_alone_is_read(tokens):
    text = tokens.written(CLAIMS)
    head, payload, signature = text.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = next(one for one in last if one != signature[-1] and _decoded(signature[:-1] + one) == _decoded(signature))

    others = [
        f" {text}", f"{text} ", f"{text}\n", f"{text}=", f"{head}=.{payload}.{signature}", f"{text}.", f".{text}",
        f"{head}.{payload}", f"{head}..{signature}", f"{head}.{payload}.{signature[:-1]}{twin}", f"{text}.x.y",
        text.replace(".", "%2E"), f"{head}.{payload}.{signature}\x00", "", "..", "a.b.c", "Ж.Ж.Ж",
        json.dumps({"payload": payload, "protected": head, "signature": signature}),
    ]  # fmt: skip
    for other in others:
        with pytest.raises(TokenRefused):
            tokens.verified(other)


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=")


def test_what_is_too_long_is_refused(tokens):
    text = tokens.written({"sub": "a" * 4000})
    assert len(text) > LARGEST_BYTES

    with pytest.raises(TokenRefused, match="too long"):
        tokens.verified(text)


@given(st.text(), st.integers(0, 2), st.data())
def test_whatever_is_changed_is_refused_as_a_token_and_never_repeated(noise, part, data):
    tokens = JwtTokens(lambda again: (KEY,))
    parts = tokens.written(CLAIMS).split(".")
    place = data.draw(st.integers(0, len(parts[part])))
    changed = [*parts]
    changed[part] = parts[part][:place] + noise + parts[part][place:]
    if changed == parts:
        return

    with pytest.raises(LockgateError) as caught:
        tokens.verified(".".join(changed))

    assert type(caught.value) is TokenRefused
    assert len(noise) < 4 or noise not in caught.value.message
