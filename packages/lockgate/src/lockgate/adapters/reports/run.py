"""The report of one run: what was loaded, what each implementation made of it, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from lockgate.adapters.reports.charts import bar_chart
from lockgate.adapters.reports.comparison import touched_of
from lockgate.adapters.reports.page import rendered
from lockgate.core.comparison import Comparison
from lockgate.core.execution import Execution
from lockgate.core.run import Breakdown, RunResult


def render_run(result: RunResult, breakdowns: Sequence[Breakdown], comparisons: Sequence[Comparison] = ()) -> str:
    """The run as one HTML page. Holds counts and names, no secret, and no values beyond the breakdowns' columns."""
    return rendered(
        "run.html.jinja",
        result=result,
        entities=_by_entity(result.executions),
        charts={entity: list(charts) for entity, charts in _charts(result, breakdowns).items()},
        comparisons=[(found, touched_of(found.touches)) for found in comparisons],
    )


def _by_entity(executions: Sequence[Execution]) -> dict[str, list[Execution]]:
    """The executions of each entity, in the order of the run."""
    ordered = sorted(executions, key=lambda execution: execution.entity)
    return {entity: list(group) for entity, group in groupby(ordered, key=lambda execution: execution.entity)}


def _charts(result: RunResult, breakdowns: Sequence[Breakdown]) -> dict[str, list[object]]:
    """A chart of rows an implementation for each entity, then one for each breakdown."""
    charts: dict[str, list[object]] = {}
    for entity, executions in _by_entity(result.executions).items():
        rows: dict[str, dict[str | None, int]] = {
            execution.implementation: {"rows": execution.rows} for execution in executions
        }
        charts[entity] = [bar_chart("Rows", ["rows"], rows)]
    for breakdown in breakdowns:
        chart = bar_chart(f"Rows by {breakdown.column}", breakdown.values, breakdown.counts)
        charts.setdefault(breakdown.entity, []).append(chart)
    return charts
