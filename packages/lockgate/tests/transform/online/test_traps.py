"""SQL in which names, scopes and rows are easily mistaken: what is answered equals what DuckDB builds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from lockgate.core.relation import Relation

CONTRACT = {"id": "bigint", "name": "text"}
RECORDS = [
    {"id": 1, "code": "DE", "amount": Decimal("1.00")},
    {"id": 2, "code": "FR", "amount": Decimal("2.00")},
    {"id": 3, "code": "DE", "amount": Decimal("3.00")},
    {"id": 4, "code": "ÖS", "amount": Decimal("4.00")},
    {"id": 5, "code": None, "amount": None},
    {"id": 5, "code": None, "amount": None},
    {"id": None, "code": "DE", "amount": Decimal("5.00")},
]
STG = ("stg", "select * from raw.orders where amount < 4 or amount is null")
APART = {
    "a part called as a model": (
        STG,
        "with stg as (select id, code || '!' as code from build.stg) select id, code as name from stg",
    ),
    "a part called as another one that is around it": (
        STG,
        (
            "with a as (select id, 'outer' as code from raw.orders) select x.id, x.code as name from"
            " (with a as (select id, 'inner' as code from raw.orders) select * from a) x"
        ),
    ),
    "a part called as its source": (
        STG,
        "with orders as (select * from raw.orders) select id, code as name from orders",
    ),
    "a column called as its table": (
        STG,
        "with code as (select id, code from raw.orders) select code.id, code.code as name from code",
    ),
    "names that changed places": (
        STG,
        (
            "with t as (select id as amount, amount as id, code from raw.orders)"
            " select amount as id, id::varchar as name from t"
        ),
    ),
    "comments and a semicolon": (STG, "-- select\nselect id, /* no; */ code as name from build.stg; -- now()\n"),
    "a word that is a name": (
        STG,
        'with "select" as (select id, code as "order" from build.stg) select id, "order" as name from "select"',
    ),
    "a join to what a model gives of references": (
        ("refs", "select code, max(name) as name from raw.countries group by code having code <> 'FR'"),
        "select o.id, r.name from raw.orders o left join build.refs r on r.code = o.code",
    ),
    "references in a subquery": (
        STG,
        "select id, code as name from build.stg where code not in (select code from raw.countries where code = 'DE')",
    ),
    "a cross join to one row": (
        STG,
        "select id, n.n::varchar as name from build.stg, (select count(*) as n from raw.countries) n",
    ),
}
TOGETHER = {
    "a model read beside what it is made of": (
        STG,
        "select o.id, s.code as name from raw.orders o left join build.stg s on s.id = o.id where o.id < 5",
    ),
    "a correlated subquery over records": (
        STG,
        ("select id, (select string_agg(b.code, ',' order by b.id) from raw.orders b where b.id < o.id) as name"
        " from raw.orders o where id < 5"),
    ),
    "records in exists": (
        STG,
        "select id, code as name from raw.orders o where exists (select * from build.stg s where s.id > o.id)",
    ),
    "a negated key beside the key": (
        STG,
        ("with t as (select distinct -id as id, id as other, code from raw.orders)"
        " select other as id, code as name from t"),
    ),
    "a merged column": (
        STG,
        "select id, max(a.code) as name from raw.orders a left join raw.orders b using (id) group by 1",
    ),
    "an intersection": (STG, "select id, code as name from raw.orders intersect select id, code from build.stg"),
    "a window over all": (
        STG,
        ("select id, (sum(amount) over (order by amount nulls first rows unbounded preceding))::varchar as name"
        " from raw.orders where id < 5"),
    ),
    "a limit in a part": (STG, "with t as (from raw.orders order by amount limit 2) select id, code as name from t"),
    "one of a value": (STG, "select distinct on (code) id, code as name from raw.orders order by code, amount"),
    "a lateral query over records": (
        STG,
        ("select o.id, l.n::varchar as name from raw.orders o,"
        " lateral (select count(*) as n from raw.orders b where b.amount < o.amount) l where o.id < 5"),
    ),
    "a union of distinct rows": (
        STG,
        "select id, code as name from raw.orders where id < 3 union select id, code from build.stg where id > 1",
    ),
    "a right join": (
        STG,
        "select o.id, c.name from (select distinct * from raw.countries) c right join raw.orders o using (code)",
    ),
    "groups by all": (STG, "select id, count(*)::varchar as name from raw.orders group by all having id is not null"),
}  # fmt: skip


def own(rows):
    """The rows whose key is there once, and no NULL."""
    counts = Counter(row[0] for row in rows)
    return [row for row in rows if row[0] is not None and counts[row[0]] == 1]


@pytest.mark.parametrize("name", APART)
def test_records_that_are_kept_apart_equal_the_table(shop, name):
    first, sql = APART[name]
    made = shop.model(shop.node(*first), shop.node("top", sql), contract=CONTRACT)
    found = shop.program(made)

    answers = found.outcomes([[record] for record in RECORDS])

    assert found.is_alone
    rows = [row for row in shop.built(made, RECORDS) if row[0] is not None]
    assert rows
    assert shop.outputs(*answers) == rows


@pytest.mark.parametrize("name", TOGETHER)
def test_records_that_meet_equal_the_table(shop, name):
    first, sql = TOGETHER[name]
    made = shop.model(shop.node(*first), shop.node("top", sql), contract=CONTRACT)
    found = shop.program(made)

    (answer,) = found.outcomes([RECORDS])

    assert not found.is_alone
    rows = own(shop.built(made, RECORDS))
    assert rows
    assert shop.outputs(answer) == rows


def test_models_and_columns_may_have_any_name(shop):
    sql = 'select id, code as "Größe ""1""" from "db"."raw"."orders"'
    odd = replace(shop.node("odd", sql), relation=Relation("Be Built", "Ödd"))
    top = shop.node("top", 'select id, "Ödd"."GRößE ""1""" as name from "DB"."be built"."ÖDD"'.replace("ÖDD", "ÖdD"))
    found = shop.program(shop.model(odd, top, contract=CONTRACT))

    (answer,) = found.outcomes([[{"id": 1, "code": "x"}]])

    assert shop.told(answer) == [("ok", None, 1, "x")]
