"""What a dbt model answers to records: worked examples, each right by what its SQL means."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from lockgate.core.relation import Relation
from lockgate.errors import NotOnline

PLAIN = {"id": "bigint", "name": "text"}
NO_ROW = "the model gives no row for this record"
OTHER = "another record of the request has its key"


def staged(shop):
    return shop.node(
        "stg",
        'with Src as (select * from "db"."raw"."orders"), named as (select * from raw.countries where name <> \'\')'
        " select src.*, n.name from SRC left join named n on n.code = src.code",
    )


def test_each_record_has_its_row_in_whatever_requests_they_come(shop):
    made = shop.model(staged(shop), shop.node("top", "select id, name from build.stg where amount > 0"), contract=PLAIN)
    found = shop.program(made)

    answers = found.outcomes(
        [
            [{"id": 1, "code": "DE", "amount": 1}, {"id": 2, "amount": -1}],
            [],
            [{"id": 1, "code": "ÖS", "amount": "0.01"}],
        ]
    )

    assert (found.is_apart, found.is_alone) == (True, True)
    assert [shop.told(one) for one in answers] == [
        [("ok", None, 1, "Germany"), ("rejected", NO_ROW, None, None)],
        [],
        [("ok", None, 1, "Österreich")],
    ]
    assert found.outcomes([]) == []


def test_a_record_is_read_by_its_columns_types(shop):
    contract = {"id": "bigint", "amount": "numeric(14,1)", "tag": "text"}
    top = shop.node("top", "select id, amount * 2 as amount, tags ->> '$[0]' as tag from raw.orders")
    found = shop.program(shop.model(top, contract=contract))

    (answer,) = found.outcomes(
        [[{"id": 7.0, "amount": "1.13", "tags": ["é"], "more": 1}, {"id": True}, {"id": 3, "amount": 0.001}, {}]]
    )

    assert shop.told(answer) == [
        ("ok", None, 7, Decimal("2.3"), "é"),
        ("rejected", "id: not bigint", None, None, None),
        ("rejected", "amount: not numeric(12,2)", None, None, None),
        ("rejected", "id: the key is NULL", None, None, None),
    ]
    assert answer.schema.field("amount").type == pa.decimal128(14, 1)


def test_what_the_contract_does_not_hold_is_rejected(shop):
    contract = {"id": "smallint", "level": "integer", "day": "date"}
    top = shop.node("top", "select id, tags ->> '$[0]' as level, seen as day from raw.orders")
    found = shop.program(shop.model(top, contract=contract))

    (answer,) = found.outcomes(
        [
            [
                {"id": 1, "tags": ["12"], "seen": "2024-02-29T00:00:00"},
                {"id": 1, "tags": ["x"]},
                {"id": 40000},
                {"id": 2, "seen": "2024-02-29T00:00:01"},
            ]
        ]
    )

    assert [row[:2] for row in shop.told(answer)] == [
        ("ok", None),
        ("rejected", "level: not integer"),
        ("rejected", "id: not smallint"),
        ("rejected", "day: not date"),
    ]


def test_the_row_of_a_key_is_its_records_and_the_others_are_duplicates(shop):
    newest = shop.node(
        "newest",
        "select id, name, amount from build.stg qualify row_number() over (partition by id order by amount desc) = 1",
    )
    found = shop.program(shop.model(staged(shop), newest, contract={**PLAIN, "amount": "numeric(12,2)"}))

    (answer,) = found.outcomes(
        [
            [
                {"id": 1, "code": "DE", "amount": 1},
                {"id": 1, "code": "FR", "amount": 2},
                {"id": 1, "code": "FR", "amount": 2},
                {"id": 2},
                {"code": "DE"},
            ]
        ]
    )

    assert (found.is_apart, found.is_alone) == (True, False)
    assert shop.told(answer) == [
        ("duplicate", OTHER, None, None, None),
        ("ok", None, 1, "France", Decimal("2.00")),
        ("duplicate", OTHER, None, None, None),
        ("ok", None, 2, None, None),
        ("rejected", "the key is NULL, or none that the contract holds", None, None, None),
    ]


def test_a_record_that_has_no_row_alone_is_rejected_though_another_one_has_its_key(shop):
    newest = shop.node(
        "newest",
        "select id, code as name from raw.orders where amount >= 0"
        " qualify row_number() over (partition by id order by amount desc) = 1",
    )
    found = shop.program(shop.model(newest, contract=PLAIN))

    answers = found.outcomes(
        [
            [{"id": 1, "code": "DE", "amount": -1}, {"id": 1, "code": "FR", "amount": 2}],
            [{"id": 1, "code": "DE", "amount": 1}],
            [{"id": 1, "code": "DE", "amount": 1}, {"id": 1, "code": "FR", "amount": 2}],
        ]
    )

    assert [shop.told(one) for one in answers] == [
        [("rejected", NO_ROW, None, None), ("ok", None, 1, "FR")],
        [("ok", None, 1, "DE")],
        [("duplicate", OTHER, None, None), ("ok", None, 1, "FR")],
    ]


def test_a_record_that_another_one_displaces_is_a_duplicate_and_one_that_has_no_row_alone_is_rejected(shop):
    one = shop.node("one", "select id, code as name from raw.orders where amount >= 0 order by amount desc, id limit 1")
    found = shop.program(shop.model(one, contract=PLAIN))

    (answer,) = found.outcomes([[{"id": 1, "amount": 1}, {"id": 2, "amount": 2}, {"id": 3, "amount": -1}, {"id": 4}]])
    (single,) = found.outcomes([[{"id": 4}]])

    assert shop.told(answer) == [
        ("duplicate", "other records of the request take its place", None, None),
        ("ok", None, 2, None),
        ("rejected", NO_ROW, None, None),
        ("rejected", NO_ROW, None, None),
    ]
    assert shop.told(single) == [("rejected", NO_ROW, None, None)]


def test_a_row_made_of_several_records_is_the_first_ones(shop):
    summed = shop.node("summed", "select id, sum(amount)::varchar as name from raw.orders group by id")
    found = shop.program(shop.model(summed, contract=PLAIN))

    (answer,) = found.outcomes([[{"id": 1, "amount": 1}, {"id": 1, "amount": 2}, {"id": 2, "amount": 5}]])

    assert shop.told(answer) == [("ok", None, 1, "3.00"), ("duplicate", OTHER, None, None), ("ok", None, 2, "5.00")]


def test_a_record_that_has_several_rows_is_rejected(shop):
    both = shop.node(
        "both",
        "select id, 'a' as name from raw.orders union all select id, 'b' as name from raw.orders where amount > 1",
    )
    found = shop.program(shop.model(both, contract=PLAIN))

    (answer,) = found.outcomes([[{"id": 1, "amount": 1}, {"id": 2, "amount": 2}]])

    assert found.is_alone
    assert shop.told(answer) == [
        ("ok", None, 1, "a"),
        ("rejected", "the model gives several rows for this record", None, None),
    ]


def test_a_key_that_an_enforced_contract_casts_is_followed(shop):
    typed = {"id": "integer", "name": "varchar"}
    last = shop.node("last", "select distinct id, code as name from raw.orders", columns=typed)
    found = shop.program(shop.model(last, contract={"id": "text", "name": "text"}))

    (answer,) = found.outcomes([[{"id": 1, "code": "x"}, {"id": 2, "code": "y"}, {"id": 1, "code": "x"}]])

    assert shop.told(answer) == [("ok", None, "1", "x"), ("ok", None, "2", "y"), ("duplicate", OTHER, None, None)]


def test_what_does_not_rest_on_records_is_computed_once(shop):
    looked = shop.node("looked", "select code, count(*) as n from raw.countries group by code")
    top = shop.node(
        "top", "select o.id, cast(l.n as varchar) as name from raw.orders o join build.looked l using (code)"
    )
    found = shop.program(shop.model(looked, top, contract=PLAIN))

    (answer,) = found.outcomes([[{"id": 1, "code": "FR"}, {"id": 2, "code": "XX"}]])

    assert shop.told(answer) == [("ok", None, 1, "1"), ("rejected", NO_ROW, None, None)]
    assert "countries" not in found.sql


def test_rows_to_look_up_must_be_given(shop):
    made = shop.model(staged(shop), shop.node("top", "select id, name from build.stg"), contract=PLAIN)

    with pytest.raises(NotOnline, match=r"top: the rows of raw.countries were not given"):
        shop.program(made, {Relation("raw", "others"): pa.table({"a": [1]})})


NAMES = [
    'select "ID" as id, "Code" as name from "DB"."RAW"."Orders"',
    "with orders as (select * from raw.orders) select Orders.id, ORDERS.code as name from Orders",
    "select raw.orders.id, db.raw.orders.code as name from db.raw.orders",
    "select * from (select id, code as name from raw.orders)",
    "from (from raw.orders) t select t.id, t.code as name",
    "with t(id, name) as (select id, code, amount from raw.orders) select * from t",
    "select t.* from (select id, code from raw.orders) as t(id, name)",
    "select * exclude (code, amount, seen, tags) replace (id + 0 as id), code as name from raw.orders",
    "select o.id, o.code as name from raw.countries c join raw.orders o on c.code <> o.code and c.code = 'DE'",
    (
        "(select id, code as name from raw.orders where id < 2)"
        " union all by name (select code as name, id from raw.orders where id >= 2)"
    ),
    (
        "with a as (select * from raw.orders where id < 2), b as (select * from raw.orders where id >= 2)"
        " select id, code as name from (select * from a union all select * from b)"
    ),
    (
        "select id, (select any_value(name) from raw.countries c where c.code = 'ZZ' || o.code)"
        " || 'x' as name_, code as name from raw.orders o"
    ),
    "select floor(o.id)::bigint as id, o.code as name from raw.orders o join (values (1)) v(x) on true",
    "select o.id, o.code as name from raw.orders o semi join (select 1 as x) r on true",
]


@pytest.mark.parametrize("sql", NAMES)
def test_names_and_columns_are_found_however_they_are_written(shop, sql):
    found = shop.program(shop.model(shop.node("top", sql), contract=PLAIN))

    first, second = found.outcomes([[{"id": 1, "code": "ß"}], [{"id": 2, "code": "z"}, {"id": 1, "code": "y"}]])

    assert found.is_alone
    assert shop.told(first) == [("ok", None, 1, "ß")]
    assert shop.told(second) == [("ok", None, 2, "z"), ("ok", None, 1, "y")]


def test_a_query_that_would_see_one_more_column_does_not_get_it(shop):
    sql = "select id, cast(len(json_keys(to_json(o))) as varchar) as name from raw.orders o"
    found = shop.program(shop.model(shop.node("top", sql), contract=PLAIN))

    (answer,) = found.outcomes([[{"id": 1}, {"id": 2}]])

    assert not found.is_alone
    assert shop.told(answer) == [("ok", None, 1, "5"), ("ok", None, 2, "5")]
