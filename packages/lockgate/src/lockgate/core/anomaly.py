"""Anomalies: what a series of measurements shows that its past does not explain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lockgate.core.gate import Answer
from lockgate.core.measurement import SeriesName


class AnomalyKind(StrEnum):
    """In which way a measurement differs from what was expected.

    `value`: it is outside of its band. `change`: what never changed has. `drift`: the last week has moved away from
    where the weeks before pointed. `frozen`: the same value came too often in a row. `missing`: it comes later than
    any before.
    """

    VALUE = "value"
    CHANGE = "change"
    DRIFT = "drift"
    FROZEN = "frozen"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Judged:
    """One measurement beside what was expected before it came.

    `expected`, `low` and `high` are in the units of the value; None while there is not enough evidence to say. `kind`
    is None where nothing is wrong; `is_new` of the first measurement that tells of an anomaly, and of none that only
    goes on with it.
    """

    at: datetime
    value: float
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    kind: AnomalyKind | None = None
    is_new: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class SeriesJudgement:
    """A series, measurement by measurement; `lacking` says what there is not enough of to judge its newest."""

    series: SeriesName
    points: tuple[Judged, ...]
    lacking: str = ""

    @property
    def newest(self) -> Judged | None:
        """The newest measurement."""
        return self.points[-1] if self.points else None

    @property
    def anomalies(self) -> tuple[Judged, ...]:
        """The measurements that told of an anomaly first."""
        return tuple(point for point in self.points if point.is_new)

    @property
    def answer(self) -> Answer:
        """Whether the newest measurement is in order."""
        if self.lacking or self.newest is None:
            return Answer.NOT_ENOUGH
        return Answer.NO_GO if self.newest.kind is not None else Answer.GO
