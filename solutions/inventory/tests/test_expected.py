"""Each rule of dbt/DECISIONS.md, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from inventory import schema
from inventory.expected import Results, expected

OLD, NEW = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
NO_BREAK_SPACE = "\u00a0"


def user(id_: int | None = 1, **fields: str | None) -> dict[str, object]:
    return {"updated_at": OLD, "id": id_, **fields}


def application(id_: int | None = 1, **fields: object) -> dict[str, object]:
    return {"updated_at": OLD, "id": id_, **fields}


def results(users: list[dict[str, object]], applications: list[dict[str, object]] = ()) -> Results:
    return expected(
        pa.Table.from_pylist(list(users), schema.USERS), pa.Table.from_pylist(list(applications), schema.APPLICATIONS)
    )


def users_of(*users: dict[str, object]) -> list[dict[str, object]]:
    return results(list(users)).users.to_pylist()


def test_a_user_comes_out_with_every_column_of_the_contract():
    raw = user(
        7,
        email=" Ada.L@Example.COM\t",
        full_name="  Ada  Lovelace ",
        department_code=" Eng ",
        status="ACTIVE ",
        hired_on="10/12/2015",
        created_at=OLD,
        updated_at="2026-01-31T09:15:00.123Z",
    )

    assert users_of(raw) == [
        {
            "user_id": 7,
            "email": "ada.l@example.com",
            "email_domain": "example.com",
            "full_name": "Ada  Lovelace",
            "department": "Engineering",
            "status": "active",
            "is_active": True,
            "hired_on": date(2015, 12, 10),
            "updated_at": datetime(2026, 1, 31, 9, 15, 0, 123000, tzinfo=UTC),
        }
    ]


def test_an_application_comes_out_with_every_column_of_the_contract():
    raw = application(
        3,
        name=" Atlas ",
        category=" CRM",
        criticality="High",
        monthly_cost=" 12.345 ",
        owner_id=7,
        launched_on="2020-02-29",
    )

    assert results([user(7, full_name="Ada", department_code="hr")], [raw]).applications.to_pylist() == [
        {
            "application_id": 3,
            "name": "Atlas",
            "category": "crm",
            "criticality": "high",
            "monthly_cost": Decimal("12.35"),
            "annual_cost": Decimal("148.20"),
            "owner_user_id": 7,
            "owner_name": "Ada",
            "owner_department": "People",
            "has_owner": True,
            "launched_on": date(2020, 2, 29),
            "updated_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
    ]


@pytest.mark.parametrize(
    ("delivered", "kept"),
    [
        (" \t\n\v\f\rAda\r\f\v\n\t ", "Ada"),
        (f"{NO_BREAK_SPACE}Ada", f"{NO_BREAK_SPACE}Ada"),
        ("\u3000王\u3000", "\u3000王\u3000"),
        ("Jose\u0301", "Jose\u0301"),
        ("GROß", "GROß"),
        (" \t ", None),
        ("", None),
        (None, None),
    ],
)
def test_names_lose_ascii_blanks_and_nothing_else(delivered, kept):
    assert users_of(user(full_name=delivered))[0]["full_name"] == kept


@pytest.mark.parametrize(
    ("delivered", "kept"), [("A@X.ORG", "a@x.org"), ("ÑA@X", "Ña@x"), ("K\u212a@X", "k\u212a@x"), ("  ", None)]
)
def test_lower_case_is_ascii_only(delivered, kept):
    assert users_of(user(email=delivered))[0]["email"] == kept


@pytest.mark.parametrize("email", ["a", "@", "a@", "@b", "a@b@c", "a@@b", " a@ "])
def test_an_email_without_one_inner_at_is_rejected(email):
    outcome = results([user(email=email)])

    assert outcome.users.num_rows == 0
    assert outcome.rejected_users == {"email_invalid": 1}


@pytest.mark.parametrize(
    ("delivered", "kept"),
    [
        ("2024-02-29", date(2024, 2, 29)),
        ("29/02/2000", date(2000, 2, 29)),
        (" 01/12/0001 ", date(1, 12, 1)),
        ("9999-12-31", date(9999, 12, 31)),
        ("03/04/2020", date(2020, 4, 3)),
        (" ", None),
        (None, None),
    ],
)
def test_dates_are_read_in_two_layouts(delivered, kept):
    assert users_of(user(hired_on=delivered))[0]["hired_on"] == kept


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29", "29/02/1900", "31/04/2020", "2020-13-01", "2020-00-10", "00/01/2020", "0000-01-01", "2020-1-1",
        "1/2/2020", "2020/01/01", "20200101", "soon", "2020-01-01T00:00:00", "２０２０-01-01", "12/31/2020",
    ],
)  # fmt: skip
def test_what_is_no_date_is_rejected(text):
    outcome = results([user(hired_on=text)], [application(launched_on=text)])

    assert outcome.rejected_users == {"hired_on_invalid": 1}
    assert outcome.rejected_applications == {"launched_on_invalid": 1}
    assert outcome.applications.num_rows == 0


@pytest.mark.parametrize(
    ("delivered", "monthly", "annual"),
    [
        ("0", "0.00", "0.00"),
        ("-0.00", "0.00", "0.00"),
        ("+007.5", "7.50", "90.00"),
        ("0.1", "0.10", "1.20"),
        ("1.005", "1.01", "12.12"),
        ("1.00499999999999999999", "1.00", "12.00"),
        ("9999999999.994", "9999999999.99", "119999999999.88"),
    ],
)
def test_costs_are_exact_and_rounded_half_up_to_cents(delivered, monthly, annual):
    row = results([], [application(monthly_cost=delivered)]).applications.to_pylist()[0]

    assert (row["monthly_cost"], row["annual_cost"]) == (Decimal(monthly), Decimal(annual))


def test_a_missing_cost_stays_missing():
    row = results([], [application(monthly_cost=" ")]).applications.to_pylist()[0]

    assert (row["monthly_cost"], row["annual_cost"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *(
            (text, "monthly_cost_not_a_number")
            for text in ("n/a", "1e3", ".5", "5.", "1,5", "NaN", "--1", "1 0", "€1", "٣")
        ),
        ("12345678901", "monthly_cost_not_a_number"),
        ("9999999999.995", "monthly_cost_not_a_number"),
        ("-9999999999.995", "monthly_cost_not_a_number"),
        ("-0.001", "monthly_cost_negative"),
        ("-12.50", "monthly_cost_negative"),
    ],
)
def test_what_is_no_cost_is_rejected(text, reason):
    assert results([], [application(monthly_cost=text)]).rejected_applications == {reason: 1}


@pytest.mark.parametrize(
    "stamp", [None, "", "2026-01-01", "2026-02-30T00:00:00.000Z", "2026-01-01T24:00:00.000Z", " " + OLD]
)
def test_a_version_without_an_instant_is_rejected(stamp):
    assert results([user(updated_at=stamp)]).rejected_users == {"updated_at_invalid": 1}


def test_the_first_reason_counts():
    everything_wrong = {"updated_at": None, "email": "x", "hired_on": "x"}

    outcome = results([user(None, **everything_wrong), user(**everything_wrong), user(email="x", hired_on="x")])

    assert outcome.rejected_users == {"id_missing": 1, "updated_at_invalid": 1, "email_invalid": 1}


def test_codes_outside_the_sets_are_unknown():
    row = users_of(user(status="on leave", department_code="eng-2"))[0]
    criticality = results([], [application(criticality="P1")]).applications["criticality"].to_pylist()

    assert (row["status"], row["is_active"], row["department"], criticality) == (
        "unknown",
        False,
        "Unknown",
        ["unknown"],
    )


@pytest.mark.parametrize(
    ("code", "department"),
    [
        ("ENG", "Engineering"), ("FIN", "Finance"), ("HR", "People"), ("MKT", "Marketing"), ("OPS", "Operations"),
        ("SAL", "Sales"), ("LEG", "Legal"), ("ITS", "IT"), (None, "Unknown"), ("it", "Unknown"),
    ],
)  # fmt: skip
def test_department_codes_have_names(code, department):
    assert users_of(user(department_code=code))[0]["department"] == department


def test_the_latest_version_wins_whatever_the_order_and_however_often_it_comes():
    old, new = user(full_name="old"), user(full_name="new", updated_at=NEW)

    assert [row["full_name"] for row in users_of(new, old, old, new)] == ["new"]


def test_a_rejected_version_does_not_hide_an_older_one():
    assert [row["email"] for row in users_of(user(email="a@x"), user(email="broken", updated_at=NEW))] == ["a@x"]


def test_one_email_is_one_person_and_the_latest_user_survives():
    rows = users_of(
        user(1, email=" A@X ", updated_at=NEW), user(2, email="a@x"), user(3, email=None), user(4, email="")
    )

    assert [row["user_id"] for row in rows] == [1, 3, 4]


def test_of_users_with_one_email_and_instant_the_highest_id_survives():
    assert [row["user_id"] for row in users_of(user(9, email="a@x"), user(10, email="a@x"))] == [10]


def test_only_latest_versions_make_a_person():
    moved = [user(1, email="a@x"), user(1, email="b@x", updated_at=NEW), user(2, email="a@x")]

    assert [row["user_id"] for row in users_of(*moved)] == [1, 2]


def test_the_owner_is_the_survivor_of_the_person_named():
    users = [user(1, email="a@x", full_name="old me"), user(2, email="A@x", full_name="me", updated_at=NEW)]

    row = results(users, [application(owner_id=1)]).applications.to_pylist()[0]

    assert (row["owner_user_id"], row["owner_name"], row["owner_department"]) == (2, "me", "Unknown")


@pytest.mark.parametrize("owner_id", [None, 99, 5])
def test_an_owner_who_does_not_exist_or_was_rejected_is_no_owner(owner_id):
    row = results([user(1), user(5, email="broken")], [application(owner_id=owner_id)]).applications.to_pylist()[0]

    owner = {name: row[name] for name in ("owner_user_id", "owner_name", "owner_department", "has_owner")}
    assert owner == {"owner_user_id": None, "owner_name": None, "owner_department": None, "has_owner": False}


def test_nothing_in_gives_nothing_out():
    outcome = results([])

    assert (outcome.users.num_rows, outcome.applications.num_rows) == (0, 0)
    assert (outcome.rejected_users, outcome.rejected_applications) == ({}, {})
