"""Everything that decides who is admitted, as one picture of a moment: asked for every request, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lockgate.core.access import Caller, CallerKind, MachineToken, Person, Session, TokenFacts
from lockgate.core.ports import Clock
from lockgate.govern.sessions import digest_of, is_over
from lockgate.govern.tokens import subject_of


@dataclass(frozen=True, slots=True)
class Known:
    """People, sessions and machine tokens as they were at `epoch`; what has run out since is told by the clock.

    Sessions and tokens are by their ids; `digests` leads from that of a secret to its session. It holds no password
    and no secret.
    """

    epoch: int
    people: Mapping[str, Person]
    sessions: Mapping[str, Session]
    digests: Mapping[str, str] = field(repr=False)
    tokens: Mapping[str, MachineToken]
    clock: Clock = field(repr=False, compare=False)

    @property
    def has_people(self) -> bool:
        """Whether anybody has an account: then nobody is believed for being on this machine."""
        return bool(self.people)

    @property
    def has_tokens(self) -> bool:
        """Whether any machine has a token that is good now."""
        return any(self._is_good(token) for token in self.tokens.values())

    def caller_of_session(self, secret: str) -> Caller | None:
        """Who has this session's secret; None where there is no such session, or it is over."""
        return self.caller_of_session_id(self.digests.get(digest_of(secret), ""))

    def caller_of_session_id(self, session_id: str) -> Caller | None:
        """Whose session this is; None where there is no such session, or it is over."""
        session = self.sessions.get(session_id)
        if session is None or is_over(session, self.clock()):
            return None
        person = self.people.get(session.person)
        if person is None or not person.is_enabled:
            return None
        return Caller(person.name, CallerKind.PERSON, person.roles, session_id)

    def caller_of_token(self, facts: TokenFacts) -> Caller | None:
        """Who has a verified token: a machine, or a person whose session goes on; None where it was taken back."""
        if self.clock() >= facts.expires_at:
            return None
        token = self.tokens.get(facts.token_id)
        if token is not None:
            is_its = self._is_good(token) and facts.subject == subject_of(token)
            return Caller(token.name, CallerKind.MACHINE, token.roles) if is_its else None
        caller = self.caller_of_session_id(facts.token_id)
        return caller if caller is not None and caller.name == facts.subject else None

    def _is_good(self, token: MachineToken) -> bool:
        return token.revoked_at is None and self.clock() < token.expires_at
