"""Who signs on the command line proves who they are, once there are accounts."""

from __future__ import annotations

import getpass
import io

import pytest
import typer

from lockgate.app.access import Access
from lockgate.app.wiring import open_wiring
from lockgate.cli.signer import proven_signer
from lockgate.errors import NotAllowed, SignInRefused
from lockgate.testing.credentials import OTHER, PASSWORD, QuickPasswords


@pytest.fixture
def access(tmp_path, monkeypatch):
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    wiring = open_wiring(tmp_path, None)
    yield Access(wiring, QuickPasswords())
    wiring.close()


@pytest.fixture
def say(monkeypatch):
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_as_long_as_nobody_has_an_account_it_is_who_typed_it(access, say):
    say("")

    assert proven_signer(access, None, from_stdin=False) == "grace"
    assert proven_signer(access, "grace", from_stdin=True) == "grace"
    with pytest.raises(typer.BadParameter, match="nobody has an account"):
        proven_signer(access, "ada", from_stdin=True)


def test_then_it_is_whose_password_is_given(access, say):
    access.add_person("grace", PASSWORD, ["approver"])
    access.add_person("ada", OTHER, ["admin"])

    say(f"{PASSWORD}\n")
    assert proven_signer(access, None, from_stdin=True) == "grace"
    say(f"{OTHER}\n")
    assert proven_signer(access, "ada", from_stdin=True) == "ada"


def test_nobody_signs_for_another(access, say):
    access.add_person("grace", PASSWORD, ["approver"])
    access.add_person("ada", OTHER, ["admin"])

    for name, password in (("ada", PASSWORD), (None, OTHER), ("eve", PASSWORD), (None, "")):
        say(password)
        with pytest.raises(SignInRefused):
            proven_signer(access, name, from_stdin=True)


def test_a_signature_takes_an_approver(access, say):
    access.add_person("grace", PASSWORD, ["viewer", "operator"])

    say(PASSWORD)
    with pytest.raises(NotAllowed, match="grace is neither approver nor admin"):
        proven_signer(access, None, from_stdin=True)


def test_without_a_terminal_it_is_told_how(access, say):
    access.add_person("grace", PASSWORD, ["approver"])

    say(PASSWORD)
    with pytest.raises(typer.BadParameter, match="--password-stdin"):
        proven_signer(access, None, from_stdin=False)
