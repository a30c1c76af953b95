"""Events are what OpenLineage's schemas and pages say, and hold no secrets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockgate.adapters.openlineage.documents import Documents
from lockgate.core.execution import NodeStatus
from lockgate.core.lineage import Reading
from lockgate.core.lineage_event import (
    Assertion,
    Change,
    Dataset,
    DatasetName,
    Field,
    FieldRead,
    JobKind,
    JobRun,
    LineageEvent,
    Phase,
)

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
RUN = JobRun("018df4f0-7c00-7aaa-8bbb-0123456789ab", "shop.run")
BUILD = JobRun("018df4f0-7c00-7aaa-8bbb-0123456789ac", "shop.users.dbt")
RAW, OUT = DatasetName("postgres://db:5432", "shop.raw.users"), DatasetName("postgres://db:5432", "shop.dbt.users")
EVENT = LineageEvent(Phase.COMPLETE, NOON, BUILD, JobKind.BUILD, parent=RUN, root=RUN)


@pytest.fixture
def document(lineage_flaws):
    """The document of an event, once nothing of it is against the schemas."""

    def document(event: LineageEvent) -> dict:
        made = Documents("shop.main", lambda text: text.replace("hunter2", "***")).of(event)
        assert made.event_id == f"{event.run.run_id}/{event.phase}"
        assert lineage_flaws(made.document) == []
        return made.document

    return document


def test_a_run_says_what_it_is_and_what_it_is_part_of(document):
    event = document(replace(EVENT, nominal=(NOON, NOON.replace(hour=13))))

    assert (event["eventType"], event["eventTime"]) == ("COMPLETE", "2024-02-29T12:00:00.000000Z")
    assert event["producer"] == "pkg:pypi/lockgate@0.1.0"
    assert (event["job"]["namespace"], event["job"]["name"]) == ("shop.main", "shop.users.dbt")
    assert event["run"]["runId"] == BUILD.run_id
    facets = event["run"]["facets"]
    assert facets["parent"]["run"] == {"runId": RUN.run_id}
    assert facets["parent"]["job"] == {"namespace": "shop.main", "name": "shop.run"}
    assert facets["parent"]["root"]["run"] == {"runId": RUN.run_id}
    assert facets["processing_engine"]["name"] == "Lockgate"
    assert facets["nominalTime"]["nominalStartTime"] == "2024-02-29T12:00:00.000000Z"
    assert facets["nominalTime"]["nominalEndTime"] == "2024-02-29T13:00:00.000000Z"
    kind = event["job"]["facets"]["jobType"]
    assert (kind["processingType"], kind["integration"], kind["jobType"]) == ("BATCH", "LOCKGATE", "BUILD")


# openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet, "Transformations"
@pytest.mark.parametrize(
    ("reading", "transformation"),
    [
        (Reading.DIRECT, {"type": "DIRECT"}),
        (Reading.FILTER, {"type": "INDIRECT", "subtype": "FILTER"}),
        (Reading.JOIN, {"type": "INDIRECT", "subtype": "JOIN"}),
        (Reading.GROUP, {"type": "INDIRECT", "subtype": "GROUP_BY"}),
        (Reading.DISTINCT, {"type": "INDIRECT", "subtype": "GROUP_BY"}),
        (Reading.ORDER, {"type": "INDIRECT", "subtype": "SORT"}),
    ],
)
def test_how_a_column_takes_part_is_said_in_their_words(document, reading, transformation):
    read = FieldRead("user_id", RAW, "id", reading)

    event = document(replace(EVENT, outputs=(Dataset(OUT, fields=(read,)),)))

    (field,) = event["outputs"][0]["facets"]["columnLineage"]["fields"]["user_id"]["inputFields"]
    assert field == {
        "namespace": "postgres://db:5432",
        "name": "shop.raw.users",
        "field": "id",
        "transformations": [transformation],
    }


def test_a_column_that_takes_part_twice_stands_once_with_both_ways(document):
    reads = (FieldRead("n", RAW, "id", Reading.DIRECT), FieldRead("n", RAW, "id", Reading.GROUP))

    event = document(replace(EVENT, outputs=(Dataset(OUT, fields=reads),)))

    (field,) = event["outputs"][0]["facets"]["columnLineage"]["fields"]["n"]["inputFields"]
    assert field["transformations"] == [{"type": "DIRECT"}, {"type": "INDIRECT", "subtype": "GROUP_BY"}]


def test_what_decides_about_every_row_stands_once_for_the_dataset(document):
    reads = (FieldRead("", RAW, "deleted", Reading.FILTER),)

    event = document(replace(EVENT, outputs=(Dataset(OUT, fields=reads),)))

    facet = event["outputs"][0]["facets"]["columnLineage"]
    assert facet["fields"] == {}
    assert [(each["field"], each["transformations"]) for each in facet["dataset"]] == [
        ("deleted", [{"type": "INDIRECT", "subtype": "FILTER"}])
    ]


def test_a_dataset_says_its_columns_rows_version_and_change(document):
    columns = (Field("id", "bigint", "who"), Field("name"))
    output = Dataset(OUT, columns, version="7", change=Change.OVERWRITE, rows=2, bytes=40, files=1)

    event = document(replace(EVENT, outputs=(output,)))

    facets, counted = event["outputs"][0]["facets"], event["outputs"][0]["outputFacets"]["outputStatistics"]
    assert facets["schema"]["fields"] == [
        {"name": "id", "type": "bigint", "description": "who", "ordinal_position": 1},
        {"name": "name", "ordinal_position": 2},
    ]
    assert facets["version"]["datasetVersion"] == "7"
    assert facets["lifecycleStateChange"]["lifecycleStateChange"] == "OVERWRITE"
    assert (counted["rowCount"], counted["size"], counted["fileCount"]) == (2, 40, 1)


def test_no_row_is_a_count_too(document):
    event = document(replace(EVENT, outputs=(Dataset(OUT, rows=0),)))

    assert event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 0


def test_tests_that_passed_failed_warned_and_were_skipped(document):
    tests = (
        Assertion("test.shop.not_null_users_id.1", "not_null", NodeStatus.PASS, 0),
        Assertion("test.shop.unique_users_id.2", "unique", NodeStatus.FAIL, 3),
        Assertion("test.shop.few_orphans", "custom_sql", NodeStatus.WARN, 1),
        Assertion("test.shop.never_made", "custom_sql", NodeStatus.SKIPPED),
    )

    event = document(replace(EVENT, phase=Phase.FAIL, kind=JobKind.TEST, inputs=(Dataset(OUT, assertions=tests),)))

    assertions = event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert [(one["assertion"], one["success"], one["actual"]) for one in assertions] == [
        ("not_null", True, "0"),
        ("unique", False, "3"),
        ("custom_sql", False, "1"),
    ]
    found = event["run"]["facets"]["test"]["tests"]
    assert [(one["status"], one.get("severity")) for one in found] == [
        ("pass", None),
        ("fail", "error"),
        ("fail", "warn"),
        ("skip", None),
    ]


def test_errors_and_sql_are_told_without_secrets(document):
    event = document(
        replace(EVENT, phase=Phase.FAIL, error="LG100 hunter2 was wrong", sql="select 'hunter2'", dialect="duckdb")
    )

    assert event["run"]["facets"]["errorMessage"]["message"] == "LG100 *** was wrong"
    assert event["job"]["facets"]["sql"]["query"] == "select '***'"
    assert event["job"]["facets"]["sql"]["dialect"] == "duckdb"


def test_what_was_left_ends_as_aborted(document, lineage_flaws):
    begun = document(replace(EVENT, phase=Phase.START))

    ended = Documents("shop.main", str).aborted(begun, NOON, "it was interrupted")

    assert ended.event_id == f"{BUILD.run_id}/ABORT"
    assert lineage_flaws(ended.document) == []
    assert ended.document["eventType"] == "ABORT"
    assert ended.document["run"]["facets"]["errorMessage"]["message"] == "it was interrupted"
    assert ended.document["run"]["facets"]["parent"] == begun["run"]["facets"]["parent"]


def test_names_of_datasets_hold_no_secrets(document):
    source = DatasetName("https://hunter2.example.com", "/v1/hunter2/people")
    read = FieldRead("user_id", source, "id", Reading.DIRECT)
    whole = FieldRead("", source, "id", Reading.FILTER)

    event = document(replace(EVENT, inputs=(Dataset(source),), outputs=(Dataset(source, fields=(read, whole)),)))

    told = {"namespace": "https://***.example.com", "name": "/v1/***/people"}
    for dataset in (event["inputs"][0], event["outputs"][0]):
        assert (dataset["namespace"], dataset["name"]) == (told["namespace"], told["name"])
    lineage = event["outputs"][0]["facets"]["columnLineage"]
    for (field,) in (lineage["fields"]["user_id"]["inputFields"], lineage["dataset"]):
        assert (field["namespace"], field["name"]) == (told["namespace"], told["name"])
