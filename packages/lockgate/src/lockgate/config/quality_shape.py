"""The shape of what a project says about measuring an entity."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import Field

from lockgate.config.comparison_shape import Day
from lockgate.config.grammar import Name, Shape, Text

Metrics: TypeAlias = dict[Name, Text]


class QualityShape(Shape):
    """What is measured of every edition, and by what its measurements are judged."""

    measure: bool = Field(True, description="`false`: nothing of its editions is measured, which saves a scan of each.")
    metrics: Metrics = Field(
        default_factory=dict,
        description="Key metrics, by name: SQL that aggregates columns of the contract, such as `sum(annual_cost)`.",
    )
    holidays: list[Day] = Field(
        default_factory=list, description="Days on which measurements may be unlike those of other days."
    )
