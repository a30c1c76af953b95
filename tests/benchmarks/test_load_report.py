"""Figures of a load: quantiles, steadiness, verdicts, and the page that shows them."""

from __future__ import annotations

import re

import pytest

from load.picture import Chart, drawing, page
from load.report import Outcome
from load.seen import Ending, Seen, quantile
from load.watching import Sample, steadiness


@pytest.fixture
def outcome():
    """Of 400 questions in four seconds, one of them wrong."""
    seen = Seen(began=10.0, ended_at=14.0, asked=400)
    for number in range(399):
        seen.end("users, 1 record", Ending.RIGHT, 10.0 + number / 100, 0.001 * (number + 1))
    seen.end("users, batch", Ending.WRONG, 13.995, 2.0)
    samples = [Sample(float(second), 100 << 20, 60, 2, second / 2) for second in range(40)]
    return Outcome("100 < 1,000 clients", {"clients": 100, "rate": None}, seen, samples, 0.2)


@pytest.mark.parametrize(("share", "found"), [(0.5, 2), (0.95, 4), (0.25, 1), (1.0, 4), (0.0, 1)])
def test_a_quantile_is_a_value_that_was_measured(share, found):
    assert quantile([1, 2, 3, 4], share) == found


def test_nothing_has_no_quantile():
    assert quantile([], 0.5) == 0.0


@pytest.mark.parametrize(
    ("after", "is_steady", "moved"),
    [(105.0, True, 0.05), (106.0, False, 0.06), (95.0, True, -0.05), (94, False, -0.06)],
)
def test_what_moves_by_more_than_five_percent_after_warm_up_is_not_steady(after, is_steady, moved):
    found = steadiness([10.0] * 10 + [100.0] * 10 + [after] * 10)

    assert (found.is_steady, round(found.moved, 9)) == (is_steady, moved)


def test_a_short_run_tells_nothing_about_steadiness():
    assert steadiness([100.0] * 29).is_steady is None
    assert steadiness([]).is_steady is None


def test_one_wrong_answer_is_told_and_too_many_are_not_enough(outcome):
    success, online, memory, descriptors = outcome.verdicts()

    assert (success.found, success.is_met, success.is_enough) == ("99.750%", False, True)
    assert (online.found, online.is_met, online.is_enough) == ("100", False, False)
    assert (memory.found, memory.is_met) == ("100 → 100 MiB (+0.0%)", True)
    assert (descriptors.found, descriptors.is_met) == ("60 → 60 (+0.0%)", True)
    assert not outcome.is_enough


def test_the_document_has_every_second_and_every_kind(outcome):
    document = outcome.to_json()

    assert [(one["second"], one["answers"]) for one in document["by_second"]] == [
        (0, 100),
        (1, 100),
        (2, 100),
        (3, 100),
    ]
    assert document["endings"] == {"right": 399, "wrong": 1, "refused": 0, "out of patience": 0, "lost": 0}
    kind = document["kinds"]["users, 1 record"]
    assert [kind["ended"], kind["right"]] == [399, 399]
    assert [round(kind[name], 3) for name in ("p50", "p95", "p99", "longest")] == [0.2, 0.38, 0.396, 0.399]
    assert document["online_a_second"] == 99.75


def test_the_page_stands_alone_and_shows_what_was_missed(outcome):
    text = page([outcome])

    assert text.count("<svg") == 5
    assert "100 &lt; 1,000 clients" in text
    assert text.count("missed</td>") == 2
    assert not any(word in text for word in ("<script", "<link", "http://", "https://"))


def test_a_chart_draws_each_line_within_its_frame():
    drawn = drawing(Chart("made", [("one", [(0, 0), (3, 8)]), ("two", [(0, 4), (3, 2)])]))

    lines = re.findall(r'<polyline class="l\d" points="([^"]*)"/>', drawn)
    ticks = re.findall(r"<text [^>]*>([^<]*)</text>", drawn)
    assert lines == ["62.0,164.0 708.0,10.0", "62.0,87.0 708.0,125.5"]
    assert ticks == ["0", "2", "4", "6", "8", "0 s", "2 s", "3 s"]
