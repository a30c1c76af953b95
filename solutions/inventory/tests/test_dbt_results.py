"""The dbt models' SQL gives exactly the expected result on both engines, whatever comes in."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory import schema
from inventory.expected import expected
from inventory.generate import generate

pytestmark = pytest.mark.slow

BLANKS = ["", " ", "\t", "\n", "\v", "\f", "\r", " \t"]
EMAILS = [
    "a@x.org",
    "A@X.org",
    "b@x",
    "ñ@x",
    "Ñ@X",
    "\u00a0a@x.org",
    "x",
    "@",
    "a@",
    "@b",
    "a@b@c",
    "a@\nb",
    "k\u212a@x",
]
NAMES = ["Ada", "José", "Jose\u0301", "王小明", "محمد", "🦊", "\u00a0Å", "O'Neil", "", None]
CODES = ["ENG", "eng", "Hr", "its", "r&d", "active", "INACTIVE", "Low", "high", "medium", "Ñ", "on leave", "", None]
DATES = [
    "2024-02-29", "29/02/2024", "2023-02-29", "29/02/1900", "29/02/2000", "2100-02-29", "31/04/2020", "30/04/2020",
    "0000-01-01", "0001-01-01", "9999-12-31", "00/01/2020", "2020-00-01", "2020-13-01", "1/2/2020", "2020-1-2",
    "2020/01/02", "12/31/2020", "20200101", "infinity", "now", "epoch", "2020-01-01x", "２０２０-01-01", "", None,
]  # fmt: skip
COSTS = [
    "0", "-0.00", "-0", "0.005", "1.005", "1.00499999999999999999", "2.675", "9999999999.994", "9999999999.995",
    "-9999999999.995", "12345678901", "0000000001", "00000000001", "-0.001", "-5", "+5", "+-5", "1e3", ".5", "5.",
    "1,5", "NaN", "Infinity", "inf", "0x10", "1_000", "n/a", "£5", "٣", "1.123456789012345678901", "", None,
]  # fmt: skip
STAMPS = [
    "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", "2024-02-29T23:59:59.999Z", "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.123456Z", "2023-02-29T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "2026-01-01T00:00:60.000Z",
    "2026-01-01", "", None,
]  # fmt: skip


def padded(values: list[str | None]) -> st.SearchStrategy[str | None]:
    """One of the values, now and then with blanks of every sort around it."""
    around = st.sampled_from(BLANKS)
    value = st.sampled_from(values)
    return value | st.builds(lambda before, text, after: text and f"{before}{text}{after}", around, value, around)


IDS = st.sampled_from([None, 1, 2, 3, 2**53 + 1, -4])
SCRAWL = st.text("0123456789-+./e ", max_size=12)
USERS = st.fixed_dictionaries(
    {
        "id": IDS,
        "email": padded(EMAILS),
        "full_name": padded(NAMES),
        "department_code": padded(CODES),
        "status": padded(CODES),
        "hired_on": padded(DATES) | SCRAWL,
        "created_at": st.sampled_from(STAMPS),
        "updated_at": st.sampled_from(STAMPS),
    }
)
APPLICATIONS = st.fixed_dictionaries(
    {
        "id": IDS,
        "name": padded(NAMES),
        "category": padded(CODES),
        "criticality": padded(CODES),
        "monthly_cost": padded(COSTS) | SCRAWL,
        "owner_id": IDS,
        "launched_on": padded(DATES) | SCRAWL,
        "updated_at": st.sampled_from(STAMPS),
    }
)


def delivered(rows: st.SearchStrategy[dict], columns: pa.Schema) -> st.SearchStrategy[pa.Table]:
    """Raw tables that keep the source's promise (one content a version), some rows delivered twice."""
    once = st.lists(rows, max_size=25, unique_by=version)
    return once.map(lambda kept: pa.Table.from_pylist(kept + kept[::3], columns))


def version(row: dict) -> tuple[int | None, str]:
    """What may have one content only: 00:00:00Z and 00:00:00.000Z are one instant."""
    return row["id"], (row["updated_at"] or "").replace(".000Z", "Z")


def check_duckdb(built: dict[str, pa.Table], users: pa.Table, applications: pa.Table) -> None:
    right = expected(users, applications)
    fct_users = built["fct_users"].sort_by("user_id")
    fct_applications = built["fct_applications"].sort_by("application_id")
    assert fct_users.schema.names == right.users.schema.names
    assert fct_applications.schema.names == right.applications.schema.names
    assert fct_users.to_pylist() == right.users.to_pylist()
    assert fct_applications.to_pylist() == right.applications.to_pylist()
    assert Counter(built["stg_users_rejected"]["reason"].to_pylist()) == right.rejected_users
    assert Counter(built["stg_applications_rejected"]["reason"].to_pylist()) == right.rejected_applications


def check_postgres(built: dict[str, list[dict]], users: pa.Table, applications: pa.Table) -> None:
    right = expected(users, applications)
    assert sorted(built["fct_users"], key=lambda row: row["user_id"]) == right.users.to_pylist()
    in_order = sorted(built["fct_applications"], key=lambda row: row["application_id"])
    assert in_order == right.applications.to_pylist()
    assert Counter(row["reason"] for row in built["stg_users_rejected"]) == right.rejected_users
    assert Counter(row["reason"] for row in built["stg_applications_rejected"]) == right.rejected_applications


@given(seed=st.integers(0, 2**32), users=st.integers(0, 60), applications=st.integers(0, 60))
@settings(max_examples=15, deadline=None)
def test_duckdb_equals_expected_for_any_seed(on_duckdb, seed, users, applications):
    made = generate(users, applications, seed=seed)

    built = on_duckdb(made.users.rows, made.applications.rows)

    check_duckdb(built, made.users.rows, made.applications.rows)


@given(users=delivered(USERS, schema.USERS), applications=delivered(APPLICATIONS, schema.APPLICATIONS))
@settings(max_examples=100, deadline=None)
def test_duckdb_equals_expected_for_any_rows(on_duckdb, users, applications):
    check_duckdb(on_duckdb(users, applications), users, applications)


@given(seed=st.integers(0, 2**32), users=st.integers(0, 60), applications=st.integers(0, 60))
@settings(max_examples=5, deadline=None)
def test_postgres_equals_expected_for_any_seed(on_postgres, seed, users, applications):
    made = generate(users, applications, seed=seed)

    built = on_postgres(made.users.rows, made.applications.rows)

    check_postgres(built, made.users.rows, made.applications.rows)


@given(users=delivered(USERS, schema.USERS), applications=delivered(APPLICATIONS, schema.APPLICATIONS))
@settings(max_examples=30, deadline=None)
def test_postgres_equals_expected_for_any_rows(on_postgres, users, applications):
    check_postgres(on_postgres(users, applications), users, applications)


@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_and_one_row_are_valid_input_on_both_engines(on_duckdb, on_postgres, rows):
    made = generate(3, 3)
    users, applications = made.users.rows.slice(0, rows), made.applications.rows.slice(0, rows)

    check_duckdb(on_duckdb(users, applications), users, applications)
    check_postgres(on_postgres(users, applications), users, applications)


@pytest.mark.parametrize("seed", [7, 8])
def test_a_thousand_users_equal_on_both_engines(on_duckdb, on_postgres, seed):
    made = generate(1_000, 500, seed=seed)
    users, applications = made.users.rows, made.applications.rows

    check_duckdb(on_duckdb(users, applications), users, applications)
    check_postgres(on_postgres(users, applications), users, applications)


def test_the_order_of_delivery_means_nothing(on_duckdb):
    made = generate(200, 100, seed=3)
    users, applications = (stream.rows.sort_by("updated_at") for stream in (made.users, made.applications))
    backwards = [stream.take(pa.array(range(len(stream)))[::-1]) for stream in (users, applications)]

    built = on_duckdb(*backwards)

    check_duckdb(built, made.users.rows, made.applications.rows)


def test_unknown_department_codes_are_counted(on_duckdb):
    made = generate(1_000, 0)

    counted = {
        row["department_code"]: row["users"]
        for row in on_duckdb(made.users.rows, made.applications.rows)["unknown_department_codes"].to_pylist()
    }

    departments = expected(made.users.rows, made.applications.rows).users["department"].to_pylist()
    assert sum(counted.values()) == departments.count("Unknown")
    assert set(counted) == {"xyz", "r&d", "eng-2", "??", "Ñ", None}
