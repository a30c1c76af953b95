"""Tokens as JWS in compact form, signed by HMAC SHA-256 and read in one way only.

Source: RFC 7515, RFC 8725 (one algorithm, fixed; header members that could name keys or change meaning refused),
RFC 9068 (`at+jwt`).
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lockgate.adapters.credentials.signing_keys import SigningKey
from lockgate.errors import ExtraMissing, TokenRefused

ALGORITHM = "HS256"
TYPE = "at+jwt"
LARGEST_BYTES = 4096
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})")

Keys = Callable[[bool], Sequence[SigningKey]]


class JwtTokens:
    """Fulfils the `Tokens` port; the first key signs, each verifies."""

    def __init__(self, keys: Keys) -> None:
        """`keys` gives the keys in force; with True, those that there are now."""
        self._keys = keys

    def check_key(self) -> None:
        """See `lockgate.core.ports.Tokens`."""
        self._keys(False)

    def written(self, claims: Mapping[str, object]) -> str:
        """See `lockgate.core.ports.Tokens`."""
        key = self._keys(False)[0]
        payload = json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {"typ": TYPE, "kid": key.name}
        text: str = _signer().encode(payload, key.secret, algorithm=ALGORITHM, headers=headers)
        return text

    def verified(self, text: str) -> Mapping[str, object]:
        """See `lockgate.core.ports.Tokens`."""
        from jwt import InvalidTokenError

        header, payload = _parts(text)
        key = self._key(_read_header(header))
        try:
            _signer().decode_complete(text, key.secret, algorithms=[ALGORITHM])
        except InvalidTokenError as error:
            raise TokenRefused("the token was not signed here") from error
        return _object(payload)

    def _key(self, name: str) -> SigningKey:
        """The key of a name; where it is not known, the keys are looked at again: they may have been rotated."""
        for again in (False, True):
            for key in self._keys(again):
                if key.name == name:
                    return key
        raise TokenRefused("the token was not signed here")


def _signer() -> Any:
    try:
        from jwt import PyJWS
    except ModuleNotFoundError as error:
        raise ExtraMissing("tokens need the extra 'server', which is not installed") from error
    return PyJWS(algorithms=[ALGORITHM])


def _parts(text: str) -> tuple[bytes, bytes]:
    """Header and payload, decoded; each part is written in the one way that base64url has for it (RFC 7515, 2)."""
    if len(text) > LARGEST_BYTES:
        raise TokenRefused("the token is too long")
    found = _COMPACT.fullmatch(text)
    if found is None:
        raise TokenRefused("the token is not written as ours are")
    header, payload, _ = (_decoded(part) for part in found.groups())
    return header, payload


def _decoded(part: str) -> bytes:
    try:
        content = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise TokenRefused("the token is not written as ours are") from error
    if urlsafe_b64encode(content).rstrip(b"=").decode() != part:
        raise TokenRefused("the token is not written as ours are")
    return content


def _read_header(content: bytes) -> str:
    """The name of the key, where nothing else is asked for than what our own tokens say.

    Raises:
        TokenRefused: another algorithm or type, or more: `crit`, `jku`, `jwk`, `x5u`, `b64` and the like.
    """
    header = _object(content)
    if header.keys() != {"alg", "typ", "kid"} or header["alg"] != ALGORITHM or header["typ"] != TYPE:
        raise TokenRefused("the token is of another kind than ours")
    name = header["kid"]
    if not isinstance(name, str):
        raise TokenRefused("the token is of another kind than ours")
    return name


def _object(content: bytes) -> dict[str, object]:
    """A JSON object in which no member stands twice."""
    try:
        read = json.loads(content.decode("utf-8"), object_pairs_hook=_members, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise TokenRefused("the token is not written as ours are") from error
    if not isinstance(read, dict):
        raise TokenRefused("the token is not written as ours are")
    return read


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse_constant(_name: str) -> object:
    raise ValueError("no number")
