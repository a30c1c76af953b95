"""A dear table over a stream that grows a little is to be incremental where its SQL allows it, and not elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lockgate.core.cost import AdviceKind, Confidence, Growth, Refused
from lockgate.operate.incremental import incremental_advice

EXAMPLES = yaml.safe_load(Path(__file__).with_name("row_wise.yml").read_text(encoding="utf-8"))
DEAR = "model.shop.dear"
ROW_WISE = "select id, amount from raw.orders"


def over(shop, sql, *, seconds=200.0, materialized="table", **more):
    node = shop.model("dear", sql, shop.source, shop.places, materialized=materialized)
    return incremental_advice(shop.grounds([node], {DEAR: seconds}, **more), ())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_a_query_allows_it_or_says_why_not(shop, example):
    advice, refused = over(shop, example["sql"])

    why = [] if example["why"] is None else [Refused(AdviceKind.INCREMENTAL, DEAR, example["why"])]
    assert list(refused) == why
    assert [one.facts["keyed"] for one in advice] == ([] if why else [example["keyed"]])


def test_the_share_that_is_not_new_is_saved(shop):
    (advice,), refused = over(shop, ROW_WISE)

    assert refused == ()
    assert advice.saving.seconds == 198.0
    assert advice.saving.how == "200 s (the median of 9 runs) × (1 - 10 new rows a load / 1,000 rows)"
    assert advice.reason == "it is built anew in 200 s, and 1.0% of its input is new with a load (of 20 loads)"
    assert advice.confidence is Confidence.MEDIUM


def test_a_model_behind_another_one_rests_on_the_same_stream(shop):
    first = shop.model("first", "select id as order_id, amount from raw.orders", materialized="view")
    second = shop.model("dear", "select order_id, sum(amount) as total from main.first group by order_id", first.name)

    (advice,), _ = incremental_advice(shop.grounds([first, second], {DEAR: 200.0}), ())

    assert (advice.saving.seconds, advice.facts["keyed"], advice.confidence) == (198.0, True, Confidence.LOW)


def test_a_model_behind_one_that_is_too_wide_is_refused(shop):
    first = shop.model("first", "select status, count(*) as n from raw.orders group by status")
    second = shop.model("dear", "select status, n from main.first", first.name)

    advice, refused = incremental_advice(shop.grounds([first, second], {DEAR: 200.0}), ())

    assert (advice, [one.why for one in refused]) == ((), ["model.shop.first: its groups are of several keys"])


@pytest.mark.parametrize(
    ("growth", "why"),
    [
        (Growth(20, 600, 1000, ("id",), "at"), "60% of its input is new with each load"),
        (Growth(why_not="it has no cursor"), "source.shop.orders: stream.shop.orders: it has no cursor"),
        (Growth(0, 0, 0, ("id",), "at"), "source.shop.orders: stream.shop.orders: nothing has been loaded"),
    ],
    ids=["mostly new", "replaced", "empty"],
)
def test_a_stream_that_is_not_appended_to_is_refused(shop, growth, why):
    advice, refused = over(shop, ROW_WISE, growth={"stream.shop.orders": growth})

    assert (advice, [one.why for one in refused]) == ((), [why])


def test_without_a_key_rows_may_be_new_and_groups_may_not(shop):
    growth = {"stream.shop.orders": Growth(20, 10, 1000, (), "at")}

    assert len(over(shop, ROW_WISE, growth=growth)[0]) == 1
    assert over(shop, "select id, sum(amount) as a from raw.orders group by id", growth=growth)[0] == ()


@pytest.mark.parametrize(
    "near", [{"seconds": 0.9}, {"runs": 4}, {"materialized": "view"}, {"materialized": "incremental"}], ids=str
)
def test_near_misses_are_not_even_looked_at(shop, near):
    assert over(shop, ROW_WISE, **near) == ((), ())


def test_a_table_on_no_stream_is_refused_and_without_any_stream_nothing_is_said(shop):
    node = shop.model("dear", "select code from raw.places", shop.places)

    on_none = incremental_advice(shop.grounds([node], {DEAR: 200.0}), ())
    without = incremental_advice(shop.grounds([node], {DEAR: 200.0}, growth={}), ())

    assert on_none == ((), (Refused(AdviceKind.INCREMENTAL, DEAR, "it stands on no stream of which loads are known"),))
    assert without == ((), ())
