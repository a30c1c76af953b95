"""The right result of both streams, worked out row by row from dbt/DECISIONS.md and from nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

import pyarrow as pa

__all__ = ["Results", "expected"]

USERS = pa.schema(
    [
        ("user_id", pa.int64()),
        ("email", pa.string()),
        ("email_domain", pa.string()),
        ("full_name", pa.string()),
        ("department", pa.string()),
        ("status", pa.string()),
        ("is_active", pa.bool_()),
        ("hired_on", pa.date32()),
        ("updated_at", pa.timestamp("us", "UTC")),
    ]
)
APPLICATIONS = pa.schema(
    [
        ("application_id", pa.int64()),
        ("name", pa.string()),
        ("category", pa.string()),
        ("criticality", pa.string()),
        ("monthly_cost", pa.decimal128(12, 2)),
        ("annual_cost", pa.decimal128(14, 2)),
        ("owner_user_id", pa.int64()),
        ("owner_name", pa.string()),
        ("owner_department", pa.string()),
        ("has_owner", pa.bool_()),
        ("launched_on", pa.date32()),
        ("updated_at", pa.timestamp("us", "UTC")),
    ]
)

_ASCII_BLANKS = " \t\n\v\f\r"
_DEPARTMENTS = {
    "eng": "Engineering",
    "fin": "Finance",
    "hr": "People",
    "mkt": "Marketing",
    "ops": "Operations",
    "sal": "Sales",
    "leg": "Legal",
    "its": "IT",
}
_DATE_LAYOUTS = (
    re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"),
    re.compile(r"(?P<day>[0-9]{2})/(?P<month>[0-9]{2})/(?P<year>[0-9]{4})"),
)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_COST = re.compile(r"[+-]?[0-9]{1,10}(\.[0-9]{1,20})?")
_CENT = Decimal("0.01")
_DEAREST = Decimal("9999999999.99")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Results:
    """What every implementation has to produce: tables in key order, and rejected rows counted by reason."""

    users: pa.Table
    applications: pa.Table
    rejected_users: dict[str, int]
    rejected_applications: dict[str, int]


class _Rejected(Exception):
    """A delivered row that breaks a rule; the reason is its message."""


@dataclass(frozen=True, slots=True)
class _User:
    user_id: int
    email: str | None
    full_name: str | None
    department: str
    status: str
    hired_on: date | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Application:
    application_id: int
    name: str | None
    category: str | None
    criticality: str
    monthly_cost: Decimal | None
    owner_id: int | None
    launched_on: date | None
    updated_at: datetime


Version = TypeVar("Version", _User, _Application)


def expected(users: pa.Table, applications: pa.Table) -> Results:
    """The results for raw rows, which hold the columns of `inventory.schema` in any order of rows.

    Goes row by row: for tests, not for size.
    """
    valid_users, rejected_users = _judge(users, _user)
    valid_applications, rejected_applications = _judge(applications, _application)
    known = _latest(valid_users, lambda user: user.user_id)
    survivors = _survivors(known.values())
    latest = _latest(valid_applications, lambda application: application.application_id)
    people = sorted({user.user_id for user in survivors.values()})
    user_rows = [_user_row(known[user_id]) for user_id in people]
    application_rows = [_application_row(latest[key], survivors.get(latest[key].owner_id)) for key in sorted(latest)]
    return Results(
        pa.Table.from_pylist(user_rows, USERS),
        pa.Table.from_pylist(application_rows, APPLICATIONS),
        rejected_users,
        rejected_applications,
    )


def _judge(rows: pa.Table, read: Callable[[Row], Version]) -> tuple[list[Version], dict[str, int]]:
    valid: list[Version] = []
    reasons: Counter[str] = Counter()
    for row in rows.to_pylist():
        try:
            valid.append(read(row))
        except _Rejected as rejected:
            reasons[str(rejected)] += 1
    return valid, dict(reasons)


def _user(row: Row) -> _User:
    """The row, read in the order in which reasons count."""
    user_id, updated_at = _identity(row)
    return _User(
        user_id=user_id,
        updated_at=updated_at,
        email=_email(_code(row["email"])),
        hired_on=_date(row["hired_on"], "hired_on_invalid"),
        full_name=_trimmed(row["full_name"]),
        department=_DEPARTMENTS.get(_code(row["department_code"]) or "", "Unknown"),
        status=_one_of(("active", "inactive"), _code(row["status"])),
    )


def _application(row: Row) -> _Application:
    """The row, read in the order in which reasons count."""
    application_id, updated_at = _identity(row)
    return _Application(
        application_id=application_id,
        updated_at=updated_at,
        monthly_cost=_cost(_trimmed(row["monthly_cost"])),
        launched_on=_date(row["launched_on"], "launched_on_invalid"),
        name=_trimmed(row["name"]),
        category=_code(row["category"]),
        criticality=_one_of(("low", "medium", "high"), _code(row["criticality"])),
        owner_id=row["owner_id"],
    )


def _identity(row: Row) -> tuple[int, datetime]:
    if row["id"] is None:
        raise _Rejected("id_missing")
    return row["id"], _instant(row["updated_at"])


def _trimmed(text: str | None) -> str | None:
    return (text or "").strip(_ASCII_BLANKS) or None


def _code(text: str | None) -> str | None:
    """Trimmed, and A to Z alone in lower case."""
    trimmed = _trimmed(text)
    return trimmed and "".join(character.lower() if character.isascii() else character for character in trimmed)


def _one_of(known: tuple[str, ...], code: str | None) -> str:
    return code if code in known else "unknown"


def _email(text: str | None) -> str | None:
    if text is None:
        return None
    local, _, domain = text.partition("@")
    if not local or not domain or "@" in domain:
        raise _Rejected("email_invalid")
    return text


def _date(text: str | None, reason: str) -> date | None:
    trimmed = _trimmed(text)
    if trimmed is None:
        return None
    for layout in _DATE_LAYOUTS:
        if match := layout.fullmatch(trimmed):
            try:
                return date(int(match["year"]), int(match["month"]), int(match["day"]))
            except ValueError as impossible:
                raise _Rejected(reason) from impossible
    raise _Rejected(reason)


def _instant(text: str | None) -> datetime:
    if text is None or not _INSTANT.fullmatch(text):
        raise _Rejected("updated_at_invalid")
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    try:
        moment = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError as impossible:
        raise _Rejected("updated_at_invalid") from impossible
    return moment.replace(microsecond=int(fraction.ljust(6, "0")))


def _cost(text: str | None) -> Decimal | None:
    if text is None:
        return None
    if not _COST.fullmatch(text):
        raise _Rejected("monthly_cost_not_a_number")
    exact = Decimal(text)
    rounded = exact.quantize(_CENT, ROUND_HALF_UP)
    if abs(rounded) > _DEAREST:
        raise _Rejected("monthly_cost_not_a_number")
    if exact < 0:
        raise _Rejected("monthly_cost_negative")
    return abs(rounded)


def _latest(versions: Iterable[Version], key: Callable[[Version], int]) -> dict[int, Version]:
    """The latest version of each id. Re-deliveries need no care: they are equal to what they would replace."""
    latest: dict[int, Version] = {}
    for version in versions:
        kept = latest.get(key(version))
        if kept is None or version.updated_at > kept.updated_at:
            latest[key(version)] = version
    return latest


def _survivors(users: Iterable[_User]) -> dict[int | None, _User]:
    """The user who stands for the person of each user id."""
    users = list(users)
    persons: dict[str, _User] = {}
    for user in sorted(users, key=lambda user: (user.updated_at, user.user_id)):
        if user.email is not None:
            persons[user.email] = user
    return {user.user_id: user if user.email is None else persons[user.email] for user in users}


def _user_row(user: _User) -> Row:
    return {
        "user_id": user.user_id,
        "email": user.email,
        "email_domain": user.email and user.email.partition("@")[2],
        "full_name": user.full_name,
        "department": user.department,
        "status": user.status,
        "is_active": user.status == "active",
        "hired_on": user.hired_on,
        "updated_at": user.updated_at,
    }


def _application_row(application: _Application, owner: _User | None) -> Row:
    cost = application.monthly_cost
    return {
        "application_id": application.application_id,
        "name": application.name,
        "category": application.category,
        "criticality": application.criticality,
        "monthly_cost": cost,
        "annual_cost": None if cost is None else cost * 12,
        "owner_user_id": owner and owner.user_id,
        "owner_name": owner and owner.full_name,
        "owner_department": owner and owner.department,
        "has_owner": owner is not None,
        "launched_on": application.launched_on,
        "updated_at": application.updated_at,
    }
