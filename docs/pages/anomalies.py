"""The page of anomalies: what was found in simulated series, what was raised in vain, and what peers did there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lockgate.testing.series import LEAST_SIGMAS, LEAST_YEARLY

FIGURES = Path(__file__).parents[2] / "benchmarks" / "baselines" / "p15_anomalies.json"
PROSE = """# What anomaly detection finds, and what it raises in vain

Measured by `benchmarks/p15_anomalies.py` in {series:,} simulated series, daily ones of fourteen months, hourly
ones of ten weeks and weekly ones of four years: rows, null rates, distinct values, durations and sums of amounts,
with weekdays, growth, a yearly wave, peaks at the ends of months, holidays and four kinds of noise. The generator
(`lockgate.testing.series`) knows nothing of the detector, and the detector's settings were chosen by other seeds
than those measured here ({first} to {last}). Nothing is planted in half of the series.

An anomaly is *findable* if it stands {sigmas:g} robust standard deviations of its series's noise away, and
{yearly:g} times what that noise itself exceeds once a year: whoever allows one false alarm a year cannot find
less. That bound was laid down beforehand. The last table tells of smaller ones, too. A false alarm is one that
begins where nothing was planted.

The peers judge the same measurements: three standard deviations of all that came before; the z-score among the
last 21; 3.5 modified z-scores among the same weekday of the last eight weeks.
"""
READING = """Series with heavy-tailed noise raise more alarms than others, and more than one a year; so do hourly
ones, of which
a year has 8,760 measurements; and in series whose loads are left out at random the first such gap is told. The
goals, {recall:.0%} found and at most {false:g} false alarm a series-year, hold over all families together.
"""


def anomalies_page() -> str:
    """The committed figures as tables."""
    kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    detectors: dict[str, dict[str, Any]] = kept["detectors"]
    names = list(detectors)
    first, after = kept["seeds"]
    goals = kept["goals"]
    lines = [
        PROSE.format(series=kept["series"], first=first, last=after - 1, sigmas=LEAST_SIGMAS, yearly=LEAST_YEARLY),
        "| | found of findable | false alarms a series-year |",
        "| --- | --- | --- |",
        *(f"| {one} | {it['recall']:.1%} | {it['false_alarms_a_series_year']:.2f} |" for one, it in detectors.items()),
        "",
        READING.format(recall=goals["least_recall"], false=goals["most_false_alarms_a_series_year"]),
        *_table(
            "planted", names, {kind: _found(detectors, kind) for kind in detectors["lockgate"]["found_of_findable"]}
        ),
        *_table("false alarms a series-year", names, {kind: _false(detectors, kind) for kind in _by(detectors)}),
        *_sizes(kept["found_by_sigmas"]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _by(detectors: dict[str, dict[str, Any]]) -> list[str]:
    return sorted(detectors["lockgate"]["false_alarms_by"])


def _found(detectors: dict[str, dict[str, Any]], kind: str) -> list[str]:
    return ["{} of {}".format(*one["found_of_findable"][kind]) for one in detectors.values()]


def _false(detectors: dict[str, dict[str, Any]], kind: str) -> list[str]:
    return [f"{one['false_alarms_by'][kind]:.2f}" for one in detectors.values()]


def _table(title: str, names: list[str], rows: dict[str, list[str]]) -> list[str]:
    head = [f"| {title} | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    return [*head, *(f"| {row} | {' | '.join(cells)} |" for row, cells in rows.items()), ""]


def _sizes(found: dict[str, dict[str, float]]) -> list[str]:
    """The share of single measurements found, by how many standard deviations of the noise they are off."""
    sizes = list(next(iter(found.values())))
    rows = {noise: [f"{shares[size]:.0%}" for size in sizes] for noise, shares in found.items()}
    return _table("found of single measurements off by so many sigmas", sizes, rows)
