"""The audit of many callers in few transactions."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from lockgate.app.access import Access
from lockgate.app.audit_book import AuditBook
from lockgate.app.wiring import open_wiring
from lockgate.core.access import AuditEnd, AuditOutcome, Caller, CallerKind, Role
from lockgate.core.correlation import correlated
from lockgate.errors import ControlPlaneUnavailable

ADA = Caller("ada", CallerKind.PERSON, frozenset({Role.OPERATOR}), "session")


@pytest.fixture
def access(tmp_path):
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    wiring = open_wiring(tmp_path, None)
    yield Access(wiring)
    wiring.close()


@pytest.fixture
def book(access):
    opened = AuditBook(access, seconds=30)
    yield opened
    opened.close()


def told(entry):
    return entry.actor, entry.action, entry.subject, entry.outcome.value, dict(entry.facts), entry.correlation_id


def test_a_change_is_put_down_before_it_is_made_and_after(access, book):
    with correlated("order-51"):
        number = book.begin(ADA, "job.submit", "users", address="10.0.0.9", facts={"engine": "dbt"}).result(30)
    (begun,) = access.audit()
    book.end(number, AuditOutcome.DONE, {"job": "j-1"}).result(30)
    (ended,) = access.audit()

    assert told(begun) == ("ada", "job.submit", "users", "begun", {"engine": "dbt"}, "order-51")
    assert told(ended) == ("ada", "job.submit", "users", "done", {"engine": "dbt", "job": "j-1"}, "order-51")
    assert (ended.audit_id, ended.address) == (number, "10.0.0.9")


def test_what_many_tell_while_one_is_written_is_written_together(access, book):
    sizes, going, written = [], Event(), access.write_changes

    def write(asked):
        sizes.append(len(asked))
        going.wait(30)
        return written(asked)

    access.write_changes = write
    first = book.begin(ADA, "job.submit", "first", address="", facts={})
    with ThreadPoolExecutor(8) as threads:
        begun = list(
            threads.map(lambda number: book.begin(ADA, "job.submit", str(number), address="", facts={}), range(200))
        )
    going.set()
    numbers = [future.result(30) for future in begun]
    for number in numbers:
        book.end(number, AuditOutcome.DONE, {})
    book.close()

    assert first.result(30) not in numbers
    assert len(set(numbers)) == 200
    assert len(sizes) <= 5
    entries = access.audit(limit=1_000)
    assert Counter(entry.outcome for entry in entries) == {AuditOutcome.DONE: 200, AuditOutcome.BEGUN: 1}
    assert {entry.subject for entry in entries} == {"first", *map(str, range(200))}


def test_what_somebody_is_given_is_one_entry_that_is_done(access, book):
    with correlated("order-51"):
        facts = {"records": 3}
        number = book.tell(ADA, "records.transform", "users", address="10.0.0.9", facts=facts).result(30)

    (entry,) = access.audit(action="records")
    assert told(entry) == ("ada", "records.transform", "users", "done", {"records": 3}, "order-51")
    assert (entry.audit_id, entry.address, entry.ended_at) == (number, "10.0.0.9", entry.at)


def test_who_tells_of_what_cannot_be_written_hears_so(access, book):
    def away(asked):
        raise ControlPlaneUnavailable

    access.write_changes = away

    with pytest.raises(ControlPlaneUnavailable):
        book.begin(ADA, "job.submit", "users", address="", facts={}).result(30)


def test_an_end_is_told_once(access, book):
    number = book.begin(ADA, "job.submit", "users", address="", facts={}).result(30)
    book.end(number, AuditOutcome.FAILED, {"code": "LG701"}).result(30)

    assert book.end(number, AuditOutcome.DONE, {}).result(30) == number
    assert access.write_changes([AuditEnd(number, AuditOutcome.DONE, access.audit()[0].at)]) == [number]
    assert access.audit()[0].outcome is AuditOutcome.FAILED
