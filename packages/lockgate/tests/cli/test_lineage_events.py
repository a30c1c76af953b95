"""Lineage events on the command line: what waits, what was sent, and trying again what was refused."""

from __future__ import annotations

import json

import pytest

from lockgate.app.wiring import open_wiring
from lockgate.cli.entrypoint import run
from lockgate.core.lineage_event import EventDocument
from lockgate.sandbox.alerts import Answer, Receiver

EVENT = EventDocument("018df4bc-5600-7248-af56-260cd854755e/START", {"eventType": "START", "job": {"name": "told.run"}})


@pytest.fixture
def receiver():
    with Receiver(lambda _: Answer(201)) as receiver:
        yield receiver


@pytest.fixture
def lockgate(tmp_path, receiver, capsys):
    """Runs a command in a project with one event that waits: its exit code, and what it printed."""
    text = f"project: told\nlineage: {{events: {{url: '{receiver.url}'}}}}\n"
    (tmp_path / "lockgate.yml").write_text(text, encoding="utf-8")
    wiring = open_wiring(tmp_path, None)
    wiring.store.lineage_events.add([EVENT])
    wiring.close()

    def lockgate(*arguments: str) -> tuple[int, str]:
        code = run(["--project", str(tmp_path), *arguments])
        return code, capsys.readouterr().out

    return lockgate


def test_what_waits_is_listed_and_looking_sends_nothing(lockgate, receiver):
    code, printed = lockgate("lineage", "events", "--json")

    (found,) = json.loads(printed)
    assert code == 0
    assert (found["number"], found["status"], found["attempts"]) == (1, "pending", 0)
    assert found["event"] == {"event_id": EVENT.event_id, "document": EVENT.document}
    assert receiver.taken == []


def test_what_is_due_is_sent(lockgate, receiver):
    code, printed = lockgate("lineage", "send", "--json")

    said = "127.0.0.1 answered 201 Created"
    assert (code, json.loads(printed)) == (0, [{"event": EVENT.event_id, "status": "sent", "said": said}])
    assert [request.document() for request in receiver.taken] == [EVENT.document]
    assert json.loads(lockgate("lineage", "events", "--status", "pending", "--json")[1]) == []


def test_what_was_refused_is_told_and_tried_again(lockgate, receiver):
    receiver.meanwhile = Answer(422, "no such namespace")
    assert lockgate("lineage", "send")[0] == 0
    code, printed = lockgate("lineage", "events", "--status", "set_aside")
    assert code == 0
    assert "told.run" in printed

    receiver.meanwhile = None
    assert json.loads(lockgate("lineage", "retry", "1", "--json")[1])[0]["status"] == "pending"
    lockgate("lineage", "send")

    assert len(receiver.taken) == 1


def test_trying_again_what_was_not_refused_is_an_error(lockgate):
    code, printed = lockgate("lineage", "retry", "1", "--json")

    assert code == 2
    assert json.loads(printed)["error"]["message"] == "there is no lineage event 1 that was set aside"


def test_sending_for_a_project_that_tells_nobody_is_an_error(lockgate, tmp_path):
    (tmp_path / "lockgate.yml").write_text("project: told\n", encoding="utf-8")

    code, printed = lockgate("lineage", "send", "--json")

    assert code == 2
    assert json.loads(printed)["error"]["message"] == "the project tells nobody of lineage"
