"""Times contenders side by side in interleaved rounds, once they agree, and judges the ratios.

A script builds `Case`s and hands them to `main`, which prints a table (standard error) and one JSON document
(standard output with `--json`), and exits with 1 where a ratio fell under 70 % of the committed baseline.
Ratios, never seconds, are kept as the baseline: both sides of a ratio ran on the same machine in the same minute.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

BASELINES = Path(__file__).parent / "baselines"
ROUNDS = 5
FAIL_BELOW, WARN_BELOW = 0.70, 0.85


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the work.

    `run` is what is timed; `answer` turns its result into something comparable and is not timed, nor is `before`,
    which runs ahead of every timed call. Where `part` is below 1, `run` does that part of the work only (a peer too
    slow to wait for) and its seconds are scaled up; `answer` must then be None, and the script checks it itself.
    """

    name: str
    version: str
    run: Callable[[], object]
    answer: Callable[[object], object] | None = None
    before: Callable[[], object] | None = None
    part: float = 1.0


@dataclass(frozen=True, slots=True)
class Goal:
    """Our seconds beside a peer's: at most `at_most` times them, or at least `at_least` times as fast."""

    peer: str
    at_most: float | None = None
    at_least: float | None = None

    def met(self, speed: float) -> bool:
        """Whether `speed`, the peer's seconds divided by ours, reaches the goal."""
        if self.at_most is not None and 1 / speed > self.at_most:
            return False
        return self.at_least is None or speed >= self.at_least

    def __str__(self) -> str:
        """The goal as it stands in the table."""
        return f"≤ {self.at_most:g}× its time" if self.at_most is not None else f"≥ {self.at_least:g}× as fast"


@dataclass(frozen=True, slots=True)
class Case:
    """One piece of work and those who do it; the first contender is ours."""

    name: str
    contenders: tuple[Contender, ...]
    goals: tuple[Goal, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """The seconds of one contender, one a round."""

    name: str
    version: str
    seconds: tuple[float, ...]
    part: float

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.seconds)

    def to_json(self) -> dict[str, object]:
        """The timing as plain data."""
        spread = {"median": self.median, "min": min(self.seconds), "max": max(self.seconds)}
        return {"name": self.name, "version": self.version, "part": self.part, **spread, "rounds": list(self.seconds)}


@dataclass(frozen=True, slots=True)
class Standing:
    """How fast we are beside one peer: its seconds divided by ours, the median of the rounds' ratios."""

    peer: str
    speed: float
    baseline: float | None
    goal: Goal | None

    @property
    def verdict(self) -> str:
        """`fail` under 70 % of the baseline, `warn` under 85 %, else `ok`; `new` where there is none."""
        if self.baseline is None:
            return "new"
        kept = self.speed / self.baseline
        return "fail" if kept < FAIL_BELOW else "warn" if kept < WARN_BELOW else "ok"

    def to_json(self) -> dict[str, object]:
        """The standing as plain data."""
        met = self.goal.met(self.speed) if self.goal else None
        goal = str(self.goal) if self.goal else None
        facts = {"peer": self.peer, "speed": self.speed, "baseline": self.baseline}
        return {**facts, "verdict": self.verdict, "goal": goal, "goal_met": met}


@dataclass(frozen=True, slots=True)
class Report:
    """A measured case."""

    case: str
    timings: tuple[Timing, ...]
    standings: tuple[Standing, ...] = field(default=())

    def to_json(self) -> dict[str, object]:
        """The report as plain data."""
        timings = [timing.to_json() for timing in self.timings]
        return {"case": self.case, "timings": timings, "standings": [standing.to_json() for standing in self.standings]}


def check_answers(case: Case) -> None:
    """Run every whole contender once and compare what they answer; this also warms them up.

    Raises:
        SystemExit: two contenders disagree, so that timing them would mean nothing.
    """
    expected: tuple[str, object] | None = None
    for contender in case.contenders:
        result = _once(contender)[1]
        if contender.answer is None:
            continue
        answer = contender.answer(result)
        if expected is not None and answer != expected[1]:
            raise SystemExit(f"{case.name}: {contender.name} and {expected[0]} do not give the same answer")
        expected = expected or (contender.name, answer)


def measure(case: Case, *, rounds: int = ROUNDS) -> tuple[Timing, ...]:
    """Time each contender once a round; every other round goes through them backwards."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in case.contenders}
    for number in range(rounds):
        order = case.contenders if number % 2 == 0 else tuple(reversed(case.contenders))
        for contender in order:
            seconds[contender.name].append(_once(contender)[0] / contender.part)
    return tuple(Timing(c.name, c.version, tuple(seconds[c.name]), c.part) for c in case.contenders)


def _once(contender: Contender) -> tuple[float, object]:
    """The seconds and the result of one run."""
    if contender.before is not None:
        contender.before()
    started = perf_counter()
    result = contender.run()
    return perf_counter() - started, result


def standings(case: Case, timings: Sequence[Timing], baseline: dict[str, float]) -> tuple[Standing, ...]:
    """We beside each peer, judged round by round so that a slow minute hits both sides."""
    ours, *peers = timings
    goals = {goal.peer: goal for goal in case.goals}
    found = []
    for peer in peers:
        speed = statistics.median(theirs / mine for theirs, mine in zip(peer.seconds, ours.seconds, strict=True))
        found.append(Standing(peer.name, speed, baseline.get(f"{case.name} / {peer.name}"), goals.get(peer.name)))
    return tuple(found)


def main(question: str, cases: Iterable[Case], arguments: Sequence[str] | None = None) -> int:
    """Measure the cases of one question; the exit code is 1 where the baseline was lost, else 0."""
    options = _options(question, arguments)
    path = BASELINES / f"{question}.json"
    baseline = json.loads(path.read_text(encoding="utf-8"))["speeds"] if path.exists() else {}
    reports = [_report(case, baseline, options.rounds) for case in cases]
    document = {"question": question, "machine": machine(), "reports": [report.to_json() for report in reports]}
    if options.update:
        _keep(path, question, reports)
    if options.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    return int(any(s.verdict == "fail" for report in reports for s in report.standings) and not options.update)


def _options(question: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line of every benchmark."""
    parser = argparse.ArgumentParser(prog=question)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--update", action="store_true", help="keep this run as the committed baseline")
    return parser.parse_args(arguments)


def _report(case: Case, baseline: dict[str, float], rounds: int) -> Report:
    """Check, time and print one case."""
    check_answers(case)
    timings = measure(case, rounds=rounds)
    report = Report(case.name, timings, standings(case, timings, baseline))
    print(table(report), file=sys.stderr, flush=True)
    return report


def _keep(path: Path, question: str, reports: Sequence[Report]) -> None:
    """Write this run's ratios as the baseline."""
    speeds = {f"{report.case} / {s.peer}": round(s.speed, 3) for report in reports for s in report.standings}
    versions = {timing.name: timing.version for report in reports for timing in report.timings}
    path.parent.mkdir(exist_ok=True)
    kept = {"question": question, "machine": machine(), "versions": versions, "speeds": speeds}
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}


def table(report: Report) -> str:
    """The report as aligned text."""
    standing = {found.peer: found for found in report.standings}
    rows = [("", "median", "min", "max", "peer / ours", "goal", "baseline")]
    for timing in report.timings:
        figures = (timing.median, min(timing.seconds), max(timing.seconds))
        name = f"{timing.name} {timing.version}" + (
            f" ({timing.part:.1%} of the work, scaled)" if timing.part < 1 else ""
        )
        rows.append((name, *(f"{seconds:.4f} s" for seconds in figures), *_judged(standing.get(timing.name))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([f"\n{report.case}", *lines])


def _judged(standing: Standing | None) -> tuple[str, str, str]:
    """The last three cells of a peer's row."""
    if standing is None:
        return "", "", ""
    goal = f"{standing.goal}: {'met' if standing.goal.met(standing.speed) else 'MISSED'}" if standing.goal else ""
    kept = "new" if standing.baseline is None else f"{standing.speed / standing.baseline:.0%} {standing.verdict}"
    return f"{standing.speed:.2f}×", goal, kept
