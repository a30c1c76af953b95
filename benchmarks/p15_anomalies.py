"""P15: how many planted anomalies are found in simulated series, and how many alarms are false.

Nothing is timed. Series come from `lockgate.testing.series`, which knows nothing of what looks for anomalies; what
Lockgate's settings were chosen by are seeds below 100, and what is published are seeds from 1000 on. Findable is what
stands five robust standard deviations of its series's noise above it, and one and a half times what that noise itself
exceeds once a year; the curve tells of what is smaller, too. An alarm is counted where it begins, and is false where
nothing was planted; what is raised between an anomaly and its end, or in the ten measurements that a new level takes to
settle, is neither.

Peers judge the same measurements of the same series from the same one on, and know of the same holidays: three standard
deviations of all that came before; the z-score of the last 21; and 3.5 modified z-scores of the same weekday in the
last eight weeks (Iglewicz and Hoaglin, 1993).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from harness import BASELINES, machine
from lockgate.quality.judging import HISTORY, judge
from lockgate.testing.series import FAMILIES, Plant, Simulated, simulated
from lockgate.testing.series_drafts import Noise

KEPT = BASELINES / "p15_anomalies.json"
PUBLISHED = 1000
LEAST_RECALL, MOST_FALSE = 0.95, 1.0
SIZES = (2, 3, 4, 5, 6, 7, 8, 10, 12)
YEAR = timedelta(days=365)
WEEKS = 8

Detector = Callable[[Simulated, int], list[int]]


@dataclass
class Tally:
    """What one detector did."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    years: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, series: Simulated, raised: Sequence[int], first: int) -> None:
        """Counts what was raised in a series that is judged from a measurement on."""
        for one in series.planted:
            if one.is_findable:
                self.planted[one.plant] += 1
                self.found[one.plant] += any(one.first <= place <= one.until for place in raised)
        false = sum(not any(one.first <= place <= one.settled for one in series.planted) for place in raised)
        years = (series.measurements[-1].measured_at - series.measurements[first].measured_at) / YEAR
        for key in (f"family: {series.family}", f"noise: {series.noise}"):
            self.alarms[key] += false
            self.years[key] += years

    @property
    def recall(self) -> float:
        """The share of what is findable that was found."""
        return sum(self.found.values()) / sum(self.planted.values())

    def false_a_year(self, begin: str = "family: ") -> float:
        """False alarms in a year of one series."""
        keys = [key for key in self.years if key.startswith(begin)]
        return sum(self.alarms[key] for key in keys) / sum(self.years[key] for key in keys)

    def to_json(self) -> dict[str, Any]:
        """The tally as plain data."""
        kinds = {str(one): [self.found[one], self.planted[one]] for one in Plant if self.planted[one]}
        rates = {key: round(self.false_a_year(key), 2) for key in self.years}
        return {
            "recall": round(self.recall, 4),
            "false_alarms_a_series_year": round(self.false_a_year(), 3),
            "found_of_findable": kinds,
            "false_alarms_by": rates,
        }


def begun(places: Sequence[int]) -> list[int]:
    """Alarms that follow no other one directly."""
    return [place for place in places if place - 1 not in set(places)]


def lockgate(series: Simulated, _: int) -> list[int]:
    """Ours: as in the product, by the newest `HISTORY` measurements, which is all of these series."""
    if len(series.measurements) > HISTORY:
        raise ValueError(f"places are those of a whole series, and {len(series.measurements)} are more than {HISTORY}")
    judged = judge(series.measurements[0].series, series.measurements, holidays=series.holidays)
    return [place for place, point in enumerate(judged.points) if point.is_new]


def plain(series: Simulated, first: int, window: int | None) -> Iterator[int]:
    """Three standard deviations of the last so many values, or of all."""
    values = [one.value for one in series.measurements]
    for place in range(first, len(values)):
        before = values[max(0, place - window) if window else 0 : place]
        spread = statistics.pstdev(before)
        if abs(values[place] - statistics.fmean(before)) > 3 * spread and not is_holiday(series, place):
            yield place


def is_holiday(series: Simulated, place: int) -> bool:
    """Whether a measurement is of a day that its owner knows to be unlike others."""
    return series.measurements[place].measured_at.date() in series.holidays


def weekly_median(series: Simulated, first: int, _window: int | None = None) -> Iterator[int]:
    """3.5 modified z-scores among the same weekday and hour."""
    groups: dict[tuple[int, int], list[float]] = {}
    by_hour = series.rhythm.every < timedelta(hours=12)
    for place, one in enumerate(series.measurements):
        key = (one.measured_at.weekday(), one.measured_at.hour if by_hour else 0)
        before = groups.setdefault(key, [])[-WEEKS:]
        if place >= first and len(before) > 2 and not is_holiday(series, place):
            middle = statistics.median(before)
            spread = statistics.median([abs(value - middle) for value in before])
            if 0.6745 * abs(one.value - middle) > 3.5 * spread:
                yield place
        groups[key].append(one.value)


DETECTORS: dict[str, Detector] = {
    "lockgate": lockgate,
    "three sigma": lambda series, first: begun(list(plain(series, first, None))),
    "rolling z-score of 21": lambda series, first: begun(list(plain(series, first, 21))),
    "median of the weekday": lambda series, first: begun(list(weekly_median(series, first))),
}


def first_judged(series: Simulated) -> int:
    """From which measurement on ours judges a series."""
    return 28 if series.rhythm.every > timedelta(hours=12) else 343


def tallies(seeds: range) -> dict[str, Tally]:
    """Every detector over every family and noise; series of even seeds have nothing planted in them."""
    found = {name: Tally() for name in DETECTORS}
    for family in FAMILIES:
        for noise in Noise:
            for seed in seeds:
                series = simulated(family, noise, seed, anomalies=3 * (seed % 2))
                first = first_judged(series)
                for name, detector in DETECTORS.items():
                    found[name].add(series, detector(series, first), first)
        print(f"{family}: done", file=sys.stderr, flush=True)
    return found


def curve(seeds: range) -> dict[str, dict[str, float]]:
    """Of single measurements that are off by so many robust standard deviations: the share that ours finds."""
    found: dict[str, dict[str, float]] = {}
    for noise in Noise:
        shares = {}
        for size in SIZES:
            hits = planted = 0
            for seed in seeds:
                series = simulated("rows", noise, seed, plants=[Plant.STEP], sigmas=(size, size), anomalies=5)
                raised = set(lockgate(series, 0))
                planted += len(series.planted)
                hits += sum(one.first in raised for one in series.planted)
            shares[str(size)] = round(hits / planted, 3)
        found[str(noise)] = shares
    return found


def table(found: dict[str, Tally], sizes: dict[str, dict[str, float]]) -> str:
    """The figures as text."""
    lines = [f"{'':28}{'found':>8}{'false alarms a series-year':>30}"]
    for name, tally in found.items():
        lines.append(f"{name:28}{tally.recall:>8.1%}{tally.false_a_year():>30.2f}")
    lines.append(f"\n{'found of findable':36}" + "".join(f"{name:>24}" for name in found))
    for plant in Plant:
        if found["lockgate"].planted[plant]:
            cells = [f"{one.found[plant]} of {one.planted[plant]}" for one in found.values()]
            lines.append(f"{plant:36}" + "".join(f"{cell:>24}" for cell in cells))
    lines.append(f"\n{'false alarms a series-year':36}" + "".join(f"{name:>24}" for name in found))
    lines += [
        f"{key:36}" + "".join(f"{one.false_a_year(key):>24.2f}" for one in found.values())
        for key in found["lockgate"].years
    ]
    lines.append(f"\n{'found by size in sigmas':24}" + "".join(f"{size:>7}" for size in SIZES))
    lines += [f"{noise:24}" + "".join(f"{share:>7.0%}" for share in shares.values()) for noise, shares in sizes.items()]
    return "\n".join(lines)


def main() -> int:
    """Run every detector; 1 where ours misses a goal."""
    parser = argparse.ArgumentParser(prog="p15_anomalies")
    parser.add_argument("--seeds", type=int, default=12, help="series of each family and noise")
    parser.add_argument("--first-seed", type=int, default=PUBLISHED)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--update", action="store_true", help="keep this run as the committed figures")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    found, sizes = tallies(seeds), curve(seeds)
    print(table(found, sizes), file=sys.stderr)
    document = {
        "question": "p15_anomalies",
        "machine": machine(),
        "seeds": [seeds.start, seeds.stop],
        "series": len(FAMILIES) * len(Noise) * len(seeds),
        "goals": {"least_recall": LEAST_RECALL, "most_false_alarms_a_series_year": MOST_FALSE},
        "detectors": {name: tally.to_json() for name, tally in found.items()},
        "found_by_sigmas": sizes,
    }
    if options.update:
        KEPT.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    ours = found["lockgate"]
    return int(ours.recall < LEAST_RECALL or ours.false_a_year() > MOST_FALSE)


if __name__ == "__main__":
    raise SystemExit(main())
