"""What tokens claim, and which claims are believed: RFC 9068 access tokens, checked as RFC 8725 asks.

A token says whose it is and until when. What its owner may is looked up where it can be changed: in the control plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_hex

from lockgate.core.access import Caller, CallerKind, MachineToken, Session, TokenFacts
from lockgate.errors import TokenRefused

ISSUER = "lockgate"
LEEWAY = timedelta(seconds=10)
OF_A_SESSION = timedelta(hours=1)
DEFAULT_LIFETIME = timedelta(days=90)
LONGEST_LIFETIME = timedelta(days=365)
CLAIMS = frozenset({"iss", "aud", "sub", "client_id", "jti", "iat", "nbf", "exp"})
_CLIENT = "lockgate"
_ID_BYTES = 16
_LATEST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


def new_token_id() -> str:
    """The name of a token that nobody had before."""
    return token_hex(_ID_BYTES)


def token_id_of(wish: str) -> str:
    """The name of the one token that comes of a wish, however often that is sent; nobody can pick it."""
    return sha256(wish.encode()).hexdigest()[: 2 * _ID_BYTES]


def session_claims(session: Session, project: str, at: datetime) -> dict[str, object]:
    """What the API token of a session claims; it is good for an hour, and no longer than the session."""
    ends = min(at + OF_A_SESSION, session.expires_at)
    return _claims(session.session_id, session.person, _CLIENT, project, (at, ends))


def machine_claims(token: MachineToken, project: str) -> dict[str, object]:
    """What a machine's token claims."""
    name = subject_of(token)
    return _claims(token.token_id, name, name, project, (token.created_at, token.expires_at))


def subject_of(token: MachineToken) -> str:
    """Whom a machine's token stands for, in its claims and in what is written down."""
    return str(Caller(token.name, CallerKind.MACHINE))


def _claims(
    token_id: str, subject: str, client: str, project: str, lasts: tuple[datetime, datetime]
) -> dict[str, object]:
    begins, ends = (int(each.timestamp()) for each in lasts)
    names = {"iss": ISSUER, "aud": project, "sub": subject, "client_id": client, "jti": token_id}
    return names | {"iat": begins, "nbf": begins, "exp": ends}


def facts_of(claims: Mapping[str, object], project: str, now: datetime) -> TokenFacts:
    """What verified claims say, where they are ours, for this project, and good now.

    Raises:
        TokenRefused: they are not; the message repeats nothing of them.
    """
    if claims.keys() != CLAIMS:
        raise TokenRefused("the token does not claim what ours do")
    if claims["iss"] != ISSUER or claims["aud"] != project:
        raise TokenRefused("the token is of another issuer or for another project")
    subject, token_id = (_text(claims, name) for name in ("sub", "jti"))
    _text(claims, "client_id")
    issued, begins, ends = (_instant(claims, name) for name in ("iat", "nbf", "exp"))
    if now >= ends:
        raise TokenRefused("the token has expired")
    if max(issued, begins) > now + LEEWAY:
        raise TokenRefused("the token is not good yet")
    return TokenFacts(token_id, subject, ends)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise TokenRefused(f"the token's {name} is not text")
    return value


def _instant(claims: Mapping[str, object], name: str) -> datetime:
    """A NumericDate (RFC 7519) of whole seconds."""
    value = claims[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LATEST:
        raise TokenRefused(f"the token's {name} is not a time in whole seconds")
    return datetime.fromtimestamp(value, UTC)
