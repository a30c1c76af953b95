"""Traffic is summed up over workers, and what one of them writes again counts once; comparisons are told by time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lockgate.core.cutover import CONTROLLER
from lockgate.core.gate import EvidenceKind, Pair, Traffic

USERS = Pair("users", "rules", "dbt", "r1", "d1")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEEN = Traffic(
    requests=3, errors=1, records=6, wrong=2, slower_count=2, slower_sum=0.5, slower_squares=0.25, last_at=AT
)


def test_nothing_was_seen_at_first(store):
    assert store.evidence.traffic(USERS, 3) == Traffic()


def test_totals_written_twice_count_once(store):
    for _ in range(2):
        store.evidence.write_traffic(USERS, 3, "one", SEEN)

    assert store.evidence.traffic(USERS, 3) == SEEN


def test_a_greater_total_takes_the_place_of_a_smaller_one_and_never_the_other_way(store):
    greater = SEEN + replace(SEEN, last_at=AT + timedelta(seconds=1))
    for total in (SEEN, greater, SEEN):
        store.evidence.write_traffic(USERS, 3, "one", total)

    assert store.evidence.traffic(USERS, 3) == greater


def test_workers_are_summed_up_and_tokens_and_pairs_kept_apart(opened):
    log = opened().evidence
    others = replace(USERS, entity="orders"), replace(USERS, candidate_revision="d2")
    for pair, token, worker in ((USERS, 3, "one"), (USERS, 3, "two"), (USERS, 4, "one"), (others[0], 3, "one")):
        log.write_traffic(pair, token, worker, SEEN)
    log.write_traffic(others[1], 3, "three", SEEN)

    assert log.traffic(USERS, 3) == SEEN + SEEN
    assert log.traffic(USERS, 4) == log.traffic(others[0], 3) == log.traffic(others[1], 3) == SEEN
    assert log.traffic(replace(USERS, incumbent_revision="r2"), 3) == Traffic()
    assert opened(target="other").evidence.traffic(USERS, 3) == Traffic()


def test_the_comparisons_that_cycles_made_in_a_time_are_told_in_their_order(opened):
    def add(number, seconds, *, kind=EvidenceKind.COMPARISON, by=CONTROLLER, **where):
        facts, at = {"comparison_id": number}, AT + timedelta(seconds=seconds)
        opened(**where).evidence.add_evidence(kind, USERS, 3, at, by=by, facts=facts)

    add(4, -1)
    add(9, 0)
    add(5, 1, by="ann")
    add(6, 1, kind=EvidenceKind.EXECUTION)
    add(7, 1, target="other")
    add(8, 2)
    add(10, 3)

    assert opened().evidence.compared(AT, AT + timedelta(seconds=2)) == (9, 8)
