"""What measuring and looking for anomalies ask of the memory of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lockgate.core.measurement import Measurement, SeriesName


class MeasurementStore(Protocol):
    """The control plane's memory of measurements. All raise ControlPlaneUnavailable where it does not answer."""

    def add(self, measurements: Sequence[Measurement]) -> None:
        """Keeps measurements, all in one statement."""

    def series(self, name: SeriesName, *, since: datetime | None = None, limit: int = 2000) -> tuple[Measurement, ...]:
        """The newest `limit` measurements of one series, from `since` on, the oldest of them first."""

    def every_series(
        self,
        entity: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        run_at: datetime | None = None,
        each: int = 2000,
    ) -> Mapping[SeriesName, tuple[Measurement, ...]]:
        """What `series` gives, for every series of an entity or of all, by one statement; in the order of names.

        Nothing that was measured after `until`; with `run_at`, only series of which something was measured at just
        that instant.
        """

    def forget(self, before: datetime) -> int:
        """Takes out what was measured before an instant: how many measurements."""
