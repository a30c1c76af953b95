"""What vendors ask of those who post to them: keys, severities, signatures, patience; and no following elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.adapters.alerts.wording import one_line, within
from lockgate.core.notice import Severity
from lockgate.errors import NoticeRefused, NoticeUnavailable
from lockgate.sandbox.alerts import Answer, Misbehaviour
from lockgate.testing.alerts import NOTICE


def test_a_matter_is_opened_and_resolved_under_one_key(pagerduty_stand):
    notifier = pagerduty_stand.open()
    notifier.send(NOTICE)
    notifier.send(replace(NOTICE, notice_id="over", is_recovery=True))

    opened, resolved = pagerduty_stand.documents()
    assert (opened["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == resolved["dedup_key"]
    assert "payload" not in resolved


def test_projects_do_not_share_a_matter(pagerduty_stand):
    pagerduty_stand.open().send(NOTICE)
    pagerduty_stand.open(origin="sales.main").send(NOTICE)

    first, second = pagerduty_stand.documents()
    assert first["dedup_key"] != second["dedup_key"]


@pytest.mark.parametrize("severity", list(Severity))
def test_every_severity_is_one_of_pagerdutys(pagerduty_stand, severity):
    pagerduty_stand.open().send(replace(NOTICE, severity=severity))

    assert pagerduty_stand.documents()[0]["payload"]["severity"] == severity


def test_a_signature_of_another_time_is_not_taken(webhook_stand):
    late = webhook_stand.open(clock=lambda: datetime.now(UTC) - timedelta(minutes=6))

    with pytest.raises(NoticeRefused, match="answered 400 Bad Request: the id or the time is not right"):
        late.send(NOTICE)


def test_a_repetition_is_signed_anew(webhook_stand):
    now = datetime.now(UTC)
    for moment in (now, now + timedelta(seconds=90)):
        webhook_stand.open(clock=lambda moment=moment: moment).send(NOTICE)

    first, again = (request.headers for request in webhook_stand.receiver.taken)
    assert first["webhook-id"] == again["webhook-id"]
    assert int(again["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 90
    assert first["webhook-signature"] != again["webhook-signature"]


def test_the_signature_is_that_of_the_specification():
    from lockgate.adapters.alerts.webhook import signature

    # The example of the specification's reference libraries.
    found = signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                      b'{"test": 2432232314}')  # fmt: skip

    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "hunter22", "whsec_aHVudGVyMjI=", "whsec_###", "whsec_" + "QUFB" * 30])
def test_a_weak_secret_is_refused_without_being_repeated(webhook_stand, secret):
    webhook_stand.vault["hook"] = secret

    with pytest.raises(NoticeRefused, match="not whsec_ and 24 to 64 bytes in base64"):
        webhook_stand.open().send(NOTICE)

    assert webhook_stand.receiver.taken == []


def test_a_busy_receiver_says_when_to_come_again(slack_stand):
    slack_stand.receiver.meanwhile = Answer(429, "", {"retry-after": "7"})

    with pytest.raises(NoticeUnavailable) as caught:
        slack_stand.open().send(NOTICE)

    assert (caught.value.fields["status"], caught.value.fields["retry_after"]) == (429, 7.0)


def test_nobody_is_followed_elsewhere(slack_stand, webhook_stand):
    elsewhere = {"location": f"{webhook_stand.receiver.url}/hooks"}
    slack_stand.receiver.meanwhile = Answer(307, "", elsewhere)

    with pytest.raises(NoticeRefused, match="307 Temporary Redirect; redirects are not followed"):
        slack_stand.open().send(NOTICE)

    assert (webhook_stand.receiver.taken, webhook_stand.receiver.refused) == ([], [])


def test_what_was_taken_is_taken_though_its_body_never_ends(slack_stand):
    slack_stand.receiver.meanwhile = Misbehaviour.DRIP_BODY

    assert slack_stand.open().send(NOTICE) == "127.0.0.1 answered 200 OK"
    assert len(slack_stand.taken()) == 1


def test_a_long_refusal_is_not_read_to_its_end(slack_stand):
    slack_stand.receiver.meanwhile = Answer(400, "no " * 1_000_000)

    with pytest.raises(NoticeRefused) as caught:
        slack_stand.open().send(NOTICE)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "url", ["", "hunter22", "ftp://hunter22", "https://u:hunter22@h/", "http://[hunter22", "http://h:hunter22/"]
)
def test_an_address_that_cannot_be_asked_is_refused_without_being_repeated(slack_stand, url):
    slack_stand.vault["slack"] = url

    with pytest.raises(NoticeRefused) as caught:
        slack_stand.open().send(NOTICE)

    assert "hunter22" not in str(caught.value)


def test_words_are_cut_where_they_are_long():
    assert one_line(" a\r\n\tb\x00\u202ec ", 10) == "a bc"
    assert one_line("x" * 20, 5) == "xxxx…"
    assert within("<<<", 9, lambda text: len(text) * 4) == "<…"
