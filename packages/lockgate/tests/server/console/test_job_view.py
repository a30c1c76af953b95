"""What a job's page shows while it is open: its own step where it has the target, else the run that it waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.execution import Execution, NodeResult, NodeStatus
from lockgate.core.job import Failure, Inputs, Job, JobResult, JobStatus, RoutedBy, TransformRequest
from lockgate.core.record import RecordStatus, RunRecord, StepRecord
from lockgate.core.relation import Relation
from lockgate.server.console.job_view import JobView, Progress, job_view, lasted

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
JOB = Job("j", "anna", TransformRequest("people"), JobStatus.RUNNING, "e", joined=False, submitted_at=NOON)
STEP = StepRecord(
    "build people by dbt",
    RecordStatus.RUNNING,
    NOON,
    facts={"nodes": 3, "bad": 1, "recent": [["model.p.people", "success", 0.5], ["test.p.unique", "fail", 0.1]]},
)
RUNNING = RunRecord(7, "transform", RecordStatus.RUNNING, NOON, steps=(STEP,))


def test_a_running_job_shows_its_step_and_how_far_that_has_come():
    view = job_view(JOB, RUNNING)

    recent = (("model.p.people", "success", 0.5), ("test.p.unique", "fail", 0.1))
    assert (view.step, view.waits_for) == (STEP, None)
    assert view.progress == Progress(3, 1, recent)
    assert view.sentence == "people: 3 nodes ended"


@pytest.mark.parametrize(
    ("job", "running"),
    [
        (replace(JOB, status=JobStatus.QUEUED), RUNNING),
        (JOB, replace(RUNNING, command="run")),
        (replace(JOB, request=TransformRequest("users")), RUNNING),
    ],
    ids=["queued", "another command", "another entity"],
)
def test_a_job_that_has_not_the_target_waits_for_the_run_that_has(job, running):
    view = job_view(job, running)

    assert (view.step, view.waits_for, view.progress) == (None, running, None)
    assert view.sentence == f"{job.request.entity}: {job.status}"


@pytest.mark.parametrize("running", [None, RUNNING])
def test_a_job_that_ended_waits_for_nothing(running):
    job = replace(JOB, status=JobStatus.CANCELLED)

    assert job_view(job, running) == JobView(job)


def test_a_step_that_counts_no_nodes_shows_no_progress():
    step = replace(STEP, facts={})

    assert job_view(JOB, replace(RUNNING, steps=(step,))).progress is None


def test_tests_stand_apart_from_what_they_test():
    model = NodeResult("model.p.people", NodeStatus.SUCCESS, 0.5)
    tests = NodeResult("test.p.unique", NodeStatus.PASS, 0.1), NodeResult("unit_test.p.names", NodeStatus.PASS, 0.1)
    execution = Execution("people", "dbt", Relation("w", "people"), 3, 1.0, nodes=(tests[0], model, tests[1]))
    result = JobResult(execution, Inputs("dbt", "1", ()), RoutedBy.ROUTE)

    view = JobView(replace(JOB, status=JobStatus.SUCCESS, result=result))

    assert (view.models, view.tests) == ((model,), tests)


def test_a_failure_tells_its_places_and_what_was_to_answer_instead():
    fallback = {"engine": "rules", "code": "LG301", "error": "RuleSetInvalid", "message": "gone", "hint": ""}
    failure = Failure("LG501", "DbtFailed", "it broke", fields={"model": "fct_users", "line": 7, "fallback": fallback})

    view = JobView(replace(JOB, status=JobStatus.FAILED, failure=failure))

    assert view.places == (("model", "fct_users"), ("line", "7"))
    assert view.fallback == fallback
    assert view.can_retry


def test_what_goes_on_lasts_until_now():
    later = NOON + timedelta(seconds=5)

    assert lasted(NOON, None, later) == 5.0
    assert lasted(NOON, later, later + timedelta(hours=1)) == 5.0
    assert lasted(None, None, later) is None
    assert lasted(later, None, NOON) == 0.0
