"""Jobs: their ids, their errors, loads, copies, dry runs, faults, and what cancelling them does.

Expected: cloud.google.com/bigquery/docs/reference/rest/v2/jobs, /docs/error-messages, /docs/running-jobs.
"""

from __future__ import annotations

import io
import threading
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest, Conflict, Forbidden, InternalServerError, NotFound
from google.cloud import bigquery

from lockgate.sandbox.bigquery_api.jobs import JobFault
from lockgate.sandbox.bigquery_api.refusals import Refusal

ROWS = pa.table({"id": pa.array([1, 2], pa.int64()), "price": pa.array([Decimal("1.25"), None], pa.decimal128(10, 2))})


def parquet(table: pa.Table = ROWS) -> bytes:
    kept = io.BytesIO()
    pq.write_table(table, kept)
    return kept.getvalue()


def load(client, target: str, content: bytes, **how):
    config = bigquery.LoadJobConfig(source_format="PARQUET", **how)
    return client.load_table_from_file(io.BytesIO(content), target, size=len(content), job_config=config)


def test_an_id_is_taken_once(client, never):
    client.query("SELECT 1", job_id="once", job_retry=None).result()

    with pytest.raises(Conflict) as caught:
        client.query("SELECT 2", job_id="once", job_retry=None, retry=never)

    assert caught.value.errors[0]["reason"] == "duplicate"
    assert [tuple(row.values()) for row in client.get_job("once").result()] == [(1,)]


def test_a_job_is_where_it_is(client, api):
    job = client.query("SELECT 1")
    job.result()

    with pytest.raises(NotFound):
        client.get_job(job.job_id, location="EU")

    assert client.get_job(job.job_id, location=api.location).state == "DONE"


def test_a_request_with_the_same_id_is_done_once(rest, dataset, run):
    run(f"CREATE TABLE {dataset}.t (a INT64)")
    body = {"query": f"INSERT INTO {dataset}.t (a) VALUES (1)", "useLegacySql": False, "requestId": "r-1"}

    first, second = rest.post("/queries", json=body).json(), rest.post("/queries", json=body).json()

    assert first["jobReference"] == second["jobReference"]
    assert run(f"SELECT COUNT(*) FROM {dataset}.t") == [(1,)]


def test_a_dry_run_changes_nothing_and_tells_what_would_be_read(client, dataset, run):
    run(f"CREATE TABLE {dataset}.t AS SELECT x FROM UNNEST([1, 2, 3]) AS x")
    config = bigquery.QueryJobConfig(dry_run=True)

    job = client.query(f"SELECT x FROM {dataset}.t", job_config=config)
    client.query(f"DELETE FROM {dataset}.t WHERE TRUE", job_config=config)

    assert (job.total_bytes_processed, job.schema[0].name) == (24, "x")
    assert run(f"SELECT COUNT(*) FROM {dataset}.t") == [(3,)]
    with pytest.raises(NotFound):
        client.query(f"SELECT 1 FROM {dataset}.nothing", job_config=config)


def test_a_query_that_would_cost_too_much_is_refused(dataset, run):
    """Google's client knows no such reason: it takes that of a job that has ended for an error of the server."""
    run(f"CREATE TABLE {dataset}.t AS SELECT 1 AS x")

    with pytest.raises(
        (BadRequest, InternalServerError),
        match=r"Query exceeded limit for bytes billed: 100. 10485760 or higher required.",
    ):
        run(f"SELECT x FROM {dataset}.t", maximum_bytes_billed=100)


@pytest.mark.parametrize("is_resumable", [False, True])
def test_parquet_is_loaded(client, dataset, run, is_resumable):
    content = parquet()
    config = bigquery.LoadJobConfig(source_format="PARQUET")
    size = None if is_resumable else len(content)

    job = client.load_table_from_file(io.BytesIO(content), f"{dataset}.t", size=size, job_config=config).result()

    assert (job.output_rows, job.input_file_bytes) == (2, len(content))
    assert run(f"SELECT id, price FROM {dataset}.t ORDER BY id") == [(1, Decimal("1.25")), (2, None)]


def test_rows_are_added_or_take_the_place_of_others(client, dataset, run):
    load(client, f"{dataset}.t", parquet()).result()
    load(client, f"{dataset}.t", parquet(), write_disposition="WRITE_APPEND").result()
    appended = run(f"SELECT COUNT(*) FROM {dataset}.t")

    load(client, f"{dataset}.t", parquet(pa.table({"other": ["a"]})), write_disposition="WRITE_TRUNCATE").result()

    assert appended == [(4,)]
    assert run(f"SELECT * FROM {dataset}.t") == [("a",)]


@pytest.mark.parametrize(
    ("content", "how", "reason"),
    [
        (b"no parquet", {}, "invalid"),
        (parquet(pa.table({"more": ["a"]})), {}, "invalid"),
        (parquet(), {"write_disposition": "WRITE_EMPTY"}, "duplicate"),
    ],
    ids=["unreadable", "unknown-column", "not-empty"],
)
def test_a_load_that_fails_leaves_the_table_as_it_was(client, dataset, run, content, how, reason):
    load(client, f"{dataset}.t", parquet()).result()

    job = load(client, f"{dataset}.t", content, **how)
    with pytest.raises((BadRequest, Conflict)):
        job.result()

    assert job.error_result["reason"] == reason
    assert run(f"SELECT COUNT(*) FROM {dataset}.t") == [(2,)]


def test_a_load_into_what_must_be_there_already_fails_without_it(client, dataset):
    with pytest.raises(NotFound):
        load(client, f"{dataset}.t", parquet(), create_disposition="CREATE_NEVER").result()

    assert list(client.list_tables(dataset)) == []


def test_json_is_loaded_by_its_schema(client, dataset, run):
    fields = [("id", "INT64"), ("at", "TIMESTAMP"), ("price", "NUMERIC"), ("ok", "BOOL")]
    config = bigquery.LoadJobConfig(schema=[bigquery.SchemaField(*each) for each in fields])
    rows = [{"id": 1, "at": "2024-02-29 01:02:03 UTC", "price": "1.10", "ok": True}, {"id": "2", "price": 3}]

    client.load_table_from_json(rows, f"{dataset}.t", job_config=config).result()

    spelled = run(f"SELECT id, CAST(at AS STRING), CAST(price AS STRING), ok FROM {dataset}.t ORDER BY id")
    assert spelled == [(1, "2024-02-29 01:02:03+00", "1.1", True), (2, None, "3", None)]
    with pytest.raises(BadRequest, match="No such field: more"):
        client.load_table_from_json([{"id": 3, "more": 1}], f"{dataset}.t", job_config=config).result()


def test_a_table_is_copied(client, dataset, run):
    load(client, f"{dataset}.t", parquet()).result()

    client.copy_table(f"{dataset}.t", f"{dataset}.u").result()
    with pytest.raises(Conflict):
        client.copy_table(f"{dataset}.t", f"{dataset}.u").result()

    assert run(f"SELECT id FROM {dataset}.u ORDER BY id") == [(1,), (2,)]


def test_a_job_may_fail_before_or_after_its_work(client, api, dataset, run):
    run(f"CREATE TABLE {dataset}.t (a INT64)")
    api.jobs.faults.append(JobFault(Refusal("quotaExceeded", "Quota exceeded")))
    api.jobs.faults.append(JobFault(Refusal("quotaExceeded", "Quota exceeded"), after=True))

    for _ in range(2):
        with pytest.raises(Forbidden) as caught:
            client.query(f"INSERT INTO {dataset}.t (a) VALUES (1)", job_retry=None).result(job_retry=None)
        assert caught.value.errors[0]["reason"] == "quotaExceeded"

    assert run(f"SELECT COUNT(*) FROM {dataset}.t") == [(1,)]


def test_a_job_takes_a_while_and_can_be_cancelled(client, api, rest, dataset, run):
    run(f"CREATE TABLE {dataset}.t (a INT64)")
    api.jobs.faults.append(JobFault(until=threading.Event()))
    job = client.query(f"INSERT INTO {dataset}.t (a) VALUES (1)", job_retry=None)
    waited = rest.get(f"/queries/{job.job_id}", params={"timeoutMs": "0"}).json()

    client.cancel_job(job.job_id)
    with pytest.raises(Exception, match="cancelled"):
        job.result(job_retry=None)
    job.reload()

    assert waited["jobComplete"] is False
    assert job.error_result["reason"] == "stopped"
    assert run(f"SELECT COUNT(*) FROM {dataset}.t") == [(0,)]


def test_a_job_ends_when_its_time_is_over(client, api, dataset, run):
    run(f"CREATE TABLE {dataset}.t (a INT64)")
    api.jobs.faults.append(JobFault(until=threading.Event()))
    config = bigquery.QueryJobConfig(job_timeout_ms=1)

    job = client.query(f"INSERT INTO {dataset}.t (a) VALUES (1)", job_config=config, job_retry=None)
    with pytest.raises(Exception, match="timed out"):
        job.result(job_retry=None)

    assert run(f"SELECT COUNT(*) FROM {dataset}.t") == [(0,)]


def test_jobs_are_listed_and_a_script_has_children(client, dataset):
    script = client.query(f"CREATE TABLE {dataset}.t (a INT64); INSERT INTO {dataset}.t (a) VALUES (1), (2); SELECT 7")

    rows = [tuple(row.values()) for row in script.result()]

    children = sorted(client.list_jobs(parent_job=script.job_id), key=lambda job: job.job_id)
    assert rows == [(7,)]
    assert (script.statement_type, script.num_child_jobs) == ("SCRIPT", 3)
    assert [job.statement_type for job in children] == ["CREATE_TABLE", "INSERT", "SELECT"]
    assert children[1].num_dml_affected_rows == 2
