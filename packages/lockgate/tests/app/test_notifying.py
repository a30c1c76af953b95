"""Notices go to whom they concern, arrive at least once, and a channel that is away holds nobody up."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from lockgate.app.delivering import Sent
from lockgate.app.notifying import channels_of, deliver, deliver_pending, try_channel
from lockgate.app.wiring import open_wiring
from lockgate.core.notice import DeliveryStatus, Severity
from lockgate.errors import NoticeRefused, NoticeUnavailable, SecretMissing, UnknownName
from lockgate.sandbox.alerts import Answer, Receiver, webhook
from lockgate.store.cutover_tables import notice as outbox
from lockgate.testing.alerts import NOTICE

SENDER = Path(__file__).with_name("killed_sender.py")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ABOUT_PEOPLE = replace(NOTICE, entity="people")


@pytest.fixture
def receiver():
    with Receiver(webhook("/hooks", SECRET)) as receiver:
        yield receiver


@pytest.fixture
def wiring(project, receiver, monkeypatch):
    monkeypatch.setenv("LOCKGATE_SECRET_HOOK", SECRET)
    channels = f"""
notifications:
  hook: {{kind: webhook, url: {receiver.url}/hooks, secret: secret://hook}}
  grave: {{kind: webhook, url: {receiver.url}/hooks, secret: secret://hook, severity: critical}}
  lost: {{kind: slack, url: secret://not-set, entities: [people], severity: critical}}
"""
    file = project / "lockgate.yml"
    file.write_text(file.read_text(encoding="utf-8") + channels, encoding="utf-8")
    wiring = open_wiring(project, None)
    yield wiring
    wiring.close()


def make_due(wiring):
    with wiring.store.database.writing() as connection:
        connection.execute(update(outbox).values(next_at=outbox.c.added_at))


def test_notices_go_by_severity_and_entity(wiring):
    mild = replace(ABOUT_PEOPLE, severity=Severity.WARNING)

    assert channels_of(wiring.project, ABOUT_PEOPLE) == ("hook", "grave", "lost")
    assert channels_of(wiring.project, mild) == ("hook",)
    assert channels_of(wiring.project, replace(NOTICE, entity="teams")) == ("hook", "grave")


def test_what_is_due_is_sent_once_and_recorded(wiring, receiver):
    wiring.store.notices.add(ABOUT_PEOPLE, ["hook"])

    (sent,) = deliver_pending(wiring)

    said = "127.0.0.1 answered 204 No Content"
    assert sent == Sent("hook", ABOUT_PEOPLE.notice_id, DeliveryStatus.SENT, said)
    assert [request.document()["data"]["text"] for request in receiver.taken] == [ABOUT_PEOPLE.text]
    assert deliver_pending(wiring) == ()
    assert len(receiver.taken) == 1


def test_a_receiver_that_is_busy_is_asked_again_when_it_said_and_no_one_else_is_held_up(wiring, receiver):
    for number in range(3):
        wiring.store.notices.add(replace(ABOUT_PEOPLE, notice_id=str(number), about=""), ["hook", "grave"])
    receiver.meanwhile = Answer(503, "", {"retry-after": "600"})

    tried = deliver_pending(wiring)

    assert [(each.channel, each.status, each.said) for each in tried] == [
        ("hook", DeliveryStatus.PENDING, "LG962 127.0.0.1 answered 503 Service Unavailable"),
        ("grave", DeliveryStatus.PENDING, "LG962 127.0.0.1 answered 503 Service Unavailable"),
    ]
    oldest = wiring.store.notices.notices()[-1]
    assert 600 <= (oldest.next_at - oldest.added_at).total_seconds() < 660
    receiver.meanwhile = None
    make_due(wiring)
    assert {each.status for each in deliver_pending(wiring)} == {DeliveryStatus.SENT}
    assert len(receiver.taken) == 6


def test_what_is_refused_is_set_aside(wiring, receiver):
    wiring.store.notices.add(ABOUT_PEOPLE, ["hook"])
    receiver.meanwhile = Answer(410)

    (tried,) = deliver_pending(wiring)

    assert (tried.status, tried.said) == (DeliveryStatus.SET_ASIDE, "LG961 127.0.0.1 answered 410 Gone")
    make_due(wiring)
    assert deliver_pending(wiring) == ()


@pytest.mark.parametrize(("channel", "code"), [("lost", SecretMissing.code), ("gone", UnknownName.code)])
def test_what_can_be_mended_here_is_kept_until_it_is(wiring, channel, code):
    wiring.store.notices.add(ABOUT_PEOPLE, [channel])

    (tried,) = deliver_pending(wiring)

    assert (tried.status, tried.said[:5]) == (DeliveryStatus.PENDING, code)


def test_most_bounds_the_attempts(wiring):
    for number in range(3):
        wiring.store.notices.add(replace(ABOUT_PEOPLE, notice_id=str(number), about=""), ["hook"])

    assert len(deliver_pending(wiring, most=2)) == 2
    assert len(wiring.store.notices.pending()) == 1


@pytest.mark.slow
def test_a_sender_killed_before_it_recorded_repeats_under_the_same_key_and_loses_nothing(wiring, receiver, project):
    wiring.store.notices.add(ABOUT_PEOPLE, ["hook"])
    wiring.store.notices.add(replace(ABOUT_PEOPLE, notice_id="next"), ["hook"])
    control = f"sqlite:///{project / '.lockgate' / 'control.db'}"
    arguments = [control, f"{receiver.url}/hooks", SECRET, "180"]

    died = subprocess.run([sys.executable, str(SENDER), *arguments], check=False, timeout=60)

    assert died.returncode == -9
    assert len(receiver.taken) == 1
    assert deliver_pending(wiring) == ()  # the claim of the dead still holds, and what comes after waits
    make_due(wiring)  # as time does
    assert [each.status for each in deliver_pending(wiring)] == [DeliveryStatus.SENT] * 2
    first, again, following = (request.headers["webhook-id"] for request in receiver.taken)
    assert first == again != following
    assert [(each.attempts, each.status) for each in wiring.store.notices.notices()] == [
        (1, DeliveryStatus.SENT),
        (2, DeliveryStatus.SENT),
    ]


def test_a_sender_that_lost_its_claim_records_nothing(wiring):
    wiring.store.notices.add(ABOUT_PEOPLE, ["hook"])

    class Slow:
        def send(self, notice):
            make_due(wiring)
            assert wiring.store.notices.claim().attempts == 2
            raise NoticeUnavailable("late")

    (tried,) = deliver(wiring.store.notices, lambda _: Slow(), most=1)

    assert tried.status is DeliveryStatus.PENDING
    assert wiring.store.notices.notices()[0].said == ""


def test_a_channel_is_tried_past_the_outbox(wiring, receiver):
    tried = try_channel(wiring, "hook")

    assert (tried.said, tried.error) == ("127.0.0.1 answered 204 No Content", None)
    assert receiver.taken[0].document()["type"] == "lockgate.notices.test"
    assert wiring.store.notices.notices() == ()


def test_a_trial_says_what_is_wrong(wiring, receiver):
    receiver.meanwhile = Answer(401, "no")

    tried = try_channel(wiring, "hook")

    assert isinstance(tried.error, NoticeRefused)
    assert tried.error.message == "127.0.0.1 answered 401 Unauthorized: no"
    with pytest.raises(UnknownName, match="there is no notification 'hok'; the project declares hook, grave, lost"):
        try_channel(wiring, "hok")
