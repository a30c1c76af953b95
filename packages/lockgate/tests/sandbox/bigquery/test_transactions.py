"""Scripts and transactions.

Expected: cloud.google.com/bigquery/docs/transactions and /docs/reference/standard-sql/procedural-language.
"""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery
from google.cloud.bigquery import ConnectionProperty, QueryJobConfig

CHILD = """
import json, sys
from google.cloud import bigquery
from google.oauth2 import service_account
key, project, url, sql = json.load(sys.stdin)
scopes = ["https://www.googleapis.com/auth/bigquery"]
credentials = service_account.Credentials.from_service_account_info(key, scopes=scopes)
client = bigquery.Client(project=project, credentials=credentials, client_options={"api_endpoint": url})
client.query(sql).result()
"""


@pytest.fixture
def money(dataset, run):
    """Two accounts."""
    run(f"CREATE TABLE {dataset}.money (name STRING, amount INT64)")
    run(f"INSERT INTO {dataset}.money (name, amount) VALUES ('a', 10), ('b', 0)")
    return f"{dataset}.money"


def moved(money: str, amount: int) -> str:
    return (
        f"BEGIN TRANSACTION; UPDATE {money} SET amount = amount - {amount} WHERE name = 'a'; "
        f"UPDATE {money} SET amount = amount + {amount} WHERE name = 'b'; "
        f"ASSERT (SELECT MIN(amount) FROM {money}) >= 0 AS 'not enough'; COMMIT TRANSACTION"
    )


def amounts(run, money: str) -> list[tuple]:
    return run(f"SELECT amount FROM {money} ORDER BY name")


def test_a_transaction_is_done_as_a_whole(money, run):
    run(moved(money, 4))

    assert amounts(run, money) == [(6,), (4,)]


def test_a_transaction_that_fails_is_taken_back(money, run):
    with pytest.raises(BadRequest, match="not enough"):
        run(moved(money, 11))

    assert amounts(run, money) == [(10,), (0,)]


def test_a_transaction_that_is_not_committed_is_taken_back(money, run):
    run(f"BEGIN TRANSACTION; DELETE FROM {money} WHERE TRUE")

    assert amounts(run, money) == [(10,), (0,)]


def test_a_handler_rolls_back_and_goes_on(money, run):
    rows = run(
        f"BEGIN BEGIN TRANSACTION; DELETE FROM {money} WHERE TRUE; SELECT ERROR('told so'); COMMIT TRANSACTION; "
        "EXCEPTION WHEN ERROR THEN ROLLBACK TRANSACTION; SELECT @@error.message; END"
    )

    assert rows == [("told so",)]
    assert amounts(run, money) == [(10,), (0,)]


def test_how_many_rows_were_changed_decides(money, run):
    script = (
        f"UPDATE {money} SET amount = 1 WHERE name = '{{}}'; "
        "IF @@row_count = 0 THEN RAISE USING MESSAGE = 'nobody'; ELSE SELECT 'somebody'; END IF"
    )

    with pytest.raises(BadRequest, match="nobody"):
        run(script.format("z"))

    assert run(script.format("a")) == [("somebody",)]


def test_variables_go_from_statement_to_statement(run):
    assert run("DECLARE x, y INT64 DEFAULT 2; SET x = x * 10; SELECT x + y") == [(22,)]


def test_what_a_transaction_sees_is_what_there_was(client, money, run):
    session = client.query("SELECT 1", job_config=QueryJobConfig(create_session=True))
    session.result()
    within = {"connection_properties": [ConnectionProperty("session_id", session.session_info.session_id)]}
    run("BEGIN TRANSACTION", **within)
    before = run(f"SELECT SUM(amount) FROM {money}", **within)

    run(f"INSERT INTO {money} (name, amount) VALUES ('c', 5)")

    assert before == run(f"SELECT SUM(amount) FROM {money}", **within) == [(10,)]
    run("ROLLBACK TRANSACTION", **within)
    assert run(f"SELECT SUM(amount) FROM {money}", **within) == [(15,)]


def begun(client, run, money: str) -> dict[str, list[ConnectionProperty]]:
    session = client.query("SELECT 1", job_config=QueryJobConfig(create_session=True))
    session.result()
    within = {"connection_properties": [ConnectionProperty("session_id", session.session_info.session_id)]}
    run("BEGIN TRANSACTION", **within)
    run(f"UPDATE {money} SET amount = amount + 1 WHERE name = 'a'", **within)
    return within


def test_the_later_of_two_transactions_that_change_a_table_is_aborted(client, money, run):
    within = begun(client, run, money)

    with pytest.raises(BadRequest, match=r"Transaction is aborted due to concurrent update against table .*money"):
        run(moved(money, 1))

    run("COMMIT TRANSACTION", **within)
    assert amounts(run, money) == [(11,), (0,)]


def test_a_statement_outside_of_a_transaction_waits_for_it(client, money, run):
    within = begun(client, run, money)
    waiting = client.query(f"UPDATE {money} SET amount = amount * 2 WHERE name = 'a'")

    run("COMMIT TRANSACTION", **within)
    waiting.result()

    assert amounts(run, money) == [(22,), (0,)]


def test_tables_are_not_made_in_a_transaction(dataset, client, run):
    with pytest.raises(BadRequest, match="DDL statements"):
        run(f"BEGIN TRANSACTION; CREATE TABLE {dataset}.t (a INT64); COMMIT TRANSACTION")

    assert list(client.list_tables(dataset)) == []


def test_a_temporary_table_is_there_for_its_script(run):
    assert run("CREATE TEMP TABLE t AS SELECT 5 AS a; INSERT INTO t (a) VALUES (6); SELECT SUM(a) FROM t") == [(11,)]
    with pytest.raises(BadRequest, match="must be qualified with a dataset"):
        run("SELECT * FROM t")


def test_many_clients_at_once_lose_nothing(connect, money, run):
    clients: list[bigquery.Client] = [connect(f"client-{number}") for number in range(4)]

    def add(client: bigquery.Client) -> None:
        for _ in range(5):
            client.query(f"UPDATE {money} SET amount = amount + 1 WHERE name = 'b'").result()

    threads = [threading.Thread(target=add, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert amounts(run, money) == [(10,), (20,)]


def test_processes_share_what_there_is(api, money, run):
    import json

    given = [api.service_account("child"), api.project, api.url, f"DELETE FROM {money} WHERE name = 'a'"]

    subprocess.run([sys.executable, "-c", CHILD], input=json.dumps(given), text=True, check=True)

    assert amounts(run, money) == [(0,)]
