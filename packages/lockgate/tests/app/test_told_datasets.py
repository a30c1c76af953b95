"""What a test asserts is told where its id says so."""

from __future__ import annotations

import pytest

from lockgate.app.told_datasets import assertions_of
from lockgate.core.execution import NodeResult, NodeStatus


@pytest.mark.parametrize(
    ("test", "kind"),
    [
        ("test.shop.unique_orders_id.fed79b3a6e", "unique"),
        ("test.shop.not_null_orders_id.cf6c17daed", "not_null"),
        ("test.shop.accepted_values_orders_status__a__b.be6b5b5ec3", "accepted_values"),
        ("test.shop.relationships_orders_user__id__ref_users_.c6ec7f58f2", "relationships"),
        ("test.shop.unique_orders", "custom_sql"),
        ("test.shop.unique_orders.of.today", "custom_sql"),
        ("test.shop.dbt_utils_unique_combination_of_columns_orders_id.0b1c2d3e4f", "custom_sql"),
        ("unit_test.shop.orders.unique_orders", "unit_test"),
    ],
)
def test_a_test_of_sql_is_none_of_dbts_own_whatever_it_is_called(test, kind):
    ((found,),) = assertions_of([NodeResult(test, NodeStatus.PASS, 0.1)]).values()

    assert (found.name, found.kind) == (test, kind)
