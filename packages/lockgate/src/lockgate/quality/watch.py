"""One series, watched measurement by measurement: each is judged by those before it, and none by what comes later."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from datetime import date, datetime
from math import hypot

from lockgate.core.anomaly import AnomalyKind, Judged
from lockgate.core.robust import spread_of
from lockgate.quality.baseline import Baseline, Seasons
from lockgate.quality.calendars import Cadence, Occasion
from lockgate.quality.drifts import Drift
from lockgate.quality.repeats import Gaps, Ties, Zeros
from lockgate.quality.scales import SHARES, Scale
from lockgate.quality.tails import Tail


@dataclass(frozen=True, slots=True)
class Settings:
    """How readily alarms are raised; `benchmarks/p15_anomalies.py` tells what these cost and find.

    `value_risk` and `frozen_risk` are the false alarms in a series-year that each test is laid out for; what comes of
    it is less, because a young series's bounds are wider. A score below `least_score`, or a drift of fewer than
    `least_drift` standard deviations, is never an anomaly. So many measurements out of their band in a row are a new
    level (`shifted`), which has settled after `settling` more; the old one is known again for `remembered`. `warming`
    measurements behind the first ones are learnt from and not judged.
    """

    value_risk: float = 2.6
    frozen_risk: float = 0.02
    least_score: float = 4.0
    least_drift: float = 5.0
    shifted: int = 3
    settling: int = 5
    remembered: int = 30
    warming: int = 7


@dataclass(slots=True)
class _Episode:
    """An anomaly that goes on."""

    kind: AnomalyKind
    off: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Special:
    """What an occasion added so far, each time that it came."""

    added: list[float] = field(default_factory=list)

    def expected(self, spread: float) -> tuple[float, float]:
        """What it adds, and how uncertain that is; nothing where it never mattered."""
        if len(self.added) < _KNOWN:
            return 0.0, 0.0
        middle = statistics.median(self.added)
        scatter = max(spread_of(self.added), max(self.added) - min(self.added) if len(self.added) < _MANY else 0.0)
        if abs(middle) < _MATTERS * spread:
            return 0.0, 0.0
        return middle, max(scatter, spread * (1.5 / len(self.added)) ** 0.5)


_KNOWN, _MANY, _MATTERS = 2, 4, 1.5


class Watch:
    """What is known of a series so far."""

    def __init__(
        self,
        cadence: Cadence,
        scale: Scale,
        *,
        holidays: frozenset[date] = frozenset(),
        settings: Settings | None = None,
    ) -> None:
        """Nothing was seen yet."""
        self._settings = settings or Settings()
        self._cadence, self._scale, self._holidays = cadence, scale, holidays
        year = cadence.a_year
        self._tail = Tail(self._settings.value_risk / year, self._settings.least_score)
        self._ties = Ties(self._settings.frozen_risk / year)
        self._zeros, self._gaps, self._drift = Zeros(), Gaps(cadence), Drift(cadence.a_week)
        self._first: list[tuple[float, Seasons]] = []
        self._baseline: Baseline | None = None
        self._specials: dict[Occasion, _Special] = {}
        self._episode: _Episode | None = None
        self._shifted_by, self._since_shift = 0.0, 10**9
        self._learnt = 0
        self._constant: float | None = None

    @property
    def needed(self) -> int:
        """How many measurements there must be before one is judged."""
        return self._cadence.learning + self._settings.warming

    @property
    def is_ready(self) -> bool:
        """Whether the next measurement can be judged."""
        return self._learnt >= self.needed

    def is_overdue(self, at: datetime) -> bool:
        """Whether nothing was measured lately where something always was."""
        return self.is_ready and self._gaps.is_late(at)

    def judge(self, at: datetime, value: float) -> Judged:
        """Judges the next measurement, and learns from it."""
        ready = self.is_ready
        is_missing = self._gaps.add(at, ready=ready)
        is_frozen = self._ties.add(value, ready=ready)
        judged = self._judge(at, value, ready=ready, is_frozen=is_frozen)
        self._zeros.add(at.weekday(), is_zero=value == 0)
        if is_missing and judged.kind is None:
            return _with(judged, AnomalyKind.MISSING, is_new=True)
        return judged

    def _judge(self, at: datetime, value: float, *, ready: bool, is_frozen: bool) -> Judged:
        seasons = self._cadence.seasons(at)
        band = self._band(at, seasons) if ready and self._baseline is not None else (None, None, None)
        if is_frozen:
            return self._goes_on(Judged(at, value, *band), AnomalyKind.FROZEN)
        if self._is_usual_zero(at, value):
            return Judged(at, value, *band)
        self._learnt += 1
        if self._baseline is None:
            return self._begin(at, value, seasons, ready=ready)
        return self._weigh(at, value, seasons, ready=ready)

    def _is_usual_zero(self, at: datetime, value: float) -> bool:
        """Whether a measurement is empty as others are; what is always empty is a constant."""
        is_zero = value == 0 and self._scale.has_zeros and not self._ties.is_constant
        return is_zero and self._zeros.are_usual(at.weekday())

    # --- before there is a baseline ---------------------------------------------------------------------------------

    def _begin(self, at: datetime, value: float, seasons: Seasons, *, ready: bool) -> Judged:
        """Gathers the first measurements; while all of them are the same, that is what is expected."""
        if at.date() in self._holidays and self._constant is not None and value != self._constant:
            return Judged(at, value)
        if self._constant is None:
            self._constant = value
        if value == self._constant:
            self._episode = None
            self._first.append((value, seasons))
            if not self._ties.is_constant and len(self._first) >= self._cadence.learning:
                self._found()
            return Judged(at, value, value, value, value) if ready else Judged(at, value)
        is_change = ready and self._ties_before(len(self._first)) and self._is_large(value)
        self._first.append((value, seasons))
        if not is_change:
            if len(self._first) >= self._cadence.learning:
                self._found()
            return Judged(at, value)
        constant = self._constant
        judged = self._goes_on(Judged(at, value, constant, constant, constant), AnomalyKind.CHANGE)
        if self._episode is not None and len(self._episode.off) >= self._settings.shifted:
            self._first = self._first[-self._settings.shifted :]
            self._constant, self._learnt, self._episode = value, self._settings.shifted, None
        return judged

    def _ties_before(self, many: int) -> bool:
        """Whether all but those of the episode that goes on were the same."""
        return sum(value == self._constant for value, _ in self._first) >= max(
            self._cadence.learning, many - self._settings.shifted
        )

    def _is_large(self, value: float) -> bool:
        """Whether a change of what was constant is worth telling: of a share that was 0 or 1, any is."""
        constant = self._constant or 0.0
        if self._scale is SHARES and constant in {0.0, 1.0}:
            return True
        off = self._scale.onto(value) - self._scale.onto(constant)
        return abs(off) > self._settings.least_score * self._scale.least

    def _found(self) -> None:
        """Begins the baseline with what was gathered."""
        first = self._first
        if self._scale.has_zeros and any(value for value, _ in first):
            first = [(value, one) for value, one in first if value or not self._zeros.are_usual(one[0])]
        values = [self._scale.onto(value) for value, _ in first]
        self._baseline = Baseline(values, [one for _, one in first], self._scale.least)
        for value, one in zip(values, (one for _, one in first), strict=True):
            self._drift.add(value - self._baseline.season(one))
        self._episode = None

    # --- with a baseline --------------------------------------------------------------------------------------------

    @property
    def _forecast(self) -> Baseline:
        """The baseline, where there is one.

        Raises:
            RuntimeError: there is none yet.
        """
        if self._baseline is None:
            raise RuntimeError("a series is weighed once it has a baseline")
        return self._baseline

    def _weigh(self, at: datetime, value: float, seasons: Seasons, *, ready: bool) -> Judged:
        """A measurement beside its band."""
        baseline, scaled = self._forecast, self._scale.onto(value)
        occasion, (extra, scatter) = self._occasion(at)
        expected = baseline.expected(seasons) + extra
        spread = self._spread(expected, scatter)
        score = (scaled - expected) / spread
        shown = Judged(at, value, *self._band(at, seasons)) if ready else Judged(at, value)
        self._since_shift += 1
        if not ready or abs(score) <= self._tail.bound:
            self._ordinary(scaled, seasons, occasion, extra, score if ready and not scatter else None)
            return self._drifted(shown) if ready else shown
        if self._is_back(scaled - expected, spread):
            self._shift(-self._shifted_by)
            self._since_shift = 10**9
            self._episode = None
            return shown
        if occasion is not None and len(self._special(occasion).added) < _KNOWN and value != 0:
            self._special(occasion).added.append(scaled - baseline.expected(seasons))
            return Judged(at, value)
        judged = self._goes_on(shown, AnomalyKind.VALUE, off=scaled - expected)
        if self._since_shift <= self._settings.settling:
            judged = _with(judged, AnomalyKind.VALUE, is_new=False)
        if occasion is not None:
            self._special(occasion).added.append(scaled - baseline.expected(seasons))
        if not self._settle() and occasion is None:
            baseline.learn(scaled, seasons, is_outlier=True)
            self._tail.add(self._tail.bound)
        return judged

    def _ordinary(
        self, scaled: float, seasons: Seasons, occasion: Occasion | None, extra: float, score: float | None
    ) -> None:
        """Learns from a measurement in its band."""
        if occasion is not None:
            self._special(occasion).added.append(scaled - self._forecast.expected(seasons))
        if score is not None:
            self._tail.add(score)
        self._drift.add(scaled - extra - self._forecast.season(seasons))
        self._forecast.learn(scaled, seasons, extra)
        if self._episode is not None and self._episode.kind is not AnomalyKind.DRIFT:
            self._episode = None

    def _drifted(self, shown: Judged) -> Judged:
        """What is in its band may still be a week too many of small steps one way."""
        away = self._drift.away(self._scale.least)
        if not away:
            return shown
        if abs(away) <= self._settings.least_drift:
            if self._episode is not None:
                self._episode = None
            return shown
        self._drift.clear()
        return _with(shown, AnomalyKind.DRIFT, is_new=True)

    def _occasion(self, at: datetime) -> tuple[Occasion | None, tuple[float, float]]:
        occasion = self._cadence.occasion(at, self._holidays)
        if occasion is None or self._baseline is None:
            return occasion, (0.0, 0.0)
        return occasion, self._special(occasion).expected(self._forecast.spread)

    def _special(self, occasion: Occasion) -> _Special:
        return self._specials.setdefault(occasion, _Special())

    def _band(self, at: datetime, seasons: Seasons) -> tuple[float, float, float]:
        """What is expected, and the bounds outside of which a value is an anomaly, in its own units."""
        _, (extra, scatter) = self._occasion(at)
        expected = self._forecast.expected(seasons) + extra
        reach = self._tail.bound * self._spread(expected, scatter)
        back = self._scale.back
        return back(expected), back(expected - reach), back(expected + reach)

    def _spread(self, expected: float, scatter: float) -> float:
        """The standard deviation of what is expected there; `scatter` is what its occasion adds to that."""
        return hypot(max(self._forecast.spread, self._scale.grain(expected)), scatter)

    # --- episodes ---------------------------------------------------------------------------------------------------

    def _goes_on(self, shown: Judged, kind: AnomalyKind, off: float = 0.0) -> Judged:
        """The measurement as an anomaly: a new one, or more of the one that goes on."""
        is_new = self._episode is None or self._episode.kind is not kind
        if self._episode is None or is_new:
            self._episode = _Episode(kind)
        self._episode.off.append(off)
        return _with(shown, kind, is_new=is_new)

    def _settle(self) -> bool:
        """After so many in a row on one side, that is the level: whether it is so now."""
        off = self._episode.off[-self._settings.shifted :] if self._episode else []
        if len(off) < self._settings.shifted or (min(off) < 0 < max(off)):
            return False
        by = statistics.median(off)
        self._shifted_by = by + (self._shifted_by if self._since_shift <= self._settings.remembered else 0.0)
        self._shift(by)
        self._since_shift = 0
        self._episode = _Episode(AnomalyKind.VALUE)
        return True

    def _shift(self, by: float) -> None:
        self._forecast.move(by)
        self._drift.move(by)

    def _is_back(self, off: float, spread: float) -> bool:
        """Whether a measurement lies where the level was before it moved."""
        return (
            self._since_shift <= self._settings.remembered and abs(off + self._shifted_by) <= self._tail.bound * spread
        )


def _with(shown: Judged, kind: AnomalyKind, *, is_new: bool) -> Judged:
    return Judged(shown.at, shown.value, shown.expected, shown.low, shown.high, kind, is_new)
