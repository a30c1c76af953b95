"""Editions and routes: what is published, and which of it consumers see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lockgate.core.bucket import BUCKETS
from lockgate.core.load import Pin
from lockgate.core.relation import Contract, Relation

EDITIONS_SUFFIX = "__editions"
KEPT_EDITIONS = 3


class Stage(StrEnum):
    """How far the candidate of a route has come."""

    OFF = "off"
    SHADOW = "shadow"
    CANARY = "canary"
    PROMOTED = "promoted"
    RETIRED = "retired"


class Arm(StrEnum):
    """The two sides of a served view."""

    INCUMBENT = "incumbent"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Edition:
    """One immutable published output of one implementation; numbered from 1 within its entity.

    One that `is_held` is kept from the served view until it is released. `bytes` is what it takes in the target; 0 for
    one that was published before that was counted. `revision` is a digest of
    the files that made it; '' where that is not known.
    """

    entity: str
    number: int
    implementation: str
    rows: int
    published_at: datetime
    pins: tuple[Pin, ...] = ()
    is_held: bool = False
    bytes: int = 0
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Which implementation answers for an entity.

    `share` counts buckets of 10,000 that the candidate answers. `token` grows with every change: a writer that
    holds an older one is refused.
    """

    entity: str
    incumbent: str
    candidate: str | None
    stage: Stage
    share: int
    token: int

    @property
    def is_answering(self) -> bool:
        """Whether consumers read the candidate, or will again without a gate.

        The dbt switch moves the share and leaves the stage, so that either of them may say so.
        """
        return self.candidate is not None and (self.share > 0 or self.stage in {Stage.CANARY, Stage.PROMOTED})

    @property
    def idle_arm(self) -> Arm | None:
        """The side that answers for no bucket; None while both answer for some."""
        return {0: Arm.CANDIDATE, BUCKETS: Arm.INCUMBENT}.get(self.share)

    def arm_of(self, implementation: str) -> Arm | None:
        """The side on which `implementation` stands; None where the route does not name it."""
        if implementation == self.incumbent:
            return Arm.INCUMBENT
        return Arm.CANDIDATE if implementation == self.candidate else None


@dataclass(frozen=True, slots=True)
class Standing:
    """All that a target tells of an entity: its route (None: none is stored), and its editions, oldest first.

    `shown` has the numbers of those that the served view stands on, each with its arm.
    """

    entity: str
    route: Route | None = None
    editions: tuple[Edition, ...] = ()
    shown: Mapping[int, Arm] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publication:
    """A finished output in a workshop, to be copied into a new edition and shown.

    `built` is the relation in the workshop; `served` the view that consumers read. `token` is the route's token
    that the publisher saw; the switch is refused where the route has moved on. With `anew`, a new edition is made of
    an output that equals the newest one, too. With `held`, the view goes on showing what it shows until the edition is
    released. `revision` is that of the files that it was made by; '' where they changed meanwhile.
    """

    entity: str
    implementation: str
    contract: Contract
    built: Relation
    served: Relation
    token: int
    published_at: datetime
    pins: tuple[Pin, ...] = field(default=())
    anew: bool = False
    held: bool = False
    revision: str = ""
