"""Policies: how a route moves by itself, what it is rolled back for, and what its shadow may cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from lockgate.core.bucket import BUCKETS


@dataclass(frozen=True, slots=True)
class Budget:
    """What the candidate may cost while consumers read nothing of it; None: no bound."""

    time: timedelta | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """What a candidate that answers is rolled back for.

    `wrong` and `errors` are shares of records and of requests, `latency` a factor on the incumbent's time; a candidate
    that has them is found by sequential tests, which take a good one for bad with probability `false_alarms` at most.
    `silence` is how long there may be no evidence at all.
    """

    wrong: Decimal = Decimal("0.005")
    errors: Decimal = Decimal("0.02")
    latency: Decimal = Decimal("1.25")
    false_alarms: Decimal = Decimal("0.01")
    silence: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How a route moves by itself.

    `automatic` lets it advance over `shares` (of 10,000 buckets) to its promotion, once its gates say go and it has
    been `hold` where it is. Rolling back is always automatic.
    """

    name: str = "default"
    automatic: bool = False
    shares: tuple[int, ...] = (500,)
    hold: timedelta = timedelta(0)
    guard: Guard = Guard()
    budget: Budget = Budget()

    def next_share(self, share: int) -> int:
        """The share after this one; all buckets after the last."""
        return next((one for one in self.shares if one > share), BUCKETS)
