"""Whom the stand-in for BigQuery knows: service accounts, their assertions, and tokens of limited life.

Source: RFC 7523 (the grant), RFC 6749 section 5.2 (errors), developers.google.com/identity/protocols/oauth2/
service-account (claims: at most an hour between `iat` and `exp`).
"""

from __future__ import annotations

import binascii
import json
import secrets
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl

from lockgate.sandbox.local_api import ApiAnswer
from lockgate.sandbox.local_server import ApiRequest

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# What Google wants in `aud`, wherever the request for a token is sent.
AUDIENCE = "https://oauth2.googleapis.com/token"
SCOPES = frozenset({"https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform"})
_BITS, _EXPONENT = 2048, 65537
_MOST_SECONDS, _SLACK_SECONDS = 3600, 300


@dataclass(frozen=True, slots=True)
class _Account:
    email: str
    key_id: str
    public_key: Any


class _BadAssertion(Exception):
    """An assertion that gets no token."""


class Accounts:
    """Service accounts and the tokens that were given to them."""

    def __init__(self, project: str, token_uri: str, *, lifetime_seconds: float) -> None:
        """Know nobody yet."""
        self.token_uri = token_uri
        self.lifetime_seconds = lifetime_seconds
        self._project = project
        self._known: dict[str, _Account] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = Lock()

    def made(self, name: str) -> dict[str, str]:
        """The key document of a new service account; its private key is nowhere else."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
        email = f"{name}@{self._project}.iam.gserviceaccount.com"
        account = _Account(email, secrets.token_hex(20), key.public_key())
        with self._lock:
            self._known[email] = account
        written = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": self._project,
            "private_key_id": account.key_id,
            "private_key": written.decode(),
            "client_email": email,
            "client_id": str(secrets.randbelow(10**21)),
            "token_uri": self.token_uri,
        }

    def issue(self, email: str) -> str:
        """A token of limited life."""
        token = f"ya29.{secrets.token_urlsafe(48)}"
        with self._lock:
            self._tokens[token] = (email, time.time() + self.lifetime_seconds)
        return token

    def revoke(self) -> None:
        """Takes every token back."""
        with self._lock:
            self._tokens.clear()

    def whose(self, request: ApiRequest) -> str | None:
        """Whose token a request carries; None where it has no good one."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            email, until = self._tokens.get(token, ("", 0.0))
        return email if kind == "Bearer" and time.time() < until else None

    def exchange(self, request: ApiRequest) -> ApiAnswer:
        """The answer of the token endpoint."""
        asked = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if asked.get("grant_type") != GRANT:
            return _oauth_error("unsupported_grant_type", f"Invalid grant_type: {asked.get('grant_type', '')}")
        try:
            email = self._subject(asked.get("assertion", ""))
        except _BadAssertion as error:
            return _oauth_error("invalid_grant", str(error))
        token = {"access_token": self.issue(email), "token_type": "Bearer"}
        return ApiAnswer(200, {**token, "expires_in": int(self.lifetime_seconds)})

    def _subject(self, assertion: str) -> str:
        """Who signed an assertion.

        Raises:
            _BadAssertion: nobody who is known, not for this endpoint, or not now.
        """
        header, claims, signed, signature = _parts(assertion)
        account = self._known.get(str(claims.get("iss", "")))
        if account is None:
            raise _BadAssertion("Invalid grant: account not found")
        if header.get("alg") != "RS256" or header.get("kid", account.key_id) != account.key_id:
            raise _BadAssertion("Invalid JWT: the algorithm or the key is not that of the account.")
        _check_signature(account.public_key, signed, signature)
        if claims.get("aud") not in {AUDIENCE, self.token_uri}:
            raise _BadAssertion("Invalid JWT: Failed audience check.")
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            raise _BadAssertion("Invalid OAuth scope or ID token audience provided.")
        issued, until, now = claims.get("iat"), claims.get("exp"), time.time()
        if not isinstance(issued, int) or not isinstance(until, int):
            raise _BadAssertion("Invalid JWT: iat and exp must be there.")
        if until <= now or issued > now + _SLACK_SECONDS or until - issued > _MOST_SECONDS:
            raise _BadAssertion("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable time.")
        return account.email


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    pieces = assertion.split(".")
    try:
        header, claims, signature = (urlsafe_b64decode(piece + "=" * (-len(piece) % 4)) for piece in pieces)
        return json.loads(header), json.loads(claims), ".".join(pieces[:2]).encode(), signature
    except (ValueError, binascii.Error):
        raise _BadAssertion("Invalid JWT: it cannot be read.") from None


def _check_signature(public_key: Any, signed: bytes, signature: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        public_key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise _BadAssertion("Invalid JWT Signature.") from None


def _oauth_error(code: str, said: str) -> ApiAnswer:
    return ApiAnswer(400, {"error": code, "error_description": said})
