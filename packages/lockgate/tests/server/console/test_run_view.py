"""Steps lie where they were in the run's time, and say what they did in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lockgate.core.record import RecordStatus, RunRecord, StepRecord
from lockgate.server.console.job_view import Progress
from lockgate.server.console.run_view import RunView, facts_told, lines_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


LOAD = StepRecord("load", RecordStatus.SUCCESS, NOON, after(2), {"rows": 1200, "set aside": 0})
BUILD = StepRecord("build", RecordStatus.RUNNING, after(2), facts={"nodes": 1, "bad": 0, "recent": [["n", "pass", 1]]})
RUN = RunRecord(7, "run", RecordStatus.RUNNING, NOON, steps=(LOAD, BUILD))


def test_steps_share_the_time_of_a_run_that_goes_on():
    first, second = lines_of(RUN, after(8))

    assert (first.x, first.width, first.told) == (0.0, 25.0, "1,200 rows, 0 set aside")
    assert (second.x, second.width, second.told) == (25.0, 75.0, "")
    assert (first.progress, second.progress) == (None, Progress(1, 0, (("n", "pass", 1.0),)))


def test_a_step_too_short_to_be_seen_is_seen_within_the_picture():
    last = StepRecord("judge", RecordStatus.SUCCESS, after(8), after(8))
    run = RunRecord(7, "run", RecordStatus.SUCCESS, NOON, after(8), (LOAD, last))

    line = lines_of(run, after(100))[1]

    assert (line.x, line.width) == (99.0, 1.0)


def test_a_run_that_took_no_time_has_a_picture():
    run = RunRecord(7, "run", RecordStatus.SUCCESS, NOON, NOON, (replace(LOAD, finished_at=NOON),))

    assert [(line.x, line.width) for line in lines_of(run, NOON)] == [(0.0, 1.0)]


def test_what_a_step_says_is_read_as_words():
    facts = {"edition": 3, "rows": 1200, "unchanged": True, "verdict": "PASS", "recent": []}

    assert facts_told(replace(LOAD, facts=facts)) == "edition 3, 1,200 rows, unchanged, verdict PASS"


def test_a_run_is_told_by_the_step_under_way():
    ended = replace(RUN, status=RecordStatus.FAILED, steps=(LOAD,))

    assert RunView(RUN, ()).sentence == "run 7: build"
    assert (RunView(RUN, ()).is_final, RunView(ended, ()).is_final) == (False, True)
    assert RunView(ended, ()).sentence == "run 7: failed"
