"""Graphs of a few nodes, with what they cost."""

from __future__ import annotations

import pytest

from lockgate.core.cost import Grounds, Growth, NodeCost
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.lineage import trace

ORDERS = ("id", "customer", "amount", "at", "status", "note", "city", "code", "kind", "size")
STREAM, SOURCE, PLACES, CUSTOMERS = (
    "stream.shop.orders",
    "source.shop.orders",
    "source.shop.places",
    "source.shop.customers",
)
INPUTS = (
    LineageNode(STREAM, NodeKind.STREAM, ("raw", "orders"), ORDERS, dialect="duckdb"),
    LineageNode(
        SOURCE, NodeKind.SOURCE, ("db", "raw", "orders"), ORDERS, True, sql='select * from "raw"."orders"',
        parents=(STREAM,), dialect="duckdb",
    ),
    LineageNode(PLACES, NodeKind.SOURCE, ("db", "raw", "places"), ("code", "city"), True, dialect="duckdb"),
    LineageNode(CUSTOMERS, NodeKind.SOURCE, ("db", "raw", "customers"), ("id", "region"), True, dialect="duckdb"),
)  # fmt: skip
GROWTH = {STREAM: Growth(loads=20, rows_a_load=10, rows=1000, key=("id",), cursor="at")}


def model(name, sql, *parents, materialized="table"):
    """A model of the project `shop`."""
    return LineageNode(
        f"model.shop.{name}", NodeKind.MODEL, ("db", "main", name), sql=sql, parents=parents or (SOURCE,),
        dialect="duckdb", materialized=materialized,
    )  # fmt: skip


def test_of(name, *tested):
    """A generic test that was declared for the first of these."""
    return LineageNode(
        f"test.shop.{name}.0123456789", NodeKind.TEST, parents=tested, sql="select 1", dialect="duckdb",
        attached_to=tested[0],
    )  # fmt: skip


test_of.__test__ = False


def exposure(name, *parents):
    """Somebody who reads these."""
    return LineageNode(f"exposure.shop.{name}", NodeKind.EXPOSURE, parents=parents)


def grounds(nodes, seconds, *, inputs=INPUTS, growth=None, runs=9, **more):
    """What advice rests on: nodes over the inputs, and the median seconds of those that were measured."""
    traced = trace((*inputs, *nodes))
    costs = {name: NodeCost(name, runs, taken) for name, taken in seconds.items()}
    return Grounds(traced.nodes, traced.lineages, costs, GROWTH if growth is None else growth, **more)


@pytest.fixture(scope="session")
def shop():
    """The pieces that graphs are made of."""

    class Shop:
        def __init__(self):
            self.model, self.test, self.exposure, self.grounds = model, test_of, exposure, grounds
            self.source, self.customers, self.places, self.inputs = SOURCE, CUSTOMERS, PLACES, INPUTS

    return Shop()
