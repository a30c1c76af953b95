"""What each kind of rule does to rows, on DuckDB, PostgreSQL and Spark, by the engine and over records in memory."""

from __future__ import annotations

from textwrap import dedent

import pyarrow as pa
import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.config.rules import parse_rule_set
from lockgate.core.arrow import arrow_schema
from lockgate.core.execution import RuleCount
from lockgate.core.relation import Relation
from lockgate.errors import RuleSetInvalid
from lockgate.transform.rules.engine import RuleEngine
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.records import transform_records

RAW = Relation("raw", "orders")
COLUMNS = {"id": "bigint", "code": "text", "price": "text", "placed": "text"}
ROWS = [
    ["1", " AB ", "10.5", "2024-01-31"],
    ["2", "zz", "x", "2024-01-31"],
    ["3", None, None, "31/12/2023"],
    [None, "ab", "1", None],
    ["1", "ab", "7", "2023-06-01"],
    ["5", "skip", "1", None],
]
ORDERS = """
entity: orders
from: raw.orders
rules:
  - rename: {id: order_id}
  - name: known
    validate: {that: order_id is not null, reason: id missing}
  - name: tidy
    derive: {code: lower(trim(code))}
  - name: no_skips
    filter: {where: "code <> 'skip' or code is null"}
  - name: read
    cast:
      price: {type: "numeric(8,2)", reason: no price}
      placed: {type: date, formats: [YYYY-MM-DD, DD/MM/YYYY]}
  - name: free_by_default
    default: {price: 0}
  - name: kind
    lookup: {on: code, take: kind, map: {ab: Book, zz: Toy}, default: Other}
  - name: newest
    deduplicate: {key: [order_id], order: [placed desc]}
output: [order_id, code, price, placed, kind]
"""


@pytest.fixture
def orders(engine, tools):
    columns = tools.columns_of({**COLUMNS, "_load_id": "bigint", "_row": "bigint"})
    tools.load(engine, RAW, columns, [[*row, "1", str(number)] for number, row in enumerate(ROWS, 1)])
    return tools.workshop(engine, {RAW: columns})


def built(engine, table: str, order: str) -> list[tuple]:
    return engine.run(f"SELECT * FROM workshop.{table} ORDER BY {order}")


def test_builds_the_rows_that_are_right(engine, orders):
    execution = RuleEngine().execute(parse_rule_set(ORDERS, file="orders.yml"), orders)

    rows = [(row[0], row[1], str(row[2]), str(row[3]), row[4]) for row in built(engine, "orders", "order_id")]
    assert rows == [(1, "ab", "10.50", "2024-01-31", "Book"), (3, None, "0.00", "2023-12-31", "Other")]
    assert (execution.entity, execution.built, execution.rows) == ("orders", Relation("workshop", "orders"), 2)


def test_says_of_every_row_what_became_of_it_and_where_it_came_from(engine, orders):
    RuleEngine().execute(parse_rule_set(ORDERS, file="orders.yml"), orders)

    found = engine.run("SELECT _row, _outcome, _rule, _reason, _load_id FROM workshop.orders__outcomes ORDER BY _row")
    assert found == [
        (1, "ok", None, None, 1),
        (2, "rejected", "read", "no price", 1),
        (3, "ok", None, None, 1),
        (4, "rejected", "known", "id missing", 1),
        (5, "duplicate", "newest", "newest", 1),
        (6, "filtered", "no_skips", "no_skips", 1),
    ]


def test_notes_which_rules_changed_a_row_before_it_ended(engine, orders):
    RuleEngine().execute(parse_rule_set(ORDERS, file="orders.yml"), orders)

    found = engine.run("SELECT _row, _changed FROM workshop.orders__outcomes ORDER BY _row")
    assert found == [(1, 1), (2, 0), (3, 2), (4, 0), (5, 0), (6, 0)]  # 1: tidy, 2: free_by_default


def test_counts_rows_by_rule(orders):
    execution = RuleEngine().execute(parse_rule_set(ORDERS, file="orders.yml"), orders)

    assert execution.rules == (
        RuleCount("known", "rejected", 1, "id missing"),
        RuleCount("tidy", "changed", 1),
        RuleCount("no_skips", "filtered", 1, "no_skips"),
        RuleCount("read", "rejected", 1, "no price"),
        RuleCount("free_by_default", "changed", 1),
        RuleCount("newest", "duplicate", 1, "newest"),
    )


def test_gives_an_empty_result_for_an_empty_source(engine, tools):
    columns = tools.columns_of(COLUMNS)
    tools.load(engine, RAW, columns, [])

    execution = RuleEngine().execute(parse_rule_set(ORDERS, file="orders.yml"), tools.workshop(engine, {RAW: columns}))

    assert (execution.rows, execution.rules) == (0, ())
    assert built(engine, "orders", "1") == []


def test_refuses_rules_that_do_not_fit_the_columns_and_builds_nothing(engine, tools):
    columns = tools.columns_of({"id": "bigint"})
    workshop = tools.workshop(engine, {RAW: columns})

    with pytest.raises(RuleSetInvalid) as refused:
        RuleEngine().execute(parse_rule_set(ORDERS, file="orders.yml"), workshop)

    assert "orders.yml:9: there is no column 'code' at this point" in str(refused.value)
    shown = {"spark": "SHOW TABLES IN workshop"}
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'workshop'"
    assert engine.run(shown.get(engine.dialect, tables)) == []


def test_rules_see_what_earlier_ones_made_and_swap_names_at_once(engine, tools):
    rules = """
    entity: orders
    from: raw.orders
    rules:
      - derive: {id: id + 1, twice: id * 2}
      - rename: {code: price, price: code}
    output: [id, twice, code, price]
    """
    columns = tools.columns_of({"id": "integer", "code": "text", "price": "text"})
    tools.load(engine, RAW, columns, [["1", "c", "p"]])

    RuleEngine().execute(parse_rule_set(dedent(rules), file="r.yml"), tools.workshop(engine, {RAW: columns}))

    assert built(engine, "orders", "1") == [(2, 4, "p", "c")]


LOOKUPS = """
entity: lines
from: raw.lines
rules:
  - name: price
    lookup:
      in: raw.prices
      on: {item: item}
      take: {price: price, since: since}
      order: [since desc]
      default: {price: 0}
output: [n, item, price, since]
"""
LINES, PRICES = Relation("raw", "lines"), Relation("raw", "prices")


def test_a_lookup_takes_the_first_of_several_rows_and_never_multiplies(engine, tools):
    lines, prices = (
        tools.columns_of({"n": "integer", "item": "text"}),
        tools.columns_of({"item": "text", "price": "numeric(6,2)", "since": "date"}),
    )
    tools.load(engine, LINES, lines, [["1", "a"], ["2", "b"], ["3", None], ["4", "a"]])
    tools.load(
        engine,
        PRICES,
        prices,
        [
            ["a", "1", "2023-01-01"],
            ["a", "2", "2024-01-01"],
            ["a", "3", None],
            ["a", "1.5", "2024-01-01"],
            [None, "9", "2024-01-01"],
        ],
    )

    RuleEngine().execute(
        parse_rule_set(LOOKUPS, file="lines.yml"), tools.workshop(engine, {LINES: lines, PRICES: prices})
    )

    found = [(n, item, str(price), since and str(since)) for n, item, price, since in built(engine, "lines", "n")]
    assert found == [
        (1, "a", "1.50", "2024-01-01"),  # the date ties: the lower price comes first
        (2, "b", "0.00", None),
        (3, None, "0.00", None),
        (4, "a", "1.50", "2024-01-01"),
    ]


def test_a_default_stands_for_no_match_not_for_a_null_that_matched(engine, tools):
    lines, prices = (
        tools.columns_of({"n": "integer", "item": "text"}),
        tools.columns_of({"item": "text", "price": "numeric(6,2)", "since": "date"}),
    )
    tools.load(engine, LINES, lines, [["1", "a"]])
    tools.load(engine, PRICES, prices, [["a", None, None]])

    RuleEngine().execute(
        parse_rule_set(LOOKUPS, file="lines.yml"), tools.workshop(engine, {LINES: lines, PRICES: prices})
    )

    assert built(engine, "lines", "n") == [(1, "a", None, None)]


def test_a_lookup_matches_whole_numbers_with_decimals_by_their_exact_value(engine, tools):
    lines = tools.columns_of({"n": "integer", "item": "bigint"})
    prices = tools.columns_of({"item": "numeric(38,19)", "price": "numeric(6,2)", "since": "date"})
    tools.load(engine, LINES, lines, [["1", "7"], ["2", "8"]])
    tools.load(engine, PRICES, prices, [["7", "5", None], ["8.0000000000000000001", "9", None]])

    RuleEngine().execute(
        parse_rule_set(LOOKUPS, file="lines.yml"), tools.workshop(engine, {LINES: lines, PRICES: prices})
    )

    assert [(n, str(price)) for n, _, price, _ in built(engine, "lines", "n")] == [(1, "5.00"), (2, "0.00")]


BOOKS = """
entity: books
from: raw.books
rules:
  - {name: spelt, derive: {title: upper(title)}}
  - {name: priced, validate: {that: price > 0, reason: no price}}
  - {name: newest, deduplicate: {key: [isbn], order: [price desc]}}
  - {name: one_a_title, deduplicate: {key: [title], order: [isbn]}}
  - {name: cheap, filter: {where: price < 100}}
output: [isbn, price]
"""
SALES = """
entity: sales
from: raw.sales
rules:
  - name: title
    lookup: {in: entity:books, after: newest, on: {book: isbn}, take: {title: title}, default: {title: unknown}}
  - name: first
    lookup: {in: entity:books, after: one_a_title, on: {title: title}, take: {first: isbn}}
  - name: price
    lookup: {in: entity:books, on: {book: isbn}, take: {price: price}}
output: [n, title, first, price]
"""
SOLD, SHELF = Relation("raw", "sales"), Relation("raw", "books")


@pytest.fixture
def shop(engine, tools):
    sold, shelf = (
        tools.columns_of({"n": "integer", "book": "bigint"}),
        tools.columns_of({"isbn": "bigint", "title": "text", "price": "integer"}),
    )
    tools.load(engine, SOLD, sold, [["1", "10"], ["2", "11"], ["3", "12"], ["4", "99"], ["5", None], ["6", "13"]])
    books = [["10", "a", "5"], ["10", "a", "7"], ["11", "A", "6"], ["12", "b", "0"], ["13", "c", "500"]]
    tools.load(engine, SHELF, shelf, books)
    return tools.workshop(engine, {SOLD: sold, SHELF: shelf})


def test_looks_up_another_entity_as_it_stands_after_a_rule_or_at_the_end(engine, shop):
    books, sales = parse_rule_set(BOOKS, file="books.yml"), parse_rule_set(SALES, file="sales.yml")

    RuleEngine((books, sales)).execute(sales, shop)

    assert built(engine, "sales", "n") == [
        (1, "A", 10, 7),
        (2, "A", 10, None),  # 11 stands after `newest`, gave way to 10 after, and is not in the output
        (3, "unknown", None, None),  # rejected: no price
        (4, "unknown", None, None),
        (5, "unknown", None, None),
        (6, "C", 13, None),  # filtered at the end
    ]


def test_an_entity_that_is_looked_up_on_two_ways_is_woven_twice_without_clashes(engine, shop, tools):
    books, sales = parse_rule_set(BOOKS, file="books.yml"), parse_rule_set(SALES, file="sales.yml")
    rules = """
    entity: report
    from: raw.sales
    rules:
      - lookup: {in: entity:sales, on: {n: n}, take: {title: title}}
      - lookup: {in: entity:books, on: {book: isbn}, take: {price: price}}
    output: [n, title, price]
    """

    RuleEngine((books, sales)).execute(parse_rule_set(dedent(rules), file="r.yml"), shop)

    assert built(engine, "report", "n")[:2] == [(1, "A", 7), (2, "A", None)]


def test_more_changing_rules_than_one_column_has_bits(engine, tools):
    derived = "\n".join(f"  - {{name: add_{number}, derive: {{c{number}: c{number} || '!'}}}}" for number in range(70))
    names = [f"c{number}" for number in range(70)]
    rules = f"entity: wide\nfrom: raw.wide\nrules:\n{derived}\noutput: [{', '.join(names)}]\n"
    raw = Relation("raw", "wide")
    columns = tools.columns_of(dict.fromkeys(names, "text"))
    tools.load(engine, raw, columns, [["x"] * 69 + [None]])

    execution = RuleEngine().execute(parse_rule_set(rules, file="w.yml"), tools.workshop(engine, {raw: columns}))

    assert engine.run("SELECT _changed, _changed_2 FROM workshop.wide__outcomes") == [(2**62 - 1, 2**7 - 1)]
    assert {count.rule for count in execution.rules} == {f"add_{number}" for number in range(69)}


def test_records_get_the_outcomes_that_tables_get(engine, orders, tools):
    rule_set = parse_rule_set(ORDERS, file="orders.yml")
    RuleEngine().execute(rule_set, orders)
    records = [
        {"id": None if row[0] is None else int(row[0]), "code": row[1], "price": row[2], "placed": row[3]}
        for row in ROWS
    ]
    catalog = Catalog(((RAW, tools.columns_of(COLUMNS)),))

    outcomes = transform_records(rule_set, records, DuckDBMemory(), catalog=catalog)

    names = ["order_id", "code", "price", "placed", "kind", "_outcome", "_rule", "_reason", "_changed", "_row"]
    listed = ", ".join(names)
    assert [tuple(row.values()) for row in outcomes.select(names).to_pylist()] == engine.run(
        f"SELECT {listed} FROM workshop.orders__outcomes ORDER BY _row"
    )


def test_a_record_whose_value_its_column_cannot_hold_is_rejected_and_the_rest_goes_on(tools):
    catalog = Catalog(((RAW, tools.columns_of(COLUMNS)),))
    records = [{"id": "one", "code": "ab"}, {"id": 2, "code": 7, "extra": True}, {"id": 2**70}, {}]

    outcomes = transform_records(
        parse_rule_set(ORDERS, file="orders.yml"), records, DuckDBMemory(), catalog=catalog
    ).to_pylist()

    assert [(row["_row"], row["_outcome"], row["_rule"], row["_reason"], row["code"]) for row in outcomes] == [
        (1, "rejected", None, "id: not bigint", None),
        (2, "ok", None, None, "7"),
        (3, "rejected", None, "id: not bigint", None),
        (4, "rejected", "known", "id missing", None),
    ]


def test_no_records_give_no_outcomes(tools):
    catalog = Catalog(((RAW, tools.columns_of(COLUMNS)),))

    outcomes = transform_records(parse_rule_set(ORDERS, file="orders.yml"), [], DuckDBMemory(), catalog=catalog)

    assert outcomes.num_rows == 0
    assert outcomes.column_names[:6] == ["order_id", "code", "price", "placed", "kind", "_outcome"]


def test_records_without_the_rows_that_they_look_up_are_refused(tools):
    catalog = Catalog(
        (
            (LINES, tools.columns_of({"n": "integer", "item": "text"})),
            (PRICES, tools.columns_of({"item": "text", "price": "numeric(6,2)", "since": "date"})),
        )
    )
    rule_set = parse_rule_set(LOOKUPS, file="lines.yml")

    with pytest.raises(RuleSetInvalid, match=r"look up raw\.prices"):
        transform_records(rule_set, [{"n": 1, "item": "a"}], DuckDBMemory(), catalog=catalog)

    prices = pa.Table.from_pylist([{"item": "a", "price": None, "since": None}], arrow_schema(catalog.columns(PRICES)))
    found = transform_records(
        rule_set, [{"n": 1, "item": "b"}], DuckDBMemory(), catalog=catalog, context={PRICES: prices}
    )
    assert str(found.to_pylist()[0]["price"]) == "0.00"
