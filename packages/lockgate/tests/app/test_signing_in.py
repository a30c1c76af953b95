"""Signing in: one answer to whoever is not let in, the same work for everybody, failures that count everywhere."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from lockgate.adapters.credentials.argon2 import Argon2Passwords
from lockgate.app.access import Access
from lockgate.app.wiring import open_wiring
from lockgate.errors import SecretMissing, SignInBusy, SignInRefused
from lockgate.testing.credentials import OTHER, PASSWORD, QuickPasswords

MINUTE = timedelta(minutes=1)
HERE = "192.0.2.7"
ANSWER = "The name or the password is wrong, or the account is locked or disabled."


def refusal(access, name="ada", password=OTHER, address="") -> SignInRefused:
    with pytest.raises(SignInRefused) as caught:
        access.sign_in(name, password, address=address)
    return caught.value


def test_whoever_knows_the_password_gets_a_session_with_a_secret_and_a_token(access, clock):
    signed_in = access.sign_in("ada", PASSWORD, address=HERE)

    session = signed_in.session
    assert (session.person, session.address, session.began_at) == ("ada", HERE, clock.now)
    assert session.expires_at == clock.now + timedelta(hours=12)
    known = access.known()
    assert known.caller_of_session(signed_in.secret) == known.caller_of_token(access.read_token(signed_in.token))
    assert access.people()[0].signed_in_at == clock.now


def test_secret_and_token_are_not_shown_and_not_kept(access, wiring):
    signed_in = access.sign_in("ada", PASSWORD)

    assert signed_in.secret not in repr(signed_in)
    assert signed_in.token not in repr(signed_in)
    kept = b"".join(path.read_bytes() for path in wiring.state.glob("control.db*"))
    assert b"ada" in kept
    for secret in (signed_in.secret, signed_in.token, PASSWORD):
        assert secret.encode() not in kept


@pytest.mark.parametrize("password", ["", PASSWORD.upper(), f"{PASSWORD} ", "x" * 10_000_000, "\ud800", "a\x00b"])
def test_another_password_is_refused(access, password):
    assert refusal(access, password=password).message == ANSWER


def test_it_is_the_same_password_however_the_keyboard_wrote_it(access):
    assert access.sign_in("ada", PASSWORD.replace(" ", "\u00a0")).session.person == "ada"


def test_why_somebody_is_refused_is_not_told_and_the_work_is_the_same(access, passwords, clock):
    access.add_person("bob", PASSWORD, ["viewer"])
    access.set_enabled("bob", is_enabled=False)
    access.add_person("eve", PASSWORD, ["viewer"])
    for _ in range(5):
        refusal(access, "eve")
    passwords.checked.clear()

    names = ["ada", "nobody", "bob", "eve", "", "a b", "' or 1=1 --", "x" * 10_000, "a\x00", "\ud800"]
    told = [refusal(access, name, OTHER if name == "ada" else PASSWORD) for name in names]

    assert {(type(one), one.message, one.remedy, repr(one.fields)) for one in told} == {
        (SignInRefused, ANSWER, SignInRefused.hint, "{}")
    }
    assert len(passwords.checked) == len(names)


def test_five_wrong_passwords_lock_for_a_minute_also_the_right_one(access, clock):
    for _ in range(5):
        refusal(access)
    locked = access.locked_until("ada", "")
    assert locked == clock.now + MINUTE

    refusal(access, password=PASSWORD)
    assert access.sessions() == ()

    clock.now = locked - timedelta(microseconds=1)
    refusal(access, password=PASSWORD)
    clock.now = locked
    assert access.sign_in("ada", PASSWORD).session.person == "ada"
    assert (access.people()[0].failures, access.locked_until("ada", "")) == (0, None)


def test_whoever_guesses_in_one_place_keeps_nobody_out_elsewhere(access, clock):
    for _ in range(40):
        clock.now = access.locked_until("ada", HERE) or clock.now
        refusal(access, address=HERE)

    refusal(access, password=PASSWORD, address=HERE)
    assert access.sign_in("ada", PASSWORD, address="192.0.2.8")
    assert access.locked_until("ada", HERE) is not None


def test_a_hundred_wrong_passwords_from_wherever_lock_for_a_quarter_of_an_hour(access, clock):
    for number in range(99):
        refusal(access, address=f"192.0.2.{number}")
    assert access.locked_until("ada", "192.0.2.200") is None

    refusal(access, address="192.0.2.99")

    assert access.locked_until("ada", "192.0.2.200") == access.people()[0].locked_until == clock.now + 15 * MINUTE
    refusal(access, password=PASSWORD, address="192.0.2.200")
    clock.now += 15 * MINUTE
    assert access.sign_in("ada", PASSWORD, address="192.0.2.200")
    assert (access.people()[0].failures, access.people()[0].locked_until) == (0, None)


def test_what_was_wrong_a_day_ago_counts_for_nothing(access, clock):
    for _ in range(4):
        refusal(access)
    clock.now += timedelta(days=1)

    refusal(access)

    assert (access.people()[0].failures, access.locked_until("ada", "")) == (1, None)


class BusyPasswords(QuickPasswords):
    """Too many sign in."""

    def is_right(self, password, kept):
        raise SignInBusy


@pytest.mark.parametrize("ask", ["sign_in", "prove"])
def test_an_attempt_on_which_nobody_looked_at_the_password_counts_for_nothing(access, wiring, ask):
    busy = Access(wiring, BusyPasswords())
    for _ in range(25):
        with pytest.raises(SignInBusy):
            getattr(busy, ask)("ada", PASSWORD, address=HERE)

    assert access.sign_in("ada", PASSWORD, address=HERE)


def test_a_right_password_in_between_begins_the_count_anew(access):
    for _ in range(3):
        for _ in range(4):
            refusal(access)
        access.sign_in("ada", PASSWORD)

    assert access.people()[0].failures == 0


def test_whoever_is_unlocked_signs_in(access):
    for _ in range(5):
        refusal(access)

    assert access.unlock("ada").failures == 0
    assert access.locked_until("ada", "") is None
    assert access.sign_in("ada", PASSWORD)


def test_twenty_failures_from_an_address_stop_it_whomever_they_named(access, passwords, clock):
    for number in range(20):
        refusal(access, f"guess{number}", address=HERE)
    passwords.checked.clear()

    assert refusal(access, password=PASSWORD, address=HERE).message == ANSWER
    assert refusal(access, password=PASSWORD, address=f"::ffff:{HERE}").message == ANSWER
    assert passwords.checked == []
    assert access.sign_in("ada", PASSWORD, address="192.0.2.8")
    assert access.sign_in("ada", PASSWORD)

    clock.now += 5 * MINUTE
    assert access.sign_in("ada", PASSWORD, address=HERE)


def test_signing_in_rightly_is_no_failure_of_the_address(access):
    for _ in range(30):
        access.sign_in("ada", PASSWORD, address=HERE)

    assert len(access.sessions("ada")) == 30


def test_an_outdated_password_is_kept_anew_when_it_is_given(wiring):
    old = Access(wiring, QuickPasswords(revision="1"))
    old.add_person("ada", PASSWORD, ["admin"])
    now = Access(wiring, QuickPasswords(revision="2"))

    now.sign_in("ada", PASSWORD)

    assert wiring.store.people.kept_password("ada")[1].startswith("quick$2$")
    assert len(now.sessions()) == 1
    assert now.sign_in("ada", PASSWORD)


def test_sessions_that_are_over_are_forgotten_by_the_next(access, wiring, clock):
    access.sign_in("ada", PASSWORD)
    clock.now += timedelta(hours=1)

    signed_in = access.sign_in("ada", PASSWORD)

    assert wiring.store.sessions.sessions() == (signed_in.session,)


def test_proving_begins_no_session_and_counts_failures(access):
    assert access.prove("ada", PASSWORD).name == "ada"
    assert access.sessions() == ()

    for _ in range(5):
        with pytest.raises(SignInRefused):
            access.prove("ada", OTHER)
    refusal(access, password=PASSWORD)


@pytest.mark.parametrize("control", ["sqlite", "postgres"])
def test_of_many_guesses_at_once_five_count_and_the_right_one_among_the_rest_is_refused(
    control, wiring, passwords, request, monkeypatch
):
    if control == "postgres":
        monkeypatch.setenv("LOCKGATE_CONTROL_URL", request.getfixturevalue("postgres_url"))
    wirings = [open_wiring(wiring.project.folder, None) for _ in range(4)]
    accesses = [Access(each, passwords) for each in wirings]
    accesses[0].add_person("ada", PASSWORD, ["admin"])
    barrier, told = threading.Barrier(4), []

    def guess(access):
        barrier.wait(60)
        told.extend(refusal(access).message for _ in range(5))

    threads = [threading.Thread(target=guess, args=(access,)) for access in accesses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told == [ANSWER] * 20
    (found,) = accesses[0].people()
    assert (found.failures, accesses[0].locked_until("ada", "") is not None) == (5, True)
    refusal(accesses[1], password=PASSWORD)
    for each in wirings:
        each.close()


@pytest.mark.parametrize("password", [PASSWORD, OTHER])
def test_without_a_key_nobody_is_let_in_and_nothing_is_told_of_the_password(access, wiring, passwords, password):
    wiring.secrets_folder.mkdir(parents=True)
    (wiring.secrets_folder / "signing-key").write_text("no key", encoding="utf-8")
    (wiring.secrets_folder / "signing-key").chmod(0o600)

    with pytest.raises(SecretMissing):
        access.sign_in("ada", password, address=HERE)

    assert passwords.checked == []
    assert access.people()[0].failures == 0


def test_with_argon2_it_works_alike(wiring):
    access = Access(wiring, Argon2Passwords(wait_seconds=60))
    access.add_person("ada", PASSWORD, ["admin"])

    assert access.sign_in("ada", PASSWORD).session.person == "ada"
    assert refusal(access).message == refusal(access, "nobody").message == ANSWER
