"""Two models that make the same are found, and two that only look so are not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lockgate.core.cost import AdviceKind, Confidence
from lockgate.operate.likeness import alike_advice

PAIRS = yaml.safe_load(Path(__file__).with_name("alike.yml").read_text(encoding="utf-8"))
LEFT, RIGHT = "model.shop.left", "model.shop.right"


def pair(shop, left, right, **seconds):
    both = (shop.source, shop.customers)
    nodes = [shop.model("left", left, *both), shop.model("right", right, *both)]
    return shop.grounds(nodes, {LEFT: seconds.get("left", 40.0), RIGHT: seconds.get("right", 12.5)})


@pytest.mark.parametrize("example", PAIRS, ids=lambda example: example["name"])
def test_pairs_are_alike_or_not(shop, example):
    found = alike_advice(pair(shop, example["left"], example["right"]), ())

    assert [one.facts["shared"] for one in found] == ([] if example["shared"] is None else [example["shared"]])


def test_the_smaller_one_goes_and_its_seconds_are_saved(shop):
    sql = "select id, amount from raw.orders where amount > 1"

    (advice,) = alike_advice(pair(shop, sql, sql), ())

    assert (advice.kind, advice.nodes) == (AdviceKind.ALIKE, (RIGHT, LEFT))
    assert advice.saving.seconds == 12.5
    assert advice.saving.how == "12.5 s of the smaller one (the median of 9 runs); the other takes 40 s"
    assert advice.reason == f"both make the same rows of {shop.customers}, {shop.source}, and all 2 columns"
    assert advice.confidence is Confidence.HIGH


def test_of_three_that_are_alike_the_dearest_stays(shop):
    nodes = [shop.model(name, "select id, amount from raw.orders") for name in ("a", "b", "c")]
    seconds = {"model.shop.a": 5.0, "model.shop.b": 9.0, "model.shop.c": 2.0}

    found = alike_advice(shop.grounds(nodes, seconds), ())

    assert [(one.nodes, one.saving.seconds) for one in found] == [
        (("model.shop.a", "model.shop.b"), 5.0),
        (("model.shop.c", "model.shop.b"), 2.0),
    ]


@pytest.mark.parametrize(
    ("changed", "runs", "seconds"),
    [("incremental", 9, 12.5), ("table", 4, 12.5), ("table", 9, 0.5)],
    ids=["incremental", "measured too seldom", "not worth it"],
)
def test_near_misses_of_a_pair_give_no_advice(shop, changed, runs, seconds):
    sql = "select id, amount from raw.orders"
    nodes = [shop.model("left", sql), shop.model("right", sql, materialized=changed)]

    assert alike_advice(shop.grounds(nodes, {LEFT: 40.0, RIGHT: seconds}, runs=runs), ()) == ()


def test_two_that_draw_lots_in_the_same_words_are_not_alike(shop):
    sql = "select id, amount, customer, random() as lot from raw.orders"

    assert alike_advice(pair(shop, sql, sql), ()) == ()


def test_what_sqlglot_cannot_read_is_passed_over(shop):
    assert alike_advice(pair(shop, "select from where", "select from where"), ()) == ()
