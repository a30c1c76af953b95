"""`govern` on the command line: people and tokens are made, changed and listed, and the audit has it all."""

from __future__ import annotations

import getpass
import io
import json

import pytest

from lockgate.app import access as front_door
from lockgate.app.access import Access
from lockgate.app.wiring import open_wiring
from lockgate.cli.entrypoint import run
from lockgate.testing.credentials import OTHER, PASSWORD, QuickPasswords


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    monkeypatch.setattr(front_door, "Argon2Passwords", QuickPasswords)
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    return tmp_path


@pytest.fixture
def typed(project, capsys, monkeypatch):
    """Types a command, with `said` on standard input: exit code, standard output, standard error."""

    def typed(*arguments: str, said: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        code = run(["--project", str(project), "govern", *arguments])
        written = capsys.readouterr()
        return code, written.out, written.err

    return typed


@pytest.fixture
def asked(typed):
    """Types a command with `--json`: exit code and the document."""

    def asked(*arguments: str, said: str = ""):
        code, out, _ = typed(*arguments, "--json", said=said)
        return code, json.loads(out)

    return asked


@pytest.fixture
def ada(typed):
    added = typed("user", "add", "ada", "--role", "admin", "--password-stdin", said=f"{PASSWORD}\n")
    assert added == (0, "ada may sign in as admin\n", "")


@pytest.fixture
def access(project):
    wiring = open_wiring(project, None)
    yield Access(wiring)
    wiring.close()


def audited(asked, *options: str) -> list[tuple[str, str, str, str]]:
    """What the audit tells, the oldest first."""
    found = asked("audit", "list", *options)[1]
    return [(one["actor"], one["action"], one["subject"], one["outcome"]) for one in reversed(found)]


@pytest.mark.usefixtures("ada")
def test_the_first_user_signs_in_with_the_password_that_was_given(access, asked):
    assert access.sign_in("ada", PASSWORD).session.person == "ada"

    (found,) = asked("user", "list")[1]
    assert (found["name"], found["roles"], found["is_enabled"]) == ("ada", ["admin"], True)
    (session,) = asked("user", "sessions", "ada")[1]
    assert session["person"] == "ada"
    assert "secret" not in session


def test_a_password_is_typed_twice_and_not_shown(project, monkeypatch, capsys, access):
    said = iter([PASSWORD, PASSWORD])
    monkeypatch.setattr("sys.stdin", type("Terminal", (io.StringIO,), {"isatty": lambda _: True})())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(said))

    assert run(["--project", str(project), "govern", "user", "add", "ada", "--role", "admin"]) == 0

    assert PASSWORD not in "".join(capsys.readouterr())
    assert access.prove("ada", PASSWORD)


def test_two_passwords_that_differ_make_no_account(project, monkeypatch, access):
    said = iter([PASSWORD, OTHER])
    monkeypatch.setattr("sys.stdin", type("Terminal", (io.StringIO,), {"isatty": lambda _: True})())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(said))

    assert run(["--project", str(project), "govern", "user", "add", "ada", "--role", "admin"]) == 2

    assert access.people() == ()


def test_without_a_terminal_the_password_comes_on_standard_input(typed, access):
    code, _, err = typed("user", "add", "ada", "--role", "admin", said=PASSWORD)

    assert (code, "--password-stdin" in err, access.people()) == (2, True, ())


def test_a_password_is_no_argument(typed):
    assert typed("user", "add", "ada", "--role", "admin", "--password", PASSWORD)[0] == 2


def test_a_weak_password_is_refused_and_told_to_nobody(typed, asked, project, access):
    code, out, err = typed("user", "add", "ada", "--role", "admin", "--password-stdin", said="hunter2hunter2\n")
    assert code == 0

    code, out, err = typed("user", "passwd", "ada", "--password-stdin", said="hunter2\n")

    assert (code, "LG753" in err) == (2, True)
    assert "hunter2" not in out + err + json.dumps(asked("audit", "list"))
    assert access.prove("ada", "hunter2hunter2")


def test_a_wrong_role_is_told_the_nearest_before_a_password_is_asked_for(typed, asked):
    code, _, err = typed("user", "add", "ada", "--role", "amdin")

    assert (code, "Did you mean 'admin'?" in err) == (2, True)
    assert asked("user", "list") == (0, [])


@pytest.mark.usefixtures("ada")
def test_everything_about_an_account_is_changed_and_audited(typed, asked, access):
    assert typed("user", "add", "bob", "--role", "viewer", "--password-stdin", said=PASSWORD)[0] == 0
    access.sign_in("bob", PASSWORD)

    assert typed("user", "roles", "bob", "--role", "operator", "--role", "approver")[1] == "bob is approver, operator\n"
    assert typed("user", "disable", "bob")[1] == "bob is disabled\n"
    assert asked("user", "sessions", "bob") == (0, [])
    assert typed("user", "enable", "bob")[1] == "bob is enabled\n"
    assert typed("user", "unlock", "bob")[0] == 0
    assert typed("user", "passwd", "bob", "--password-stdin", said=OTHER)[0] == 0
    assert access.prove("bob", OTHER).roles == {"operator", "approver"}
    assert typed("user", "remove", "bob")[1] == "bob has no account any more\n"

    assert [one["name"] for one in asked("user", "list")[1]] == ["ada"]
    verbs = ["add", "set-roles", "disable", "enable", "unlock", "set-password", "remove"]
    assert audited(asked, "--subject", "bob") == [("grace", f"person.{verb}", "bob", "done") for verb in verbs]


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("words", [("remove",), ("disable",), ("roles", "--role", "viewer")], ids=" ".join)
def test_the_last_admin_stays_and_the_refusal_is_audited(typed, asked, words):
    code, _, err = typed("user", words[0], "ada", *words[1:])

    assert (code, "ada is the only admin" in err) == (2, True)
    assert [one["roles"] for one in asked("user", "list")[1]] == [["admin"]]
    assert audited(asked)[-1][3] == "refused"


def test_a_token_is_printed_once_and_works_until_it_is_revoked(typed, asked, access):
    code, out, err = typed("token", "add", "etl", "--role", "operator", "--days", "7")

    assert (code, "it is not shown again" in err) == (0, True)
    facts = access.read_token(out.strip())
    assert access.known().caller_of_token(facts).roles == {"operator"}
    (listed,) = asked("token", "list")[1]
    assert (listed["token_id"], listed["name"], listed["created_by"]) == (facts.token_id, "etl", "grace")
    assert out.strip() not in typed("token", "list")[1] + json.dumps(asked("audit", "list"))

    assert typed("token", "revoke", facts.token_id)[1] == f"the token {facts.token_id} of etl is revoked\n"
    assert access.known().caller_of_token(facts) is None
    assert typed("token", "revoke", "none")[0] == 2
    assert audited(asked) == [
        ("grace", "token.add", "etl", "done"),
        ("grace", "token.revoke", facts.token_id, "done"),
        ("grace", "token.revoke", "none", "refused"),
    ]


def test_a_token_as_json_is_one_document(asked, access):
    code, made = asked("token", "add", "etl", "--role", "operator")

    assert code == 0
    assert access.read_token(made["text"]).token_id == made["token"]["token_id"]


@pytest.mark.parametrize("days", ["0", "366", "-1"])
def test_no_token_is_good_for_longer_than_a_year(typed, asked, days):
    assert typed("token", "add", "etl", "--role", "operator", "--days", days)[0] == 2
    assert asked("token", "list") == (0, [])


@pytest.mark.usefixtures("ada")
def test_the_audit_is_searched_and_paged(typed, asked):
    for _ in range(3):
        typed("user", "unlock", "ada")
    typed("token", "add", "etl", "--role", "viewer")

    assert len(asked("audit", "list", "--limit", "2")[1]) == 2
    newest = asked("audit", "list")[1][0]["audit_id"]
    assert audited(asked, "--before", str(newest), "--limit", "1") == [("grace", "person.unlock", "ada", "done")]
    assert [one[1] for one in audited(asked, "--action", "person")] == ["person.add", *["person.unlock"] * 3]
    assert audited(asked, "--action", "token.add") == [("grace", "token.add", "etl", "done")]
    assert audited(asked, "--actor", "eve") == []
    out = typed("audit", "list", "--action", "token")[1]
    assert all(word in out for word in ("grace", "shell", "token.add", "etl", "done", "roles viewer"))


@pytest.mark.usefixtures("ada")
def test_tables_are_for_people(typed, access):
    access.sign_in("ada", PASSWORD, address="192.0.2.7")

    assert all(word in typed("user", "list")[1] for word in ("ada", "admin", "enabled"))
    assert all(word in typed("user", "sessions")[1] for word in ("ada", "192.0.2.7"))
    assert "machine" in typed("token", "list")[1]


@pytest.mark.usefixtures("ada")
def test_an_unknown_account_is_told_the_nearest(asked):
    code, document = asked("user", "unlock", "adda")

    assert (code, document["error"]["hint"]) == (2, "Did you mean 'ada'?")
