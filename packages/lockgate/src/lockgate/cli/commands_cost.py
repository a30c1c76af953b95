"""`cost [ENTITY]` and `cost advice`: what work takes against what is usual of it, and how it could be less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lockgate.cli.default_command import DefaultGroup
from lockgate.cli.exits import Exit
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_table, print_text, standard_error

if TYPE_CHECKING:
    from lockgate.core.cost import Advice, Advised, EntityCost, Measure

Days = Annotated[int, typer.Option(min=1, max=366, help="How many days before make what is usual.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Report = Annotated[Path | None, typer.Option("--report", help="Also write an HTML page with pictures to this file.")]
Dbt = Annotated[
    Path | None, typer.Option("--dbt", help="Any dbt project's folder, by what its newest run left in target/.")
]
Dialect = Annotated[str | None, typer.Option(help="The SQL of a dbt project; else as its own profiles.yml says.")]
Least = Annotated[float, typer.Option("--least", min=0.0, help="The seconds a run that advice must save.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 where anything is dearer than usual.")]
Named = Annotated[str | None, typer.Argument(metavar="[ENTITY]", help="One entity; else all.")]

cost = typer.Typer(cls=DefaultGroup, help="What work takes against what is usual of it, and how it could be less.")


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(cost, name="cost")


@cost.command("show")
def show(
    context: typer.Context,
    entity: Named = None,
    days: Days = 21,
    strict: Strict = False,
    report: Report = None,
    as_json: Json = False,
) -> int:
    """Print what each implementation took on its newest day beside the days before; `show` may be left out.

    Exits with 3 where there are too few runs of everything to tell what is usual.
    """
    from lockgate.core.cost import Trend

    with opened(context) as app:
        found = app.costs.of_entities(entity, days=days)
        if report is not None:
            app.costs.write_report(found, app.costs.advice(days=days), report)
    if as_json:
        print_json([_plain(one) for one in found])
    else:
        _print(found)
    trends = {measure.trend for one in found for measure in one.measures}
    if trends <= {Trend.UNKNOWN}:
        return Exit.INCONCLUSIVE
    return Exit.DATA_SAID_NO if strict and Trend.DEARER in trends else Exit.FINE


@cost.command("advice")
def advice(
    context: typer.Context,
    dbt: Dbt = None,
    dialect: Dialect = None,
    days: Days = 21,
    least: Least = 1.0,
    report: Report = None,
    as_json: Json = False,
) -> int:
    """Print how work could cost less, each advice with its reason and what it would save a run.

    Exits with 3 where nothing was measured.
    """
    if dbt is not None:
        from lockgate.app.costs import advice_of_folder, write_advice

        advised = advice_of_folder(dbt, dialect=dialect, least_seconds=least)
        if report is not None:
            write_advice(dbt.resolve().name, advised, report)
    else:
        if dialect is not None:
            raise typer.BadParameter("--dialect is for a dbt project's folder; a project's targets say theirs")
        with opened(context) as app:
            advised = app.costs.advice(days=days, least_seconds=least)
            if report is not None:
                app.costs.write_report(app.costs.of_entities(days=days), advised, report)
    for warning in advised.warnings:
        standard_error().print(f"warning: {warning}", soft_wrap=True, markup=False)
    if as_json:
        print_json(advised)
    else:
        _print_advice(advised)
    return Exit.FINE if advised.measured else Exit.INCONCLUSIVE


def _plain(one: EntityCost) -> dict[str, Any]:
    """A cost as JSON has it, with how many times the usual each measure is."""
    measures = [{**_object(measure), "ratio": measure.ratio} for measure in one.measures]
    return {each.name: getattr(one, each.name) for each in fields(one)} | {"measures": measures}


def _object(measure: Measure) -> dict[str, object]:
    return {"unit": measure.unit, "now": measure.now, "band": measure.band, "trend": measure.trend}


def _print(found: Iterable[EntityCost]) -> None:
    rows, notes = [], []
    for one in found:
        who = f"{one.entity}@{one.implementation}"
        rows += [(who, one.day.isoformat(), *_cells(measure)) for measure in one.measures if measure.now is not None]
        if one.changed_at is not None:
            notes.append(f"{who}: its files last changed before the run of {one.changed_at:%Y-%m-%d %H:%M} UTC")
        if one.is_by_weekday:
            notes.append(f"{who}: held against the same weekday alone")
    print_table("", ("entity", "day (UTC)", "unit", "now", "usual", "from", "to", "times", "runs", "it is"), rows)
    for note in notes:
        print_text(note)


def _cells(measure: Measure) -> Iterator[object]:
    """A measure's cells; what is counted in whole numbers is shown so."""
    from lockgate.core.cost import Unit

    band = measure.band
    values = (measure.now, *((band.median, band.low, band.high) if band else (None, None, None)))
    yield measure.unit
    for value in values:
        yield value if value is None or measure.unit is Unit.SECONDS else round(value)
    yield measure.ratio
    yield band.runs if band else None
    yield measure.trend


def _print_advice(advised: Advised) -> None:
    for one in advised.advice:
        _print_one(one)
    if advised.refused:
        rows = [(one.node, one.why) for one in advised.refused]
        print_table("Not to be made incremental", ("table", "why"), rows)
    print_text(f"{advised.measured} nodes measured, {advised.seconds:,.2f} s a run; {len(advised.advice)} to improve")
    if advised.left_out:
        print_text(f"{advised.left_out} of them were measured too seldom to say anything about")


def _print_one(one: Advice) -> None:
    saving = one.saving
    money = f", {saving.money} {saving.currency}" if saving.money is not None else ""
    read = f", {saving.read_bytes:,} bytes read" if saving.read_bytes is not None else ""
    print_text(f"{one.kind}: {one.nodes[0]}")
    print_text(f"  saves       {saving.seconds:,.2f} s{read}{money} a run = {saving.how}")
    print_text(f"  because     {one.reason}")
    print_text(f"  do          {one.suggestion}")
    print_text(f"  confidence  {one.confidence}. {one.limits}")
    print_text("")
