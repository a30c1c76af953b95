"""A whole run is told as OpenLineage events: each as the published schemas have it, named right, without a value."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from lockgate.app import App
from lockgate.app.emitting import Emitting
from lockgate.core.examination import Examination
from lockgate.core.execution import Execution
from lockgate.core.lineage_event import JobKind, Work, run_uuid
from lockgate.core.nominal_time import about
from lockgate.core.record import RecordStatus
from lockgate.core.relation import Relation
from lockgate.core.route import Edition
from lockgate.core.run import Bounds, DbtRequest, RunRequest
from lockgate.errors import DbtCancelled, ExtraMissing, StatementFailed
from lockgate.flow import Unwatched

pytestmark = pytest.mark.slow

FILE = "told/events.ndjson"
TESTS = "models: [{name: people, columns: [{name: person_id, data_tests: [unique, not_null]}]}]\n"
NOBODY_IS_ADA = "select * from {{ ref('people') }} where name = 'Ada'\n"
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
STAGED = "select id as person_id, name from {{ source('raw', 'people') }} where name <> 'Nobody Known'\n"


@pytest.fixture
def told_project(project):
    """The project, which tells a file."""
    file = project / "lockgate.yml"
    file.write_text(file.read_text(encoding="utf-8") + f"lineage: {{events: {{file: {FILE}}}}}\n", encoding="utf-8")
    (project / "dbt/models/people.yml").write_text(TESTS, encoding="utf-8")
    (project / "dbt/models/staged.sql").write_text(STAGED, encoding="utf-8")
    (project / "dbt/models/people.sql").write_text(
        "{{ config(materialized='table') }}\nselect distinct * from {{ ref('staged') }}\n", encoding="utf-8"
    )
    return project


@pytest.fixture
def events(told_project, lineage_flaws):
    """The events in the file, once none of them has a flaw and none holds a value of a row."""

    def events() -> list[dict]:
        written = (told_project / FILE).read_text(encoding="utf-8")
        assert "Łukasz" not in written
        assert '"Ada"' not in written
        assert "Nobody Known" not in written
        found = [json.loads(line) for line in written.splitlines()]
        assert [lineage_flaws(event) for event in found] == [[]] * len(found)
        return found

    return events


def phases(events) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event in events:
        found.setdefault(event["job"]["name"], []).append(event["eventType"])
    return found


def ended(events, job) -> dict:
    """The last event of a job."""
    return [event for event in events if event["job"]["name"] == job][-1]


def names(datasets) -> list[str]:
    return [each["name"] for each in datasets]


def read_by(event, column) -> list[tuple[str, str, str, str | None]]:
    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"][column]["inputFields"]
    return [
        (one["name"], one["field"], way["type"], way.get("subtype")) for one in fields for way in one["transformations"]
    ]


def test_every_part_of_a_run_begins_and_ends_under_it(told_project, events):
    with App.open(told_project) as app:
        assert app.run(RunRequest(), Unwatched()).errors == {}
    found = events()

    once = ["START", "COMPLETE"]
    assert phases(found) == {
        "people.run": once,
        "people.load.files.people": once,
        "people.people.rules": once,
        "people.people.dbt": once,
        "people.analytics__dbt.model.people.staged": once,
        "people.analytics__dbt.model.people.people": once,
        "people.people.dbt.test": once,
        "people.people.rules.publish": once * 2,
        "people.people.dbt.publish": once * 2,
    }
    assert {event["job"]["namespace"] for event in found} == {"people.main"}
    run = found[0]["run"]["runId"]
    parents = {
        event["job"]["name"]: event["run"]["facets"]["parent"]["job"]["name"]
        for event in found
        if event["job"]["name"] != "people.run"
    }
    assert parents.pop("people.analytics__dbt.model.people.staged") == "people.people.dbt"
    assert parents.pop("people.analytics__dbt.model.people.people") == "people.people.dbt"
    assert parents.pop("people.people.dbt.test") == "people.people.dbt"
    assert set(parents.values()) == {"people.run"}
    roots = {event["run"]["facets"]["parent"]["root"]["run"]["runId"] for event in found[1:-1]}
    assert roots == {run}
    assert len({(event["run"]["runId"], event["eventType"]) for event in found}) == len(found)


def test_datasets_columns_and_counts_are_told(told_project, events):
    with App.open(told_project) as app:
        app.run(RunRequest(), Unwatched())
    found = events()

    place = f"duckdb://{told_project}/warehouse"
    load = ended(found, "people.load.files.people")
    assert [(one["namespace"], one["name"]) for one in load["inputs"]] == [("file", f"{told_project}/people.csv")]
    (raw,) = load["outputs"]
    assert (raw["namespace"], raw["name"]) == (place, "raw.people")
    assert raw["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert [(one["name"], one["type"]) for one in raw["facets"]["schema"]["fields"]] == [
        ("_load_id", "bigint"),
        ("_row", "bigint"),
        ("id", "bigint"),
        ("name", "text"),
    ]
    assert set(raw["facets"]["columnLineage"]["fields"]) == {"id", "name"}
    rules = ended(found, "people.people.rules")
    assert (names(rules["inputs"]), names(rules["outputs"])) == (["raw.people"], ["analytics__rules.people"])
    assert rules["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert read_by(rules, "person_id") == [("raw.people", "id", "DIRECT", None)]
    assert "raw" in rules["job"]["facets"]["sql"]["query"]
    staged = ended(found, "people.analytics__dbt.model.people.staged")
    assert (names(staged["inputs"]), names(staged["outputs"])) == (["raw.people"], ["analytics__dbt.staged"])
    assert read_by(staged, "person_id") == [("raw.people", "id", "DIRECT", None)]
    deciding = staged["outputs"][0]["facets"]["columnLineage"]["dataset"]
    assert [(one["name"], one["field"], one["transformations"]) for one in deciding] == [
        ("raw.people", "name", [{"type": "INDIRECT", "subtype": "FILTER"}])
    ]
    assert "<> ?" in staged["job"]["facets"]["sql"]["query"]
    model = ended(found, "people.analytics__dbt.model.people.people")
    assert names(model["inputs"]) == ["analytics__dbt.staged"]
    assert read_by(model, "name") == [("analytics__dbt.staged", "name", "DIRECT", None)]


def test_what_is_published_and_what_consumers_see_is_told(told_project, events):
    with App.open(told_project) as app:
        app.run(RunRequest(), Unwatched())
    found = events()

    published = [
        (names(event["inputs"]), names(event["outputs"]))
        for event in found
        if event["job"]["name"] == "people.people.dbt.publish" and event["eventType"] == "COMPLETE"
    ]
    assert published == [
        (["analytics__dbt.people"], ["analytics__editions.people__2"]),
        (["analytics__editions.people__2"], ["analytics.people"]),
    ]
    shown = ended(found, "people.people.dbt.publish")["outputs"][0]
    assert shown["facets"]["version"]["datasetVersion"] == "2"
    assert shown["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "OVERWRITE"
    assert shown["outputFacets"]["outputStatistics"]["rowCount"] == 2


def test_tests_that_pass_and_fail_are_told_with_what_they_test(told_project, events):
    with App.open(told_project) as app:
        app.run(RunRequest(), Unwatched())
        (told_project / "dbt/tests").mkdir()
        (told_project / "dbt/tests/nobody_is_ada.sql").write_text(NOBODY_IS_ADA, encoding="utf-8")
        app.test(("people",), Unwatched())
    found = events()

    built = next(event for event in found if event["run"]["facets"].get("test"))
    (tested,) = built["inputs"]
    assert tested["name"] == "analytics__dbt.people"
    assertions = tested["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert sorted((one["assertion"], one["success"]) for one in assertions) == [("not_null", True), ("unique", True)]
    failed = ended(found, "people.people.dbt.test")
    assert failed["eventType"] == "FAIL"
    assert failed["run"]["facets"]["errorMessage"]["message"].startswith("LG")
    told = {one["name"]: one["status"] for one in failed["run"]["facets"]["test"]["tests"]}
    assert told["test.people.nobody_is_ada"] == "fail"
    assert ended(found, "people.people.rules.test")["eventType"] == "COMPLETE"
    assert ended(found, "people.test")["eventType"] == "FAIL"


def test_what_fails_says_why_and_what_it_holds_up_is_not_told(told_project, events):
    (told_project / "people.csv").unlink()

    with App.open(told_project) as app:
        app.run(RunRequest(), Unwatched())
    found = events()

    assert phases(found) == {"people.run": ["START", "FAIL"], "people.load.files.people": ["START", "FAIL"]}
    said = {event["run"]["facets"].get("errorMessage", {}).get("message", "") for event in found} - {""}
    assert said == {"LG301 there is no file people.csv"}


def test_a_model_that_fails_ends_so_and_its_build_too(told_project, events):
    (told_project / "dbt/models/people.sql").write_text("select nowhere from {{ ref('staged') }}", encoding="utf-8")

    with App.open(told_project) as app:
        app.run(RunRequest(engines=("dbt",)), Unwatched())
    found = events()

    assert ended(found, "people.analytics__dbt.model.people.staged")["eventType"] == "COMPLETE"
    failed = ended(found, "people.analytics__dbt.model.people.people")
    assert (failed["eventType"], failed["outputs"]) == ("FAIL", [])
    assert "nowhere" in failed["run"]["facets"]["errorMessage"]["message"]
    assert ended(found, "people.people.dbt")["eventType"] == "FAIL"
    assert ended(found, "people.run")["eventType"] == "FAIL"


def test_one_execution_and_a_build_by_dbt_alone_are_told(told_project, events):
    with App.open(told_project) as app:
        app.load((), Bounds(), Unwatched())
        app.transform("people", engine="rules")
        app.implementations.build_by_dbt(DbtRequest("people"), Unwatched())
    found = events()

    assert {"people.load", "people.transform", "people.dbt_build"} <= set(phases(found))
    assert names(ended(found, "people.people.rules")["outputs"]) == ["analytics__rules.people"]
    assert names(ended(found, "people.analytics__dbt.model.people.people")["outputs"]) == ["analytics__dbt.people"]


# --- what is interrupted --------------------------------------------------------------------------------------------

DIES = """
import os, signal, sys
from pathlib import Path
from lockgate.app import App
from lockgate.core.run import RunRequest
from lockgate.flow import Unwatched

class Dies(Unwatched):
    def started(self, step):
        if step.name.startswith("build"):
            os.kill(os.getpid(), signal.SIGKILL)

with App.open(Path(sys.argv[1])) as app:
    app.run(RunRequest(engines=("rules",)), Dies())
"""


def test_what_a_killed_run_had_put_down_is_sent_and_the_run_is_ended(told_project, events):
    done = subprocess.run([sys.executable, "-c", DIES, str(told_project)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (told_project / FILE).exists()

    with App.open(told_project) as app:
        app.load((), Bounds(), Unwatched())
    found = events()

    assert phases(found) == {
        "people.run": ["START", "ABORT"],
        "people.load.files.people": ["START", "COMPLETE"] * 2,
        "people.load": ["START", "COMPLETE"],
    }
    aborted = next(event for event in found if event["eventType"] == "ABORT")
    assert aborted["run"]["runId"] == found[0]["run"]["runId"]
    assert aborted["run"]["facets"]["errorMessage"]["message"] == "it was interrupted"


def test_works_that_are_interrupted_end_with_their_run(told_project, events):
    with App.open(told_project) as app:
        run = Emitting(app._wiring, 7, "run", NOON)
        app._wiring.has_put_down_lineage = True
        run.began(Work(JobKind.LOAD, "files.people"))
        run.closed(RecordStatus.INTERRUPTED, None)
    found = events()

    assert [(event["job"]["name"], event["eventType"]) for event in found] == [
        ("people.run", "START"),
        ("people.load.files.people", "START"),
        ("people.load.files.people", "ABORT"),
        ("people.run", "ABORT"),
    ]
    assert found[-1]["run"]["facets"]["errorMessage"]["message"] == "it was interrupted"


# --- nothing fails by it ----------------------------------------------------------------------------------------------


def test_a_run_goes_well_where_nobody_can_be_told(told_project):
    (told_project / "told").write_text("a file where a folder should be", encoding="utf-8")

    with App.open(told_project) as app:
        assert app.run(RunRequest(engines=("rules",)), Unwatched()).errors == {}
    with App.open(told_project) as app:
        pending = app.lineage_events.events(limit=100)

    assert {each.status for each in pending} == {"pending"}
    assert pending[-1].attempts == 1
    assert pending[-1].said == "LG962 events.ndjson cannot be written: File exists"


def test_a_work_whose_lineage_cannot_be_read_ends_all_the_same(told_project, events):
    built = Execution("people", "gone", Relation("analytics__gone", "people"), 2, 0.1)
    with App.open(told_project) as app:
        run = Emitting(app._wiring, 7, "run", NOON)
        app._wiring.has_put_down_lineage = True
        for kind, found in (
            (JobKind.BUILD, built),
            (JobKind.PUBLICATION, Edition("people", 1, "gone", 2, NOON)),
            (JobKind.TEST, Examination("people", "gone", error=StatementFailed("it failed"))),
        ):
            run.began(Work(kind, "people@gone"))
            run.ended(Work(kind, "people@gone"), found)
        run.closed(RecordStatus.FAILED, StatementFailed("it failed"))

    found = events()
    assert phases(found) == {
        "people.run": ["START", "FAIL"],
        "people.people.gone": ["START", "COMPLETE"],
        "people.people.gone.publish": ["START", "COMPLETE"],
        "people.people.gone.test": ["START", "FAIL"],
    }
    assert {names(event["outputs"]) != [] for event in found} == {False}
    said = ended(found, "people.people.gone.test")["run"]["facets"]["errorMessage"]["message"]
    assert said.endswith(" it failed")


def test_what_was_cancelled_is_aborted(told_project, events):
    with App.open(told_project) as app:
        run = Emitting(app._wiring, 7, "run", NOON)
        app._wiring.has_put_down_lineage = True
        run.began(Work(JobKind.BUILD, "people@dbt"))
        run.ended(Work(JobKind.BUILD, "people@dbt"), DbtCancelled("somebody stopped it"))

    assert phases(events())["people.people.dbt"] == ["START", "ABORT"]


def test_without_the_extra_a_project_that_tells_is_refused_before_anything_is_done(told_project, monkeypatch):
    monkeypatch.setattr("lockgate.adapters.registry.EXTRAS", {"openlineage": ("no_such_package",)})

    with App.open(told_project) as app, pytest.raises(ExtraMissing):
        app.load((), Bounds(), Unwatched())


def test_nothing_is_put_down_where_nobody_is_told(project):
    with App.open(project) as app:
        app.load((), Bounds(), Unwatched())

        assert app.lineage_events.events(limit=10) == ()


def test_the_time_that_a_flows_run_is_about_is_told(told_project, events):
    with about(NOON, NOON.replace(hour=13)), App.open(told_project) as app:
        app.load((), Bounds(), Unwatched())

    for event in events():
        assert event["run"]["facets"]["nominalTime"]["nominalEndTime"] == "2024-02-29T13:00:00.000000Z"


# --- ids ----------------------------------------------------------------------------------------------------------


def test_ids_are_the_same_for_the_same_run_and_sort_by_when_it_began():
    one = run_uuid(NOON, "people", "main", "1", "run")

    assert one == run_uuid(NOON, "people", "main", "1", "run")
    assert one != run_uuid(NOON, "people", "main", "2", "run")
    assert one.startswith("018df4bc-5600-7")  # 2024-02-29T12:00Z is 1,709,208,000,000 ms, 0x18df4bc5600
    assert one[19] in "89ab"
    assert one < run_uuid(NOON.replace(minute=1), "people", "main", "1", "run")
