"""Measurements: what was counted of an edition, an execution or a load, at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Metric(StrEnum):
    """What is measured without being declared; a declared key metric goes by its own name, which is none of these.

    `bytes` are those that a load or an edition takes, `read_bytes` those that the target bills for an execution.
    """

    ROWS = "rows"
    NULL_RATE = "null_rate"
    DISTINCT = "distinct"
    SECONDS = "seconds"
    BYTES = "bytes"
    READ_BYTES = "read_bytes"


@dataclass(frozen=True, slots=True, order=True)
class SeriesName:
    """What makes measurements one series.

    `entity` is an entity's name with the implementation that made it, or `source.stream` with '' for loads. `metric` is
    a `Metric` or a declared key metric's name; `column` is '' where the whole is measured.
    """

    entity: str
    implementation: str
    metric: str
    column: str = ""

    def __str__(self) -> str:
        """`entity@implementation metric(column)`, without what is empty."""
        who = f"{self.entity}@{self.implementation}" if self.implementation else self.entity
        return f"{who} {self.metric}({self.column})" if self.column else f"{who} {self.metric}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of one series.

    `value` is a count for rows and distinct, a share from 0 to 1 for null_rate, seconds or bytes for these, and
    whatever its expression gives for a key metric. `measured_at` is in UTC. `run_id` and `execution_id` are those that
    it was measured in, None where there was none. What is not `is_exact` was estimated by the target.
    """

    series: SeriesName
    value: float
    measured_at: datetime
    run_id: int | None = None
    execution_id: int | None = None
    is_exact: bool = True
