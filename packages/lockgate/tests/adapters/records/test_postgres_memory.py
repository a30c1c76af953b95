"""Queries over tables in memory, by a real PostgreSQL: what the shared suite does not say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from threading import Thread

import psycopg
import pyarrow as pa
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier
from sqlglot import parse_one

from lockgate.adapters.records.postgres import PostgresMemory
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.adapters.warehouses.postgres.guest import Guests, guest_name
from lockgate.core.deadline import within
from lockgate.errors import LockgateError, StatementFailed, WarehouseUnavailable
from lockgate.sandbox.postgres import start_postgres
from lockgate.testing.records import MemoryConformance
from lockgate.testing.waiting import awaited

ONE = {"t": pa.table({"a": [1]})}
SLOW = "SELECT count(*) AS n FROM generate_series(1, 1000000000)"

# One more in each kind, NULL, numbers with digits to round, and what has a form of its own on the wire.
KINDS = [
    "true",
    "CAST(7 AS smallint)",
    "CAST(-7 AS integer)",
    "CAST(9223372036854775807 AS bigint)",
    "CAST(0.1 AS real)",
    "CAST('-Infinity' AS double precision)",
    "CAST(12.345 AS numeric(9, 2))",
    "CAST('-0.0000000005' AS numeric)",
    "CAST('0.0000000014999' AS numeric)",
    "CAST('12345678901234567890123456789' AS numeric)",
    "CAST(NULL AS numeric)",
    "CAST('ß' AS text)",
    "CAST('abc' AS varchar(2))",
    "CAST('ab' AS char(4))",
    "CAST('ab' AS name)",
    "'said without a type'",
    "DATE '0044-03-15'",
    "DATE '5874897-12-31'",
    "TIME '23:59:59.999999'",
    "TIMESTAMP '1969-12-31 23:59:59.999999'",
    "TIMESTAMP '12024-02-29 12:00:00'",
    "TIMESTAMPTZ '2024-02-29 12:00:00.123456+05:30'",
    "CAST('C0FFEE00-1234-5678-9abc-def012345678' AS uuid)",
    """CAST('{"b": [1, null]}' AS json)""",
    """CAST('{"b": 1, "a": "ß"}' AS jsonb)""",
    "CAST('\\x00ff' AS bytea)",
    "CAST(NULL AS bytea)",
]


@pytest.fixture
def warehouse(postgres_url):
    warehouse = open_postgres("main", postgres_url, clock=lambda: datetime.now(UTC))
    yield warehouse
    warehouse.close()


@pytest.fixture
def memory(warehouse):
    memory = warehouse.memory()
    yield memory
    memory.close()


@pytest.fixture
def server(postgres_url, memory):
    """The owner's connection, beside tables of the target."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA raw; CREATE TABLE raw.users AS SELECT 17 AS secret")
        connection.execute("CREATE TABLE public.users AS SELECT 17 AS secret; CREATE SEQUENCE public.numbers")
        connection.execute("GRANT SELECT ON public.users TO PUBLIC; GRANT USAGE ON public.numbers TO PUBLIC")
        yield connection


def guests(server, database: str) -> list[int]:
    """The server's processes that answer guests."""
    rows = server.execute("SELECT pid FROM pg_stat_activity WHERE usename = %s", (guest_name(database),))
    return [pid for (pid,) in rows]


def active(server) -> int:
    """How many queries of guests are running."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state = 'active'"
    return server.execute(query, (guest_name(server.info.dbname),)).fetchone()[0]


def relations(server) -> list[str]:
    """Every relation that is not the server's own."""
    return [
        name
        for (name,) in server.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace::regnamespace::text "
            "NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1"
        )
    ]


def temporary(server) -> list[str]:
    """Temporary tables of any session."""
    rows = server.execute("SELECT oid::regclass::text FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'")
    return [name for (name,) in rows]


class TestPostgresMemory(MemoryConformance):
    pass


# --- types and values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", KINDS)
def test_answers_in_the_types_in_which_the_target_is_read(memory, warehouse, written):
    sql = f"SELECT {written} AS x"

    found, read = memory.query(sql, {}), warehouse.query(parse_one(sql, dialect="postgres"))

    assert found.equals(read)


def test_an_object_id_is_a_number_without_a_sign(memory):
    assert memory.query("SELECT CAST(4294967295 AS oid) AS x", {}).to_pydict() == {"x": [4294967295]}


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("CAST('NaN' AS numeric)", "Arrow's decimals"),
        ("CAST('1e30' AS numeric)", "Arrow's decimals"),
        ("DATE 'infinity'", "does not hold"),
        ("TIMESTAMPTZ '-infinity'", "does not hold"),
        ("INTERVAL '1 day'", "of a type that records are not answered in"),
        ("ARRAY[1, 2]", "of a type that records are not answered in"),
    ],
)
def test_a_value_that_arrow_does_not_hold_is_refused_by_the_name_of_its_column(memory, written, why):
    with pytest.raises(StatementFailed, match=f"column 'x' .*{why}"):
        memory.query(f"SELECT {written} AS x", {})


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1]]),
        pa.array([1], pa.decimal256(50, 0)),
        pa.array([1], pa.timestamp("ns")),
        pa.array([-(2**63)], pa.timestamp("us")),
        pa.array([-(2**63) + 946_684_800_000_000], pa.timestamp("us")),  # where PostgreSQL keeps -infinity
        pa.array([-(2**31) + 10_957], pa.date32()),
    ],
    ids=str,
)
def test_what_postgresql_has_no_type_or_value_for_is_refused(memory, values):
    with pytest.raises(StatementFailed, match="column 'a' has a type or a value that PostgreSQL does not have"):
        memory.query("SELECT a FROM t", {"t": pa.table({"a": values})})


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (pa.array([200], pa.uint8()), pa.array([200], pa.int16())),
        (pa.array([2**64 - 1], pa.uint64()), pa.array([2**64 - 1], pa.decimal128(20, 0))),
        (pa.array(["a", None, "a"]).dictionary_encode(), pa.array(["a", None, "a"])),
        (pa.array(["a"], pa.large_string()), pa.array(["a"])),
        (pa.array([1000], pa.timestamp("ns", "Asia/Tokyo")), pa.array([1], pa.timestamp("us", "UTC"))),
        (pa.nulls(2), pa.nulls(2, pa.string())),
    ],
    ids=str,
)
def test_other_types_of_arrow_come_back_as_the_kind_that_holds_them(memory, values, found):
    assert memory.query("SELECT a FROM t", {"t": pa.table({"a": values})}).equals(pa.table({"a": found}))


def test_a_text_that_postgresql_does_not_hold_is_refused_without_its_value(memory):
    with pytest.raises(StatementFailed, match="invalid byte sequence") as refused:
        memory.query("SELECT a FROM t", {"t": pa.table({"a": ["secret\0word"]})})

    assert "secret" not in str(refused.value)


def test_names_that_postgresql_would_cut_to_one_are_told_apart(memory):
    one, two = "é" * 40 + "1", "é" * 40 + "2"
    memory.keep(one, "SELECT 1 AS a", {})

    found = memory.query(f'SELECT "{one}".a, b FROM "{one}", "{two}"', {two: pa.table({"b": [2]})})

    assert found.to_pydict() == {"a": [1], "b": [2]}


# --- what is in reach ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM raw.users",
        "SELECT * FROM public.users",
        "SELECT * FROM users",
        "TABLE raw.users",
        "SELECT (SELECT max(secret) FROM raw.users)",
        "WITH x AS (SELECT * FROM raw.users) SELECT * FROM x",
        "SELECT query_to_xml('SELECT * FROM raw.users', true, true, '')",
        "SELECT * FROM pg_class",
        "SELECT * FROM pg_catalog.pg_class",
        "SELECT * FROM information_schema.tables",
        "SELECT 'raw.users'::regclass",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/hostname')",
        "SELECT lo_export(1, '/tmp/out')",
        "SELECT public.dblink('', '')",
        "SELECT * FROM public.dblink('', '') AS found (a int)",
        "SELECT * FROM raw.f()",
        "SELECT nextval('public.numbers')",
        "SELECT public.nextval('numbers')",
        "SELECT set_config('role', 'postgres', false)",
        "SELECT set_config('session_authorization', 'postgres', false)",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "INSERT INTO raw.users VALUES (1)",
        "WITH x AS (INSERT INTO raw.users VALUES (1) RETURNING 1) SELECT * FROM x",
        "SELECT 1 INTO x",
        "SELECT 1) ; (SELECT 2",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE raw.users",
        "CREATE TEMP TABLE x (a int)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SET ROLE postgres",
        "RESET ROLE",
        "DO $$ BEGIN END $$",
        "COMMIT",
        "",
    ],
)
@pytest.mark.parametrize("is_kept", [False, True])
def test_nothing_of_the_target_is_in_reach(memory, server, sql, is_kept):
    before = relations(server)

    with pytest.raises(LockgateError):
        memory.keep("kept", sql, ONE) if is_kept else memory.query(sql, ONE)

    assert relations(server) == before
    assert server.execute("SELECT * FROM raw.users").fetchall() == [(17,)]
    assert memory.query("SELECT a FROM t", ONE).to_pydict() == {"a": [1]}


def test_functions_of_the_server_may_be_named_in_full(memory):
    assert memory.query("SELECT pg_catalog.upper('ß') AS x", {}).to_pydict() == {"x": ["ß"]}


def test_rights_keep_rows_from_a_query_that_finds_its_way_to_a_table(memory, server):
    with pytest.raises(LockgateError, match="permission denied for schema raw"):
        memory.query("SELECT query_to_xml('SELECT * FROM raw.users', true, true, '')", {})


@pytest.mark.parametrize("sql", ["SELECT lo_create(4711) AS x", "SELECT CAST(pg_notify('a', 'b') AS text) AS x"])
def test_what_a_query_does_besides_is_refused_or_undone(memory, server, sql):
    server.execute("LISTEN a")

    for ask in (memory.query, lambda *asked: memory.keep("kept", *asked)):
        with suppress(StatementFailed):
            ask(sql, {})

    assert server.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone() == (0,)
    assert list(server.notifies(timeout=0.2)) == []


def test_a_query_changes_no_setting_of_the_next_and_leaves_no_lock(memory, server):
    memory.query("SELECT set_config('TimeZone', 'Asia/Tokyo', false), CAST(pg_advisory_lock(4711) AS text)", {})

    found = memory.query("SELECT current_setting('TimeZone') AS z", {})

    assert found.to_pydict() == {"z": ["UTC"]}
    assert server.execute("SELECT pg_try_advisory_lock(4711)").fetchone() == (True,)


def test_a_query_runs_as_the_guest_and_only_reads(memory, server):
    found = memory.query("SELECT session_user::text AS u, current_setting('transaction_read_only') AS r", {})

    assert found.to_pydict() == {"u": [guest_name(server.info.dbname)], "r": ["on"]}
    assert server.execute(
        "SELECT rolcanlogin, rolsuper, rolinherit, rolpassword IS NULL FROM pg_authid WHERE rolname = %s",
        (guest_name(server.info.dbname),),
    ).fetchone() == (False, False, False, True)


def test_the_owner_need_be_no_superuser(postgres_url, server):
    name = f"owner_{server.info.dbname}"
    server.execute(SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'owns'").format(Identifier(name)))
    warehouse = open_postgres("main", make_conninfo(postgres_url, user=name, password="owns"), clock=None)

    memory = warehouse.memory()
    memory.keep("kept", "SELECT a FROM t", ONE)

    assert memory.query("SELECT a FROM kept", {}).to_pydict() == {"a": [1]}
    warehouse.close()


def test_where_not_everybody_may_make_temporary_tables_the_guest_may(memory, server):
    database = Identifier(server.info.dbname)
    server.execute(SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))

    memory.keep("kept", "SELECT a FROM t", ONE)

    assert memory.query("SELECT a FROM kept", {}).to_pydict() == {"a": [1]}


# --- connections --------------------------------------------------------------------------------------------------


def test_threads_share_a_few_sessions(memory, server):
    memory.keep("kept", "SELECT 1 AS one", {})

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: memory.query("SELECT one FROM kept", {})["one"][0].as_py(), range(60)))

    assert found == [1] * 60
    assert 1 <= len(guests(server, server.info.dbname)) <= 8


def test_memories_of_a_target_share_its_sessions_and_not_what_they_keep(warehouse, memory, server):
    other = warehouse.memory()
    memory.keep("kept", "SELECT 1 AS a", {})
    other.keep("kept", "SELECT 2 AS a", {})
    other.keep("more", "SELECT 3 AS a", {})

    found = [each.query("SELECT a FROM kept", {})["a"][0].as_py() for each in (memory, other)]

    assert found == [1, 2]
    assert len(guests(server, server.info.dbname)) == 1
    for hidden in ("more", *(name.partition(".")[2] for name in temporary(server))):
        with pytest.raises(StatementFailed, match=hidden):
            memory.query(f"SELECT * FROM {hidden}", {})


def test_what_is_kept_no_more_is_dropped(warehouse, memory, server):
    other = warehouse.memory()
    memory.keep("kept", "SELECT 1 AS a", {})
    other.keep("kept", "SELECT 2 AS a", {})

    other.close()

    assert memory.query("SELECT a FROM kept", {}).to_pydict() == {"a": [1]}
    assert len(temporary(server)) == 1


def test_two_slow_queries_run_at_once(memory):
    with ThreadPoolExecutor(2) as pool:
        sql = "SELECT pg_try_advisory_lock(17) AS mine, CAST(pg_sleep(0.5) AS text) AS slept"
        found = list(pool.map(lambda _: memory.query(sql, {})["mine"][0].as_py(), range(2)))

    assert sorted(found) == [False, True]


def test_a_session_that_the_server_ended_is_replaced_with_all_that_is_kept(memory, server):
    memory.keep("kept", "SELECT a FROM t", ONE)

    for _ in range(2):
        for pid in guests(server, server.info.dbname):
            server.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        assert memory.query("SELECT a FROM kept", {}).to_pydict() == {"a": [1]}


def test_answers_again_after_the_server_crashed_and_came_back(tmp_path):
    server = start_postgres(tmp_path / "own", settings={"fsync": "off"})
    warehouse = open_postgres("main", server.url, clock=None)
    memory = warehouse.memory()
    memory.keep("kept", "SELECT a FROM t", ONE)

    with psycopg.connect(server.url, autocommit=True) as connection:
        (backend,) = guests(connection, "postgres")
        os.kill(backend, signal.SIGKILL)

    assert awaited(lambda: memory.query("SELECT a FROM kept", {}).to_pydict()) == {"a": [1]}
    warehouse.close()
    server.stop()


def test_nothing_but_the_error_is_said_of_a_query_that_failed(memory, caplog):
    with pytest.raises(StatementFailed, match='column "nowhere" does not exist'):
        memory.query("SELECT nowhere FROM t", ONE)

    assert caplog.records == []


def test_a_query_whose_session_ends_says_that_the_target_is_away(memory, server):
    def end():
        awaited(lambda: active(server) == 1)
        for pid in guests(server, server.info.dbname):
            server.execute("SELECT pg_terminate_backend(%s)", (pid,))

    ending = Thread(target=end)
    ending.start()
    with pytest.raises(WarehouseUnavailable):
        memory.query(SLOW, {})
    ending.join()

    assert memory.query("SELECT a FROM t", ONE).to_pydict() == {"a": [1]}


def test_a_query_is_given_up_at_the_deadline_here_and_there(memory, server):
    with pytest.raises(WarehouseUnavailable, match="there was no answer in time"), within(0.3):
        memory.query(SLOW, {})

    assert memory.query("SELECT a FROM t", ONE).to_pydict() == {"a": [1]}
    awaited(lambda: active(server) == 0)


def test_a_server_that_has_stopped_is_waited_for_until_the_deadline(memory, server):
    memory.query("SELECT a FROM t", ONE)
    (backend,) = guests(server, server.info.dbname)

    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(WarehouseUnavailable, match="there was no answer in time"), within(0.3):
            memory.query("SELECT a FROM t", ONE)
    finally:
        os.kill(backend, signal.SIGCONT)

    assert memory.query("SELECT a FROM t", ONE).to_pydict() == {"a": [1]}


def test_whoever_waits_for_a_session_waits_until_the_deadline(warehouse):
    guests = Guests(warehouse._sessions, most=1)
    memory = PostgresMemory(guests)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(memory.query, "SELECT CAST(pg_sleep(1.5) AS text) AS slept", {})
        awaited(lambda: guests._slots._value == 0)
        with pytest.raises(WarehouseUnavailable, match="there was no answer in time"), within(0.1):
            memory.query("SELECT 1 AS a", {})
        slow.result()
    guests.close()


def test_a_database_that_is_not_there_is_told_as_the_warehouse_tells_it(postgres_url):
    warehouse = open_postgres("main", postgres_url.replace("@127.0.0.1:", "@127.0.0.1:1"), clock=None)

    with pytest.raises(WarehouseUnavailable):
        warehouse.memory().query("SELECT 1 AS a", {})


# --- what is left -------------------------------------------------------------------------------------------------

HOLDING = """
import sys, time
import pyarrow as pa
from lockgate.adapters.warehouses.postgres import open_postgres
memory = open_postgres("main", sys.argv[1], clock=None).memory()
memory.keep("kept", "SELECT a FROM t", {"t": pa.table({"a": [1]})})
print(memory.query("SELECT a FROM kept", {})["a"][0].as_py(), flush=True)
time.sleep(600)
"""


def test_nothing_is_left_in_the_database_once_it_is_closed(warehouse, memory, server):
    before = relations(server)
    memory.keep("kept", "SELECT a FROM t", ONE)

    warehouse.close()

    awaited(lambda: guests(server, server.info.dbname) == [])
    assert relations(server) == before


def test_nothing_is_left_of_a_process_that_was_killed(postgres_url, server):
    before = relations(server)
    process = subprocess.Popen([sys.executable, "-c", HOLDING, postgres_url], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "1\n"

    process.kill()
    process.wait()
    process.stdout.close()

    awaited(lambda: guests(server, server.info.dbname) == [])
    assert relations(server) == before
