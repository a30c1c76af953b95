"""Gates over evidence: each condition says go, no-go or not enough, and names what it saw."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lockgate.core.gate import Answer, Evidence, EvidenceKind, GateDeclaration, Pair, SignOff, Traffic
from lockgate.cutover import Seen, gate_answer

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAIR = Pair("users", "rules", "dbt", "r1", "d1")


def evidence(number: int, kind: EvidenceKind, *, age: timedelta = timedelta(), by="controller", token=3, **facts):
    return Evidence(number, kind, PAIR, token, NOW - age, by, facts)


def comparison(number: int, verdict: str = "PASS", unexplained: int = 0, differing: int = 0, **more):
    kind = EvidenceKind.COMPARISON
    return evidence(number, kind, verdict=verdict, unexplained=unexplained, differing=differing, **more)


def asked(gate: GateDeclaration, *found: Evidence, traffic: Traffic | None = None) -> list[tuple[Answer, str]]:
    newest_first = sorted(found, key=lambda one: -one.evidence_id)
    answer = gate_answer(gate, Seen(PAIR, newest_first, 3, NOW, traffic or Traffic()))
    return [(one.answer, one.sentence) for one in answer.conditions]


PARITY = GateDeclaration("parity", unexplained_differences=0, runs=3)


@pytest.mark.parametrize(
    ("found", "answer", "sentence"),
    [
        ((), Answer.NOT_ENOUGH, "0 of 3 comparisons so far"),
        ((comparison(1), comparison(2)), Answer.NOT_ENOUGH, "2 of 3 comparisons so far"),
        (
            (comparison(1), comparison(2), comparison(3, "INCONCLUSIVE")),
            Answer.NOT_ENOUGH,
            "2 of 3 comparisons so far, 1 inconclusive",
        ),
        (
            (comparison(1), comparison(2), comparison(3)),
            Answer.GO,
            "at most 0 unexplained differences in the last 3 comparisons",
        ),
        (
            (comparison(1), comparison(2, "FAIL", 7, 9), comparison(3), comparison(4)),
            Answer.NO_GO,
            "7 unexplained differences on 2026-11-21 12:00, 0 allowed",
        ),
        (  # what is further back than the newest three no longer counts
            (comparison(1, "FAIL", 7), comparison(2), comparison(3), comparison(4, "FAIL", 0, 5)),
            Answer.GO,
            "at most 0 unexplained differences in the last 3 comparisons",
        ),
    ],
)
def test_unexplained_differences_over_the_newest_runs(found, answer, sentence) -> None:
    assert asked(PARITY, *found) == [(answer, sentence)]


def test_an_inconclusive_comparison_with_too_many_differences_is_a_no() -> None:
    assert asked(PARITY, comparison(1, "INCONCLUSIVE", 4))[0][0] is Answer.NO_GO


def test_a_budget_counts_rows_that_were_explained_too() -> None:
    gate = GateDeclaration("budget", row_budget=10)

    assert asked(gate, comparison(1, "FAIL", 0, 10))[0][0] is Answer.GO
    assert asked(gate, comparison(1, "FAIL", 0, 11))[0] == (
        Answer.NO_GO,
        "11 differing rows on 2026-11-21 12:00, 10 allowed",
    )


def test_evidence_that_is_too_old_does_not_count() -> None:
    gate = GateDeclaration("parity", unexplained_differences=0, within=timedelta(hours=1))

    assert asked(gate, comparison(1, age=timedelta(minutes=60)))[0][0] is Answer.GO
    assert asked(gate, comparison(1, age=timedelta(minutes=61)))[0][0] is Answer.NOT_ENOUGH


def test_tests_must_have_run_and_passed() -> None:
    gate = GateDeclaration("tests", tests=True)
    kind = EvidenceKind.TESTS

    assert asked(gate) == [(Answer.NOT_ENOUGH, "tests ran in 0 of 1 execution so far")]
    assert asked(gate, evidence(1, kind, passed=0, failed=0))[0][0] is Answer.NOT_ENOUGH
    assert asked(gate, evidence(1, kind, passed=12, failed=0)) == [(Answer.GO, "12 tests passed")]
    assert asked(gate, evidence(1, kind, passed=12, failed=1))[0] == (
        Answer.NO_GO,
        "1 test failed on 2026-11-21 12:00",
    )


def test_freshness_is_the_age_of_what_was_read() -> None:
    gate = GateDeclaration("fresh", freshness=timedelta(hours=24))
    loaded = [(NOW - timedelta(hours=hours)).isoformat() for hours in (24, 25)]

    assert asked(gate)[0][0] is Answer.NOT_ENOUGH
    assert asked(gate, evidence(1, EvidenceKind.FRESHNESS, loaded_at=loaded[0]))[0][0] is Answer.GO
    assert asked(gate, evidence(1, EvidenceKind.FRESHNESS, loaded_at=loaded[1])) == [
        (Answer.NO_GO, "its inputs were loaded 25 hours ago, 24 hours allowed")
    ]


@pytest.mark.parametrize(
    ("requests", "errors", "answer"),
    [(99, 0, Answer.NOT_ENOUGH), (100, 1, Answer.GO), (100, 2, Answer.NO_GO)],
)
def test_errors_of_the_candidate_alone_after_enough_requests(requests, errors, answer) -> None:
    gate = GateDeclaration("healthy", error_rate=Decimal("0.01"))

    assert asked(gate, traffic=Traffic(requests=requests, errors=errors, shared_errors=50))[0][0] is answer


@pytest.mark.parametrize(("times", "answer"), [(1.2, Answer.GO), (1.3, Answer.NO_GO)])
def test_latency_is_the_geometric_mean_of_how_many_times_as_long(times, answer) -> None:
    gate, count = GateDeclaration("quick", latency=Decimal("1.25")), 200
    log = math.log(times)
    traffic = Traffic(slower_count=count, slower_sum=count * log, slower_squares=count * log * log)

    assert asked(gate, traffic=traffic)[0][0] is answer


def test_a_score_is_the_newest_one() -> None:
    gate = GateDeclaration("good", score=Decimal("0.9"))
    found = [evidence(1, EvidenceKind.SCORE, value=0.95), evidence(2, EvidenceKind.SCORE, value=0.85)]

    assert asked(gate, *found) == [(Answer.NO_GO, "the score is 0.85, at least 0.9 wanted")]


def signature(number: int, by: str, *, role="approver", gate="signed", token=3):
    return evidence(number, EvidenceKind.SIGN_OFF, by=by, token=token, gate=gate, role=role, reason="")


def test_two_persons_sign_for_the_route_as_it_stands() -> None:
    gate = GateDeclaration("signed", sign_off=SignOff(("approver", "admin"), 2))

    assert asked(gate, signature(1, "anna"), signature(2, "anna")) == [
        (Answer.NOT_ENOUGH, "1 of 2 signatures of approver or admin, signed by anna")
    ]
    others = [
        signature(2, "ben", token=2),
        signature(3, "ben", gate="other"),
        signature(4, "ben", role="viewer"),
    ]
    assert asked(gate, signature(1, "anna"), *others)[0][0] is Answer.NOT_ENOUGH
    assert asked(gate, signature(1, "anna"), signature(2, "ben", role="admin")) == [(Answer.GO, "signed by ben, anna")]


def test_every_condition_of_a_gate_must_hold() -> None:
    gate = GateDeclaration("all", unexplained_differences=0, score=Decimal("0.9"))
    found = gate_answer(gate, Seen(PAIR, [comparison(1)], 3, NOW))

    assert [one.answer for one in found.conditions] == [Answer.GO, Answer.NOT_ENOUGH]
    assert found.answer is Answer.NOT_ENOUGH
    assert found.conditions[0].evidence == (1,)
