"""Jobs are listed, shown, asked for, taken back and tried again; whatever they failed of stands on their page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lockgate.core.access import AuditOutcome
from lockgate.core.execution import Execution, NodeResult, NodeStatus, RuleCount
from lockgate.core.job import Failure, Inputs, JobResult, JobStatus, RoutedBy, Submission, TransformRequest
from lockgate.core.load import Pin
from lockgate.core.record import RecordStatus
from lockgate.core.relation import Relation
from lockgate.server.console.listing import ROWS
from lockgate.testing.jobs import NOON

INPUTS = Inputs("two", "sha256:0123456789abcdef", (Pin(Relation("raw", "people"), 3, 3),))
NODES = (
    NodeResult("model.people.stg_people", NodeStatus.SUCCESS, 0.25, rows=40, file="models/stg_people.sql"),
    NodeResult("test.people.unique_people", NodeStatus.FAIL, 0.125, failures=2, message="Got 2 <b>results</b>"),
)
RULES = (RuleCount("e-mail given", "rejected", 7, "the address is missing"),)


@pytest.fixture
def submitted(store):
    """Stores a job: its id."""

    def submitted(entity: str = "people", *, caller: str = "zoë", **asked) -> str:
        submission = Submission(TransformRequest(entity, **asked), caller, INPUTS, correlation_id="abc")
        (job,) = store.jobs.submit([submission], NOON)
        return job.job_id

    return submitted


@pytest.fixture
def ended(store, submitted):
    """Stores a job that ended so: its id."""

    def ended(outcome, **asked) -> str:
        job_id = submitted(**asked)
        claim = store.jobs.claim(store.jobs.job(job_id).execution_id, "worker", NOON)
        store.jobs.begun(claim, INPUTS, NOON)
        store.jobs.finish(claim, outcome, NOON + timedelta(seconds=2))
        return job_id

    return ended


def result(**more) -> JobResult:
    execution = Execution("people", "two", Relation("analytics__two", "people"), 40, 1.5, RULES, NODES)
    return JobResult(execution, INPUTS, RoutedBy.ROUTE, **more)


FAILURE = Failure("LG501", "DbtFailed", "The model <people> broke.", "Mend it.", {"model": "people"})


def test_nobody_has_asked_for_a_job_yet(look):
    page = look("/jobs")

    assert "Nobody has asked for a job yet." in page.words
    assert 'curl http://localhost:5003/api/jobs -d \'{"entityType": "ENTITY"}\'' in page.words


def test_jobs_are_listed_the_newest_first_and_filtered(look, ended, submitted):
    done, queued = ended(result()), submitted("people_by_a_name_as_long_as_it_may_be")

    page, filtered = look("/jobs"), look("/jobs?entity=people&status=success")

    jobs = [link for link in page.links if link.startswith("/jobs/")]
    assert sorted(jobs) == sorted([f"/jobs/{done}", f"/jobs/{queued}"])
    assert page.words.index("queued people_by_a_name") < page.words.index("success people as routed two 40 2.0 s 1 zoë")
    assert [link for link in filtered.links if link.startswith("/jobs/")] == [f"/jobs/{done}"]
    assert "No job is like that." in look("/jobs?status=failed").words


def test_a_long_list_goes_on_behind_its_last_job(look, submitted):
    first, *_ = (submitted(variables={"day": number}) for number in range(ROWS + 1))

    page = look("/jobs?status=queued")
    (older,) = (link for link in page.links if "before" in link)

    assert older.startswith("/jobs?status=queued&before=")
    assert [link for link in look(older).links if link.startswith("/jobs/")] == [f"/jobs/{first}"]


def test_a_job_that_succeeded_tells_what_came_of_it(look, ended):
    page = look(f"/jobs/{ended(result())}")

    assert "success after 2.0 s" in page.words
    assert "Answered by two , because of the route" in page.words
    assert "40, in 1.5 s, built as analytics__two.people" in page.words
    assert "stg_people models/stg_people.sql success 40 0.25 s" in page.words
    assert "unique_people fail 2 0.12 s Got 2 <b>results</b>" in page.words
    assert "e-mail given rejected 7 the address is missing" in page.words
    assert "raw.people 3 3" in page.words
    assert [form["action"] for form in page.forms] == []


def test_a_job_that_fell_back_says_who_failed(look, ended):
    page = look(f"/jobs/{ended(result(fallen_back=FAILURE))}")

    assert "two failed, and two answered in its place. The model <people> broke. (LG501) Mend it." in page.words


def test_a_job_that_failed_tells_why_and_may_be_tried_again(look, ended, sent, store):
    job_id = ended(FAILURE)
    page = look(f"/jobs/{job_id}")

    again = sent(f"/jobs/{job_id}/retry")

    assert "The model <people> broke. (LG501) Mend it. model people" in page.words
    assert [form["action"] for form in page.forms] == [f"/jobs/{job_id}/retry"]
    assert again.headers["location"] == f"/jobs/{job_id}?said=retried"
    assert store.jobs.job(job_id).status is JobStatus.QUEUED
    assert "The job waits for another try." in look(again.headers["location"]).words


def test_a_job_that_is_queued_may_be_taken_back(look, submitted, sent, store, service):
    job_id = submitted()
    page = look(f"/jobs/{job_id}")

    answer = sent(f"/jobs/{job_id}/cancel")

    (entry,) = service.access.audit(action="job.cancel")
    assert [form["action"] for form in page.forms] == [f"/jobs/{job_id}/cancel"]
    assert answer.headers["location"] == f"/jobs/{job_id}?said=cancelled"
    assert store.jobs.job(job_id).status is JobStatus.CANCELLED
    assert (entry.subject, entry.outcome, entry.actor) == (job_id, AuditOutcome.DONE, "loopback")


def test_a_job_that_ended_is_not_taken_back(ended, sent, store, service):
    job_id = ended(result())

    answer = sent(f"/jobs/{job_id}/cancel", status=409)

    (entry,) = service.access.audit(action="job.cancel")
    assert "has ended already: success" in answer.text
    assert store.jobs.job(job_id).status is JobStatus.SUCCESS
    assert (entry.outcome, entry.facts["code"]) == (AuditOutcome.REFUSED, "LG703")


def test_a_queued_job_says_which_run_has_the_target(look, submitted, store):
    run = store.runs.start_run("run", NOON)

    page = look(f"/jobs/{submitted()}")

    assert f"The target is busy with run {run} ( run ); this comes after it." in page.words
    assert f"/runs/{run}" in page.links


def test_a_running_job_tells_of_the_nodes_that_ended(look, submitted, store):
    job_id = submitted()
    store.jobs.claim(store.jobs.job(job_id).execution_id, "worker", NOON)
    run = store.runs.start_run("transform", NOON)
    store.runs.step_started(run, "build people by two", NOON)
    store.runs.step_progressed(
        run, "build people by two", {"nodes": 12, "bad": 1, "recent": [["model.people.a", "error", 0.5]]}
    )

    page = look(f"/jobs/{job_id}")

    assert "12 nodes have ended, 1 of them badly . The newest:" in page.words
    assert "model.people.a error 0.50 s" in page.words
    assert any(attributes.get("data-live") == f"/jobs/{job_id}/live" for _, attributes in page.tags)
    assert {"http-equiv": "refresh", "content": "5"} in page.of("meta")


def test_a_job_is_asked_for_by_a_form(look, sent, store, service):
    (form,) = (each for each in look("/jobs").forms if each.get("method") == "post")
    assert set(form["fields"]) == {"csrf", "entity", "engine", "again", "full_refresh"}

    answer = sent("/jobs", entity="people", engine="two", again="yes")

    (job,) = store.jobs.jobs()
    (entry,) = service.access.audit(action="job.submit")
    assert answer.headers["location"] == f"/jobs/{job.job_id}"
    assert (job.request, job.caller) == (TransformRequest("people", "two", again=True), "loopback")
    assert (entry.subject, entry.facts) == ("people", {"engine": "two", "job": job.job_id})


def test_a_job_of_an_entity_that_is_not_there_is_refused(sent, store):
    answer = sent("/jobs", status=404, entity="peple", engine="")

    assert "there is no entity &#39;peple&#39;" in answer.text
    assert store.jobs.jobs() == ()


@pytest.mark.parametrize("job_id", ["nothing", "%01", "a b"])
def test_a_job_that_is_not_there_is_a_page_too(look, job_id):
    assert "there is no job" in look(f"/jobs/{job_id}", status=404).words


def test_a_page_asks_the_control_plane_as_often_whatever_it_shows(client, submitted, statements, store):
    job_id = submitted()
    store.runs.start_run("run", NOON)
    with statements() as few:
        client.get("/jobs")
    for number in range(30):
        submitted(variables={"day": number})

    with statements() as many:
        client.get("/jobs")
    with statements() as one:
        client.get(f"/jobs/{job_id}")

    assert len([each for each in few if "job" in each]) == 2
    assert len([each for each in many if "job" in each]) == 2
    assert len([each for each in one if "job" in each or "run" in each]) == 5
    assert store.runs.runs()[0].status is RecordStatus.RUNNING
