"""The front door to who may: what is changed is in force in the next picture, and the audit keeps what was done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lockgate.adapters.secrets.redaction import redact_also_with
from lockgate.app.access import Access
from lockgate.app.application import App
from lockgate.app.service import Service
from lockgate.app.wiring import open_wiring
from lockgate.core.access import AuditOutcome, Caller, CallerKind, Role
from lockgate.core.correlation import correlated
from lockgate.errors import (
    AccountRefused,
    PasswordRefused,
    SignInRefused,
    TokenRefused,
    UnknownName,
)
from lockgate.testing.credentials import OTHER, PASSWORD

ADA = Caller("ada", CallerKind.PERSON, frozenset({Role.ADMIN}), "s1")
DAY = timedelta(days=1)


@pytest.fixture
def bob(access):
    """Somebody who has signed in and is no admin."""
    access.add_person("bob", PASSWORD, ["viewer", "operator"])
    return access.sign_in("bob", PASSWORD, address="192.0.2.7")


def admitted(access, signed_in) -> Caller | None:
    """Who they are by their cookie, which is who they are by their token."""
    known = access.known()
    caller = known.caller_of_session(signed_in.secret)
    assert caller == known.caller_of_token(access.read_token(signed_in.token))
    return caller


def test_whoever_has_signed_in_is_known_with_their_roles(access, bob):
    assert admitted(access, bob) == Caller(
        "bob", CallerKind.PERSON, frozenset({Role.VIEWER, Role.OPERATOR}), bob.session.session_id
    )


def test_other_roles_are_in_force_at_once(access, bob):
    epoch = access.epoch()

    assert access.set_roles("bob", ["approver"]).roles == {Role.APPROVER}

    assert admitted(access, bob).roles == {Role.APPROVER}
    assert access.epoch() > epoch


@pytest.mark.parametrize(
    "end",
    [
        lambda access, bob: access.sign_out(bob.session.session_id),
        lambda access, _: access.set_enabled("bob", is_enabled=False),
        lambda access, _: access.set_password("bob", OTHER),
        lambda access, _: access.change_password("bob", PASSWORD, OTHER),
        lambda access, _: access.remove_person("bob"),
    ],
    ids=["signing out", "disabling", "setting a password", "changing it", "removing"],
)
def test_whatever_ends_a_session_ends_it_in_every_process(access, wiring, bob, end):
    elsewhere = open_wiring(wiring.project.folder, None)
    epoch = Access(elsewhere).epoch()

    end(access, bob)

    other = Access(elsewhere)
    assert other.epoch() > epoch
    assert (admitted(access, bob), other.known().caller_of_session(bob.secret)) == (None, None)
    assert bob.session not in access.sessions("bob")
    elsewhere.close()


def test_signing_out_twice_is_nothing(access, bob):
    assert access.sign_out(bob.session.session_id)
    assert not access.sign_out(bob.session.session_id)


def test_a_session_that_is_used_goes_on(access, bob, clock):
    for _ in range(5):
        clock.now += timedelta(minutes=40)
        access.touch([bob.session.session_id])
    assert access.known().caller_of_session(bob.secret) is not None

    clock.now += timedelta(hours=1)
    access.touch([bob.session.session_id])

    assert access.known().caller_of_session(bob.secret) is None
    assert access.sessions("bob") == ()


def test_no_account_is_made_of_what_is_refused(access, passwords):
    refused = [
        (AccountRefused, ("ada", PASSWORD, ["viewer"])),
        (AccountRefused, ("machine:x", PASSWORD, ["viewer"])),
        (AccountRefused, ("bob", PASSWORD, [])),
        (UnknownName, ("bob", PASSWORD, ["root"])),
        (PasswordRefused, ("bob", "short", ["viewer"])),
    ]
    for error, given in refused:
        with pytest.raises(error):
            access.add_person(*given)

    assert [person.name for person in access.people()] == ["ada"]


def test_a_password_is_changed_by_whoever_knows_the_one_before(access):
    with pytest.raises(SignInRefused):
        access.change_password("ada", OTHER, "a third horse entirely")
    with pytest.raises(PasswordRefused, match="of before"):
        access.change_password("ada", PASSWORD, PASSWORD)
    assert access.prove("ada", PASSWORD)

    begun = access.change_password("ada", PASSWORD, OTHER)
    assert access.sessions("ada") == (begun.session,)
    assert admitted(access, begun).name == "ada"

    assert access.prove("ada", OTHER)
    with pytest.raises(SignInRefused):
        access.prove("ada", PASSWORD)


def test_a_machine_calls_by_its_token_until_it_is_revoked(access, clock):
    made, text = access.add_token("etl", ["operator"], by="ada")

    assert (made.name, made.created_by, made.expires_at - made.created_at) == ("etl", "ada", 90 * DAY)
    facts = access.read_token(text)
    assert access.known().caller_of_token(facts) == Caller("etl", CallerKind.MACHINE, frozenset({Role.OPERATOR}))
    assert access.known().has_tokens

    epoch = access.epoch()
    assert access.revoke_token(made.token_id).revoked_at == clock.now
    assert access.epoch() > epoch
    assert access.known().caller_of_token(facts) is None
    assert [one.revoked_at for one in access.tokens()] == [clock.now]


def test_a_token_runs_out(access, clock):
    made, text = access.add_token("etl", ["operator"], lifetime=DAY, by="ada")
    facts = access.read_token(text)

    clock.now = made.expires_at

    assert access.known().caller_of_token(facts) is None
    with pytest.raises(TokenRefused, match="expired"):
        access.read_token(text)


@pytest.mark.parametrize("lifetime", [timedelta(), -DAY, 365 * DAY + timedelta(seconds=1)])
def test_no_token_is_good_for_longer_than_a_year(access, lifetime):
    with pytest.raises(AccountRefused, match="at most 365 days"):
        access.add_token("etl", ["operator"], lifetime=lifetime, by="ada")

    assert access.tokens() == ()


def test_a_token_is_of_its_project_alone(access, wiring, tmp_path):
    _, text = access.add_token("etl", ["operator"], by="ada")
    other = tmp_path / "other"
    other.mkdir()
    (other / "lockgate.yml").write_text("project: sales\n", encoding="utf-8")
    (other / ".lockgate").symlink_to(wiring.state)
    elsewhere = open_wiring(other, None)

    with pytest.raises(TokenRefused, match="for another project"):
        Access(elsewhere).read_token(text)
    elsewhere.close()


def test_keys_are_rotated_without_a_token_being_refused(access, wiring):
    _, text = access.add_token("etl", ["operator"], by="ada")
    file = wiring.secrets_folder / "signing-key"
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{'A' * 43}\n{before}", encoding="utf-8")

    rotated = Access(wiring)
    assert rotated.read_token(text) == access.read_token(text)
    _, fresh = rotated.add_token("etl", ["operator"], by="ada")
    assert access.read_token(fresh).subject == "machine:etl"

    file.write_text("A" * 43, encoding="utf-8")
    with pytest.raises(TokenRefused):
        Access(wiring).read_token(text)


def test_a_change_is_told_before_and_after(access, clock):
    with correlated("c1"):
        number = access.begin_change(ADA, "cutover.promote", "users", address="192.0.2.7", facts={"reason": "ready"})
    (begun,) = access.audit()
    assert (begun.actor, begun.kind, begun.address) == ("ada", CallerKind.PERSON, "192.0.2.7")
    assert (begun.action, begun.subject, begun.at) == ("cutover.promote", "users", clock.now)
    assert (begun.outcome, begun.ended_at, begun.correlation_id) == (AuditOutcome.BEGUN, None, "c1")

    clock.now += timedelta(seconds=3)
    access.end_change(number, AuditOutcome.DONE, {"plan": "p1"})
    access.end_change(number, AuditOutcome.FAILED)

    facts = {"reason": "ready", "plan": "p1"}
    assert access.audit() == (replace(begun, outcome=AuditOutcome.DONE, facts=facts, ended_at=clock.now),)


def test_a_machine_is_told_as_one(access):
    access.begin_change(Caller("etl", CallerKind.MACHINE), "job.submit", "users")

    (entry,) = access.audit(actor="machine:etl")
    assert entry.kind is CallerKind.MACHINE


def test_the_audit_keeps_no_secret_and_nothing_that_could_deceive(access):
    redact_also_with(lambda text: text.replace("hunter2", "***"))

    number = access.begin_change(ADA, "gate.sign", "users\x1b[2J\n", facts={"reason": "it is hunter2" + "x" * 10_000})
    access.end_change(number, AuditOutcome.DONE, {"said": "hunter2\r\nforged"})

    (entry,) = access.audit()
    assert entry.subject == "users\\x1b[2J\\n"
    assert entry.facts["said"] == "***\\r\\nforged"
    assert entry.facts["reason"].startswith("it is ***xxx")
    assert len(entry.facts["reason"]) == 500


def test_service_and_app_open_the_same_door(wiring, access):
    with App.open(wiring.project.folder) as app:
        assert [person.name for person in app.access.people()] == ["ada"]
        assert app.access is app.access
    with Service.open(wiring.project.folder) as service:
        assert service.access.epoch() == access.epoch()


def test_of_tokens_a_picture_has_those_that_are_good(access, clock):
    good, _ = access.add_token("good", ["operator"], lifetime=2 * DAY, by="ada")
    gone, _ = access.add_token("gone", ["operator"], by="ada")
    access.add_token("old", ["operator"], lifetime=DAY, by="ada")
    access.revoke_token(gone.token_id)
    clock.now += DAY

    assert list(access.known().tokens) == [good.token_id]
    assert len(access.tokens()) == 3
