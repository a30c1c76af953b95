"""One picture of who may: callers are whom it knows, as long as the clock allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.access import Caller, CallerKind, MachineToken, Person, Role, Session, TokenFacts
from lockgate.govern.known import Known
from lockgate.govern.sessions import digest_of, is_over

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ADA = Person("ada", frozenset({Role.APPROVER}), is_enabled=True, created_at=NOON, password_changed_at=NOON)
STAY = Session("s1", "ada", "192.0.2.7", NOON, NOON, NOON + 12 * HOUR)
ETL = MachineToken("t1", "etl", frozenset({Role.OPERATOR}), NOON, "ada", NOON + 90 * DAY)
OF_ETL, OF_ADA = TokenFacts("t1", "machine:etl", ETL.expires_at), TokenFacts("s1", "ada", NOON + HOUR)
CALLER = Caller("ada", CallerKind.PERSON, ADA.roles, "s1")
MACHINE = Caller("etl", CallerKind.MACHINE, ETL.roles)


def known(*people: Person, session: Session = STAY, token: MachineToken = ETL, now: datetime = NOON) -> Known:
    named = {one.name: one for one in people}
    return Known(7, named, {session.session_id: session}, {digest_of("secret"): "s1"}, {"t1": token}, lambda: now)


def test_whoever_has_the_secret_is_the_sessions_person_with_their_present_roles():
    assert known(ADA).caller_of_session("secret") == CALLER
    assert known(ADA).caller_of_session_id("s1") == CALLER
    assert known(replace(ADA, roles=frozenset())).caller_of_session("secret") == replace(CALLER, roles=frozenset())


@pytest.mark.parametrize("secret", ["", "Secret", "s1", digest_of("secret"), "\ud800", "secret\x00"])
def test_whoever_has_not_is_nobody(secret):
    assert known(ADA).caller_of_session(secret) is None


def test_nobody_is_in_the_session_of_an_account_that_is_disabled_or_gone():
    assert known(replace(ADA, is_enabled=False)).caller_of_session("secret") is None
    assert known().caller_of_session("secret") is None


@pytest.mark.parametrize("now", [NOON + HOUR, NOON + 12 * HOUR])
def test_a_session_that_is_over_admits_nobody(now):
    assert known(ADA, now=now).caller_of_session("secret") is None
    assert known(ADA, now=now - MINUTE, session=replace(STAY, seen_at=now - 2 * MINUTE)).caller_of_session("secret")


def test_a_token_is_its_machines_until_it_is_revoked_or_has_run_out():
    assert known(ADA).caller_of_token(OF_ETL) == MACHINE
    assert known(ADA, token=replace(ETL, revoked_at=NOON)).caller_of_token(OF_ETL) is None
    assert known(ADA, now=ETL.expires_at).caller_of_token(OF_ETL) is None
    assert known(ADA, token=replace(ETL, expires_at=NOON)).caller_of_token(OF_ETL) is None


def test_the_token_of_a_session_is_its_persons_while_it_goes_on():
    assert known(ADA).caller_of_token(OF_ADA) == CALLER
    assert known(ADA, session=replace(STAY, expires_at=NOON)).caller_of_token(OF_ADA) is None
    assert known(ADA, now=NOON + HOUR, session=replace(STAY, seen_at=NOON + HOUR)).caller_of_token(OF_ADA) is None


@pytest.mark.parametrize(
    "facts",
    [
        replace(OF_ETL, token_id="t2"),
        replace(OF_ETL, subject="machine:other"),
        replace(OF_ETL, subject="etl"),
        replace(OF_ADA, subject="bob"),
        replace(OF_ADA, subject="machine:ada"),
        replace(OF_ADA, token_id="s2"),
        replace(OF_ADA, token_id=""),
    ],
)
def test_a_token_of_somebody_else_is_nobodys(facts):
    assert known(ADA).caller_of_token(facts) is None


def test_it_tells_whether_there_is_anybody_at_all():
    empty = Known(0, {}, {}, {}, {}, lambda: NOON)

    assert (known(ADA).has_people, known(ADA).has_tokens) == (True, True)
    assert (empty.has_people, empty.has_tokens) == (False, False)
    assert not known(ADA, token=replace(ETL, revoked_at=NOON)).has_tokens
    assert known(replace(ADA, is_enabled=False)).has_people


def test_it_shows_no_digest():
    assert digest_of("secret") not in repr(known(ADA))


MOMENTS = st.timedeltas(min_value=timedelta(), max_value=DAY)


@given(seen=MOMENTS, passed=MOMENTS, is_enabled=st.booleans(), roles=st.frozensets(st.sampled_from(Role)))
def test_a_caller_is_admitted_if_and_only_if_the_session_goes_on_and_the_account_is_enabled(
    seen, passed, is_enabled, roles
):
    session = replace(STAY, seen_at=NOON + seen)
    picture = known(replace(ADA, is_enabled=is_enabled, roles=roles), session=session, now=NOON + passed)

    caller = picture.caller_of_session("secret")

    goes_on = passed < 12 * HOUR and passed < seen + HOUR
    assert (caller is not None) == (is_enabled and goes_on) == (is_enabled and not is_over(session, NOON + passed))
    assert caller is None or caller.roles == roles
