"""The report of a run as an HTML page: what it loaded and made, what its comparisons found, and what that touches."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.adapters.reports import render_run
from lockgate.app.look import charted
from lockgate.app.new_files import write_page
from lockgate.app.touching import with_touches
from lockgate.core.comparison import Comparison
from lockgate.core.comparison_document import comparison_from
from lockgate.core.run import RunResult

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage
    from lockgate.app.wiring import Wiring


def write_report(wiring: Wiring, result: RunResult, path: Path) -> None:
    """Writes a run as a self-contained HTML page with pictures."""
    write_page(path, render_run(result, charted(wiring, result), comparisons_of(wiring, result)))


def comparisons_of(wiring: Wiring, result: RunResult) -> tuple[Comparison, ...]:
    """The comparisons that a run has kept, and what they touch by the project as it is now; the first comes first."""

    @cache
    def lineage() -> FoundLineage:
        from lockgate.app.lineage import lineage_of_project

        return lineage_of_project(wiring)

    numbers = wiring.store.evidence.compared(result.started_at, result.finished_at)  # a target has one run at a time
    kept = [wiring.store.comparisons.comparison(number) for number in numbers]
    return tuple(with_touches(comparison_from(one.found), {}, lineage) for one in kept)
