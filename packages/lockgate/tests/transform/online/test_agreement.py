"""Records answered equal a batch: random tables, once record by record and once by DuckDB model after model."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONTRACT = {"id": "bigint", "name": "text", "price": "numeric(14,2)", "seen": "timestamptz"}
RAW = "raw.orders"
ORDER = "amount desc, seen, code, cast(tags as varchar)"
STAGED = (
    "stg",
    (
        "with orders as (select *, lower(code) as low from raw.orders), found as (select * from raw.countries)"
        ' select orders.*, found.name as land from orders left join found on found.code = orders."CODE"'
        " where amount <> 7"
    ),
)
ALONE = {
    "a chain": [
        STAGED,
        ("top", "select id, land as name, amount / 3 as price, seen from build.stg where low is not null"),
    ],
    "a union": [
        STAGED,
        (
            "top",
            (
                "select id, low as name, amount as price, seen from build.stg where amount > 0 union all"
                " select id, code, -amount, seen + interval 1 day from build.stg where amount <= 0"
            ),
        ),
    ],
    "a correlated subquery": [
        (
            "top",
            (
                "select id, (select max(name) from raw.countries c where c.code <= o.code) as name,"
                " (select count(*) from raw.countries c where c.code > o.code) as price, seen from raw.orders o"
                " where exists (select * from raw.countries c where c.code = o.code)"
            ),
        ),
    ],
    "aggregates of what is looked up": [
        (
            "counts",
            "select substr(code, 1, 1) as letter, count(*) as n, max(name) as name from raw.countries group by all",
        ),
        (
            "top",
            (
                "select o.id, coalesce(c.name, '-') as name, c.n as price, o.seen from build.counts c"
                " join raw.orders o on o.code[1] = c.letter"
            ),
        ),
    ],
    "one record unnested": [
        (
            "top",
            (
                "select id, t.tag as name, amount as price, seen from raw.orders o,"
                " unnest(from_json(o.tags, '[\"varchar\"]')) as t(tag) where t.tag = 'x'"
            ),
        ),
    ],
}
TOGETHER = {
    "the newest, and one of a name": [
        STAGED,
        ("newest", f"select * from build.stg qualify row_number() over (partition by id order by {ORDER}) = 1"),
        (
            "top",
            ("with named as (select *, case when code is null then id else first_value(id) over (partition by code"
            " order by amount desc, id) end as survivor from build.newest)"
            " select id, land as name, amount as price, seen from named where id = survivor"),
        ),
    ],
    "distinct rows": [STAGED, ("top", "select distinct id, land as name, amount as price, seen from build.stg")],
    "sums": [("top", f"select id, max(code) as name, sum(amount) as price, min(seen) as seen from {RAW} group by id")],
    "a limit": [
        STAGED,
        ("top", f"select id, land as name, amount as price, seen from build.stg order by id, {ORDER} limit 3"),
    ],
    "a source read twice": [
        (
            "top",
            ("select a.id, min(b.code) as name, count(b.id) as price, max(a.seen) as seen from raw.orders a"
            " left join raw.orders b on b.amount = a.amount and b.id <> a.id group by a.id"),
        ),
    ],
    "except": [
        (
            "top",
            ("select id, code as name, amount as price, seen from raw.orders except"
            " select id, code, amount, seen from raw.orders where amount < 0"),
        ),
    ],
    "a right join": [
        (
            "top",
            ("select o.id, max(c.name) as name, max(o.amount) as price, max(o.seen) as seen"
            " from raw.countries c right join raw.orders o using (code) group by o.id"),
        ),
    ],
}  # fmt: skip
# Whose requests cannot be kept apart in one query.
ONE_BY_ONE = {"a limit", "a right join"}
SEEN = st.integers(0, 4_102_444_800).map(lambda at: datetime.fromtimestamp(at, UTC).replace(tzinfo=None))
RECORDS = st.fixed_dictionaries(
    {
        "id": st.one_of(st.none(), st.integers(1, 4)),
        "code": st.sampled_from([None, "DE", "FR", "ÖS", "zz", ""]),
        "amount": st.one_of(
            st.none(), st.sampled_from([Decimal(7), Decimal("0.05"), Decimal("-3.10"), Decimal("9.99")])
        ),
        "seen": st.one_of(st.none(), SEEN),
        "tags": st.sampled_from([None, '["x"]', '["x","y"]', "[]"]),
    }
)
SETTINGS = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def made(shop):
    """A model and its program, by the SQL of the models."""

    @cache
    def made(*parts):
        model = shop.model(*(shop.node(*part) for part in parts), contract=CONTRACT)
        return model, shop.program(model)

    return made


def read(record):
    """A record as JSON brings it; tags are a value there."""
    import json

    return {**record, "tags": None if record["tags"] is None else json.loads(record["tags"])}


def with_own_key(rows):
    """The rows that an edition could have: their key is there once, and is no NULL."""
    counts = Counter(row[0] for row in rows)
    return [row for row in rows if row[0] is not None and counts[row[0]] == 1]


NASTY = {
    "a limit on parentheses": "(select id, code as name from raw.orders) limit 1",
    "an offset on parentheses in FROM": (
        "select t.id, t.name from ((select id, code as name from raw.orders) order by 1, 2 offset 1) t"
    ),
    "joins within joins": (
        "select a.id, count(d.id)::text as name from raw.orders a left join raw.orders b left join raw.orders d"
        " on d.code = b.code on a.code = b.code group by a.id"
    ),
    "recursion that keeps one row a key": (
        "with recursive t(a, n) using key (n) as (select id, 1 from raw.orders union"
        " select a, n + 1 from t where n < 3) select o.id, count(t.n)::text as name from raw.orders o"
        " left join t on true group by o.id"
    ),
    "a union by name with rows of no record": (
        "with u as (select id, code from raw.orders union all by name select code from raw.countries)"
        " select o.id, count(u.code)::text as name from raw.orders o left join u on true group by o.id"
    ),
    "one row of no rows": (
        "with t as (select count(*) as n from raw.orders where amount > 5 group by all)"
        " select o.id, min(t.n)::text as name from raw.orders o cross join t group by o.id"
    ),
    "a named part in parentheses": (
        "with t as ((select id, code from raw.orders)) select distinct t.id, t.code as name from t"
    ),
}


@pytest.fixture(scope="module")
def made_of(shop):
    """A model of one SELECT and its program."""

    @cache
    def made_of(sql):
        model = shop.model(shop.node("top", sql), contract={"id": "bigint", "name": "text"})
        return model, shop.program(model)

    return made_of


@pytest.mark.parametrize("name", NASTY)
@given(requests=st.lists(st.lists(RECORDS, max_size=4), max_size=3))
@SETTINGS
def test_what_is_hard_to_keep_apart_is_right_too(shop, made_of, name, requests):
    model, program = made_of(NASTY[name])

    answers = program.outcomes([[read(record) for record in records] for records in requests])

    for answer, records in zip(answers, requests, strict=True):
        assert shop.outputs(answer) == with_own_key(shop.built(model, records))


@pytest.mark.parametrize("name", ALONE)
@given(records=st.lists(RECORDS, max_size=8), cuts=st.lists(st.integers(0, 8), max_size=3))
@SETTINGS
def test_records_answered_in_any_requests_equal_the_table(shop, made, name, records, cuts):
    model, program = made(*ALONE[name])
    ends = sorted(min(cut, len(records)) for cut in cuts)
    requests = [records[a:b] for a, b in zip([0, *ends], [*ends, len(records)], strict=True)]

    answers = program.outcomes([[read(record) for record in request] for request in requests])

    assert (program.is_apart, program.is_alone) == (True, True)
    assert [len(answer) for answer in answers] == [len(request) for request in requests]
    rows = [row for row in shop.built(model, records) if row[0] is not None]
    assert shop.outputs(*answers) == rows
    singly = [program.outcomes([[read(record)]])[0] for record in records]
    assert shop.outputs(*singly) == rows if singly else rows == []


@pytest.mark.parametrize("name", TOGETHER)
@given(requests=st.lists(st.lists(RECORDS, max_size=8), max_size=3))
@SETTINGS
def test_a_request_answered_as_a_whole_equals_the_table_whoever_asks_with_it(shop, made, name, requests):
    model, program = made(*TOGETHER[name])

    answers = program.outcomes([[read(record) for record in records] for records in requests])

    assert (program.is_apart, program.is_alone) == (name not in ONE_BY_ONE, False)
    assert [len(answer) for answer in answers] == [len(records) for records in requests]
    for answer, records in zip(answers, requests, strict=True):
        assert shop.outputs(answer) == with_own_key(shop.built(model, records))


@pytest.mark.parametrize("name", TOGETHER)
@given(requests=st.lists(st.lists(RECORDS, max_size=5), max_size=4))
@SETTINGS
def test_requests_get_together_what_each_gets_by_itself(shop, made, name, requests):
    _, program = made(*TOGETHER[name])
    requests = [[read(record) for record in records] for records in requests]

    answers = program.outcomes(requests)

    singly = [program.outcomes([records])[0] for records in requests]
    assert [shop.told(answer) for answer in answers] == [shop.told(answer) for answer in singly]


@pytest.mark.parametrize("name", TOGETHER)
@given(records=st.lists(RECORDS, max_size=5))
@settings(SETTINGS, max_examples=5)
def test_who_has_a_row_and_who_has_none_is_told_by_what_each_record_gives_alone(shop, made, name, records):
    model, program = made(*TOGETHER[name])
    alone = [shop.built(model, [record]) for record in records]

    (answer,) = program.outcomes([[read(record) for record in records]])

    several = "the model gives several rows for this record"
    rows = [row for row in answer.to_pylist() if row["_reason"] != several]
    for row in rows:
        record, own = records[row["_row"] - 1], alone[row["_row"] - 1]
        if row["_outcome"] == "ok":
            output = tuple(row[each] for each in CONTRACT)
            equal = [n for n, one in enumerate(records) if one["id"] == record["id"] and alone[n] == [output]]
            assert row["_row"] - 1 == equal[0] if equal else True
        elif record["id"] is not None and row["_outcome"] == "rejected":
            assert own == []
        elif row["_outcome"] == "duplicate":
            assert own != []
