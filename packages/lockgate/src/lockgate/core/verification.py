"""Verifications: whether every implementation of an entity gives the same rows, on every target that is asked."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.core.comparison import Verdict
from lockgate.errors import LockgateError


@dataclass(frozen=True, slots=True)
class Maker:
    """What made rows of an entity: an implementation on a target; where it was asked for records, in which `way`."""

    entity: str
    implementation: str
    target: str
    way: str = ""

    def __str__(self) -> str:
        """`entity@implementation on target`, and how it was asked."""
        asked = f", asked {self.way}" if self.way else ""
        return f"{self.entity}@{self.implementation} on {self.target}{asked}"


@dataclass(frozen=True, slots=True)
class Verified:
    """The rows of one maker, held against those of `against`; of an entity's first maker there is nothing to hold.

    `verdict` is None where it has no rows to hold, or nothing to hold them against: `error` says why.
    """

    maker: Maker
    rows: int | None = None
    against: Maker | None = None
    verdict: Verdict | None = None
    unexplained: int | None = None
    reasons: tuple[str, ...] = ()
    error: LockgateError | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """Every maker of every entity asked for, in the order of entities, targets and implementations.

    After those that built an entity come those that were asked for its records, each held against what it built.
    """

    found: tuple[Verified, ...]

    @property
    def errors(self) -> tuple[LockgateError, ...]:
        """What kept rows from being made or held, each once."""
        return tuple(dict.fromkeys(one.error for one in self.found if one.error is not None))

    @property
    def alone(self) -> tuple[str, ...]:
        """The entities that one maker alone has built, so that nothing is proven of implementations."""
        made = [one.maker.entity for one in self.found if one.error is None and not one.maker.way]
        return tuple(entity for entity in dict.fromkeys(made) if made.count(entity) == 1)
