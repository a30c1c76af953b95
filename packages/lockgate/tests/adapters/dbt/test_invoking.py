"""What dbt's adapters answer of a node becomes its facts, and nothing is made up."""

from __future__ import annotations

import pytest

from lockgate.adapters.dbt.answers import node_result
from lockgate.adapters.dbt.invoking import result_facts

NODE = {
    "node": "model.p.users", "file": "users.sql", "compiled": "", "depends_on": [], "attached_to": "",
    "materialized": "table", "relation": ["analytics", "users"],
}  # fmt: skip


def result(response):
    told = {
        "adapter_response": response,
        "status": "success",
        "execution_time": 1.5,
        "message": "",
        "num_failures": None,
    }
    return node_result({**NODE, **result_facts("model", told)}, str)


@pytest.mark.parametrize(
    ("response", "rows", "read"),
    [
        # As dbt-bigquery answers: google's bytes_processed and what is billed of them, at least 10 MiB a table.
        ({"rows_affected": 7, "bytes_processed": 160, "bytes_billed": 10485760}, 7, 10485760),
        ({"rows_affected": 7, "bytes_processed": 160}, 7, None),
        ({"_message": "OK"}, None, None),
        ({"rows_affected": -1, "bytes_billed": -1}, None, None),
        ({"rows_affected": "7", "bytes_billed": "9"}, None, None),
        ({"bytes_billed": 0}, None, 0),
        (None, None, None),
    ],
)
def test_rows_and_billed_bytes_are_those_of_the_adapter(response, rows, read):
    found = result(response)

    assert (found.rows, found.read_bytes, found.seconds) == (rows, read, 1.5)
