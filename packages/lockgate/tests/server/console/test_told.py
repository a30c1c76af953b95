"""Notices and the audit are read by whoever may, with what is hostile in them as plain text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockgate.core.access import AuditEntry, AuditOutcome, Caller, CallerKind, Role
from lockgate.server.console.told import Fact, facts_of, subject_path
from lockgate.testing.alerts import HOSTILE, NOTICE

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ENTRY = AuditEntry(
    1, NOON, "anna", CallerKind.PERSON, "127.0.0.1", "cutover.promote", "people", AuditOutcome.DONE, {}, "abc"
)
ANNA = Caller("anna", CallerKind.PERSON, frozenset({Role.APPROVER}))


def test_nobody_was_told_anything_yet(look):
    assert "Nobody was told anything yet." in look("/notices").words


def test_notices_tell_whether_they_arrived(look, store):
    store.notices.add(NOTICE, ["team"])
    store.notices.sent(store.notices.claim(), "250 queued")
    store.notices.add(replace(HOSTILE, entity="people"), ["chat"])

    page = look("/notices")

    assert "sent critical users: the candidate was rolled back users team 1 250 queued" in page.words
    assert "<script>alert(1)</script>" in page.words
    assert "chat" not in look("/notices?status=sent").words
    assert "No notice is like that." in look("/notices?status=set_aside").words


def test_changes_tell_who_what_and_how_it_went(look, service):
    begun = service.access.begin_change(ANNA, "cutover.promote", "people", address="::1", facts={"plan": "people-1"})
    service.access.end_change(begun, AuditOutcome.REFUSED, {"code": "LG601"})
    service.access.begin_change(Caller("bo", CallerKind.MACHINE), "job.cancel", "a/b")

    page = look("/audit")

    assert "anna person · ::1 cutover.promote people refused plan people-1 ; code LG601" in page.words
    assert {"/plans/people-1", "/entities/people", "/jobs/a%2Fb", "/audit?actor=anna"} <= page.links
    assert "machine:bo" in page.words
    assert "machine:bo" not in look("/audit?actor=anna&action=cutover&subject=people").words
    assert "No change is like that." in look("/audit?actor=nobody").words


@pytest.mark.parametrize(
    ("action", "subject", "path"),
    [
        ("cutover.promote", "people", "/entities/people"),
        ("cutover.apply", "people-1", "/plans/people-1"),
        ("job.retry", "j1", "/jobs/j1"),
        ("person.add", "anna", ""),
        ("job.cancel", "", ""),
    ],
)
def test_an_entry_leads_to_the_page_of_its_subject(action, subject, path):
    assert subject_path(replace(ENTRY, action=action, subject=subject), ("people",)) == path


def test_facts_that_say_nothing_are_left_out_and_names_lead_to_their_pages():
    job = "0123456789abcdef" * 2
    facts = {"engine": None, "candidate": "", "run": 7, "audit_id": 3, "people": "a, b", "share": 0, "job": job}

    assert facts_of(replace(ENTRY, facts=facts)) == (
        Fact("run", "7", "/runs/7"),
        Fact("audit id", "3"),
        Fact("people", "a, b"),
        Fact("share", "0"),
        Fact("job", "0123456789ab…", f"/jobs/{job}"),
    )
