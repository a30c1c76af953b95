"""What a server and its children take of the machine, second by second."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from lockgate.adapters.processes.supervisor import descendants

MIB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
STEADY = 0.05
FEWEST = 30  # samples of which a verdict is made


@dataclass(frozen=True, slots=True)
class Sample:
    """One second: when, resident bytes, open descriptors, processes, and the seconds of processor they have had."""

    at: float
    resident: int
    descriptors: int
    processes: int
    worked: float


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How far a figure moved between the second third of a run and the last one; the first third is warm-up.

    Medians are compared: children that come and go for a batch belong to the work. `is_steady` is None where the run
    was too short to tell.
    """

    before: float
    after: float
    highest: float
    is_steady: bool | None

    @property
    def moved(self) -> float:
        """The share by which it moved."""
        return self.after / self.before - 1 if self.before else 0.0


def sample(process: int, began: float) -> Sample:
    """What a process and its descendants have now; one that has just ended has nothing."""
    resident = opened = seen = 0
    worked = 0.0
    for one in (process, *descendants(process)):
        folder = Path("/proc") / str(one)
        with suppress(FileNotFoundError, ProcessLookupError):
            pages = int((folder / "statm").read_text(encoding="ascii").split()[1])
            stat = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            descriptors = len(os.listdir(folder / "fd"))  # noqa: PTH208  names alone, ten times as quick
            resident, opened, seen = resident + pages * PAGE, opened + descriptors, seen + 1
            worked += (int(stat[11]) + int(stat[12])) / TICKS
    return Sample(perf_counter() - began, resident, opened, seen, worked)


@asynccontextmanager
async def watching(process: int, every_seconds: float = 1.0) -> AsyncIterator[list[Sample]]:
    """The samples, of which one is added every second while the block lasts."""
    began = perf_counter()
    samples = [sample(process, began)]

    async def look() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            samples.append(sample(process, began))

    watch = asyncio.create_task(look())
    try:
        yield samples
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


def steadiness(values: Sequence[float]) -> Steadiness:
    """Whether a figure stayed within 5 % after warm-up."""
    third = len(values) // 3
    if third == 0:
        last = values[-1] if values else 0.0
        return Steadiness(last, last, max(values, default=0.0), None)
    before, after = median(values[third : 2 * third]), median(values[2 * third :])
    is_steady = abs(after - before) <= STEADY * before if len(values) >= FEWEST else None
    return Steadiness(before, after, max(values[third:]), is_steady)
