"""Gates: conditions over evidence that are declared, and what they answered with the evidence that they saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum


class Answer(StrEnum):
    """What a condition, a gate or a decision says; the worst of several holds for all of them."""

    GO = "go"
    NOT_ENOUGH = "not enough evidence"
    NO_GO = "no-go"

    @classmethod
    def of_all(cls, answers: list[Answer]) -> Answer:
        """No-go where one is, else not enough where one lacks evidence, else go."""
        order = list(cls)
        return max(answers, key=order.index, default=cls.GO)


@dataclass(frozen=True, slots=True)
class SignOff:
    """So many different persons, each of one of the roles, must have signed."""

    roles: tuple[str, ...]
    people: int = 1


@dataclass(frozen=True, slots=True)
class GateDeclaration:
    """Conditions over evidence, all of which must hold; one that is None is not asked for.

    `unexplained_differences` and `row_budget` (rows that differ at all, explained or not) bound each of the newest
    `runs` comparisons; `tests` wants the tests of as many executions passed. `freshness` bounds the age of what the
    candidate shows; `error_rate` (share of requests that the candidate alone failed) and `latency` (its time over the
    incumbent's) are asked once `requests` were answered by both; `score` is the least that the newest score may be.
    Evidence older than `within` does not count.
    """

    name: str
    unexplained_differences: int | None = None
    runs: int = 1
    row_budget: int | None = None
    tests: bool = False
    freshness: timedelta | None = None
    error_rate: Decimal | None = None
    latency: Decimal | None = None
    requests: int = 100
    score: Decimal | None = None
    sign_off: SignOff | None = None
    within: timedelta | None = None


class EvidenceKind(StrEnum):
    """What a piece of evidence tells of."""

    COMPARISON = "comparison"
    EXECUTION = "execution"
    TESTS = "tests"
    FRESHNESS = "freshness"
    SCORE = "score"
    SIGN_OFF = "sign-off"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two implementations of an entity that are held against each other, each with the revision of its files."""

    entity: str
    incumbent: str
    candidate: str
    incumbent_revision: str
    candidate_revision: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One recorded fact about a pair, seen under the route's `token`; without values of rows.

    `facts` by kind: comparison {comparison_id, verdict, unexplained, differing, left, right, editions, agreement,
    buckets_changed}; execution {implementation, seconds, bytes, rows, error, retryable, held (its edition waits for
    `lockgate publish`)}; tests {passed, failed, warned}; freshness {loaded_at}; score {value, reason}; sign-off {gate,
    role, reason}.
    """

    evidence_id: int
    kind: EvidenceKind
    pair: Pair
    token: int
    at: datetime
    by: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What both sides made of the same records, at these revisions, since the route was last moved.

    Of `requests` that both were asked, the candidate alone failed `errors`, both failed `shared_errors`. Of `records`
    that both answered, `wrong` were answered differently. `slower` sums up ln(candidate's seconds / incumbent's).
    """

    requests: int = 0
    errors: int = 0
    shared_errors: int = 0
    records: int = 0
    wrong: int = 0
    unbucketed: int = 0
    slower_count: int = 0
    slower_sum: float = 0.0
    slower_squares: float = 0.0
    last_at: datetime | None = None

    def __add__(self, other: Traffic) -> Traffic:
        """Both together."""
        seen = [at for at in (self.last_at, other.last_at) if at is not None]
        return Traffic(
            self.requests + other.requests,
            self.errors + other.errors,
            self.shared_errors + other.shared_errors,
            self.records + other.records,
            self.wrong + other.wrong,
            self.unbucketed + other.unbucketed,
            self.slower_count + other.slower_count,
            self.slower_sum + other.slower_sum,
            self.slower_squares + other.slower_squares,
            max(seen, default=None),
        )


@dataclass(frozen=True, slots=True)
class ConditionAnswer:
    """What one condition said, in a sentence, and the numbers of the evidence that it saw."""

    condition: str
    answer: Answer
    sentence: str
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What a gate said of a pair, condition by condition; `answer` is the worst of its conditions."""

    gate: str
    entity: str
    conditions: tuple[ConditionAnswer, ...]
    traffic: Traffic = field(default=Traffic())
    answer: Answer = field(init=False)

    def __post_init__(self) -> None:
        """Sums the conditions up."""
        object.__setattr__(self, "answer", Answer.of_all([one.answer for one in self.conditions]))
