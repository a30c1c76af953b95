"""`lineage edges | upstream | downstream | impact | unresolved` on a dbt project's folder."""

from __future__ import annotations

import json

import pytest

from lockgate.cli.entrypoint import run

FILES = {
    "dbt_project.yml": "name: shop\nprofile: shop\nmodel-paths: [models]\n",
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: postgres}}}\n",
    "models/sources.yml": "sources: [{name: raw, schema: raw, tables: [{name: payments}]}]\n"
    "exposures: [{name: board, type: dashboard, owner: {email: a@example.com}, depends_on: [ref('totals')]}]\n",
    "models/orders.sql": "select id, amount from {{ source('raw', 'payments') }} where not voided\n",
    "models/totals.sql": "select sum(amount) as total from {{ ref('orders') }}\n",
    "models/all_orders.sql": "select * from {{ source('raw', 'payments') }}\n",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return str(folder)


def called(capsys, *arguments):
    code = run(["lineage", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_edges_between_models_are_a_list_of_pairs(shop, capsys):
    code, out, err = called(capsys, "edges", shop, "--level", "model", "--json")

    assert json.loads(out) == [
        ["model.shop.orders", "model.shop.totals"],
        ["model.shop.totals", "exposure.shop.board"],
        ["source.shop.raw.payments", "model.shop.all_orders"],
        ["source.shop.raw.payments", "model.shop.orders"],
    ]
    assert code == 0
    assert err == "warning: 1 thing is not resolved; `lockgate lineage unresolved` lists them\n"


def test_edges_between_columns_are_a_list_of_pairs_and_with_filters_say_how(shop, capsys):
    _, direct, _ = called(capsys, "edges", shop, "--level", "column", "--json")
    _, whole, _ = called(capsys, "edges", shop, "--level", "column", "--indirect", "--json")
    pairs = [
        ["model.shop.orders.amount", "model.shop.totals.total"],
        ["source.shop.raw.payments.amount", "model.shop.orders.amount"],
        ["source.shop.raw.payments.id", "model.shop.orders.id"],
    ]

    assert json.loads(direct) == pairs
    assert sorted(json.loads(whole)) == sorted([
        *([*pair, "direct"] for pair in pairs),
        ["source.shop.raw.payments.voided", "model.shop.orders.amount", "filter"],
        ["source.shop.raw.payments.voided", "model.shop.orders.id", "filter"],
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["upstream", "totals"], ["model.shop.orders", "source.shop.raw.payments"]),
        (["upstream", "totals", "total"], ["model.shop.orders.amount", "source.shop.raw.payments.amount"]),
        (["downstream", "orders"], ["exposure.shop.board", "model.shop.totals"]),
        (["downstream", "payments", "voided"], []),
        (["downstream", "payments", "amount"], ["model.shop.orders.amount", "model.shop.totals.total"]),
    ],
)
def test_what_stands_before_and_after_is_a_line_each(shop, capsys, arguments, lines):
    code, out, _ = called(capsys, *arguments, "--dbt", shop)

    assert (code, out.splitlines()) == (0, lines)


def test_impact_of_a_filter_reaches_the_exposure(shop, capsys):
    _, out, _ = called(capsys, "impact", "payments", "voided", "--dbt", shop, "--json")

    assert json.loads(out) == {
        "columns": ["model.shop.orders.amount", "model.shop.orders.id", "model.shop.totals.total"],
        "nodes": ["exposure.shop.board"],
    }


def test_what_is_not_resolved_fails_only_where_it_must_not_be(shop, capsys):
    code, out, _ = called(capsys, "unresolved", shop, "--json")
    strict, _, _ = called(capsys, "edges", shop, "--strict")

    assert json.loads(out) == [{
        "node": "model.shop.all_orders",
        "column": "*",
        "reason": "a star over source.shop.raw.payments, whose columns are not all known",
        "line": 0,
        "position": 0,
    }]  # fmt: skip
    assert (code, strict) == (0, 1)


def test_an_unknown_node_is_answered_with_the_nearest_one(shop, capsys):
    code, _, err = called(capsys, "upstream", "total", "--dbt", shop)

    assert code == 2
    assert "there is no node 'total'" in err
    assert "totals" in err
