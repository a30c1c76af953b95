"""The verbs of quality: what was measured, what of it is anomalous, and who is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.new_files import write_page
from lockgate.app.notifying import channels_of
from lockgate.core.anomaly import Judged, SeriesJudgement
from lockgate.core.gate import Answer
from lockgate.core.measurement import Measurement, Metric, SeriesName
from lockgate.core.nearness import did_you_mean
from lockgate.core.notice import Notice, Severity
from lockgate.errors import UnknownName
from lockgate.quality.judging import HISTORY, judge

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.core.project import Project

logger = logging.getLogger(__name__)

MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Anomalies:
    """What the series of an entity, of a load or of all of them show; `since` bounds what counts."""

    series: tuple[SeriesJudgement, ...]
    since: datetime | None = None

    def of(self, judgement: SeriesJudgement) -> tuple[Judged, ...]:
        """The anomalies of a series that count: those since then, else the one that its newest measurement shows."""
        if self.since is not None:
            return tuple(one for one in judgement.anomalies if one.at >= self.since)
        newest = judgement.newest
        return (newest,) if newest is not None and newest.kind is not None else ()

    @property
    def found(self) -> tuple[tuple[SeriesJudgement, Judged], ...]:
        """Each anomaly with its series."""
        return tuple((one, point) for one in self.series for point in self.of(one))

    @property
    def answer(self) -> Answer:
        """No-go where there is one; not enough where no series has enough to be judged by."""
        if self.found:
            return Answer.NO_GO
        return Answer.GO if any(not one.lacking for one in self.series) else Answer.NOT_ENOUGH


class Quality:
    """What the control plane's measurements say."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is read yet."""
        self._wiring = wiring

    def anomalies(self, name: str | None = None, *, since: datetime | None = None) -> Anomalies:
        """Judges the series of an entity or of a load (`SOURCE.STREAM`), or all.

        Raises:
            UnknownName: there is no such entity or stream.
        """
        self._refuse_unknown(name)
        return Anomalies(judged(self._wiring, name), since)

    def measurements(self, name: str | None = None, *, since: datetime | None = None) -> tuple[Measurement, ...]:
        """What was measured, series by series, the oldest first.

        Raises:
            UnknownName: there is no such entity or stream.
        """
        self._refuse_unknown(name)
        every = self._wiring.store.measurements.every_series(name, since=since, each=HISTORY)
        return tuple(one for several in every.values() for one in several)

    def write_report(self, found: Anomalies, path: Path) -> None:
        """Writes every series with its band and its anomalies as a self-contained HTML page."""
        from lockgate.adapters.reports.series import render_series

        write_page(path, render_series(self._wiring.project.name, found.series))

    def _refuse_unknown(self, name: str | None) -> None:
        project = self._wiring.project
        streams = [f"{source.name}.{stream.name}" for source, stream in project.streams()]
        known = [*project.entities, *streams]
        if name is not None and name not in known:
            message = f"there is no entity or stream {name!r}; there are {', '.join(known) or 'none'}"
            raise UnknownName(message, hint=did_you_mean(name, known), name=name)


def judged(wiring: Wiring, name: str | None = None, *, run_at: datetime | None = None) -> tuple[SeriesJudgement, ...]:
    """The series of one name or of all, judged; with `run_at` those that were measured then, as they were then.

    Measurements of a time to come, of a clock that was ahead, are passed over, and so are series of what is not
    declared any more.
    """
    until = run_at or wiring.clock()
    every = wiring.store.measurements.every_series(name, until=until, run_at=run_at, each=HISTORY)
    return tuple(
        judge(one, several, holidays=_holidays(wiring, one.entity), now=until)
        for one, several in every.items()
        if _is_declared(wiring.project, one)
    )


def _is_declared(project: Project, series: SeriesName) -> bool:
    """Whether a run of the project as it is now would measure a series."""
    entity = project.entities.get(series.entity)
    if entity is None:
        return any(f"{source.name}.{stream.name}" == series.entity for source, stream in project.streams())
    if series.implementation not in entity.implementations:
        return False
    if series.metric in {Metric.SECONDS, Metric.BYTES, Metric.READ_BYTES}:
        return True
    is_metric = series.metric in set(Metric) or series.metric in entity.quality.metrics
    return entity.quality.is_measured and is_metric and series.column in {"", *entity.contract.names}


def _holidays(wiring: Wiring, entity: str) -> frozenset[date]:
    """An entity's own; of a load all that the project knows."""
    entities = wiring.project.entities
    if entity in entities:
        return entities[entity].quality.holidays
    return frozenset().union(*(one.quality.holidays for one in entities.values()))


def tell_anomalies(wiring: Wiring, run_id: int, at: datetime) -> None:
    """Puts one notice down for each implementation or load in which what a run measured tells of something new.

    `at` is when that run began. It is called after the run has ended and left the target to others; nothing fails by
    it. Again for the same run, it puts down nothing.
    """
    if not wiring.project.notifications:
        return
    try:
        new = [one for one in judged(wiring, run_at=at) if one.newest and one.newest.is_new]
        for (name, implementation), several in groupby(new, lambda one: (one.series.entity, one.series.implementation)):
            _tell(wiring, f"{name}@{implementation}" if implementation else name, tuple(several), at)
    except Exception as error:  # noqa: BLE001  (what the run did stands, told of or not)
        facts = {"run": run_id, "error": redacted(f"{type(error).__name__}: {error}")}
        logger.warning("not looked for anomalies", extra={"facts": facts})


def _tell(wiring: Wiring, who: str, found: Sequence[SeriesJudgement], at: datetime) -> None:
    first = found[0].series
    lines = [f"{one.series.metric} {one.series.column}".strip() + f": {one.newest.said}" for one in found if one.newest]
    more = [f"and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else []
    notice = Notice(
        notice_id=f"anomaly/{who}/{at.isoformat()}",
        kind="quality.anomaly",
        severity=Severity.WARNING,
        subject=f"{who}: {len(lines)} {'series is' if len(lines) == 1 else 'series are'} not as expected",
        text="\n".join([*lines[:MOST_TOLD], *more]),
        at=at,
        facts={"series": len(lines)},
        entity=first.entity if first.implementation else "",
    )
    wiring.store.notices.add(notice, channels_of(wiring.project, notice))
