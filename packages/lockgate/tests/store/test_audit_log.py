"""The audit tells each change once, in order, and is never changed afterwards."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.access import AuditEnd, AuditEntry, AuditOutcome, CallerKind
from lockgate.store import open_store
from lockgate.store.access_tables import CHANGED

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)
ENTRY = AuditEntry(
    audit_id=0,
    at=NOON,
    actor="ada",
    kind=CallerKind.PERSON,
    address="192.0.2.7",
    action="cutover.promote",
    subject="users",
    outcome=AuditOutcome.BEGUN,
    facts={"reason": "it is time"},
    correlation_id="c1",
)


def test_an_entry_is_kept_as_it_was_put_down(store):
    number = store.audit.begin(ENTRY)

    assert store.audit.entries() == (replace(ENTRY, audit_id=number, target="main"),)


def test_how_it_went_is_told_once(store):
    number = store.audit.begin(ENTRY)

    assert store.audit.end(number, AuditOutcome.DONE, {"plan": "p1"}, LATER)
    assert not store.audit.end(number, AuditOutcome.FAILED, {"plan": "p2"}, LATER + timedelta(1))
    assert not store.audit.end(number + 1, AuditOutcome.DONE, {}, LATER)

    facts = {"reason": "it is time", "plan": "p1"}
    ended = replace(ENTRY, audit_id=number, outcome=AuditOutcome.DONE, facts=facts, ended_at=LATER, target="main")
    assert store.audit.entries() == (ended,)


def test_the_newest_come_first_and_a_page_follows_another(store):
    numbers = [store.audit.begin(ENTRY) for _ in range(5)]

    first = store.audit.entries(limit=2)
    second = store.audit.entries(before=first[-1].audit_id, limit=10)

    assert [one.audit_id for one in (*first, *second)] == numbers[::-1]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"actor": "bob"}, ["dbt.switch"]),
        ({"action": "cutover.plan"}, ["cutover.plan"]),
        ({"action": "cutover"}, ["cutover.plan", "cutover.promote"]),
        ({"action": "cut"}, []),
        ({"action": "c%"}, []),
        ({"subject": "users", "actor": "ada"}, ["cutover.promote"]),
        ({"subject": "' or 1=1 --"}, []),
    ],
)
def test_entries_are_found_by_who_what_and_about_what(store, asked, found):
    store.audit.begin(ENTRY)
    store.audit.begin(replace(ENTRY, action="cutover.plan", subject="orders"))
    store.audit.begin(replace(ENTRY, action="dbt.switch", actor="bob"))

    assert [one.action for one in store.audit.entries(**asked)] == found


def test_projects_do_not_see_each_others_and_targets_do(opened):
    number = opened().audit.begin(ENTRY)
    other = opened(project="sales")

    assert other.audit.entries() == ()
    assert not other.audit.end(number, AuditOutcome.DONE, {}, LATER)
    assert [one.target for one in opened(target="postgres").audit.entries()] == ["main"]


def test_many_are_put_down_at_once_each_with_its_own_number(store):
    entries = [replace(ENTRY, subject=f"entity {number}") for number in range(300)]

    numbers = store.audit.write(entries)

    kept = {entry.audit_id: entry.subject for entry in store.audit.entries(limit=1_000)}
    assert [kept[number] for number in numbers] == [f"entity {number}" for number in range(300)]


def test_ends_and_beginnings_are_told_together(store):
    first, second = store.audit.write([ENTRY, ENTRY])
    ends = [AuditEnd(first, AuditOutcome.DONE, LATER, {"plan": "p1"}), AuditEnd(first, AuditOutcome.FAILED, LATER)]

    told = store.audit.write(
        [ends[0], replace(ENTRY, subject="third"), ends[1], AuditEnd(999, AuditOutcome.DONE, LATER)]
    )

    assert (told[0], told[2], told[3]) == (first, first, 999)
    outcomes = {entry.audit_id: (entry.outcome, entry.facts) for entry in store.audit.entries()}
    begun = (AuditOutcome.BEGUN, {"reason": "it is time"})
    assert outcomes == {
        first: (AuditOutcome.DONE, {"reason": "it is time", "plan": "p1"}),
        second: begun,
        told[1]: begun,
    }


ANSWER = replace(ENTRY, action="records.transform", subject="users", outcome=AuditOutcome.DONE, ended_at=LATER)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["cutover.promote"]),
        ({"subject": "users"}, ["cutover.promote"]),
        ({"subject": "users", "action": "records"}, ["records.transform"] * 2),
        ({"action": "records.transform", "limit": 1}, ["records.transform"]),
        ({"actor": "ada"}, ["records.transform", "cutover.promote", "records.transform"]),
    ],
)
def test_answers_about_records_are_shown_to_whoever_asks_for_them(store, asked, found):
    store.audit.write([ANSWER, ENTRY, ANSWER])

    assert [one.action for one in store.audit.entries(**asked)] == found


def test_whoever_looks_for_changes_does_not_read_past_answers(tmp_path):
    store, indexes = open_store(f"sqlite:///{tmp_path / 'control.db'}", project="inventory", target="main"), []
    for conditions in ("", "AND subject = 'users'"):
        where = f"project = 'inventory' {conditions} AND {CHANGED}"
        query = f"SELECT * FROM audit_entry WHERE {where} ORDER BY audit_id DESC"
        with store.audit._database.reading() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").fetchall()
        indexes += [re.search(r"USING INDEX (\w+)", row[3]).group(1) for row in plan]
    store.close()

    assert indexes == ["ix_audit_entry_changes", "ix_audit_entry_changes_by_subject"]


def test_the_first_of_an_action_are_taken_out_up_to_one_that_is_younger(store):
    answer = replace(ENTRY, action="records.transform", outcome=AuditOutcome.DONE)
    old, young = replace(answer, at=NOON - timedelta(days=1)), answer
    numbers = store.audit.write([old, ENTRY, old, young, old])

    found = [store.audit.take_out("records.transform", before=NOON, most=1) for _ in range(3)]

    assert found == [(numbers[0],), (numbers[2],), ()]
    assert store.audit.oldest("records.transform") == replace(young, audit_id=numbers[3], target="main")
    assert store.audit.oldest("nobody.knows") is None
    assert [one.audit_id for one in store.audit.entries(action="cutover")] == [numbers[1]]
