"""Datasets, tables, views and rows by REST, as the references of `datasets`, `tables` and `tabledata` have them."""

from __future__ import annotations

import datetime as dt

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed
from google.cloud import bigquery

FIELDS = [bigquery.SchemaField("id", "INT64", "REQUIRED"), bigquery.SchemaField("name", "STRING")]


@pytest.fixture
def table(client, dataset):
    """A table with two rows."""
    made = client.create_table(bigquery.Table(f"{client.project}.{dataset}.people", schema=FIELDS))
    client.query_and_wait(f"INSERT INTO {dataset}.people (id, name) VALUES (1, 'Ada'), (2, NULL)")
    return made


def test_a_dataset_is_there_once(client, dataset):
    with pytest.raises(Conflict) as caught:
        client.create_dataset(dataset)

    assert caught.value.errors[0]["reason"] == "duplicate"
    assert [each.dataset_id for each in client.list_datasets()] == [dataset]


def test_a_dataset_with_tables_goes_only_with_them(client, table):
    with pytest.raises(BadRequest) as caught:
        client.delete_dataset(table.dataset_id)

    assert caught.value.errors[0]["reason"] == "resourceInUse"
    assert client.get_table(table.reference).num_rows == 2


def test_names_of_datasets_and_tables_have_capital_letters_and_columns_do_not(client, table, run):
    with pytest.raises(NotFound):
        client.get_table(f"{table.dataset_id}.People")

    assert run(f"SELECT ID, Name FROM {table.dataset_id}.people WHERE NAME IS NOT NULL") == [(1, "Ada")]


def test_what_is_said_of_a_table_is_kept(client, dataset):
    table = bigquery.Table(f"{client.project}.{dataset}.t", schema=[*FIELDS, bigquery.SchemaField("day", "DATE")])
    table.time_partitioning = bigquery.TimePartitioning(field="day", expiration_ms=86_400_000)
    table.clustering_fields = ["id"]
    table.labels, table.description = {"team": "data"}, "People"

    client.create_table(table)

    kept = client.get_table(table.reference)
    assert (kept.time_partitioning.field, kept.time_partitioning.expiration_ms) == ("day", 86_400_000)
    assert (kept.clustering_fields, kept.labels, kept.description) == (["id"], {"team": "data"}, "People")
    assert [(each.name, each.field_type, each.mode) for each in kept.schema] == [
        ("id", "INTEGER", "REQUIRED"), ("name", "STRING", "NULLABLE"), ("day", "DATE", "NULLABLE"),
    ]  # fmt: skip


def test_a_change_of_an_older_version_is_refused(client, table):
    old = client.get_table(table.reference)
    new = client.get_table(table.reference)
    new.description = "new"
    client.update_table(new, ["description"])

    old.description = "old"
    with pytest.raises(PreconditionFailed):
        client.update_table(old, ["description"])

    assert client.get_table(table.reference).description == "new"


def test_labels_are_changed_one_by_one(client, table):
    table = client.get_table(table.reference)
    table.labels = {"a": "1", "b": "2"}
    table = client.update_table(table, ["labels"])

    table.labels = {"a": None, "b": "3"}
    table = client.update_table(table, ["labels"])

    assert table.labels == {"b": "3"}


def test_columns_may_be_added_and_not_taken_away(client, table):
    table = client.get_table(table.reference)
    table.schema = [*table.schema, bigquery.SchemaField("age", "INT64")]
    table = client.update_table(table, ["schema"])

    table.schema = table.schema[1:]
    with pytest.raises(BadRequest):
        client.update_table(table, ["schema"])

    assert [tuple(row.values()) for row in client.list_rows(client.get_table(table.reference))] == [
        (1, "Ada", None),
        (2, None, None),
    ]


def test_a_view_reads_what_is_there_when_it_is_read(client, table, run):
    view = bigquery.Table(f"{client.project}.{table.dataset_id}.v")
    view.view_query = f"SELECT name, id * 2 AS twice FROM `{client.project}.{table.dataset_id}.people`"
    view = client.create_table(view)
    run(f"UPDATE {table.dataset_id}.people SET id = 21 WHERE id = 1")

    assert [(each.name, each.field_type) for each in view.schema] == [("name", "STRING"), ("twice", "INTEGER")]
    assert run(f"SELECT twice FROM {table.dataset_id}.v WHERE name = 'Ada'") == [(42,)]


def test_a_view_of_nothing_is_not_made(client, dataset):
    view = bigquery.Table(f"{client.project}.{dataset}.v")
    view.view_query = f"SELECT 1 AS one FROM {dataset}.nothing"

    with pytest.raises(NotFound):
        client.create_table(view)

    assert list(client.list_tables(dataset)) == []


def test_a_table_ends_when_it_was_said_to(client, dataset, run):
    run(f"CREATE TABLE {dataset}.t (a INT64) OPTIONS (expiration_timestamp = TIMESTAMP '2020-01-01 00:00:00+00')")

    with pytest.raises(NotFound):
        client.get_table(f"{dataset}.t")


def test_rows_come_by_pages(client, dataset, run):
    run(f"CREATE TABLE {dataset}.n AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 5)) AS x")

    pages = [[row.x for row in page] for page in client.list_rows(f"{dataset}.n", page_size=2).pages]
    rows = client.query(f"SELECT x FROM {dataset}.n ORDER BY x").result(page_size=2)

    assert [sorted(page) for page in pages] == [[1, 2], [3, 4], [5]]
    assert [[row.x for row in page] for page in rows.pages] == [[1, 2], [3, 4], [5]]


def test_tables_and_columns_are_in_information_schema(client, dataset, run):
    run(f"CREATE TABLE {dataset}.t (id INT64 NOT NULL, amount NUMERIC(10, 2), tags ARRAY<STRING>)")
    run(f"CREATE VIEW {dataset}.v AS SELECT 1 AS one")

    tables = run(f"SELECT table_name, table_type FROM {dataset}.INFORMATION_SCHEMA.TABLES ORDER BY table_name")
    columns = run(
        "SELECT column_name, ordinal_position, is_nullable, data_type "
        f"FROM `{client.project}`.{dataset}.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 't' ORDER BY ordinal_position"
    )

    assert tables == [("t", "BASE TABLE"), ("v", "VIEW")]
    assert columns == [
        ("id", 1, "NO", "INT64"), ("amount", 2, "YES", "NUMERIC(10, 2)"), ("tags", 3, "YES", "ARRAY<STRING>"),
    ]  # fmt: skip


def test_statements_tell_what_they_did(client, dataset):
    def told(sql: str) -> tuple[str, str | None, int | None]:
        job = client.query(sql)
        job.result()
        return job.statement_type, job.ddl_operation_performed, job.num_dml_affected_rows

    assert told(f"CREATE TABLE {dataset}.t (a INT64)") == ("CREATE_TABLE", "CREATE", None)
    assert told(f"CREATE TABLE IF NOT EXISTS {dataset}.t (a INT64)") == ("CREATE_TABLE", "SKIP", None)
    assert told(f"INSERT INTO {dataset}.t (a) VALUES (1), (2)") == ("INSERT", None, 2)
    assert told(f"UPDATE {dataset}.t SET a = 3 WHERE a > 0") == ("UPDATE", None, 2)
    assert told(
        f"MERGE INTO {dataset}.t AS t USING (SELECT 3 AS a UNION ALL SELECT 4) AS s ON FALSE "
        "WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)"
    ) == ("MERGE", None, 2)
    assert told(f"DELETE FROM {dataset}.t WHERE a = 4") == ("DELETE", None, 1)
    assert told(f"CREATE OR REPLACE TABLE {dataset}.t AS SELECT 1 AS b") == ("CREATE_TABLE_AS_SELECT", "REPLACE", None)
    assert told(f"DROP TABLE {dataset}.t") == ("DROP_TABLE", "DROP", None)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE {d}.t SET a = 2", "must have a WHERE clause"),
        ("DELETE FROM {d}.t", "must have a WHERE clause"),
        ("INSERT INTO {d}.t (a) VALUES (NULL)", "Required field a cannot be null"),
        ("INSERT INTO {d}.t (a) SELECT '1'||'2'", "cannot be assigned"),
        ("INSERT INTO {d}.t (a, at) SELECT 2, DATETIME '2024-02-29 00:00:00'", "cannot be assigned"),
        ("INSERT INTO {d}.t (a, b) VALUES (1)", "wrong column count"),
        ("INSERT INTO {d}.t (a, s) VALUES (1, 'too long')", "maximum length"),
        ("UPDATE {d}.t SET a = s.x FROM (SELECT 1 AS x UNION ALL SELECT 1) AS s WHERE a = x", "at most one source row"),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(dataset, run, sql, said):
    run(f"CREATE TABLE {dataset}.t (a INT64 NOT NULL, b INT64, s STRING(3), at TIMESTAMP)")
    run(f"INSERT INTO {dataset}.t (a) VALUES (1)")

    with pytest.raises(BadRequest, match=said):
        run(sql.format(d=dataset))

    assert run(f"SELECT * FROM {dataset}.t") == [(1, None, None, None)]


def test_a_decimal_is_rounded_half_away_from_zero_where_it_is_kept(dataset, run):
    run(f"CREATE TABLE {dataset}.t (a NUMERIC(5, 2), at TIMESTAMP)")
    run(f"INSERT INTO {dataset}.t (a, at) VALUES (NUMERIC '-1.005', '2024-02-29 00:00:00+00')")

    rows = run(f"SELECT CAST(a AS STRING), at FROM {dataset}.t")

    assert rows == [("-1.01", dt.datetime(2024, 2, 29, tzinfo=dt.UTC))]
