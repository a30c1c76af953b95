"""A dbt project rendered for its lineage: without a database, and without what else it would need to be built."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.adapters.dbt import DbtConfig, LocalDbtExecutor
from lockgate.adapters.dbt.dialects import connection_type, dialect_of_type
from lockgate.core.lineage import NodeKind
from lockgate.errors import DbtProjectInvalid
from lockgate.lineage import Graph, trace

INVENTORY = Path(__file__).parents[5] / "solutions/inventory/dbt"
# A shop with one of each: seed, source, staging, ephemeral model, snapshot, mart, tests, exposure.
SHOP = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\nmodel-paths: [models]\nsnapshot-paths: [snapshots]\n"
    "seed-paths: [seeds]\ntest-paths: [tests]\nmacro-paths: [macros]\n",
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}\n",
    "seeds/countries.csv": "Code,name\nDE,Germany\n",
    "models/sources.yml": """
version: 2
sources:
  - name: raw
    schema: landing
    tables:
      - {name: orders, columns: [{name: id}, {name: amount}, {name: country}, {name: changed_at}]}
      - {name: customers, identifier: crm_customers}
models:
  - name: orders
    columns: [{name: id, data_tests: [unique, not_null]}]
exposures:
  - name: revenue
    type: dashboard
    owner: {email: owner@example.com}
    depends_on: [ref('revenue_by_country')]
""",
    "models/stg_orders.sql": "select id, amount / 100.0 as amount, country from {{ source('raw', 'orders') }}\n",
    "models/paid.sql": "{{ config(materialized='ephemeral') }}\n"
    "select id, amount, country from {{ ref('stg_orders') }} where amount > 0\n",
    "models/orders.sql": "{{ config(materialized='incremental', unique_key='id') }}\n"
    "select o.id, o.amount, c.name as customer, o.country from {{ ref('paid') }} o\n"
    "left join {{ source('raw', 'customers') }} c on c.order_id = o.id\n"
    "{% if is_incremental() %}where o.id > (select max(id) from {{ this }}){% endif %}\n",
    "models/revenue_by_country.sql": "select k.name as country, sum(o.amount) as revenue\n"
    "from {{ ref('orders') }} o join {{ ref('countries') }} k on k.Code = o.country group by 1\n",
    "snapshots/orders_history.sql": "{% snapshot orders_history %}\n{{ config(target_schema='snapshots',"
    " unique_key='id', strategy='timestamp', updated_at='changed_at') }}\n"
    "select id, changed_at from {{ source('raw', 'orders') }}\n{% endsnapshot %}\n",
    "tests/no_negative_revenue.sql": "select country from {{ ref('revenue_by_country') }} where revenue < 0\n",
}
# The shop, and what would stop dbt from parsing or compiling it.
BROKEN = {
    "dbt_project.yml": SHOP["dbt_project.yml"] + "query-comment: {comment: '{{ dbt_query_tags.comment(node) }}'}\n"
    "require-dbt-version: '=1.1.0'\n",
    "packages.yml": "packages: [{package: dbt-labs/dbt_utils, version: 1.1.1}]\n",
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: bigquery, method: oauth, project: p, dataset: d}}}\n",
    "models/stg_orders.sql": "select id, amount / 100 as amount, country from {{ source('raw', 'orders') }}"
    " where date_diff(current_date(), date(changed_at), day) < 30\n",
    "models/keyed.sql": "select {{ dbt_utils.generate_surrogate_key(['id']) }} as key from {{ ref('orders') }}\n",
    "models/asking.sql": "{% if execute %}{% set n = run_query('select 1 as n').columns[0].values()[0] %}{% endif %}\n"
    "select {{ n }} as n, id from {{ ref('orders') }}\n",
    "models/lost.sql": "select * from {{ ref('nobody') }}\n",
    "models/unclear.sql": "select id from {{ ref('orders') }} where {{ no_such_macro() }}\n",
    "models/hooked.sql": "{{ config(post_hook='{{ dbt_utils.log_info(1) }}') }}\nselect id from {{ ref('orders') }}\n",
    "models/far.sql": "select id from {{ source('elsewhere', 'things') }}\n",
    "models/py.py": "def model(dbt, session):\n    return dbt.ref('orders')\n",
    "models/cut.sql": "select id from (select id from {{ ref('orders') }}\n",
    "macros/generate_schema_name.sql": "{% macro generate_schema_name(name, node) %}{{ dbt_utils.slugify(name) }}"
    "{% endmacro %}\n",
    "models/told.sql": "select id from {{ ref('orders') }} where '{{ env_var('WHERE') }}' = 'here'\n",
    "models/more.yml": """
version: 2
sources: [{name: elsewhere, schema: "{{ env_var('ELSEWHERE') }}", tables: [{name: things}]}]
models:
  - name: hooked
    description: "{{ doc('nowhere') }}"
    columns: [{name: id, data_tests: [{dbt_utils.relationships_where: {to: ref('stg_orders'), field: id}}]}]
""",
}


def written(folder: Path, *files) -> Path:
    for name, text in {name: text for each in files for name, text in each.items()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def dbt(tmp_path_factory):
    executor = LocalDbtExecutor(DbtConfig(tmp_path_factory.mktemp("dbt"), grace_seconds=2.0))
    yield executor
    executor.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("shop"), SHOP)


@pytest.fixture(scope="module")
def rendered(dbt, shop):
    return dbt.rendered(shop, {}, kind="duckdb", dialect="duckdb")


@pytest.fixture(scope="module")
def broken(dbt, tmp_path_factory):
    folder = written(tmp_path_factory.mktemp("broken"), SHOP, BROKEN)
    return dbt.rendered(folder, {}, kind=connection_type(folder), dialect=dialect_of_type(connection_type(folder)))


def manifest_edges(project: Path, into: Path) -> list[tuple[str, str]]:
    """The edges of the manifest that dbt itself writes, started as people start it."""
    into.mkdir(exist_ok=True)
    profile = {"shop": {"outputs": {"x": {"type": "duckdb", "path": ":memory:"}}, "target": "x"}}
    (into / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    program = "import sys; from dbt.cli.main import cli; cli(sys.argv[1:])"
    command = [
        "parse", "--project-dir", str(project), "--profiles-dir", str(into), "--profile", "shop",
        "--target-path", str(into), "--log-path", str(into), "--no-partial-parse", "--no-send-anonymous-usage-stats",
    ]  # fmt: skip
    subprocess.run([sys.executable, "-c", program, *command], check=True, capture_output=True)
    manifest = json.loads((into / "manifest.json").read_text(encoding="utf-8"))
    return sorted((parent, child) for child, parents in manifest["parent_map"].items() for parent in parents)


def test_edges_between_nodes_are_those_of_dbts_own_manifest(rendered, shop, tmp_path):
    assert list(Graph(trace(rendered.nodes)).node_edges) == manifest_edges(shop, tmp_path / "target")


def test_edges_of_the_inventory_are_those_of_dbts_own_manifest(dbt, tmp_path):
    found = dbt.rendered(INVENTORY, {}, kind="duckdb", dialect="duckdb")

    graph = Graph(trace(found.nodes))

    assert list(graph.node_edges) == manifest_edges(INVENTORY, tmp_path / "target")
    assert graph.unresolved == ()


def test_columns_go_from_sources_and_seeds_through_an_ephemeral_model_to_the_mart(rendered):
    edges = [(str(one.source), str(one.target)) for one in Graph(trace(rendered.nodes)).column_edges()]

    assert [edge for edge in edges if not edge[1].startswith("test.")] == [
        ("model.shop.orders.amount", "model.shop.revenue_by_country.revenue"),
        ("model.shop.paid.amount", "model.shop.orders.amount"),
        ("model.shop.paid.country", "model.shop.orders.country"),
        ("model.shop.paid.id", "model.shop.orders.id"),
        ("model.shop.stg_orders.amount", "model.shop.paid.amount"),
        ("model.shop.stg_orders.country", "model.shop.paid.country"),
        ("model.shop.stg_orders.id", "model.shop.paid.id"),
        ("seed.shop.countries.name", "model.shop.revenue_by_country.country"),
        ("source.shop.raw.customers.name", "model.shop.orders.customer"),
        ("source.shop.raw.orders.amount", "model.shop.stg_orders.amount"),
        ("source.shop.raw.orders.changed_at", "snapshot.shop.orders_history.changed_at"),
        ("source.shop.raw.orders.country", "model.shop.stg_orders.country"),
        ("source.shop.raw.orders.id", "model.shop.stg_orders.id"),
        ("source.shop.raw.orders.id", "snapshot.shop.orders_history.id"),
    ]


def test_tests_are_reached_by_the_columns_that_they_read(rendered):
    graph = Graph(trace(rendered.nodes))
    revenue = next(one.source for one in graph.column_edges() if str(one.source) == "model.shop.orders.amount")

    assert [str(ref) for ref in graph.downstream(revenue)] == [
        "model.shop.revenue_by_country.revenue",
        "test.shop.no_negative_revenue",
    ]
    assert "exposure.shop.revenue" in graph.impact([revenue]).nodes


def test_a_snapshot_has_the_columns_that_dbt_adds(rendered):
    assert Graph(trace(rendered.nodes)).columns_of("snapshot.shop.orders_history") == (
        "id", "changed_at", "dbt_valid_from", "dbt_valid_to", "dbt_scd_id", "dbt_updated_at",
    )  # fmt: skip


def test_what_cannot_be_resolved_is_listed_with_its_reason_and_the_rest_goes_on(broken):
    reasons = {(one.node, one.column): one.reason for one in Graph(trace(broken.nodes)).unresolved}

    assert reasons.pop(("model.shop.keyed", "")).startswith("dbt cannot render it: 'dbt_utils' is undefined")
    assert reasons.pop(("model.shop.unclear", "")).startswith("dbt cannot render it: 'no_such_macro' is undefined")
    assert reasons.pop(("model.shop.cut", "")).startswith("Expecting )")
    assert reasons.pop(("model.shop.told", "")).startswith("dbt cannot render it: Env var required but not provided")
    (name,) = [name for name, _ in reasons if name.startswith("test.shop.dbt_utils_relationships_where")]
    assert reasons.pop((name, "")).startswith("dbt cannot render it: 'dbt_utils' is undefined")
    assert reasons == {
        ("model.shop.asking", ""): "it asks the database while it is rendered",
        ("model.shop.lost", ""): "it refers to the node 'nobody', which the project lacks",
        ("model.shop.py", ""): "it is a Python model",
    }
    assert broken.packages == ("dbt-labs/dbt_utils",)


def test_what_cannot_be_rendered_keeps_the_references_that_it_spells_out(broken):
    parents = {node.name: node.parents for node in broken.nodes}

    assert parents["model.shop.keyed"] == ("model.shop.orders",)
    assert parents["model.shop.asking"] == ("model.shop.orders",)
    assert parents["model.shop.py"] == ("model.shop.orders",)
    assert parents["model.shop.hooked"] == ("model.shop.orders",)
    assert next(parents[name] for name in parents if name.startswith("test.shop.dbt_utils_")) == (
        "model.shop.hooked",
        "model.shop.stg_orders",
    )


def test_a_variable_that_is_not_set_names_a_schema_and_decides_nothing(broken):
    edges = [(str(one.source), str(one.target)) for one in Graph(trace(broken.nodes)).column_edges()]

    assert ("source.shop.elsewhere.things.id", "model.shop.far.id") in edges
    assert [edge for edge in edges if edge[1].startswith("model.shop.told")] == []


def test_a_project_for_bigquery_is_read_in_its_own_sql(broken):
    graph = Graph(trace(broken.nodes))

    onto_id = [one for one in graph.column_edges(indirect=True) if str(one.target) == "model.shop.stg_orders.id"]
    into = [(str(one.source), one.reading) for one in onto_id]
    assert into == [("source.shop.raw.orders.changed_at", "filter"), ("source.shop.raw.orders.id", "direct")]
    assert {node.dialect for node in broken.nodes} == {"bigquery"}


def test_what_each_node_is_called_in_sql(rendered):
    relations = {node.name: node.relation for node in rendered.nodes if node.kind is not NodeKind.TEST}

    assert relations["model.shop.paid"] == ("__dbt__cte__paid",)
    assert relations["source.shop.raw.customers"][-2:] == ("landing", "crm_customers")
    assert relations["exposure.shop.revenue"] == ()


def test_a_project_of_which_nothing_can_be_parsed_is_refused(dbt, tmp_path):
    folder = written(tmp_path, {"dbt_project.yml": "name: shop\nprofile: shop\nmodel-paths: 3\n"})

    with pytest.raises(DbtProjectInvalid):
        dbt.rendered(folder, {}, kind="duckdb", dialect="duckdb")


def test_nothing_is_written_into_the_project(dbt, shop):
    before = {path: path.stat().st_mtime_ns for path in shop.rglob("*")}

    dbt.rendered(shop, {}, kind="duckdb", dialect="duckdb")

    assert {path: path.stat().st_mtime_ns for path in shop.rglob("*")} == before


@pytest.mark.parametrize(
    ("profiles", "kind"),
    [
        ("shop: {target: dev, outputs: {dev: {type: snowflake}, ci: {type: duckdb}}}", "snowflake"),
        ("shop: {target: \"{{ env_var('T') }}\", outputs: {a: {type: redshift}, b: {type: redshift}}}", "redshift"),
        ("shop: {target: \"{{ env_var('T') }}\", outputs: {a: {type: redshift}, b: {type: duckdb}}}", ""),
        ("other: {target: dev, outputs: {dev: {type: snowflake}}}", ""),
        ("shop: [", ""),
    ],
)
def test_the_type_of_connection_is_what_the_projects_own_profile_says(tmp_path, profiles, kind):
    folder = written(tmp_path, {"dbt_project.yml": SHOP["dbt_project.yml"], "profiles.yml": profiles})

    assert connection_type(folder) == kind
