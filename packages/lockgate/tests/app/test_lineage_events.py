"""Lineage events arrive at least once and in their order, whatever their receiver does and whoever is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from lockgate.app import App, sending
from lockgate.app.emitting import Emitting
from lockgate.app.lineage_events import LineageEvents, deliver_events
from lockgate.app.sending import Sending
from lockgate.app.wiring import open_wiring
from lockgate.core.lineage_event import EventDocument, JobKind, Work
from lockgate.core.notice import DeliveryStatus, Notice, Severity
from lockgate.core.record import RecordStatus
from lockgate.errors import UnknownName
from lockgate.sandbox.alerts import Answer, Receiver
from lockgate.store.lineage_tables import lineage_event as table

SENDER = Path(__file__).with_name("killed_event_sender.py")
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
KEY = "an-api-key-of-ours"
BUSY = (
    Answer(503, "", {"retry-after": "600"}),
    None,
    Answer(429, "", {"retry-after": "1"}),
    ConnectionResetError,
    None,
    ConnectionResetError,
    Answer(502),
)


class Strict:
    """Takes what the published schemas allow from who has the key; before each answer it may misbehave, or a person."""

    def __init__(self, flaws) -> None:
        self._flaws = flaws
        self.moods = []

    def __call__(self, request) -> Answer:
        mood = self.moods.pop(0) if self.moods else None
        if mood is KeyboardInterrupt:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            return Answer(503)
        if mood is ConnectionResetError:
            raise ConnectionResetError
        if mood is not None:
            return mood
        if request.path != "/api/v1/lineage" or request.headers.get("authorization") != f"Bearer {KEY}":
            return Answer(401)
        found = self._flaws(request.document())
        return Answer(400, "; ".join(found)) if found else Answer(201)


@pytest.fixture
def strict(lineage_flaws):
    return Strict(lineage_flaws)


@pytest.fixture
def receiver(strict):
    with Receiver(strict) as receiver:
        yield receiver


@pytest.fixture
def wiring(project, receiver, monkeypatch):
    monkeypatch.setenv("LOCKGATE_SECRET_LINEAGE_KEY", KEY)
    file = project / "lockgate.yml"
    told = f"lineage: {{events: {{url: '{receiver.url}', api_key: secret://lineage-key, namespace: prod}}}}\n"
    file.write_text(file.read_text(encoding="utf-8") + told, encoding="utf-8")
    wiring = open_wiring(project, None)
    yield wiring
    wiring.close()


@pytest.fixture
def put_down(wiring):
    """Twelve events of one run: the keys, in their order."""
    run = Emitting(wiring, 1, "load", NOON)
    for subject in ("a", "b", "c", "d", "e"):
        run.began(Work(JobKind.LOAD, subject))
        run.ended(Work(JobKind.LOAD, subject), None)
    run.closed(RecordStatus.SUCCESS, None)
    return [each.key for each in reversed(wiring.store.lineage_events.events())]


def make_due(wiring):
    with wiring.store.database.writing() as connection:
        connection.execute(update(table).values(next_at=table.c.added_at))


def taken(receiver) -> list[str]:
    found = [json.loads(request.body) for request in receiver.taken]
    return [f"{event['run']['runId']}/{event['eventType']}" for event in found]


def once(keys) -> list[str]:
    return list(dict.fromkeys(keys))


def statuses(wiring) -> list[str]:
    return [each.status for each in reversed(wiring.store.lineage_events.events())]


def test_all_arrive_in_their_order_with_the_key_and_the_namespace(wiring, receiver, put_down):
    done = LineageEvents(wiring).deliver()

    assert len(put_down) == 12
    assert taken(receiver) == put_down
    assert [each.status for each in done] == [DeliveryStatus.SENT] * 12
    assert {json.loads(request.body)["job"]["namespace"] for request in receiver.taken} == {"prod"}
    assert LineageEvents(wiring).deliver() == ()


def test_none_is_lost_or_overtaken_by_answers_that_are_busy_or_cut_off(wiring, receiver, strict, put_down):
    strict.moods = list(BUSY)

    tries = 0
    while DeliveryStatus.PENDING in statuses(wiring):
        deliver_events(wiring)
        make_due(wiring)
        tries += 1

    assert tries == 6
    assert taken(receiver) == put_down
    assert set(statuses(wiring)) == {DeliveryStatus.SENT}


def test_a_receiver_that_is_away_is_asked_once_and_again_when_it_said(wiring, receiver, strict, put_down):
    strict.moods = [Answer(503, "", {"retry-after": "600"})]

    assert [each.status for each in deliver_events(wiring)] == [DeliveryStatus.PENDING]
    assert deliver_events(wiring) == ()

    (first, *_) = reversed(wiring.store.lineage_events.events())
    assert (first.next_at - first.added_at).total_seconds() >= 600
    assert first.said == "LG962 127.0.0.1 answered 503 Service Unavailable"
    assert taken(receiver) == []


def test_what_the_schemas_refuse_is_set_aside_and_holds_up_nothing(wiring, receiver, put_down):
    wiring.store.lineage_events.add([EventDocument("wrong/COMPLETE", {
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {}, "job": {}, "inputs": [], "outputs": [],
    })])  # fmt: skip
    Emitting(wiring, 2, "load", NOON)

    deliver_events(wiring)

    aside = [each for each in wiring.store.lineage_events.events() if each.status is DeliveryStatus.SET_ASIDE]
    assert [each.key for each in aside] == ["wrong/COMPLETE"]
    assert "'runId' is a required property" in aside[0].said
    assert len(taken(receiver)) == len(put_down) + 1
    assert KEY not in aside[0].said


@pytest.mark.parametrize("last", [1, 5, 12])
def test_none_is_lost_by_a_sender_that_is_killed(wiring, project, receiver, put_down, last):
    done = subprocess.run([sys.executable, SENDER, project, str(last)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert statuses(wiring).count(DeliveryStatus.SENT) == last - 1
    assert deliver_events(wiring) == ()  # its claim holds the others up until it expires

    make_due(wiring)
    deliver_events(wiring)

    assert taken(receiver) == [*put_down[:last], *put_down[last - 1 :]]
    assert once(taken(receiver)) == put_down


def test_two_senders_send_each_event_once(wiring, project, receiver, put_down):
    code = "import sys\nfrom pathlib import Path\nfrom lockgate.app.lineage_events import deliver_events\n"
    code += "from lockgate.app.wiring import open_wiring\n"
    code += "w = open_wiring(Path(sys.argv[1]), None)\nfor _ in range(200): deliver_events(w)\n"

    senders = [subprocess.Popen([sys.executable, "-c", code, str(project)]) for _ in range(2)]
    assert [sender.wait() for sender in senders] == [0, 0]

    assert taken(receiver) == put_down


def test_a_server_sends_what_others_put_down(wiring, receiver, put_down):
    server = Sending(wiring, 3600.0)

    server.start()
    server.close()

    assert taken(receiver) == put_down


BACKLOG = 60
HOOK, EVENTS = "/hook", "/api/v1/lineage"


class Slow:
    """Takes everything after a while; when the first comes in, a notice is put down."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.all_asked = threading.Event()
        self.seconds = 0.0
        self.put_down = lambda: None

    def __call__(self, request) -> Answer:
        self.asked.append(request.path)
        if len(self.asked) == 1:
            self.put_down()
        time.sleep(self.seconds)
        if len(self.asked) == BACKLOG + 1:
            self.all_asked.set()
        return Answer(201)


@pytest.fixture
def slow(project, monkeypatch):
    """A receiver of notices and events, while a server sends sixty events."""
    monkeypatch.setenv("LOCKGATE_SECRET_HOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    slow = Slow()
    with Receiver(slow) as receiver:
        file = project / "lockgate.yml"
        told = f"lineage: {{events: {{url: '{receiver.url}'}}}}\n"
        told += f"notifications: {{hook: {{kind: webhook, url: '{receiver.url}{HOOK}', secret: secret://hook}}}}\n"
        file.write_text(file.read_text(encoding="utf-8") + told, encoding="utf-8")
        wiring = open_wiring(project, None)
        run = Emitting(wiring, 1, "load", NOON)
        for number in range(BACKLOG - 1):
            run.began(Work(JobKind.LOAD, str(number)))
        notice = Notice("told/1", "notices.told", Severity.CRITICAL, "look", "now", NOON)
        slow.put_down = lambda: wiring.store.notices.add(notice, ["hook"])
        yield slow, Sending(wiring, 3600.0)
        wiring.close()


@pytest.mark.parametrize(("seconds_a_look", "seconds_each", "before"), [(60.0, 0.0, 20), (0.05, 0.1, 1)])
def test_a_backlog_of_events_holds_up_no_notice(slow, monkeypatch, seconds_a_look, seconds_each, before):
    receiver, server = slow
    receiver.seconds = seconds_each
    monkeypatch.setattr(sending, "EVENTS_SECONDS", seconds_a_look)

    server.start()
    assert receiver.all_asked.wait(60)
    server.close()

    assert receiver.asked.index(HOOK) == before
    assert receiver.asked.count(EVENTS) == BACKLOG


def test_a_project_that_tells_nobody_says_so(project):
    wiring = open_wiring(project, None)

    with pytest.raises(UnknownName) as nobody:
        LineageEvents(wiring).deliver()

    assert nobody.value.message == "the project tells nobody of lineage"
    wiring.close()


def test_what_was_opened_is_closed_though_somebody_interrupts_the_sending(wiring, strict, put_down):
    strict.moods = [KeyboardInterrupt]
    app = App(wiring)
    wiring.has_put_down_lineage = True

    with pytest.raises(KeyboardInterrupt), app:
        assert "store" in vars(wiring)

    assert "store" not in vars(wiring)
