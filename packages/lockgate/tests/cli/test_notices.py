"""Notices on the command line: what was sent, what waits, and whether a channel works."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lockgate.app.wiring import open_wiring
from lockgate.cli.entrypoint import run
from lockgate.sandbox.alerts import Answer, Receiver, webhook
from lockgate.testing.alerts import NOTICE

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver():
    with Receiver(webhook("/hooks", SECRET)) as receiver:
        yield receiver


@pytest.fixture
def lockgate(tmp_path, receiver, monkeypatch, capsys):
    """Runs a command: its exit code, and what it printed on standard output."""
    monkeypatch.setenv("LOCKGATE_SECRET_HOOK", SECRET)
    channel = f"{{kind: webhook, url: {receiver.url}/hooks, secret: secret://hook}}"
    text = f"project: told\nnotifications:\n  hook: {channel}\n"
    (tmp_path / "lockgate.yml").write_text(text, encoding="utf-8")

    def lockgate(*arguments: str) -> tuple[int, str]:
        code = run(["--project", str(tmp_path), *arguments])
        return code, capsys.readouterr().out

    return lockgate


@pytest.fixture
def put_down(tmp_path, lockgate):
    wiring = open_wiring(tmp_path, None)
    yield lambda notice: wiring.store.notices.add(notice, ["hook"])
    wiring.close()


def test_a_channel_that_works_says_what_came_back(lockgate, receiver):
    assert lockgate("notices", "test", "hook") == (0, "hook: 127.0.0.1 answered 204 No Content\n")
    assert len(receiver.taken) == 1


def test_a_channel_that_does_not_work_says_why_and_fails(lockgate, receiver):
    receiver.meanwhile = Answer(401, f"not {SECRET}")

    code, printed = lockgate("notices", "test", "hook", "--json")

    error = json.loads(printed)["error"]
    assert code == 2
    assert (error["code"], error["message"]) == ("LG961", "127.0.0.1 answered 401 Unauthorized: not ***")


def test_a_channel_that_is_not_there_is_told(lockgate, capsys):
    assert run(["--project", "/nowhere", "notices", "test", "hook"]) == 2
    capsys.readouterr()

    code, printed = lockgate("notices", "test", "hok", "--json")

    assert code == 2
    assert json.loads(printed)["error"]["hint"] == "Did you mean 'hook'?"


def test_what_waits_is_listed_sent_and_listed_as_sent(lockgate, put_down):
    put_down(NOTICE)
    code, printed = lockgate("notices", "list", "--status", "pending")
    assert code == 0
    assert NOTICE.subject in printed

    code, printed = lockgate("notices", "send", "--json")
    assert code == 0
    assert [(each["channel"], each["status"]) for each in json.loads(printed)] == [("hook", "sent")]

    assert lockgate("notices", "list", "--status", "pending", "--json") == (0, "[]\n")
    (found,) = json.loads(lockgate("notices", "list", "--json")[1])
    assert (found["status"], found["attempts"], found["said"]) == ("sent", 1, "127.0.0.1 answered 204 No Content")
    assert found["notice"]["facts"] == {"wrong": 12, "rows": 800, "candidate": "dbt", "share": 0.05, "held": True}


def test_what_was_set_aside_is_tried_again_when_asked(lockgate, put_down, receiver):
    put_down(replace(NOTICE, subject="[bold]x[/]\x1b[31m\ny"))
    receiver.meanwhile = Answer(410)
    assert "set_aside" in lockgate("notices", "send")[1]
    receiver.meanwhile = None

    code, printed = lockgate("notices", "retry", "1")
    assert (code, "pending" in printed, "\x1b" in printed) == (0, True, False)

    assert json.loads(lockgate("notices", "send", "--json")[1])[0]["status"] == "sent"
    assert lockgate("notices", "retry", "1")[0] == 2


def test_what_is_to_be_told_is_put_down_and_sent(lockgate, receiver):
    words = ("notices", "tell", "tonight's rows are there\nall of them", "--severity", "warning", "--json")

    code, printed = lockgate(*words)

    told = json.loads(printed)
    assert (code, told["channels"], [each["status"] for each in told["sent"]]) == (0, ["hook"], ["sent"])
    assert (told["notice"]["severity"], told["notice"]["subject"]) == ("warning", "tonight's rows are there")
    (taken,) = receiver.taken
    assert json.loads(taken.body)["data"]["text"] == "tonight's rows are there\nall of them"


def test_the_same_words_told_twice_are_two_notices(lockgate, receiver):
    for _ in range(2):
        assert lockgate("notices", "tell", "done", "--subject", "nightly")[0] == 0

    assert [each["notice"]["subject"] for each in json.loads(lockgate("notices", "list", "--json")[1])] == [
        "nightly"
    ] * 2
    assert len(receiver.taken) == 2


def test_what_cannot_be_sent_now_is_kept_and_no_failure(lockgate, receiver):
    receiver.meanwhile = Answer(503)

    assert lockgate("notices", "tell", "done")[0] == 0
    assert [each["status"] for each in json.loads(lockgate("notices", "list", "--json")[1])] == ["pending"]


def test_where_no_channel_is_declared_that_is_said(tmp_path, capsys):
    (tmp_path / "lockgate.yml").write_text("project: silent\n", encoding="utf-8")

    code = run(["--project", str(tmp_path), "notices", "tell", "done"])

    assert (code, capsys.readouterr().out) == (0, "nobody is told: no channel of the project takes it\n")


def test_there_is_something_to_tell(lockgate):
    assert lockgate("notices", "tell", "  ")[0] == 2
