"""Correlation ids: taken, made, echoed, logged."""

from __future__ import annotations

import re

import pytest
from starlette.datastructures import Headers

from lockgate.server.correlation import correlation_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_well_formed_id_is_kept():
    assert correlation_id(Headers({"x-correlation-id": "order-51.a_b"})) == "order-51.a_b"


@pytest.mark.parametrize("given", ["", "a b", "-a", "a" * 129, "ä", "a\r\nSet-Cookie: b", "<script>"])
def test_another_one_is_replaced(given):
    assert re.fullmatch("[0-9a-f]{32}", correlation_id(Headers({"x-correlation-id": given})))


def test_a_trace_gives_its_id():
    assert correlation_id(Headers({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})) == TRACE


@pytest.mark.parametrize(
    "parent",
    [f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01", "00"],
)
def test_a_broken_trace_gives_none(parent):
    assert correlation_id(Headers({"traceparent": parent})) != TRACE


def test_the_id_is_in_the_answer_and_in_its_problem(client):
    response = client.get("/nowhere", headers={"X-Correlation-Id": "order-51"})

    assert (response.headers["X-Correlation-Id"], response.json()["correlationId"]) == ("order-51", "order-51")
