"""The lineage of a dbt project folder and of a whole project, and what is kept of it."""

from __future__ import annotations

import json
import shutil

import pytest

from lockgate.app import App
from lockgate.core.lineage import ColumnRef
from lockgate.errors import UnknownName

MODELS = {
    "dbt_project.yml": "name: shop\nprofile: shop\nmodel-paths: [models]\n",
    "models/sources.yml": "sources: [{name: raw, schema: raw, tables: [{name: orders}]}]\n",
    "models/orders.sql": "select id, amount from {{ source('raw', 'orders') }}\n",
    "models/totals.sql": "select sum(amount) as total from {{ ref('orders') }} where id > 0\n",
}


@pytest.fixture
def shop(tmp_path):
    for name, text in MODELS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def edges(found):
    return [(str(one.source), str(one.target)) for one in found.graph.column_edges()]


def test_an_unchanged_project_is_read_from_what_was_kept_and_a_changed_one_is_not(shop):
    first = App.lineage_of(shop)
    again = App.lineage_of(shop)
    (shop / "models/totals.sql").write_text("select max(amount) as total from {{ ref('orders') }}\n", encoding="utf-8")
    changed = App.lineage_of(shop)

    assert edges(first) == edges(again) == edges(changed) == [
        ("model.shop.orders.amount", "model.shop.totals.total"),
        ("source.shop.raw.orders.amount", "model.shop.orders.amount"),
        ("source.shop.raw.orders.id", "model.shop.orders.id"),
    ]  # fmt: skip
    assert (first.worked_out, again.worked_out, changed.worked_out) == (2, 0, 1)


def test_a_kept_file_that_means_nothing_is_found_again(shop):
    first = App.lineage_of(shop)
    kept = shop / ".lockgate/lineage.json"
    kept.write_text(kept.read_text(encoding="utf-8")[:200], encoding="utf-8")

    again = App.lineage_of(shop)

    assert edges(again) == edges(first)
    assert again.worked_out == 2
    assert json.loads(kept.read_text(encoding="utf-8"))["form"][0] == 2
    assert (shop / ".lockgate/.gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_person_is_told_which_sql_it_was_read_as(shop):
    assert [one for one in App.lineage_of(shop).warnings if "--dialect" in one] == [
        f"no profiles.yml in {shop} says which SQL this is: read as duckdb; --dialect names another"
    ]
    assert App.lineage_of(shop, dialect="snowflake").warnings == ()


@pytest.mark.parametrize(
    ("profiles", "why"),
    [
        (b"shop:\n  target: dev\n  outputs: [\n", "it is no YAML, in line 4"),
        ("name: größe".encode("latin-1"), "it is no text in UTF-8"),
        (b"- shop\n", "it has no profiles by name"),
    ],
    ids=["no yaml", "no text", "a list"],
)
def test_a_profile_that_is_broken_is_not_told_as_missing(shop, profiles, why):
    (shop / "profiles.yml").write_bytes(profiles)

    assert [one for one in App.lineage_of(shop).warnings if "--dialect" in one] == [
        f"profiles.yml in {shop} cannot be read: {why}: read as duckdb; --dialect names another"
    ]


@pytest.mark.parametrize(("folder", "dialect"), [("models", None), (".", "nosuch")])
def test_what_is_no_dbt_project_or_no_dialect_is_refused(shop, folder, dialect):
    with pytest.raises(UnknownName):
        App.lineage_of(shop / folder, dialect=dialect)


def test_nodes_and_columns_are_found_by_the_end_of_their_names(shop):
    found = App.lineage_of(shop)

    assert found.node("totals") == "model.shop.totals"
    assert found.column("model.shop.totals", "TOTAL") == ColumnRef("model.shop.totals", "total")
    with pytest.raises(UnknownName, match="there is no node 'total'"):
        found.node("total")
    with pytest.raises(UnknownName, match=r"model.shop.totals has no column 'sum'; it has total"):
        found.column("model.shop.totals", "sum")
    with pytest.raises(
        UnknownName, match=r"several nodes are called 'orders': model.shop.orders, source.shop.raw.orders"
    ):
        found.node("orders")


def test_one_graph_goes_from_the_field_of_a_source_to_what_is_served(project):
    with App.open(project) as app:
        found = app.lineage()

    assert edges(found) == [
        ("model.people.people.name", "served.people.people.name"),
        ("model.people.people.person_id", "served.people.people.person_id"),
        ("rules.people.people.rules.name", "served.people.people.name"),
        ("rules.people.people.rules.person_id", "served.people.people.person_id"),
        ("source.people.raw.people.id", "model.people.people.person_id"),
        ("source.people.raw.people.name", "model.people.people.name"),
        ("stream.people.files.people.id", "rules.people.people.rules.person_id"),
        ("stream.people.files.people.id", "source.people.raw.people.id"),
        ("stream.people.files.people.name", "rules.people.people.rules.name"),
        ("stream.people.files.people.name", "source.people.raw.people.name"),
    ]
    assert found.impact("stream.people.files.people", "name").nodes == ("served.people.people",)
    assert found.graph.unresolved == ()


def test_an_implementation_that_cannot_be_read_is_listed_and_the_others_are_there(project):
    (project / "rules/people.yml").write_text("entity: people\nfrom: raw.nothing\n", encoding="utf-8")

    with App.open(project) as app:
        found = app.lineage()

    assert [one.node for one in found.graph.unresolved] == ["rules.people.people.rules"]
    assert ("model.people.people.name", "served.people.people.name") in edges(found)


def test_two_projects_with_the_same_ids_stay_apart(project):
    shutil.copytree(project / "dbt", project / "next")
    model = project / "next/models/people.sql"
    model.write_text(
        model.read_text(encoding="utf-8").replace("name from", "upper(alias) as name from"), encoding="utf-8"
    )
    file = project / "lockgate.yml"
    declared = file.read_text(encoding="utf-8").replace("incumbent: rules", "incumbent: next")
    added = "      next: {dbt: next, model: people}\n    route:"
    file.write_text(declared.replace("    route:", added), encoding="utf-8")

    with App.open(project) as app:
        found = app.lineage()

    assert [edge for edge in edges(found) if edge[1] == "served.people.people.name"] == [
        ("model.people.people.name", "served.people.people.name"),
        ("model.people.people@2.name", "served.people.people.name"),
    ]
    assert ("source.people.raw.people@2.alias", "model.people.people@2.name") in edges(found)
    assert ("stream.people.files.people.alias", "source.people.raw.people@2.alias") in edges(found)
