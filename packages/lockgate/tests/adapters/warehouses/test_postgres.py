"""What PostgreSQL can do beyond the suite: idle readers, grants, dependents, roles, and its errors."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from lockgate.adapters.warehouses.postgres import open_postgres, patience, sessions
from lockgate.adapters.warehouses.postgres.catalog import logical_type, numeric_type
from lockgate.adapters.warehouses.postgres.failures import translation
from lockgate.adapters.warehouses.postgres.workshop import role_name
from lockgate.core.load import Pin
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Arm, Edition, Route, Stage
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import (
    AccessRefused,
    CapabilityMissing,
    DependentsInTheWay,
    DiskFull,
    PublishBlocked,
    SourceInconsistent,
    StatementFailed,
    TargetBusy,
    WarehouseUnavailable,
)
from lockgate.testing.warehouses.given import (
    CONTRACT,
    ENTITY,
    NOON,
    RAW_USERS,
    SERVED,
    build,
    labels,
    land,
    publication,
    publish,
    release,
    route,
    rows_of,
    select,
    staged,
    users,
)

WIDER = Contract((*CONTRACT.columns, Column("age", ColumnType(Kind.SMALLINT))), key=("user_id",))
NARROWER = Contract(
    (Column("user_id", ColumnType(Kind.TEXT)), Column("label", ColumnType(Kind.TEXT))), key=("user_id",)
)
AGED = "SELECT CAST(1 AS bigint) AS user_id, 'new' AS label, CAST(36 AS smallint) AS age"


def clock():
    return datetime.now(UTC)


@pytest.fixture
def warehouse(postgres_url):
    warehouse = open_postgres("main", postgres_url, clock=clock)
    warehouse.prepare()
    yield warehouse
    warehouse.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 1.0)


@pytest.fixture
def consumer(postgres_url, warehouse):
    """A login that may read the served view and nothing else; its URL."""
    name = f"consumer_{urlsplit(postgres_url).path[1:]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'reads'").format(sql.Identifier(name)))
        publish(warehouse, "rules", users(3, "old"))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA analytics TO {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("GRANT SELECT ON analytics.users TO {}").format(sql.Identifier(name)))
    return make_conninfo(postgres_url, user=name, password="reads")


def as_role(workshop):
    """A connection as another process would open it."""
    access = workshop.access()
    words = {name: access.parameters[name] for name in ("host", "port", "dbname", "user")}
    return psycopg.connect(**words, password=access.secrets["password"], autocommit=True)


# --- publishing beside readers ----------------------------------------------------------------------------------


def test_a_reader_idle_in_transaction_blocks_a_publication_and_no_other_reader(warehouse, consumer, impatient):
    longest = []
    stop = threading.Event()

    def read():
        with psycopg.connect(consumer, autocommit=True) as other:
            while not stop.is_set():
                began = time.monotonic()
                assert other.execute("SELECT count(*) FROM analytics.users").fetchone() == (3,)
                longest.append(time.monotonic() - began)

    with psycopg.connect(consumer) as idle:
        idle.execute("SELECT 1 FROM analytics.users")
        reader = threading.Thread(target=read)
        reader.start()
        with pytest.raises(PublishBlocked) as blocked:
            publish(warehouse, "rules", users(9, "new"))
        stop.set()
        reader.join()

        # The other reader holds the view too for the moment in which it reads.
        assert idle.info.backend_pid in blocked.value.fields["pids"]

    assert len(longest) > 10
    assert max(longest) < 1.0
    assert labels(warehouse) == {"old": 3}
    assert len(warehouse.editions(ENTITY)) == 1


def test_a_publication_goes_on_as_soon_as_the_reader_ends(warehouse, consumer):
    with psycopg.connect(consumer) as idle:
        idle.execute("SELECT 1 FROM analytics.users")
        end = threading.Timer(1.0, idle.rollback)
        end.start()

        publish(warehouse, "rules", users(9, "new"))
        end.join()

    assert labels(warehouse) == {"new": 9}


def test_a_share_changes_while_a_reader_is_idle_in_transaction(warehouse, consumer):
    publish(warehouse, "dbt", users(3, "candidate"))
    with psycopg.connect(consumer) as idle:
        idle.execute("SELECT 1 FROM analytics.users")

        began = time.monotonic()
        route(warehouse, share=10_000)
        seconds = time.monotonic() - began

    assert seconds < 1.0
    assert labels(warehouse) == {"candidate": 3}


def test_an_arm_that_answers_for_nobody_is_not_read(warehouse, postgres_url):
    publish(warehouse, "rules", users(100, "rules"))
    publish(warehouse, "dbt", users(100, "dbt"))

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        plan = "\n".join(line for (line,) in connection.execute("EXPLAIN ANALYZE SELECT * FROM analytics.users"))

    assert "users__1" in plan
    (idle,) = [line for line in plan.splitlines() if "users__2" in line]
    assert "never executed" in idle


def test_a_lookup_by_key_uses_the_index_of_both_arms(warehouse, postgres_url):
    publish(warehouse, "rules", users(5000, "rules"))
    publish(warehouse, "dbt", users(5000, "dbt"))
    route(warehouse, share=500)

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        query = "EXPLAIN SELECT label FROM analytics.users WHERE user_id = 77"
        plan = "\n".join(line for (line,) in connection.execute(query))

    assert "using users__1_pkey" in plan
    assert "using users__2_pkey" in plan
    assert "Seq Scan on users" not in plan


def test_an_edition_that_somebody_reads_or_builds_on_is_dropped_by_a_later_publication(warehouse, postgres_url):
    first = publish(warehouse, "rules", users(1, "first"))
    stored = warehouse.edition_relation(SERVED, first)
    with psycopg.connect(postgres_url) as idle:
        idle.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(stored.schema, stored.name)))
        for number in range(3):
            publish(warehouse, "rules", users(1, f"{number}"))
        kept = [edition.number for edition in warehouse.editions(ENTITY)]

    publish(warehouse, "rules", users(1, "last"))

    assert kept == [1, 2, 3, 4]
    assert [edition.number for edition in warehouse.editions(ENTITY)] == [3, 4, 5]


def test_a_change_of_share_of_a_group_is_one_updated_row_an_entity(warehouse, postgres_url):
    publish(warehouse, "rules", users(3, "rules"))
    publish(warehouse, "dbt", users(3, "dbt"))
    other = warehouse.set_route(Route("orders", "rules", "dbt", Stage.OFF, 0, 0))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        before = _versions(connection)

        warehouse.set_routes([replace(other, share=500), replace(warehouse.route(ENTITY), share=500)])

        after = _versions(connection)
    assert before["catalog"] == after["catalog"]
    assert [row for row in after["routes"] if row in before["routes"]] == []
    assert len(after["routes"]) == 2


def _versions(connection):
    """Which transaction wrote the view and its rule, and each route."""
    catalog = """SELECT c.xmin::text, r.xmin::text, r.oid FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid
        WHERE c.oid = 'analytics.users'::regclass"""
    routes = "SELECT entity, xmin::text FROM lockgate.route ORDER BY entity"
    return {"catalog": connection.execute(catalog).fetchall(), "routes": connection.execute(routes).fetchall()}


def test_a_release_that_readers_keep_from_the_view_changes_nothing(warehouse, consumer, impatient):
    held = publish(warehouse, "rules", users(9, "new"), held=True)
    with psycopg.connect(consumer) as idle:
        idle.execute("SELECT 1 FROM analytics.users")

        with pytest.raises(PublishBlocked) as blocked:
            release(warehouse, held)

        assert blocked.value.fields == {"relation": "analytics.users", "pids": [idle.info.backend_pid]}
    assert warehouse.editions(ENTITY)[-1] == held
    assert labels(warehouse) == {"old": 3}


def test_holding_an_edition_back_waits_for_no_reader(warehouse, consumer, impatient):
    with psycopg.connect(consumer) as idle:
        idle.execute("SELECT 1 FROM analytics.users")

        assert publish(warehouse, "rules", users(9, "new"), held=True).is_held


# --- a target made by an earlier version ------------------------------------------------------------------------

BEFORE_HELD_EDITIONS = """
CREATE SCHEMA lockgate;
CREATE TABLE lockgate.edition (
    entity text NOT NULL, number integer NOT NULL, implementation text NOT NULL, rows bigint NOT NULL,
    published_at timestamptz NOT NULL, pins jsonb NOT NULL, stored_schema text NOT NULL, stored_name text NOT NULL,
    kept boolean NOT NULL DEFAULT false, PRIMARY KEY (entity, number)
);
INSERT INTO lockgate.edition
VALUES ('users', 1, 'rules', 3, '2024-02-29 12:00Z', '[["raw", "users", 1, 7]]', 'analytics__editions', 'users__1');
CREATE SCHEMA analytics__editions;
CREATE TABLE analytics__editions.users__1 (user_id bigint PRIMARY KEY, label text, _bucket smallint);
INSERT INTO analytics__editions.users__1
SELECT i, 'old', mod(('x' || left(md5('1:' || i), 8))::bit(32)::bigint, 10000) FROM generate_series(1, 3) i
"""


def test_a_target_from_before_editions_were_held_is_upgraded(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(BEFORE_HELD_EDITIONS)
    warehouse = open_postgres("main", postgres_url, clock=clock)

    warehouse.prepare()
    before = Edition(ENTITY, 1, "rules", 3, NOON.replace(microsecond=0), (Pin(RAW_USERS, 1, 7),))
    upgraded = warehouse.editions(ENTITY)
    same = publish(warehouse, "rules", users(3, "old"))
    release(warehouse, publish(warehouse, "dbt", users(3, "new"), held=True))

    assert upgraded == (before,)
    assert same == replace(before, pins=())
    assert warehouse.shown(ENTITY) == {1: Arm.INCUMBENT, 2: Arm.CANDIDATE}
    warehouse.close()


def test_preparing_again_waits_for_no_publisher(warehouse, postgres_url):
    with psycopg.connect(postgres_url) as publisher:
        publisher.execute("UPDATE lockgate.edition SET kept = kept")

        began = time.monotonic()
        warehouse.prepare()

        assert time.monotonic() - began < 5


# --- contract changes -------------------------------------------------------------------------------------------


def test_columns_added_at_the_end_keep_dependents_and_grants(warehouse, consumer, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE VIEW report AS SELECT count(*) FROM analytics.users")

        publish(warehouse, "rules", AGED, contract=WIDER)

        assert connection.execute("SELECT * FROM report").fetchall() == [(1,)]
    with psycopg.connect(consumer, autocommit=True) as reader:
        assert reader.execute("SELECT * FROM analytics.users").fetchall() == [(1, "new", 36)]


def test_another_change_is_refused_while_something_depends_on_the_view(warehouse, postgres_url):
    publish(warehouse, "rules", users(3, "old"))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute('CREATE SCHEMA "Reports"')
        connection.execute('CREATE VIEW "Reports"."Größe" AS SELECT count(*) FROM analytics.users')
        connection.execute(
            "CREATE FUNCTION any_user() RETURNS analytics.users BEGIN ATOMIC SELECT NULL::analytics.users; END"
        )

        with pytest.raises(DependentsInTheWay) as refused:
            publish(warehouse, "rules", "SELECT 'a' AS user_id, 'new' AS label", contract=NARROWER)

        assert refused.value.fields["dependents"] == ['"Reports"."Größe"', "public.any_user()"]
        assert connection.execute('SELECT * FROM "Reports"."Größe"').fetchall() == [(3,)]
    assert labels(warehouse) == {"old": 3}
    assert len(warehouse.editions(ENTITY)) == 1


def test_another_change_keeps_grants_owner_comments_and_options(warehouse, consumer, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("GRANT SELECT ON analytics.users TO PUBLIC")
        connection.execute("GRANT UPDATE (label) ON analytics.users TO pg_monitor WITH GRANT OPTION")
        connection.execute("GRANT SELECT (label), INSERT (user_id) ON analytics.users TO pg_monitor")
        connection.execute("COMMENT ON VIEW analytics.users IS 'Who''s who'")
        connection.execute("COMMENT ON COLUMN analytics.users.label IS 'ß'")
        connection.execute("ALTER VIEW analytics.users SET (security_barrier = true)")
        connection.execute("ALTER VIEW analytics.users OWNER TO pg_monitor")
        before = _kept(connection)

        publish(warehouse, "rules", "SELECT 'a' AS user_id, 'new' AS label", contract=NARROWER)

        assert _kept(connection) == before
    with psycopg.connect(consumer, autocommit=True) as reader:
        assert reader.execute("SELECT * FROM analytics.users").fetchall() == [("a", "new")]


def _kept(connection):
    view = """SELECT pg_get_userbyid(relowner), obj_description(oid), reloptions,
        ARRAY(SELECT acl::text FROM unnest(relacl) acl) FROM pg_class WHERE oid = 'analytics.users'::regclass"""
    columns = """SELECT attname, attacl::text, col_description(attrelid, attnum) FROM pg_attribute
        WHERE attrelid = 'analytics.users'::regclass AND attnum > 0 ORDER BY attnum"""
    owner, comment, options, grants = connection.execute(view).fetchone()
    return owner, comment, options, sorted(grants), connection.execute(columns).fetchall()


def test_a_table_of_the_served_name_is_left_alone(warehouse, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA analytics; CREATE TABLE analytics.users AS SELECT 42 AS answer")

        with pytest.raises(StatementFailed, match="not a view"):
            publish(warehouse, "rules", users(3, "new"))

        assert connection.execute("SELECT * FROM analytics.users").fetchall() == [(42,)]


def test_consumers_hold_no_right_on_editions(warehouse, consumer):
    with psycopg.connect(consumer, autocommit=True) as reader:
        assert reader.execute("SELECT count(*) FROM analytics.users").fetchone() == (3,)
        for hidden in ("analytics__editions.users__1", "lockgate.route", "analytics__rules.fct_users"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(f"SELECT * FROM {hidden}")


# --- workshops --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.escaped (x int)",
        "CREATE TABLE analytics.escaped (x int)",
        "CREATE TABLE raw.escaped (x int)",
        "CREATE TABLE analytics__editions.escaped (x int)",
        "CREATE SCHEMA escaped",
        "CREATE ROLE escaped",
        "INSERT INTO raw__log.users VALUES (9, 9, 9, 'x')",
        "DELETE FROM lockgate.pin",
        "UPDATE lockgate.route SET share = 10000",
        "DROP VIEW analytics.users",
        "DROP TABLE analytics__editions.users__1",
        "SELECT * FROM analytics__rules.fct_users",
        "SELECT * FROM lockgate.quarantine",
        "COPY (SELECT 1) TO '/tmp/escaped'",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
        "SET ROLE pg_monitor",
    ],
)
def test_the_role_of_a_workshop_reaches_nothing_outside(warehouse, tmp_path, statement):
    land(warehouse, staged(tmp_path, 1, [{"id": 1, "name": "Ada"}]))
    publish(warehouse, "rules", users(3, "old"))

    with warehouse.workshop("analytics__dbt") as workshop, as_role(workshop) as role:
        with pytest.raises(psycopg.Error) as refused:
            role.execute(statement)
        assert refused.value.sqlstate == "42501"
        role.execute("CREATE TABLE analytics__dbt.mine AS SELECT count(*) AS n FROM raw.users")
        role.execute("CREATE TEMP TABLE scratch AS TABLE analytics__dbt.mine")
        assert role.execute("SELECT n FROM scratch").fetchall() == [(1,)]
        assert role.execute("SHOW statement_timeout").fetchone() == ("1h",)


def test_the_password_of_a_workshop_ends_with_its_opening_and_so_do_its_sessions(warehouse):
    with warehouse.workshop("analytics__dbt") as workshop:
        access, left_over = workshop.access(), as_role(workshop)

    with pytest.raises(psycopg.OperationalError), left_over:
        left_over.execute("SELECT 1")
    words = {name: access.parameters[name] for name in ("host", "port", "dbname", "user")}
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**words, password=access.secrets["password"])
    with warehouse.workshop("analytics__dbt") as again:
        assert again.access().secrets["password"] != access.secrets["password"]


def test_a_workshop_is_not_opened_where_everybody_may_create_elsewhere(warehouse, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")

    with pytest.raises(AccessRefused, match="could also create in public"), warehouse.workshop("analytics__dbt"):
        pytest.fail("opened")


def test_a_second_dbt_run_that_drops_its_tables_does_not_touch_what_is_served(warehouse):
    publish(warehouse, "dbt", users(3, "other"))
    route(warehouse, incumbent="dbt", candidate=None)
    publish(warehouse, "dbt", users(3, "published"))

    with warehouse.workshop("analytics__dbt") as workshop, as_role(workshop) as role:
        role.execute('ALTER TABLE analytics__dbt.fct_users RENAME TO "fct_users__dbt_backup"')
        role.execute("CREATE TABLE analytics__dbt.fct_users AS SELECT 1 AS half_built")
        role.execute("DROP TABLE analytics__dbt.fct_users__dbt_backup CASCADE")

    assert labels(warehouse) == {"published": 3}


def test_role_names_tell_databases_and_workshops_apart_within_63_bytes():
    names = {
        role_name(database, workshop)
        for database in ("a", "a_b")
        for workshop in ("c", "b_c", "漢" * 40, "漢" * 41, 'o"dd')
    }

    assert len(names) == 10
    assert all(len(name.encode()) <= 63 for name in names)


def test_an_owner_who_is_no_superuser_can_do_everything(postgres_url, tmp_path):
    database = urlsplit(postgres_url).path[1:]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        owner = sql.Identifier(f"owner_{database}")
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'owns'").format(owner))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), owner))
    warehouse = open_postgres(
        "main", make_conninfo(postgres_url, user=f"owner_{database}", password="owns"), clock=clock
    )
    warehouse.prepare()

    land(warehouse, staged(tmp_path, 1, [{"id": 7, "name": "Ada"}]))
    publish(warehouse, "rules", "SELECT id AS user_id, name AS label FROM raw.users")
    publish(warehouse, "rules", "SELECT 'k' AS user_id, 'new' AS label", contract=NARROWER)
    with warehouse.workshop("analytics__dbt") as workshop, as_role(workshop) as role:
        role.execute(
            "CREATE TABLE analytics__dbt.fct_users AS SELECT id::text AS user_id, name AS label FROM raw.users"
        )
    warehouse.publish(
        publication(Relation("analytics__dbt", "fct_users"), "dbt", warehouse.route(ENTITY).token, contract=NARROWER)
    )
    route(warehouse, share=10_000)

    assert rows_of(warehouse, SERVED) == [{"user_id": "7", "label": "Ada"}]
    warehouse.close()


# --- limits and errors ------------------------------------------------------------------------------------------


def test_a_name_that_postgres_would_cut_is_refused(warehouse):
    with pytest.raises(CapabilityMissing, match="63 bytes"), warehouse.workshop("ä" * 32):
        pytest.fail("opened")


def test_a_key_too_long_for_an_index_is_published_without_one(warehouse):
    contract = Contract(CONTRACT.columns[1:], key=("label",))
    long = "SELECT string_agg(md5(CAST(i AS text)), '') AS label FROM generate_series(1, 400) AS series(i)"

    publish(warehouse, "rules", long, contract=contract)

    assert [len(row["label"]) for row in rows_of(warehouse, SERVED)] == [12_800]


def test_nobody_answering_is_retryable_and_a_wrong_password_is_not(postgres_url):
    closed = open_postgres("main", "postgresql://nobody@127.0.0.1:1/none", clock=clock)
    wrong = open_postgres("main", make_conninfo(postgres_url, password="wrong"), clock=clock)

    with pytest.raises(WarehouseUnavailable):
        closed.prepare()
    with pytest.raises(AccessRefused):
        wrong.prepare()


def test_staged_files_without_the_columns_they_are_said_to_have_are_refused(warehouse, tmp_path):
    landing = staged(tmp_path, 1, [{"id": 1, "name": "Ada"}])
    other = Column("unheard", ColumnType(Kind.TEXT))

    with pytest.raises(SourceInconsistent):
        warehouse.land(replace(landing, columns=(*landing.columns, other)))

    assert warehouse.landed(RAW_USERS) == ()


def test_a_connection_that_was_cut_while_idle_is_replaced(warehouse, postgres_url):
    warehouse.route(ENTITY)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lockgate'")

    assert warehouse.route(ENTITY) is None


@pytest.mark.parametrize(
    ("state", "message", "expected", "told"),
    [
        (
            "53100",
            'could not extend file "base/5": No space left on device',
            DiskFull,
            'could not extend file "base/5": ',
        ),
        ("40P01", "deadlock detected", TargetBusy, "deadlock detected"),
        ("57P01", "terminating connection", WarehouseUnavailable, "terminating connection"),
        ("42P01", 'relation "x" does not exist', StatementFailed, 'relation "x" does not exist'),
        (
            "22P02",
            'invalid input syntax for type integer: "secret"',
            StatementFailed,
            "invalid input syntax for type integer",
        ),
        (
            "22003",
            'value "99" is out of range for type integer',
            StatementFailed,
            "value is out of range for type integer",
        ),
    ],
)
def test_errors_are_told_without_the_values_of_rows(state, message, expected, told):
    error = type("Error", (Exception,), {"sqlstate": state})(f"ERROR:  {message}\nDETAIL: secret")

    translated = translation(error)

    assert type(translated) is expected
    assert translated.message.startswith(told)
    assert "secret" not in translated.message


def test_types_without_a_kind_of_their_own_are_text_and_nested_ones_json(warehouse, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DOMAIN price AS numeric(12,2)")
        connection.execute("CREATE TYPE mood AS ENUM ('fine')")
        connection.execute("""CREATE TABLE odd (a price, b mood, c interval, d int[], e char(3), f varchar(9),
            g numeric, h numeric(50,2), i name, j oid, k jsonb)""")

    found = {column.name: str(column.type) for column in warehouse.columns(Relation("public", "odd"))}

    assert found == {
        "a": "numeric(12,2)",
        "b": "text",
        "c": "text",
        "d": "json",
        "e": "text",
        "f": "text",
        "g": "numeric",
        "h": "numeric",
        "i": "text",
        "j": "bigint",
        "k": "json",
    }
    assert numeric_type(((5 << 16) | (-2 & 0x7FF)) + 4) == ColumnType(Kind.NUMERIC)
    assert logical_type("bool", "B", -1) == ColumnType(Kind.BOOLEAN)


def test_a_number_that_arrow_cannot_hold_is_said_so(warehouse):
    with pytest.raises(StatementFailed, match="38 digits"):
        warehouse.query(select("SELECT CAST('NaN' AS numeric) AS x", "postgres"))


@pytest.fixture
def on_tiny_disk(tiny_disk, postgres_url):
    """A target whose tables are on a small disk."""
    shutil.chown(tiny_disk, "nobody")  # mounting took root's rights, so that is who the server runs as
    space = sql.Identifier(f"tiny_{urlsplit(postgres_url).path[1:]}")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(space, sql.Literal(str(tiny_disk))))
        connection.execute(sql.SQL("GRANT CREATE ON TABLESPACE {} TO PUBLIC").format(space))
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_tablespace = {}").format(database, space))
    warehouse = open_postgres("main", postgres_url, clock=clock)
    warehouse.prepare()
    yield warehouse
    warehouse.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for schema in ("raw", "raw__log", "analytics", "analytics__rules", "analytics__editions", "lockgate"):
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("DROP TABLESPACE {}").format(space))


def test_a_full_disk_changes_nothing(on_tiny_disk, tmp_path):
    publish(on_tiny_disk, "rules", users(3, "old"))
    land(on_tiny_disk, staged(tmp_path, 1, [{"id": 1, "name": "Ada"}]))
    stored = route(on_tiny_disk)
    built = build(on_tiny_disk, "rules", users(180_000, "new"), name="large")
    landing = staged(tmp_path, 2, [{"id": number, "name": f"{number}" * 20} for number in range(150_000)])

    with pytest.raises(DiskFull):
        build(on_tiny_disk, "rules", users(400_000, "new"))
    with pytest.raises(DiskFull):
        on_tiny_disk.publish(publication(built, "rules", stored.token))
    with pytest.raises(DiskFull):
        on_tiny_disk.land(landing)

    assert labels(on_tiny_disk) == {"old": 3}
    assert len(on_tiny_disk.editions(ENTITY)) == 1
    assert [load.load_id for load in on_tiny_disk.landed(RAW_USERS)] == [1]
    assert rows_of(on_tiny_disk, RAW_USERS) == [{"id": 1, "name": "Ada"}]


def test_a_holder_that_shows_no_sign_of_life_loses_its_lock_and_is_told(warehouse, monkeypatch):
    monkeypatch.setattr(sessions, "LOCK_SECONDS", 1.0)
    monkeypatch.setattr(sessions, "BEAT_SECONDS", 60.0)
    others = []

    def lose() -> None:
        with warehouse.lock("run", wait_seconds=0), warehouse.lock("run", wait_seconds=30):
            others.append("took it")

    with pytest.raises(WarehouseUnavailable, match="the lock 'run' was lost"):
        lose()

    assert others == ["took it"]


def test_a_holder_that_is_alive_keeps_its_lock(warehouse, monkeypatch):
    monkeypatch.setattr(sessions, "LOCK_SECONDS", 1.0)
    monkeypatch.setattr(sessions, "BEAT_SECONDS", 0.2)

    with warehouse.lock("run", wait_seconds=0), pytest.raises(TargetBusy), warehouse.lock("run", wait_seconds=3):
        pass
