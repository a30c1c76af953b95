"""`quality anomalies | measurements`: what was measured of entities and loads, and what is not as expected."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.exits import Exit, exit_of_answer
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_table, print_text, standard_error

if TYPE_CHECKING:
    from lockgate.app.quality import Anomalies

Named = Annotated[str | None, typer.Argument(metavar="[ENTITY]", help="An entity, or SOURCE.STREAM; else all.")]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="From this day or time on, in UTC.")
]
Report = Annotated[Path | None, typer.Option(metavar="FILE.html", help="Also write every series as a picture.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

quality = typer.Typer(help="What is measured of entities and loads, and its anomalies.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(quality, name="quality")


@quality.command("anomalies")
def anomalies(
    context: typer.Context, name: Named = None, since: Since = None, report: Report = None, as_json: Json = False
) -> int:
    """Print what the newest measurements show that their past does not explain; with --since all from then on."""
    with opened(context) as app:
        found = app.quality.anomalies(name, since=_instant(since))
        if report is not None:
            app.quality.write_report(found, report)
    if as_json:
        print_json(_plain(found))
    else:
        _print(found)
    return exit_of_answer([found.answer])


@quality.command("measurements")
def measurements(context: typer.Context, name: Named = None, since: Since = None, as_json: Json = False) -> int:
    """Print what was measured, series by series."""
    with opened(context) as app:
        found = app.quality.measurements(name, since=_instant(since))
    rows = [
        (one.measured_at, one.series.entity, one.series.implementation, one.series.metric, one.series.column, one.value)
        for one in found
    ]
    headings = ("at", "entity", "implementation", "metric", "column", "value")
    if as_json:
        print_json(
            [
                dict(zip(headings, row, strict=True)) | {"exact": one.is_exact}
                for row, one in zip(rows, found, strict=True)
            ]
        )
    else:
        print_table("", headings, rows)
    return Exit.FINE


def _instant(written: datetime | None) -> datetime | None:
    return None if written is None else written.replace(tzinfo=UTC)


def _print(found: Anomalies) -> None:
    for judgement, point in found.found:
        print_text(f"{point.at:%Y-%m-%d %H:%M} {judgement.series}: {point.said}")
    lacking = sum(bool(one.lacking) for one in found.series)
    judged = len(found.series) - lacking
    if not found.found and judged:
        print_text(f"no anomaly in {judged} series")
    if lacking or not found.series:
        told = (
            f"{lacking} series have too few measurements to be judged" if found.series else "nothing was measured yet"
        )
        standard_error().print(told, soft_wrap=True, markup=False)


def _plain(found: Anomalies) -> dict[str, object]:
    """The document of `--json`."""
    told = [
        {
            "at": point.at,
            "entity": one.series.entity,
            "implementation": one.series.implementation,
            "metric": one.series.metric,
            "column": one.series.column,
            "kind": point.kind,
            "value": point.value,
            "expected": point.expected,
            "low": point.low,
            "high": point.high,
            "said": point.said,
        }
        for one, point in found.found
    ]
    lacking = [{"series": str(one.series), "because": one.lacking} for one in found.series if one.lacking]
    return {"answer": found.answer, "anomalies": told, "series": len(found.series), "lacking": lacking}
