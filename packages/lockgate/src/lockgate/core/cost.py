"""What work costs: what was measured of it, what is usual, and advice on how it could be less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from lockgate.core.lineage import LineageNode, QueryLineage
from lockgate.core.measurement import Metric

TERABYTE = 10**12
_CENTS_OF_A_CENT = Decimal("0.0001")


class Unit(StrEnum):
    """What is counted: time, rows of the output, bytes that it takes in the target, bytes that making it read."""

    SECONDS = Metric.SECONDS.value
    ROWS = Metric.ROWS.value
    BYTES = Metric.BYTES.value
    READ_BYTES = Metric.READ_BYTES.value


class Trend(StrEnum):
    """How what is measured now lies to what is usual; rows are more or fewer, which costs nothing by itself."""

    CHEAPER = "cheaper"
    USUAL = "usual"
    DEARER = "dearer"
    FEWER = "fewer"
    MORE = "more"
    UNKNOWN = "not enough evidence"


@dataclass(frozen=True, slots=True)
class Spent:
    """What one execution took. A number that nobody knows is None; `revision` is '' where it is not known."""

    entity: str
    implementation: str
    at: datetime
    seconds: float
    rows: int | None = None
    bytes: int | None = None
    read_bytes: int | None = None
    revision: str = ""

    def of(self, unit: Unit) -> float | None:
        """What was spent of a unit."""
        found = {
            Unit.SECONDS: self.seconds,
            Unit.ROWS: self.rows,
            Unit.BYTES: self.bytes,
            Unit.READ_BYTES: self.read_bytes,
        }[unit]
        return None if found is None else float(found)


@dataclass(frozen=True, slots=True)
class Band:
    """The median of so many runs, and from where to where is usual."""

    runs: int
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measure:
    """One unit now, beside what is usual; `band` is None where there are too few runs to tell."""

    unit: Unit
    now: float | None
    band: Band | None
    trend: Trend

    @property
    def ratio(self) -> float | None:
        """How many times the usual it is; None where either is not known, or nothing is usual."""
        if self.now is None or self.band is None or not self.band.median:
            return None
        return self.now / self.band.median


@dataclass(frozen=True, slots=True)
class DayCost:
    """The runs of one day in UTC: their median seconds, what was usual in the days before, and a changed revision."""

    day: date
    runs: int
    seconds: float
    band: Band | None
    is_changed: bool


@dataclass(frozen=True, slots=True)
class EntityCost:
    """One implementation of one entity: its newest day beside the days before.

    `runs` are those that the baseline is made of, all of them on the same weekday where `is_by_weekday`. `changed_at`
    is when its files last were others than in the run before.
    """

    entity: str
    implementation: str
    day: date
    runs: int
    measures: tuple[Measure, ...]
    days: tuple[DayCost, ...]
    is_by_weekday: bool = False
    changed_at: datetime | None = None

    def measure(self, unit: Unit) -> Measure:
        """What was measured of a unit."""
        return next(one for one in self.measures if one.unit is unit)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a second of work and a terabyte (10^12 bytes) read cost in a currency; None: that has no price."""

    currency: str = ""
    second: Decimal | None = None
    terabyte: Decimal | None = None

    def of(self, seconds: float, read_bytes: int | None) -> Decimal | None:
        """What that costs, to four places; None where nothing of it has a price."""
        parts = []
        if self.second is not None:
            parts.append(Decimal(str(seconds)) * self.second)
        if self.terabyte is not None and read_bytes is not None:
            parts.append(Decimal(read_bytes) * self.terabyte / TERABYTE)
        return sum(parts, Decimal()).quantize(_CENTS_OF_A_CENT) if parts else None


NO_PRICES = Prices()


class AdviceKind(StrEnum):
    """What there is advice about."""

    INCREMENTAL = "make incremental"
    UNREAD = "nobody reads it"
    DEAR_TEST = "a test dearer than its model"
    ALIKE = "two models alike"


class Confidence(StrEnum):
    """How far the facts carry the advice."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class NodeCost:
    """What was measured of a node of a dbt project or a rule set: medians of so many runs, in seconds and bytes."""

    node: str
    runs: int
    seconds: float
    read_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One run of a node for one implementation of an entity, in a cycle; several entities may share it."""

    cycle_id: int
    entity: str
    implementation: str
    node: str
    seconds: float
    read_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Landed:
    """What a stream's loads have brought since its newest whole one: all rows, and those of each that added some.

    Of these the newest are told, so many as the control plane reads at most; the oldest comes first.
    """

    rows: int = 0
    added: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Growth:
    """How a stream grows by its loads: the median rows of one among so many, and the rows that are there in all.

    `why_not` says why it is not a stream that is appended to, if it is none.
    """

    loads: int = 0
    rows_a_load: int = 0
    rows: int = 0
    key: tuple[str, ...] = ()
    cursor: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Saving:
    """What one run would take less, and how that was computed. `money` and `read_bytes` are None where not known."""

    seconds: float
    how: str
    read_bytes: int | None = None
    money: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of advice about nodes, the first of which is to be changed; `limits` is what it does not know."""

    kind: AdviceKind
    nodes: tuple[str, ...]
    reason: str
    suggestion: str
    saving: Saving
    confidence: Confidence
    limits: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A dear node that there is no advice about, and why."""

    kind: AdviceKind
    node: str
    why: str


@dataclass(frozen=True, slots=True)
class Grounds:
    """What advice rests on: the graph, what its nodes cost, how streams grow, and which nodes are entities' outputs.

    Less than `least_seconds` is not worth advice; a node of which fewer than `least_runs` are known is left out.
    """

    nodes: Mapping[str, LineageNode]
    lineages: Mapping[str, QueryLineage]
    costs: Mapping[str, NodeCost]
    growth: Mapping[str, Growth] = field(default_factory=dict)
    outputs: frozenset[str] = frozenset()
    prices: Prices = NO_PRICES
    least_seconds: float = 1.0
    least_runs: int = 5


@dataclass(frozen=True, slots=True)
class Advised:
    """All advice, what saves most first; what is refused; and how many nodes were measured for how many seconds."""

    advice: tuple[Advice, ...] = ()
    refused: tuple[Refused, ...] = ()
    measured: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    left_out: int = 0
