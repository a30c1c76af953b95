"""Users and applications by seed, at any size, with the mess of real systems, in the order they are delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from inventory.generate.applications import applications as _applications
from inventory.generate.users import users as _users
from inventory.generate.versions import LAST_WAVE, Delivered

__all__ = ["Dataset", "Delivered", "LAST_WAVE", "UNTIL", "generate"]

UNTIL = datetime(2026, 1, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Both streams; a row holds `inventory.schema`'s columns."""

    users: Delivered
    applications: Delivered


def generate(users: int = 1_000, applications: int = 500, *, seed: int = 7, until: datetime = UNTIL) -> Dataset:
    """`users` users and `applications` applications, all stamped in the year before `until`.

    The sizes count distinct ids; about half as many rows again come, as newer versions and re-deliveries.
    The same arguments give the same rows on every machine.

    Raises:
        ValueError: a size is negative, or `until` has no time zone.
    """
    if users < 0 or applications < 0:
        raise ValueError("a size is zero or more")
    if until.tzinfo is None:
        raise ValueError("until needs a time zone")
    return Dataset(_users(seed, users, until), _applications(seed, applications, users, until))
