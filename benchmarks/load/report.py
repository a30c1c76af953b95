"""What a run came to: verdicts, a table for people, and one JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from load.seen import QUANTILES, Ending, Seen, quantile
from load.watching import MIB, Sample, Steadiness, steadiness

# What is aimed at, and what is the least required.
ONLINE_A_SECOND, LEAST_ONLINE_A_SECOND = 1_000.0, 100.0
SUCCESS, LEAST_SUCCESS = 1.0, 0.995


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that a run has to reach; `is_met` is None where the run was too short to tell."""

    what: str
    found: str
    goal: str
    is_met: bool | None
    is_enough: bool | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run: how it was asked for, what clients saw, what the server took, and how loads meanwhile ended."""

    title: str
    options: Mapping[str, Any]
    seen: Seen
    samples: Sequence[Sample]
    client_share: float
    loads: Sequence[int] = ()

    @property
    def memory(self) -> Steadiness:
        """Of resident bytes."""
        return steadiness([one.resident for one in self.samples])

    @property
    def descriptors(self) -> Steadiness:
        """Of open descriptors."""
        return steadiness([one.descriptors for one in self.samples])

    def verdicts(self) -> tuple[Verdict, ...]:
        """Success, pace, and what was taken of the machine."""
        success, online = self.seen.success, self.seen.a_second(of_records=True)
        is_paced = self.options.get("rate") is not None
        return (
            Verdict("success", f"{success:.3%}", f"{SUCCESS:.0%}", success >= SUCCESS, success >= LEAST_SUCCESS),
            Verdict(
                "online a second",
                f"{online:,.0f}",
                "as asked" if is_paced else f"> {ONLINE_A_SECOND:,.0f}",
                None if is_paced else online > ONLINE_A_SECOND,
                None if is_paced else online >= LEAST_ONLINE_A_SECOND,
            ),
            _steady("memory", self.memory, MIB, "MiB"),
            _steady("descriptors", self.descriptors, 1, ""),
            *self._loaded(),
        )

    def _loaded(self) -> Iterator[Verdict]:
        """That everything was loaded anew meanwhile, where that was asked for and there was time for it."""
        if self.loads:
            is_fine = not any(self.loads)
            yield Verdict("loads meanwhile", f"{len(self.loads)}", "all end well", is_fine, is_fine)

    @property
    def is_enough(self) -> bool:
        """Whether nothing that is required at the least was missed."""
        return all(one.is_enough is not False for one in self.verdicts())

    def to_json(self) -> dict[str, Any]:
        """The run as plain data."""
        seen = self.seen
        return {
            "title": self.title,
            "options": dict(self.options),
            "seconds": seen.seconds,
            "asked": seen.asked,
            "endings": {str(ending): seen.count(ending) for ending in Ending},
            "statuses": {str(status): n for status, n in sorted(seen.statuses.items())},
            "engines": [{"engine": e, "scope": s, "answers": n} for (e, s), n in sorted(seen.engines.items())],
            "tried_again": seen.tried_again,
            "online_a_second": seen.a_second(of_records=True),
            "batches_a_second": seen.a_second(of_records=False),
            "client_share_of_a_core": self.client_share,
            "loads": list(self.loads),
            "kinds": {kind: _kind(seen, kind) for kind in sorted(seen.timed)},
            "verdicts": [asdict(one) for one in self.verdicts()],
            "by_second": list(by_second(seen)),
            "samples": [asdict(one) for one in self.samples],
            "faults": seen.faults,
        }


def _steady(what: str, found: Steadiness, unit: int, name: str) -> Verdict:
    said = f"{found.before / unit:,.0f} → {found.after / unit:,.0f} {name} ({found.moved:+.1%})".replace("  ", " ")
    goal = "within 5 % after warm-up" if found.is_steady is not None else "the run is too short to tell"
    return Verdict(what, said, goal, found.is_steady, found.is_steady)


def _kind(seen: Seen, kind: str) -> dict[str, Any]:
    ordered = sorted(seen.timed[kind].seconds)
    cuts = {f"p{share * 100:g}": quantile(ordered, share) for share in QUANTILES}
    return {"ended": len(ordered), "right": seen.count(Ending.RIGHT, kind=kind), **cuts, "longest": ordered[-1]}


def by_second(seen: Seen) -> Iterator[dict[str, float]]:
    """Answers of each second and the quantiles of what they took."""
    for second, ordered in seen.by_second():
        cuts = {f"p{share * 100:g}": quantile(ordered, share) for share in QUANTILES}
        yield {"second": second, "answers": len(ordered), **cuts}


def cores(samples: Sequence[Sample]) -> Iterator[tuple[float, float]]:
    """When, and how many cores the server was busy on; processes that have ended are left out of their last second."""
    for before, after in pairwise(samples):
        if after.at > before.at:
            yield after.at, max(0.0, after.worked - before.worked) / (after.at - before.at)


def show(outcome: Outcome, console: Console) -> None:
    """Prints the run."""
    console.print(Group(Text(f"\n{outcome.title}", style="bold"), _kinds(outcome.seen), _told(outcome)))
    table = Table("", "found", "goal", "", box=None)
    for one in outcome.verdicts():
        word = "" if one.is_met is None else "met" if one.is_met else "MISSED"
        table.add_row(one.what, one.found, one.goal, word)
    console.print(table)
    for fault in outcome.seen.faults[:5]:
        console.print(f"  {fault}", markup=False, soft_wrap=True)


def _kinds(seen: Seen) -> Table:
    table = Table(box=None)
    table.add_column("")
    for heading in ("asked", "right", "wrong", "refused", "lost", "a second", "p50 ms", "p95 ms", "p99 ms", "longest"):
        table.add_column(heading, justify="right")
    for kind in [*sorted(seen.timed), None]:
        ordered = sorted(s for name, one in seen.timed.items() if kind in {None, name} for s in one.seconds)
        refused = seen.count(Ending.REFUSED, Ending.IMPATIENT, kind=kind)
        counts = (
            len(ordered), seen.count(Ending.RIGHT, kind=kind), seen.count(Ending.WRONG, kind=kind), refused,
            seen.count(Ending.LOST, kind=kind),
        )  # fmt: skip
        times = [*(quantile(ordered, share) for share in QUANTILES), ordered[-1] if ordered else 0.0]
        pace = len(ordered) / seen.seconds if seen.seconds else 0.0
        cells = [*(f"{n:,}" for n in counts), f"{pace:,.1f}", *(f"{seconds * 1000:,.1f}" for seconds in times)]
        table.add_row(kind or "all", *cells, style="bold" if kind is None else None)
    return table


def _told(outcome: Outcome) -> Text:
    seen = outcome.seen
    statuses = ", ".join(f"{n:,} × {status}" for status, n in sorted(seen.statuses.items()))
    engines = ", ".join(f"{n:,} by {engine} ({scope})" for (engine, scope), n in sorted(seen.engines.items()))
    busy = [share for _, share in cores(outcome.samples)]
    pace = sum(busy) / len(busy) if busy else 0.0
    answers = sum(len(one.at) for one in seen.timed.values())
    each = f" ({answers / seen.seconds / pace:,.0f} answers a second of one core)" if pace else ""
    lines = (
        f"  answers: {statuses}; asked once more: {seen.tried_again:,}",
        f"  answered {engines}",
        f"  processors: server {pace:.2f} cores{each}, clients {outcome.client_share:.2f}",
    )
    return Text("\n".join(lines))
