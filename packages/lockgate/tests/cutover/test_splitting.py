"""Two sides of one request: sticky by key, and every difference counted whoever answered."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lockgate.core.gate import Traffic
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType, Kind
from lockgate.cutover.splitting import Sides, buckets_of, chosen, is_asked, one_way, traffic_of

KEY = [Column("user_id", ColumnType(Kind.BIGINT))]
NOW = datetime(2026, 11, 21, tzinfo=UTC)
# The first 32 bits of MD5 over '1:1', '1:2', '1:3' (`printf '1:1' | md5sum`) modulo 10,000.
BUCKETS = [9533, 2595, 9604]


def outcome(engine: str, user: int | None, label: str = "x") -> dict[str, object]:
    output = None if user is None else {"user_id": user, "label": label}
    status = "rejected" if user is None else "ok"
    return {"engine": engine, "status": status, "reason": None, "output": output}


RULES = [outcome("rules", number) for number in (1, 2, 3)]
DBT = [outcome("dbt", number) for number in (1, 2, 3)]


def engines(share: int, incumbent=RULES, candidate=DBT) -> list[object]:
    found = chosen(Sides(incumbent, candidate), buckets_of(incumbent or candidate, KEY), share)
    return [one["engine"] for one in found]


def test_a_records_bucket_is_that_of_its_key() -> None:
    assert buckets_of(RULES, KEY) == BUCKETS
    assert buckets_of([outcome("rules", None)], KEY) == [None]
    assert buckets_of([{"output": {"user_id": None}}], KEY) == [None]


@pytest.mark.parametrize(
    ("share", "answered"),
    [
        (0, ["rules", "rules", "rules"]),
        (2595, ["rules", "rules", "rules"]),
        (2596, ["rules", "dbt", "rules"]),
        (9534, ["dbt", "dbt", "rules"]),
        (10_000, ["dbt", "dbt", "dbt"]),
    ],
)
def test_a_share_of_the_keys_is_the_candidates(share, answered) -> None:
    assert engines(share) == answered
    assert is_asked(BUCKETS, share) == ("dbt" in answered)


def test_a_record_without_a_key_is_the_incumbents_until_everything_is_the_candidates() -> None:
    incumbent, candidate = [outcome("rules", None)], [outcome("dbt", 4)]

    assert engines(9999, incumbent, candidate) == ["rules"]
    assert engines(10_000, incumbent, candidate) == ["dbt"]


def test_where_one_side_fails_the_other_answers() -> None:
    assert chosen(Sides(RULES, None), BUCKETS, 10_000) == RULES
    assert chosen(Sides(None, DBT), [None] * 3, 500) == DBT


def test_what_a_request_says_of_the_candidate() -> None:
    candidate = [outcome("dbt", 1), outcome("dbt", 2, "y"), outcome("dbt", None)]

    found = traffic_of(Sides(RULES, candidate), [4009, None, 8262], (0.2, 0.3), NOW)

    times = math.log(1.5)
    assert found == Traffic(
        requests=1,
        records=3,
        wrong=2,
        unbucketed=1,
        slower_count=1,
        slower_sum=pytest.approx(times),
        slower_squares=pytest.approx(times * times),
        last_at=NOW,
    )


@pytest.mark.parametrize(("incumbent", "candidate", "times"), [(0.002, 0.04, 1), (0.002, 0.1, 2), (0.2, 0.002, 0.25)])
def test_what_nobody_notices_is_not_slower(incumbent, candidate, times) -> None:
    found = traffic_of(Sides(RULES, RULES), BUCKETS, (incumbent, candidate), NOW)

    assert found.slower_sum == pytest.approx(math.log(times))


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        (Kind.BIGINT, "1", "1:1"),
        (Kind.BIGINT, Decimal("1.0"), "1:1"),
        (Kind.UUID, "0199A3C2-0000-7000-8000-00000000000A", "36:0199a3c2-0000-7000-8000-00000000000a"),
        (Kind.DATE, datetime(2026, 1, 31, 5, tzinfo=UTC), "10:2026-01-31"),
        (Kind.DATE, "2026-01-31", "10:2026-01-31"),
        (Kind.TEXT, 1, "1:1"),
    ],
)
def test_a_key_has_the_bucket_of_what_its_contract_makes_of_it(kind, value, canonical) -> None:
    expected = int(hashlib.md5(canonical.encode(), usedforsecurity=False).hexdigest()[:8], 16) % 10_000

    assert buckets_of([{"output": {"id": value}}], [Column("id", ColumnType(kind))]) == [expected]


@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.BIGINT, "x"), (Kind.BIGINT, 1.5), (Kind.UUID, "x"), (Kind.DOUBLE, 1)]
)
def test_a_key_that_its_contract_cannot_hold_has_no_bucket(kind, value) -> None:
    assert buckets_of([{"output": {"id": value}}], [Column("id", ColumnType(kind))]) == [None]


@pytest.mark.parametrize(
    ("buckets", "all_of_them"), [([None, 5, 7], [5, 5, 5]), ([None, None], [None, None]), ([], [])]
)
def test_a_request_that_goes_one_way_has_the_bucket_of_its_first_key(buckets, all_of_them) -> None:
    assert one_way(buckets) == all_of_them


@pytest.mark.parametrize(
    ("one", "other", "wrong"),
    [
        (math.nan, math.nan, 0),
        (True, 1, 1),
        (Decimal("1.0"), Decimal("1.00"), 0),
        (None, 0, 1),
    ],
)
def test_values_are_compared_as_what_they_mean(one, other, wrong) -> None:
    sides = Sides(*([{"status": "ok", "reason": None, "output": {"value": each}}] for each in (one, other)))

    assert traffic_of(sides, [None], None, NOW).wrong == wrong


def test_times_that_cannot_be_compared_are_not() -> None:
    found = traffic_of(Sides(RULES, RULES), BUCKETS, None, NOW)

    assert (found.slower_count, found.slower_sum, found.slower_squares) == (0, 0.0, 0.0)


def test_why_a_record_is_rejected_is_each_sides_own_wording() -> None:
    one = {"status": "rejected", "reason": "no e-mail", "output": None}
    other = {"status": "rejected", "reason": "email is missing", "output": None}

    assert traffic_of(Sides([one], [other]), [None], (1, 1), NOW).wrong == 0


@pytest.mark.parametrize(
    ("sides", "errors", "shared"), [(Sides(RULES, None), 1, 0), (Sides(None, DBT), 0, 0), (Sides(None, None), 0, 1)]
)
def test_errors_are_the_candidates_own_or_shared(sides, errors, shared) -> None:
    found = traffic_of(sides, [], (1, 1), NOW)

    assert (found.requests, found.errors, found.shared_errors, found.records) == (1, errors, shared, 0)
