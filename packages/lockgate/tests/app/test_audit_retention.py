"""Answers about records leave the audit once they are old enough, by whole days; nothing else ever does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lockgate.app.access import Access
from lockgate.app.audit_retention import AuditRetention
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.access import AuditEntry, AuditOutcome, CallerKind

# Ninety days before the third of April are the third of January.
NOW = datetime(2026, 4, 3, 15, 30, tzinfo=UTC)
LAST_OF_OLD = datetime(2026, 1, 2, 23, 59, 59, 999_999, tzinfo=UTC)
FIRST_KEPT = datetime(2026, 1, 3, tzinfo=UTC)


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[Wiring]:
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    with closing(open_wiring(tmp_path, None)) as opened:
        opened.clock = lambda: NOW
        yield opened


def entry(at: datetime, action: str = "records.transform") -> AuditEntry:
    return AuditEntry(0, at, "ada", CallerKind.PERSON, "", action, "users", AuditOutcome.DONE, {}, None, at)


def put_down(wiring: Wiring, *entries: AuditEntry) -> list[int]:
    return wiring.store.audit.write(entries)


def kept(wiring: Wiring, action: str) -> list[int]:
    return [one.audit_id for one in reversed(wiring.store.audit.entries(action=action))]


@pytest.mark.parametrize("most", [1, 2, 1000])
def test_answers_of_days_that_are_old_are_taken_out_and_the_audit_tells_which(wiring, most):
    old = [entry(LAST_OF_OLD - timedelta(days=day)) for day in (3, 2, 0)]
    numbers = put_down(wiring, *old, entry(FIRST_KEPT), entry(NOW))

    retention = AuditRetention(wiring, Access(wiring), most=most, pause_seconds=0)
    counts = retention.take_out(), retention.take_out()

    assert counts == (3, 0)
    assert kept(wiring, "records.transform") == numbers[3:]
    (told,) = wiring.store.audit.entries(action="audit.take-out")
    facts = {"before": "2026-01-03T00:00:00+00:00", "entries": 3, "first": numbers[0], "last": numbers[2]}
    assert (told.actor, told.kind, told.subject, told.outcome) == (
        "retention", CallerKind.SYSTEM, "records.transform", AuditOutcome.DONE,
    )  # fmt: skip
    assert told.facts == facts


def test_changes_stay_however_old_they_are(wiring):
    numbers = put_down(wiring, entry(LAST_OF_OLD - timedelta(days=900), "cutover.promote"), entry(LAST_OF_OLD))

    AuditRetention(wiring, Access(wiring)).take_out()

    assert kept(wiring, "cutover.promote") == numbers[:1]
    assert kept(wiring, "records.transform") == []


def test_how_long_they_stay_is_a_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCKGATE_AUDIT_ANSWER_DAYS", "1")
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    with closing(open_wiring(tmp_path, None)) as wiring:
        wiring.clock = lambda: NOW
        put_down(wiring, entry(datetime(2026, 4, 1, 23, tzinfo=UTC)), entry(datetime(2026, 4, 2, tzinfo=UTC)))

        assert AuditRetention(wiring, Access(wiring)).take_out() == 1


def test_another_project_of_the_same_control_plane_keeps_its_own(wiring, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "lockgate.yml").write_text("project: sales\n", encoding="utf-8")
    with closing(open_wiring(other, None)) as theirs:
        theirs.__dict__["store"] = _beside(wiring)
        numbers = put_down(theirs, entry(LAST_OF_OLD))
        put_down(wiring, entry(LAST_OF_OLD))

        AuditRetention(wiring, Access(wiring)).take_out()

        assert kept(theirs, "records.transform") == numbers


def _beside(wiring: Wiring):
    from lockgate.store import open_store

    return open_store(wiring._control_address, project="sales", target="main")
