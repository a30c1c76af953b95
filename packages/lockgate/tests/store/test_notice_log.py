"""The outbox keeps every notice until it has arrived, and lets one process send it at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from lockgate.core.notice import DeliveryStatus, Severity
from lockgate.errors import UnknownName
from lockgate.store.cutover_tables import notice as outbox
from lockgate.store.notice_log import NoticeLog
from lockgate.store.outbox import MOST_ATTEMPTS, wait_seconds
from lockgate.store.scope import Scope
from lockgate.testing.alerts import NOTICE

PENDING, SENT, SET_ASIDE = DeliveryStatus.PENDING, DeliveryStatus.SENT, DeliveryStatus.SET_ASIDE
OTHER = replace(NOTICE, notice_id="other", about="other")


def make_due(store):
    """Lets every wait and every claim be over."""
    with store.database.writing() as connection:
        connection.execute(update(outbox).values(next_at=outbox.c.added_at))


def standing(store):
    return [(each.channel, each.notice.notice_id, each.status) for each in reversed(store.notices.notices())]


def test_nothing_is_due_at_first(store):
    assert store.notices.claim() is None
    assert store.notices.notices() == ()


def test_a_notice_is_kept_as_it_was_for_each_channel(store):
    assert store.notices.add(NOTICE, ["team", "chat"]) == 2

    assert [(each.channel, each.notice, each.attempts) for each in store.notices.pending()] == [
        ("team", NOTICE, 0),
        ("chat", NOTICE, 0),
    ]


def test_notices_are_read_on_behind_one(store):
    store.notices.add(NOTICE, ["team", "chat"])
    newest = store.notices.notices(limit=1)[0]

    assert [each.channel for each in store.notices.notices(before=newest.number)] == ["team"]
    assert store.notices.notices(SENT, before=newest.number) == ()


def test_the_same_notice_is_put_down_once_and_not_sent_again(store):
    store.notices.add(NOTICE, ["team"])
    store.notices.sent(store.notices.claim(), "250")

    assert store.notices.add(replace(NOTICE, text="anew"), ["team", "chat", "chat"]) == 1

    assert standing(store) == [("team", NOTICE.notice_id, SENT), ("chat", NOTICE.notice_id, PENDING)]


def test_a_notice_for_nobody_is_no_notice(store):
    assert store.notices.add(NOTICE, []) == 0


def test_a_notice_goes_with_the_decision_that_caused_it(store):
    def decide_and_die():
        with store.database.writing() as connection:
            store.notices.add(NOTICE, ["team"], connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        decide_and_die()
    assert store.notices.notices() == ()

    with store.database.writing() as connection:
        store.notices.add(NOTICE, ["team"], connection)

    assert standing(store) == [("team", NOTICE.notice_id, PENDING)]


def test_what_is_claimed_is_nobody_elses_until_the_claim_expires(opened):
    ours, other = opened(), opened()
    ours.notices.add(NOTICE, ["team"])
    first = ours.notices.claim()

    assert other.notices.claim() is None
    assert other.notices.pending() == ()

    make_due(ours)
    second = other.notices.claim()
    assert (first.attempts, second.attempts, first.number) == (1, 2, second.number)


def test_a_claim_expires_by_itself(store):
    log = NoticeLog(store.database, Scope("inventory", "main"), claim_seconds=0.0)
    log.add(NOTICE, ["team"])

    assert [log.claim().attempts for _ in range(3)] == [1, 2, 3]


def test_whoever_lost_the_claim_records_nothing(store):
    store.notices.add(NOTICE, ["team"])
    late = store.notices.claim()
    make_due(store)
    now = store.notices.claim()

    assert not store.notices.sent(late, "late")
    assert not store.notices.failed(late, "late", is_final=True)
    assert standing(store) == [("team", NOTICE.notice_id, PENDING)]

    assert store.notices.sent(now, "250 taken")
    assert not store.notices.failed(now, "late")
    (done,) = store.notices.notices()
    assert (done.status, done.said, done.sent_at is not None) == (SENT, "250 taken", True)
    assert store.notices.claim() is None


def test_a_failure_waits_longer_each_time(store):
    store.notices.add(NOTICE, ["team"])
    waits = []
    for _ in range(3):
        claimed = store.notices.claim()
        store.notices.failed(claimed, "503")
        (found,) = store.notices.notices()
        waits.append(found.next_at - found.added_at)
        assert store.notices.claim() is None
        make_due(store)

    for wait, seconds in zip(waits, (30, 60, 120), strict=True):
        assert timedelta(seconds=seconds) <= wait < timedelta(seconds=seconds + 25)


@pytest.mark.parametrize(
    ("attempts", "asked", "seconds"),
    [(1, None, 30), (2, None, 60), (7, None, 1920), (8, None, 3600), (10**6, None, 3600), (1, 7, 30), (1, 90, 90)],
)
def test_waits_double_up_to_an_hour_or_are_as_asked(attempts, asked, seconds):
    assert wait_seconds(attempts, asked) == seconds


def test_nobody_can_ask_for_more_than_six_hours():
    assert wait_seconds(1, 1e12) == 6 * 3600


def test_what_is_refused_is_set_aside_until_somebody_lets_it_be_tried_again(store):
    store.notices.add(NOTICE, ["team"])
    store.notices.failed(store.notices.claim(), "550 no such user", is_final=True)
    make_due(store)

    (aside,) = store.notices.notices(SET_ASIDE)
    assert (aside.said, store.notices.claim()) == ("550 no such user", None)

    assert store.notices.retry(aside.number).status is PENDING
    assert store.notices.claim().attempts == 1


def test_the_last_attempt_sets_aside(store):
    store.notices.add(NOTICE, ["team"])
    for _ in range(MOST_ATTEMPTS):
        assert standing(store) == [("team", NOTICE.notice_id, PENDING)]
        store.notices.failed(store.notices.claim(), "503")
        make_due(store)

    assert standing(store) == [("team", NOTICE.notice_id, SET_ASIDE)]


def test_what_kills_every_sender_is_set_aside_and_holds_nobody_up(store):
    store.notices.add(NOTICE, ["team"])
    log = NoticeLog(store.database, Scope("inventory", "main"), claim_seconds=0.0)
    for _ in range(MOST_ATTEMPTS):
        assert log.claim() is not None
    store.notices.add(OTHER, ["team"])

    assert log.claim().notice == OTHER

    (aside,) = store.notices.notices(SET_ASIDE)
    assert (aside.notice, aside.said) == (NOTICE, "every process that began to send it died")


def test_channels_that_are_away_are_passed_over(store):
    store.notices.add(NOTICE, ["team", "chat"])

    assert store.notices.claim(apart_from={"team"}).channel == "chat"
    assert store.notices.claim(apart_from={"team"}) is None


def test_only_what_was_set_aside_is_tried_again(store):
    store.notices.add(NOTICE, ["team"])

    with pytest.raises(UnknownName, match="there is no notice 1 that was set aside"):
        store.notices.retry(1)


def test_on_one_matter_a_later_notice_waits_for_the_one_before(store):
    recovery = replace(NOTICE, notice_id="over", is_recovery=True)
    store.notices.add(NOTICE, ["pager"])
    store.notices.add(recovery, ["pager", "chat"])
    store.notices.add(OTHER, ["pager"])
    failed = store.notices.claim()
    store.notices.failed(failed, "503")

    claimed = [store.notices.claim(), store.notices.claim(), store.notices.claim()]

    named = [(each.channel, each.notice.notice_id) if each else None for each in claimed]
    assert named == [("chat", "over"), ("pager", "other"), None]
    make_due(store)
    assert (store.notices.claim().notice, store.notices.claim().notice.notice_id) == (NOTICE, "over")


def test_scopes_do_not_see_each_other(opened):
    opened().notices.add(NOTICE, ["team"])

    assert opened(project="sales").notices.claim() is None
    assert opened(target="postgres").notices.notices() == ()


def test_what_is_said_is_cut(store):
    store.notices.add(replace(NOTICE, severity=Severity.INFO), ["team"])
    store.notices.failed(store.notices.claim(), "x" * 10_000)

    assert len(store.notices.notices()[0].said) == 500


CLAIM_ALL = """
import sys
from lockgate.store import open_store

log = open_store(sys.argv[1], project="inventory", target="main").notices
while claimed := log.claim():
    print(claimed.number)
    log.sent(claimed, "taken")
"""


@pytest.mark.slow
def test_processes_at_once_send_each_notice_once(store, at_once):
    for number in range(60):
        store.notices.add(replace(NOTICE, notice_id=str(number), about=""), ["team"])

    printed = at_once(CLAIM_ALL, processes=4)

    assert sorted(int(number) for lines in printed for number in lines.split()) == list(range(1, 61))
    assert store.notices.notices(PENDING) == ()
