"""What nobody reads goes, with what only it needs; what anybody may read stays."""

from __future__ import annotations

import pytest

from lockgate.core.cost import AdviceKind
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.operate.unread import unknown_readers, unread_advice

SQL = "select id from raw.orders"


def names(advice):
    return [one.nodes for one in advice]


def test_a_leaf_goes_with_what_only_it_needs(shop):
    shared, own, leaf, mart = (shop.model(name, SQL) for name in ("shared", "own", "leaf", "mart"))
    own = shop.model("own", "select id from main.shared", shared.name)
    leaf = shop.model("leaf", "select id from main.own", own.name)
    mart = shop.model("mart", "select id from main.shared", shared.name)
    seconds = {shared.name: 50.0, own.name: 4.0, leaf.name: 2.5, mart.name: 9.0}

    (advice,) = unread_advice(shop.grounds([shared, own, leaf, mart, shop.exposure("board", mart.name)], seconds))

    assert (advice.kind, advice.nodes) == (AdviceKind.UNREAD, (leaf.name, own.name))
    assert advice.saving.seconds == 6.5
    assert advice.saving.how == (
        "2.5 s of model.shop.leaf (the median of 9 runs) + 4 s of model.shop.own (the median of 9 runs)"
    )
    assert advice.reason == (
        "no served view, exposure, metric or entity stands on it; 1 before it are needed by it alone"
    )


def test_what_two_leaves_need_is_told_once_and_apart(shop):
    base = shop.model("base", SQL)
    leaves = [shop.model(name, "select id from main.base", base.name) for name in ("one", "two")]
    read = shop.model("read", SQL)
    nodes = [base, *leaves, read, shop.exposure("board", read.name)]

    found = unread_advice(shop.grounds(nodes, dict.fromkeys((node.name for node in nodes), 3.0)))

    assert names(found) == [("model.shop.base",), ("model.shop.one",), ("model.shop.two",)]
    assert found[0].reason == "only models that nobody reads stand on it"


@pytest.mark.parametrize(
    "kind", [NodeKind.EXPOSURE, NodeKind.METRIC, NodeKind.SERVED, NodeKind.RULES, NodeKind.OTHER], ids=str
)
def test_near_miss_somebody_reads_it_at_a_distance(shop, kind):
    base = shop.model("base", SQL)
    leaf = shop.model("leaf", "select id from main.base", base.name)
    reader = LineageNode("reader", kind, parents=(leaf.name,))

    assert unread_advice(shop.grounds([base, leaf, reader], {base.name: 5.0, leaf.name: 5.0})) == ()


def test_near_miss_it_is_an_entitys_output(shop):
    leaf = shop.model("leaf", SQL)

    assert unread_advice(shop.grounds([leaf], {leaf.name: 5.0}, outputs=frozenset({leaf.name}))) == ()


def test_near_miss_no_reader_at_all_is_declared(shop):
    leaf = shop.model("leaf", SQL)

    assert unread_advice(shop.grounds([leaf], {leaf.name: 5.0})) == ()


@pytest.mark.parametrize("is_output", [True, False])
def test_near_miss_somebody_may_read_it_who_could_not_be_read(shop, is_output):
    leaf, read = shop.model("leaf", SQL), shop.model("read", SQL)
    lost = LineageNode("rules.shop.orders.new", NodeKind.OTHER, why_unread="the file is no YAML")
    outputs = frozenset({lost.name} if is_output else ())
    grounds = shop.grounds([leaf, read, shop.exposure("board", read.name), lost], {leaf.name: 5.0}, outputs=outputs)

    assert unread_advice(grounds) == ()
    assert unknown_readers(grounds) == (lost.name,)


def test_a_reader_of_which_the_parents_are_known_hides_nothing(shop):
    leaf, read = shop.model("leaf", SQL), shop.model("read", SQL)
    python = LineageNode("model.shop.py", NodeKind.MODEL, parents=(read.name,), why_unread="it is a Python model")
    grounds = shop.grounds([leaf, read, python], {leaf.name: 5.0}, outputs=frozenset({python.name}))

    assert names(unread_advice(grounds)) == [(leaf.name,)]


def test_a_test_is_no_reader(shop):
    leaf, read = shop.model("leaf", SQL), shop.model("read", SQL)
    nodes = [leaf, read, shop.exposure("board", read.name), shop.test("unique_leaf_id", leaf.name)]

    assert names(unread_advice(shop.grounds(nodes, {leaf.name: 5.0}))) == [(leaf.name,)]


@pytest.mark.parametrize(("seconds", "runs"), [({}, 9), ({"model.shop.leaf": 5.0}, 4), ({"model.shop.leaf": 0.9}, 9)])
def test_near_miss_it_was_not_measured_or_is_not_worth_it(shop, seconds, runs):
    leaf, read = shop.model("leaf", SQL), shop.model("read", SQL)

    assert unread_advice(shop.grounds([leaf, read, shop.exposure("board", read.name)], seconds, runs=runs)) == ()
