"""All advice together: nothing is promised twice, and of seven hundred models exactly the planted ones are found."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.cost import AdviceKind, Growth, NodeCost, Prices
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.operate import advise
from lockgate.operate.savings import saving_of

SQLS = (
    "select id, amount from raw.orders",
    "select id, amount from raw.orders where amount > 1",
    "select status, sum(amount) as total from raw.orders group by status",
    "select id as i, amount as a from raw.orders",
)
NAMES = [f"m{at}" for at in range(6)]
SECONDS = st.floats(min_value=0, max_value=1e6, allow_nan=False)


@st.composite
def graphs(draw):
    """Models by name with the SQL, how it is kept, the models before it, and the seconds of it and of its test."""
    found = []
    for at, name in enumerate(NAMES):
        before = draw(st.lists(st.sampled_from(NAMES[:at]), unique=True)) if at else []
        kept = draw(st.sampled_from(["table", "view", "incremental"]))
        found.append((name, draw(st.sampled_from(SQLS)), kept, before, draw(SECONDS), draw(SECONDS)))
    return found, draw(st.sets(st.sampled_from(NAMES)))


@given(graphs(), st.integers(0, 1000))
def test_no_more_is_promised_than_was_measured(shop, drawn, new):
    models, read = drawn
    nodes, seconds = [], {}
    for name, sql, kept, before, of_model, of_test in models:
        node = shop.model(name, sql, shop.source, *(f"model.shop.{one}" for one in before), materialized=kept)
        test = shop.test(f"unique_{name}_id", node.name)
        nodes += [node, test]
        seconds |= {node.name: of_model, test.name: of_test}
    nodes += [shop.exposure(f"of_{name}", f"model.shop.{name}") for name in read]
    growth = {"stream.shop.orders": Growth(9, new, 1000, ("id",), "at")}

    advised = advise(shop.grounds(nodes, seconds, growth=growth, least_seconds=0.5))

    for one in advised.advice:
        assert 0 <= one.saving.seconds <= sum(seconds[name] for name in one.nodes) * (1 + 1e-9) + 1e-5
    changed = [one.nodes[0] for one in advised.advice]
    assert len(changed) == len(set(changed))
    assert sum(one.saving.seconds for one in advised.advice) <= sum(seconds.values()) * (1 + 1e-9) + 1e-4


def test_what_saves_most_comes_first_and_each_node_is_in_one_advice(shop):
    sql = "select id, amount from raw.orders"
    kept, twin, alone = shop.model("kept", sql), shop.model("twin", sql), shop.model("alone", sql + " where amount > 7")
    test = shop.test("unique_alone_id", alone.name)
    nodes = [kept, twin, alone, test, shop.exposure("board", kept.name, twin.name)]

    advised = advise(shop.grounds(nodes, {kept.name: 100.0, twin.name: 20.0, alone.name: 30.0, test.name: 90.0}))

    assert [(one.kind, one.nodes[0], one.saving.seconds) for one in advised.advice] == [
        (AdviceKind.INCREMENTAL, "model.shop.kept", 99.0),
        (AdviceKind.UNREAD, "model.shop.alone", 30.0),
        (AdviceKind.ALIKE, "model.shop.twin", 20.0),
    ]
    assert (advised.measured, advised.seconds, advised.left_out) == (4, 240.0, 0)


def test_savings_are_in_money_where_there_are_prices():
    prices = Prices("EUR", second=Decimal("0.002"), terabyte=Decimal("6.25"))
    costs = [NodeCost("a", 9, 100.0, read_bytes=400_000_000_000), NodeCost("b", 9, 20.0, read_bytes=0)]

    saving = saving_of(costs, 0.5, "half", prices)

    # 60 s × 0.002 + 0.2 TB × 6.25
    assert (saving.seconds, saving.read_bytes, saving.money, saving.currency) == (
        60.0, 200_000_000_000, Decimal("1.3700"), "EUR",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("prices", "read", "money"),
    [
        (Prices(), 10**12, None),
        (Prices("EUR", terabyte=Decimal(5)), None, None),
        (Prices("EUR", second=Decimal("0.1")), None, Decimal("1.0000")),
        (Prices("EUR", terabyte=Decimal(5)), 10**12, Decimal("5.0000")),
    ],
)
def test_what_has_no_price_or_is_not_known_is_not_in_the_sum(prices, read, money):
    assert saving_of([NodeCost("a", 9, 10.0, read)], 1.0, "all", prices).money == money


SOURCES, STAGING, JOINED, MARTS = 100, 300, 200, 200
COLUMNS = ("id", *(f"c{at}" for at in range(8)))


def seven_hundred(shop):
    """A project in which no two models are alike, everything is read, and every table is a join."""
    inputs = []
    for at in range(SOURCES):
        stream, table = f"stream.big.s{at}", f"source.big.s{at}"
        inputs += [
            LineageNode(stream, NodeKind.STREAM, ("raw", f"s{at}"), COLUMNS, dialect="duckdb"),
            LineageNode(table, NodeKind.SOURCE, ("db", "raw", f"s{at}"), COLUMNS, is_complete=True,
                        sql=f"select * from raw.s{at}", parents=(stream,), dialect="duckdb"),
        ]  # fmt: skip
    names = ", ".join(f"trim({name}) as {name}" for name in COLUMNS[1:])
    models = {}
    for at in range(STAGING):
        sql = f"with s as (select * from raw.s{at % SOURCES}) select id, {names} from s where c0 <> '{at}'"
        models[f"stg_{at}"] = shop.model(f"stg_{at}", sql, f"source.big.s{at % SOURCES}", materialized="view")
    for at in range(JOINED):
        left, right = f"stg_{at}", f"stg_{(at * 7 + 1) % STAGING}"
        both = ", ".join(f"coalesce(l.{name}, r.{name}) as {name}" for name in COLUMNS[1:])
        sql = f"select l.id, {both} from main.{left} l left join main.{right} r on r.id = l.id"
        models[f"int_{at}"] = shop.model(f"int_{at}", sql, f"model.shop.{left}", f"model.shop.{right}")
    for at in range(MARTS):
        sums = ", ".join(f"max({name}) as {name}" for name in COLUMNS[2:])
        sql = f"select c0, {sums} from main.int_{at} group by c0"
        models[f"mart_{at}"] = shop.model(f"mart_{at}", sql, f"model.shop.int_{at}")
    return inputs, models


def test_of_seven_hundred_models_the_planted_ones_are_found(shop):
    inputs, models = seven_hundred(shop)
    twin = models["int_3"].sql.replace("main.stg_3 l", "main.stg_3 as a").replace("l.", "a.")
    planted = {
        "int_copy": shop.model("int_copy", twin, *models["int_3"].parents),
        "big": shop.model("big", "select id, c1 from raw.s5 where c2 = 'x'", "source.big.s5"),
        "left_over": shop.model("left_over", "select c0 from main.mart_9", "model.shop.mart_9"),
    }
    models |= planted
    marts = [f"model.shop.{name}" for name in models if name.startswith("mart_")]
    board = shop.exposure("board", *marts, "model.shop.int_copy", "model.shop.big", "model.shop.stg_299")
    stg = [f"model.shop.stg_{at}" for at in range(STAGING)]
    nodes = [*models.values(), board, shop.exposure("all", *stg), shop.test("unique_int_7_id", "model.shop.int_7")]
    seconds = {node.name: 2.0 for node in models.values()} | {"test.shop.unique_int_7_id.0123456789": 5.0}
    growth = {f"stream.big.s{at}": Growth(9, 1, 100, ("id",), "c1") for at in range(SOURCES)}

    advised = advise(shop.grounds(nodes, seconds, inputs=inputs, growth=growth))

    assert [(one.kind, one.nodes, one.saving.seconds) for one in advised.advice] == [
        (AdviceKind.DEAR_TEST, ("test.shop.unique_int_7_id.0123456789", "model.shop.int_7"), 3.0),
        (AdviceKind.UNREAD, ("model.shop.left_over",), 2.0),
        (AdviceKind.ALIKE, ("model.shop.int_copy", "model.shop.int_3"), 2.0),
        (AdviceKind.INCREMENTAL, ("model.shop.big",), 1.98),
    ]
    assert advised.measured == 704
