"""A test that takes longer than its model is told, and one that does not is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.core.cost import AdviceKind, Confidence
from lockgate.operate.dear_tests import dear_test_advice

SQL = "select id from raw.orders"
MODEL = "model.shop.orders"


def found(shop, test_seconds=30.0, model_seconds=4.5, *, name="unique_orders_id", materialized="table", **more):
    model = shop.model("orders", SQL, materialized=materialized)
    test = shop.test(name, MODEL)
    seconds = {test.name: test_seconds, MODEL: model_seconds}
    return dear_test_advice(shop.grounds([model, test], seconds, **more), ())


def test_the_difference_is_saved(shop):
    (advice,) = found(shop)

    assert advice.kind is AdviceKind.DEAR_TEST
    assert advice.nodes == ("test.shop.unique_orders_id.0123456789", MODEL)
    assert advice.saving.seconds == 25.5
    assert advice.saving.how == "30 s of the test - 4.5 s of the model, both the median of 9 runs"
    assert advice.reason == "it takes 30 s, and model.shop.orders is built in 4.5 s"
    assert advice.confidence is Confidence.HIGH
    assert advice.facts["tests_of_model"] == 1


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("unique_orders_id", "key be unique"),
        ("not_null_orders_id", "for null"),
        ("source_not_null_raw_orders_id", "for null"),
        ("relationships_orders_customer__id__ref_customers_", "parents"),
        ("accepted_values_orders_status__paid", "values into one"),
        ("orders_add_up", "sample"),
    ],
)
def test_the_suggestion_is_for_that_kind_of_test(shop, name, word):
    assert word in found(shop, name=name)[0].suggestion


@pytest.mark.parametrize(
    "near",
    [
        {"test_seconds": 4.5}, {"test_seconds": 5.4}, {"materialized": "view"}, {"materialized": "ephemeral"},
        {"runs": 4},
    ],
    ids=["as dear", "hardly dearer", "a view", "ephemeral", "measured too seldom"],
)  # fmt: skip
def test_near_misses_give_no_advice(shop, near):
    assert found(shop, **near) == ()


def test_near_miss_a_test_of_two_models_is_held_against_neither(shop):
    one, two = shop.model("one", SQL), shop.model("two", SQL)
    both = replace(shop.test("one_and_two", one.name, two.name), attached_to="")
    seconds = {one.name: 1.0, two.name: 1.0, both.name: 30.0}

    assert dear_test_advice(shop.grounds([one, two, both], seconds), ()) == ()


def test_one_run_is_told_as_such(shop):
    (advice,) = found(shop, runs=1, least_runs=1)

    assert advice.confidence is Confidence.LOW
    assert advice.saving.how == "30 s of the test - 4.5 s of the model, both of one run"
