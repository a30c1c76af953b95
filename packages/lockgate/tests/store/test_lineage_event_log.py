"""The outbox of lineage events: one goes after the other, none is lost, and what arrived is forgotten in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.event import listen, remove

from lockgate.core.lineage_event import EventDocument
from lockgate.core.notice import DeliveryStatus
from lockgate.errors import UnknownName
from lockgate.store.lineage_event_log import LineageEventLog
from lockgate.store.lineage_tables import lineage_event as table
from lockgate.store.outbox import MOST_ATTEMPTS
from lockgate.store.scope import Scope

PENDING, SENT, SET_ASIDE = DeliveryStatus.PENDING, DeliveryStatus.SENT, DeliveryStatus.SET_ASIDE
ONE, OTHER, THIRD = (f"018df4f0-7c00-7aaa-8bbb-00000000000{number}" for number in (1, 2, 3))


def event(run, phase):
    return EventDocument(f"{run}/{phase}", {"eventType": phase, "run": {"runId": run}})


def make_due(store):
    """Lets every wait and every claim be over."""
    with store.database.writing() as connection:
        connection.execute(update(table).values(next_at=table.c.added_at))


def standing(log):
    return [(each.key, each.status) for each in reversed(log.events())]


def test_events_leave_in_the_order_in_which_they_were_put_down(store):
    log = store.lineage_events
    assert log.add([event(ONE, "START"), event(OTHER, "START"), event(ONE, "COMPLETE")]) == 3

    seen = []
    while (claimed := log.claim()) is not None:
        seen.append(claimed.event)
        log.sent(claimed, "201")

    assert seen == [event(ONE, "START"), event(OTHER, "START"), event(ONE, "COMPLETE")]


def test_an_event_is_put_down_once(store):
    log = store.lineage_events
    log.add([event(ONE, "START")])

    assert log.add([EventDocument(f"{ONE}/START", {"eventType": "another"}), event(ONE, "FAIL")]) == 1
    assert log.events()[1].event == event(ONE, "START")


@pytest.fixture
def insertions():
    """The statements that put rows down."""
    found = []

    def seen(_connection, _cursor, statement, *_more) -> None:
        if statement.startswith("INSERT INTO lineage_event"):
            found.append(statement)

    listen(Engine, "before_cursor_execute", seen)
    yield found
    remove(Engine, "before_cursor_execute", seen)


def test_a_thousand_are_put_down_by_one_statement_in_their_order(store, insertions):
    log = store.lineage_events
    many = [event(f"{number:04}", "START") for number in range(999)]

    assert log.add([*many, many[7]]) == 999

    assert len(insertions) == 1
    assert [each.event for each in reversed(log.events(limit=2000))] == many


def test_nothing_goes_past_an_event_that_is_on_its_way_or_waits(store):
    log = store.lineage_events
    log.add([event(ONE, "START"), event(ONE, "COMPLETE")])
    claimed = log.claim()

    assert log.claim() is None
    assert log.failed(claimed, "503", retry_after=60.0) is PENDING
    assert log.claim() is None
    assert [each.attempts for each in log.events()] == [0, 1]


def test_an_event_that_was_refused_is_set_aside_and_lets_the_next_go(store):
    log = store.lineage_events
    log.add([event(ONE, "START"), event(ONE, "COMPLETE")])

    assert log.failed(log.claim(), "400", is_final=True) is SET_ASIDE

    assert log.claim().event == event(ONE, "COMPLETE")
    assert standing(log) == [(f"{ONE}/START", SET_ASIDE), (f"{ONE}/COMPLETE", PENDING)]


def test_an_event_whose_senders_all_died_is_set_aside(store):
    log = store.lineage_events
    log.add([event(ONE, "START"), event(ONE, "COMPLETE")])
    for _ in range(MOST_ATTEMPTS):
        assert log.claim() is not None
        make_due(store)

    assert log.claim() is None
    assert log.claim().event == event(ONE, "COMPLETE")
    assert log.events()[1].said == "every process that began to send it died"


def test_who_lost_a_claim_records_nothing(store):
    log = LineageEventLog(store.database, Scope("inventory", "main"), claim_seconds=0.0)
    log.add([event(ONE, "START")])
    late = log.claim()
    now = log.claim()

    assert not log.sent(late, "201")
    assert log.failed(late, "400", is_final=True) is None
    assert log.sent(now, "201")


def test_what_was_set_aside_can_be_tried_again(store):
    log = store.lineage_events
    log.add([event(ONE, "START")])
    log.failed(log.claim(), "400", is_final=True)

    again = log.retry(log.events()[0].number)

    assert (again.status, again.attempts) == (PENDING, 0)
    with pytest.raises(UnknownName) as unknown:
        log.retry(again.number)
    assert unknown.value.message == f"there is no lineage event {again.number} that was set aside"


def test_what_began_and_did_not_end_is_known(store):
    log = store.lineage_events
    log.add([event(ONE, "START"), event(OTHER, "START"), event(ONE, "COMPLETE")])

    assert [one["run"]["runId"] for one in log.unended()] == [OTHER]


def test_what_began_long_ago_is_known_however_much_was_put_down_since(store):
    log = store.lineage_events
    log.add([event(ONE, "START")])
    for number in range(60):
        log.add([event(f"{number}-{one}", phase) for one in range(50) for phase in ("START", "COMPLETE")])

    assert [one["run"]["runId"] for one in log.unended()] == [ONE]


def grow_old(store, days):
    """Lets all events have been put down, and sent, so many days before."""
    with store.database.writing() as connection:
        for row in connection.execute(select(table)).mappings().all():
            older = {name: row[name] and row[name] - timedelta(days=days) for name in ("added_at", "sent_at")}
            connection.execute(update(table).where(table.c.number == row["number"]).values(older))


def arrive(log, *keys):
    while (claimed := log.claim()) is not None:
        if claimed.key in keys:
            log.sent(claimed, "201")
        else:
            log.failed(claimed, "400", is_final=True)


def test_a_run_that_arrived_a_week_ago_is_forgotten_and_nothing_else(store):
    log = store.lineage_events
    log.add([event(ONE, "START"), event(ONE, "COMPLETE")])
    arrive(log, f"{ONE}/START", f"{ONE}/COMPLETE")
    log.add([event(OTHER, "START")])
    arrive(log, f"{OTHER}/START")
    grow_old(store, 8)
    log.add([event(OTHER, "COMPLETE"), event(THIRD, "START")])

    log.forget()

    assert standing(log) == [(f"{OTHER}/START", SENT), (f"{OTHER}/COMPLETE", PENDING), (f"{THIRD}/START", PENDING)]


def test_the_beginning_of_a_run_is_kept_until_it_ends(store):
    log = store.lineage_events
    log.add([event(ONE, "START")])
    arrive(log, f"{ONE}/START")
    grow_old(store, 8)

    log.forget()

    assert [one["run"]["runId"] for one in log.unended()] == [ONE]


@pytest.mark.parametrize(("days", "kept"), [(8, 2), (91, 0)])
def test_a_run_whose_beginning_was_set_aside_is_not_taken_as_left(store, days, kept):
    log = store.lineage_events
    log.add([event(ONE, "START"), event(ONE, "COMPLETE")])
    arrive(log, f"{ONE}/COMPLETE")
    grow_old(store, days)

    log.forget()

    assert len(log.events()) == kept
    assert log.unended() == ()


def test_events_of_another_target_are_not_seen(store):
    store.lineage_events.add([event(ONE, "START")])

    other = LineageEventLog(store.database, Scope("inventory", "other"))

    assert other.claim() is None
    assert other.events() == ()
