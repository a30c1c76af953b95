"""A dbt graph compiled for online use: real projects, the warm process, DuckDB and PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg
import pytest

from lockgate.adapters.dbt import DbtConfig, LocalDbtExecutor
from lockgate.core.compiled import CompiledGraph, CompiledKind
from lockgate.core.execution import DbtInvocation, WorkshopAccess
from lockgate.core.relation import Relation
from lockgate.errors import CapabilityMissing, DbtCancelled, DbtFailed, DbtTimedOut, UnknownName, WorkshopEscaped
from lockgate.testing.executors import MODEL, PROJECT, SOURCES, ignore

INVENTORY = Path(__file__).parents[5] / "solutions/inventory/dbt"
WORKSHOP = "analytics__dbt"
SLOW_DUCKDB = "select count(*) from range(1000000) a(x), range(1000000) b(y) where x * y % 7 = 3"
USERS = {
    "seeds/codes.csv": "id,code\n1,eng\n",
    "models/stg_users.sql": "select id from {{ source('raw', 'users') }}",
    "models/coded.sql": "{{ config(materialized='ephemeral') }}select u.id, c.code\n"
    "from {{ ref('stg_users') }} u join {{ ref('codes') }} c using (id)",
    "models/kept.sql": "{{ config(materialized='incremental') }}select id, code from {{ ref('coded') }}"
    "{% if is_incremental() %} where id > (select max(id) from {{ this }}) or '{{ run_started_at }}' = ''{% endif %}",
    "snapshots/history.sql": "{% snapshot history %}{{ config(unique_key='id', strategy='check', check_cols='all') }}"
    "select id from {{ ref('kept') }}{% endsnapshot %}",
    "models/fct_users.sql": "{{ config(materialized='table', alias='people') }}"
    "select k.id as user_id, k.code from {{ ref('kept') }} k join {{ ref('history') }} h using (id)",
    "models/fct_users.yml": "models: [{name: fct_users, config: {contract: {enforced: true}}, columns: ["
    "{name: user_id, data_type: integer, quote: true}, {name: code, data_type: string}]},"
    "{name: stg_users, config: {contract: {enforced: true}}, columns: [{name: id, data_type: integer}]}]",
    "tests/never.sql": "{% if execute %}{{ exceptions.raise_compiler_error('no') }}{% endif %}select * from"
    " {{ ref('fct_users') }}",
}
# What a model takes from the invocation, by its template and the macros that it reaches.
TAKEN = {
    "through": ("select '{{ stamp() }}' as x", ("invocation_id",)),
    "by_value": ("{% set made = stamp %}select '{{ made() }}' as x", ("invocation_id",)),
    "environment": ('select \'{{ env_var("COLOUR", "blue") }}\' as x', ("env_var",)),
    "clock": ("select '{{ modules.datetime.datetime.now() }}' as x", ("modules.datetime",)),
    "whole": ("{% set m = modules %}select '{{ m.datetime.date.today() }}' as x", ("modules.datetime",)),
    "zones": ("select '{{ modules.pytz.utc }}' as x", ("modules.pytz",)),
    "thread": ("select '{{ context[\"thread_id\"] }}' as x", ("thread_id",)),
    "command": ("select '{{ flags.WHICH }}' as x", ("flags.WHICH",)),
    "moment": ("select '{{ run_started_at }}' as x", ("run_started_at",)),
    "reads": ("select x from {{ ref('inner_moment') }}", ("run_started_at",)),
    "stays": (
        (
            "{{ config(materialized='incremental', full_refresh=false) }}select 1 as x"
            "{% if is_incremental() %} where '{{ run_started_at }}' > ''{% endif %}"
        ),
        ("run_started_at",),
    ),
    "comment": ("{# {{ run_started_at }} #}-- run_started_at\nselect '{{ \"env_var\" }}' as x", ()),
    "argument": ("select '{{ said(invocation_id=1) }}' as x", ()),
    "dates": ('select {{ dbt.date(2024, 1, 31) }} as x, \'{{ modules.re.sub("a", "b", "a") }}\' as y', ()),
    "parts": (
        (
            "select {{ dbt.split_part(\"'a@b'\", \"'@'\", 2) }} as x, {{ dbt.hash(\"'a'\") }} as y,"
            " {{ dbt.dateadd('day', 1, \"cast('2024-01-01' as date)\") }} as z,"
            " {{ dbt.datediff(\"cast('2024-01-01' as date)\", \"cast('2024-02-01' as date)\", 'day') }} as d,"
            " {{ dbt.type_timestamp() }} '2024-01-01' as t, {{ dbt.safe_cast(\"'1'\", dbt.type_int()) }} as i"
        ),
        (),
    ),
    "grows": (
        (
            "{{ config(materialized='incremental') }}select {{ 1 if not is_incremental() else invocation_id }} as x"
            "{% if execute and is_incremental() %} where '{{ run_started_at }}' > ''{% endif %}"
        ),
        (),
    ),
}

Write = Callable[..., Path]
Compiled = Callable[..., CompiledGraph]

pytestmark = pytest.mark.slow


@pytest.fixture
def write(tmp_path) -> Write:
    def write(files: dict[str, str], settings: str = "") -> Path:
        project = tmp_path / "project"
        whole = {"dbt_project.yml": PROJECT + settings, "models/sources.yml": SOURCES, **files}
        for name, text in whole.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text, encoding="utf-8")
        return project

    return write


@pytest.fixture
def access(duckdb_access) -> WorkshopAccess:
    return duckdb_access


def invocation(project: Path, access: WorkshopAccess, model: str = "fct_users", **changes) -> DbtInvocation:
    return replace(DbtInvocation(project, (f"+{model}",), access.schema, access, models=(model,)), **changes)


@pytest.fixture
def compiled(executor, write, access) -> Compiled:
    def compiled(files: dict[str, str], model: str = "fct_users", settings: str = "", **changes) -> CompiledGraph:
        return executor.compiled(invocation(write(files, settings), access, model, **changes))

    return compiled


def standing_on(names: list[str]) -> str:
    return "".join(f"-- depends_on: {{{{ ref('{name}') }}}}\n" for name in names) + "select 1 as user_id"


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
def test_a_graph_has_every_node_as_for_a_full_refresh(executor, write, request, kind) -> None:
    access = request.getfixturevalue(f"{kind}_access")
    project = write(USERS)
    asked = invocation(project, access)
    built = executor.execute(replace(asked, full_refresh=True), ignore)
    assert [node.node for node in built.failed] == ["test.small.never"]

    graph = executor.compiled(asked)

    place = '"' + (WORKSHOP if kind == "duckdb" else access.parameters["dbname"]) + '".'
    models = place + f'"{WORKSHOP}".'
    nodes = graph.nodes
    assert (graph.model, graph.dialect) == ("model.small.fct_users", kind)
    assert {name: (str(node.relation), node.parents, node.materialized) for name, node in nodes.items()} == {
        "model.small.fct_users": (
            f"{WORKSHOP}.people", ("model.small.kept", "snapshot.small.history"), "table",
        ),
        "snapshot.small.history": (f"{WORKSHOP}.history", ("model.small.kept",), "snapshot"),
        "model.small.kept": (
            f"{WORKSHOP}.kept", ("model.small.stg_users", "seed.small.codes"), "incremental",
        ),
        "model.small.stg_users": (f"{WORKSHOP}.stg_users", ("source.small.raw.users",), "view"),
        "seed.small.codes": (f"{WORKSHOP}.codes", (), "seed"),
        "source.small.raw.users": ("raw.users", (), ""),
    }  # fmt: skip
    assert {name: " ".join(node.sql.split()) for name, node in nodes.items()} == {
        "model.small.fct_users": f'select k.id as user_id, k.code from {models}"kept" k'
        f' join {models}"history" h using (id)',
        "snapshot.small.history": f'select id from {models}"kept"',
        "model.small.kept": f'with __dbt__cte__coded as ( select u.id, c.code from {models}"stg_users" u'
        f' join {models}"codes" c using (id) ) select id, code from __dbt__cte__coded',
        "model.small.stg_users": f'select id from {place}"raw"."users"',
        "seed.small.codes": "",
        "source.small.raw.users": "",
    }
    texts = {node.node: Path(node.compiled).read_text(encoding="utf-8") for node in built.nodes if node.compiled}
    models_built = ["model.small.fct_users", "model.small.kept", "model.small.stg_users"]
    assert {name: texts[name] for name in models_built} == {name: nodes[name].sql for name in models_built}
    assert {name for name, node in nodes.items() if node.has_asked or node.has_hooks or node.invocation} == set()
    assert {node.kind for name, node in nodes.items() if name.startswith("source")} == {CompiledKind.SOURCE}
    assert list(nodes["model.small.fct_users"].columns.items()) == [("user_id", "integer"), ("code", "TEXT")]
    assert {name for name, node in nodes.items() if node.columns is not None} == {graph.model}
    assert nodes["model.small.kept"].file == str(project / "models/kept.sql")


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
def test_nothing_is_built_and_nothing_is_left(executor, write, request, cache, kind) -> None:
    access = request.getfixturevalue(f"{kind}_access")
    project = write(USERS)
    before = sorted(project.rglob("*")), sorted(cache.glob("invocations/*"))

    executor.compiled(invocation(project, access))

    if kind == "duckdb":
        with duckdb.connect(str(access.parameters["path"]), read_only=True) as connection:
            found = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    else:
        with psycopg.connect(request.getfixturevalue("postgres_url")) as connection:
            found = connection.execute(
                "select table_schema, table_name from information_schema.tables where table_schema in (%s, 'raw')",
                [WORKSHOP],
            ).fetchall()
    assert found == [("raw", "users")]
    assert (sorted(project.rglob("*")), sorted(cache.glob("invocations/*"))) == before
    assert [path for path in cache.glob("running/*/*") if path.name.startswith(("compiled-", "profile-"))] == []


def test_a_second_call_finds_the_project_parsed(executor, write, access) -> None:
    project = write(USERS)
    first = executor.compiled(invocation(project, access))
    parses = executor.parses

    assert executor.compiled(invocation(project, access)) == first
    assert executor.execute(invocation(project, access, "stg_users"), ignore).success
    assert executor.parses == parses


def test_the_inventorys_applications_stand_on_its_checked_deliveries(executor, access) -> None:
    graph = executor.compiled(invocation(INVENTORY, access, "fct_applications"))

    where = "model.inventory_transforms."
    raw = "source.inventory_transforms.raw."
    assert graph.model == where + "fct_applications"
    assert {name: (node.relation, node.parents, node.materialized) for name, node in graph.nodes.items()} == {
        where + "fct_applications": (
            Relation(WORKSHOP, "fct_applications"),
            (where + "fct_users", where + "stg_applications", where + "users_resolved"),
            "table",
        ),
        where + "fct_users": (Relation(WORKSHOP, "fct_users"), (where + "users_resolved",), "table"),
        where + "users_resolved": (Relation(WORKSHOP, "users_resolved"), (where + "stg_users",), "table"),
        where + "stg_users": (Relation(WORKSHOP, "stg_users"), (where + "stg_users_checked",), "view"),
        where + "stg_users_checked": (Relation(WORKSHOP, "stg_users_checked"), (raw + "users",), "table"),
        where + "stg_applications": (
            Relation(WORKSHOP, "stg_applications"), (where + "stg_applications_checked",), "view",
        ),
        where + "stg_applications_checked": (
            Relation(WORKSHOP, "stg_applications_checked"), (raw + "applications",), "table",
        ),
        raw + "users": (Relation("raw", "users"), (), ""),
        raw + "applications": (Relation("raw", "applications"), (), ""),
    }  # fmt: skip
    assert {(node.has_asked, node.has_hooks, node.invocation, node.columns) for node in graph.nodes.values()} == {
        (False, False, (), None)
    }


def test_only_what_asks_the_database_has_asked(compiled) -> None:
    run = "{% if execute %}{% set n = run_query('select 7 as n').columns[0].values()[0] %}{% endif %}"
    models = {
        "plain": "select id from {{ source('raw', 'users') }}",
        "asks": run + "select {{ n }} as n from {{ ref('plain') }}",
        "inner_asks": "{{ config(materialized='ephemeral') }}" + run + "select {{ n }} as n",
        "reads": "select n from {{ ref('inner_asks') }}",
        "above": "select n from {{ ref('reads') }}, {{ ref('asks') }}",
        # What dbt knows of the workshop's tables it has asked at the start.
        "looks": "{% set found = load_relation(this) %}select '{{ found is none }}' as n",
        "grows": "{{ config(materialized='incremental') }}select '{{ is_incremental() }}' as n",
        "stays": "{{ config(materialized='incremental', full_refresh=false) }}select '{{ is_incremental() }}' as n",
    }
    read = [name for name in models if name != "inner_asks"]
    files = {f"models/{name}.sql": sql for name, sql in models.items()} | {"models/fct_users.sql": standing_on(read)}

    graph = compiled(files)

    asked = {name.split(".")[-1] for name, node in graph.nodes.items() if node.has_asked}
    assert asked == {"asks", "reads", "looks", "stays"}
    assert graph.nodes["model.small.asks"].sql.startswith("select 7 as n")
    assert graph.nodes["model.small.grows"].sql == "select 'False' as n"


def test_what_is_taken_from_the_invocation_is_named_by_the_templates(compiled) -> None:
    files = {f"models/{name}.sql": sql for name, (sql, _) in TAKEN.items()} | {
        "models/inner_moment.sql": "{{ config(materialized='ephemeral') }}select '{{ run_started_at }}' as x",
        "models/fct_users.sql": standing_on(list(TAKEN)),
        "macros/stamps.sql": "{% macro stamp() %}{{ adapter.dispatch('inner')() }}{% endmacro %}"
        "{% macro default__inner() %}{{ invocation_id }}{% endmacro %}"
        "{% macro said(invocation_id) %}{{ invocation_id }}{% endmacro %}",
    }

    graph = compiled(files)

    found = {name.split(".")[-1]: node.invocation for name, node in graph.nodes.items()}
    assert found == {"fct_users": (), **{name: names for name, (_, names) in TAKEN.items()}}


def test_hooks_of_a_model_and_statements_before_it_are_told(compiled) -> None:
    models = {
        "before": "{{ config(pre_hook='select 1') }}",
        "after": "{{ config(post_hook=['select 1']) }}",
        "header": "{% call set_sql_header(config) %}set x = 1;{% endcall %}",
        "none": "",
    }
    files = {f"models/{name}.sql": head + "select 1 as x" for name, head in models.items()}

    graph = compiled({**files, "models/fct_users.sql": standing_on(list(models))})

    assert {name.split(".")[-1] for name, node in graph.nodes.items() if node.has_hooks} == {
        "before", "after", "header",
    }  # fmt: skip


@pytest.mark.parametrize("when", ["on-run-start", "on-run-end"])
def test_hooks_of_a_run_are_those_of_every_model(compiled, when) -> None:
    files = {"models/stg_users.sql": MODEL, "models/fct_users.sql": standing_on(["stg_users"])}

    graph = compiled(files, settings=f"{when}: ['select 1']\n")

    assert {name: node.has_hooks for name, node in graph.nodes.items()} == {
        "model.small.fct_users": True, "model.small.stg_users": True, "source.small.raw.users": False,
    }  # fmt: skip


def test_a_table_that_a_project_builds_in_its_own_way_is_no_table_of_dbts(compiled) -> None:
    way = "{% materialization table, adapter='duckdb' %}{{ return({'relations': []}) }}{% endmaterialization %}"

    graph = compiled({"models/fct_users.sql": MODEL, "macros/ways.sql": way})

    assert graph.nodes["model.small.fct_users"].materialized == "small.table"


def test_a_model_built_in_batches_ends_at_the_runs_moment(compiled) -> None:
    batches = (
        "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', begin='2024-01-01',"
        " batch_size='day') }}select current_date as at"
    )

    graph = compiled({"models/fct_users.sql": batches})

    assert graph.nodes["model.small.fct_users"].invocation == ("run_started_at",)


def test_sql_longer_than_a_message_arrives_whole(compiled) -> None:
    text = "ü" * 300_000

    graph = compiled({"models/fct_users.sql": f"select '{text}' as x"})

    assert graph.nodes["model.small.fct_users"].sql == f"select '{text}' as x"


def test_what_a_graph_cannot_say_is_refused(compiled) -> None:
    files = {
        "functions/doubled.sql": "x * 2",
        "functions/doubled.yml": "functions: [{name: doubled, arguments: [{name: x, data_type: integer}],"
        " returns: {data_type: integer}}]",
        "models/fct_users.sql": "select {{ function('doubled') }}(1) as x",
    }

    with pytest.raises(CapabilityMissing, match=r"fct_users stands on function\.small\.doubled"):
        compiled(files)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("{% if execute %}{{ exceptions.raise_compiler_error('not today') }}{% endif %}select 1 as x", "not today"),
        ("{% if execute %}{% do run_query('select nowhere') %}{% endif %}select 1 as x", "nowhere"),
    ],
)
def test_a_model_that_does_not_compile_is_named(compiled, sql, words) -> None:
    with pytest.raises(DbtFailed, match=r"stg_users \(models/stg_users.sql\)") as failed:
        compiled({"models/stg_users.sql": sql, "models/fct_users.sql": standing_on(["stg_users"])})

    assert words in failed.value.message


def test_a_value_that_the_database_quotes_is_not_told(compiled) -> None:
    asking = "run_query(\"select cast(concat('canary', id) as integer) from raw.users\")"
    sql = f"{{% if execute %}}{{% do {asking} %}}{{% endif %}}"

    with pytest.raises(DbtFailed) as failed:
        compiled({"models/fct_users.sql": sql + "select 1 as x"})

    assert "canary" not in failed.value.message


def test_of_a_models_versions_the_latest_is_compiled(compiled) -> None:
    versions = "models: [{name: fct_users, latest_version: 2, versions: [{v: 1}, {v: 2}, {v: 3}]}]"
    files = {f"models/fct_users_v{number}.sql": f"select {number} as x" for number in (1, 2, 3)}

    graph = compiled({**files, "models/fct_users.yml": versions})

    assert (graph.model, [node.sql for node in graph.nodes.values()]) == ("model.small.fct_users.v2", ["select 2 as x"])


def test_an_ephemeral_model_can_be_asked_for(compiled) -> None:
    files = {
        "models/inner.sql": "{{ config(materialized='ephemeral') }}select id from {{ source('raw', 'users') }}",
        "models/fct_users.sql": "{{ config(materialized='ephemeral') }}select id from {{ ref('inner') }}",
    }

    graph = compiled(files)

    users = graph.nodes["model.small.fct_users"]
    assert (users.materialized, users.parents) == ("ephemeral", ("source.small.raw.users",))
    assert users.sql.startswith("with __dbt__cte__inner as")
    assert sorted(graph.nodes) == ["model.small.fct_users", "source.small.raw.users"]


def test_a_missing_model_is_refused_with_the_nearest_name(compiled) -> None:
    with pytest.raises(UnknownName, match="did you mean 'fct_users'"):
        compiled({"models/fct_users.sql": MODEL}, model="fct_user")


def test_what_may_not_be_built_is_not_compiled(compiled) -> None:
    code = "def model(dbt, session):\n    return session.sql('select 1 as user_id')\n"

    with pytest.raises(WorkshopEscaped, match=r"model\.small\.code"):
        compiled({"models/fct_users.sql": MODEL, "models/code.py": code})


def test_a_compilation_past_its_time_is_stopped_and_the_next_one_works(executor, write, access) -> None:
    slow = f"{{% if execute %}}{{% do run_query('{SLOW_DUCKDB}') %}}{{% endif %}}select 1 as x"
    project = write({"models/fct_users.sql": slow, "models/quick.sql": MODEL})
    executor.compiled(invocation(project, access, "quick"))

    with pytest.raises(DbtTimedOut, match="after 5 s"):
        executor.compiled(invocation(project, access, timeout_seconds=5.0))

    assert next(iter(executor.compiled(invocation(project, access, "quick")).nodes)) == "model.small.quick"


def test_a_compilation_goes_on_when_invocations_are_stopped_and_ends_with_its_query_when_all_does(
    tmp_path, write, postgres_access, postgres_url
) -> None:
    executor = LocalDbtExecutor(DbtConfig(tmp_path / "own", grace_seconds=2.0))
    slow = "{% if execute %}{% do run_query('select pg_sleep(300)') %}{% endif %}select 1 as x"
    project = write({"models/fct_users.sql": slow})
    sleeping = (
        "select count(*) from pg_stat_activity where usename = %s and state = 'active' and query like '%%sleep%%'"
    )

    def cancel_once_it_sleeps() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            while connection.execute(sleeping, [postgres_access.parameters["user"]]).fetchone() == (0,):
                time.sleep(0.05)
            executor.cancel()
            time.sleep(0.2)
            assert connection.execute(sleeping, [postgres_access.parameters["user"]]).fetchone() == (1,)
        executor.close()

    cancelling = threading.Thread(target=cancel_once_it_sleeps, daemon=True)
    cancelling.start()
    with pytest.raises(DbtCancelled):
        executor.compiled(invocation(project, postgres_access))
    cancelling.join()

    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(sleeping, [postgres_access.parameters["user"]]).fetchone() == (0,)
