"""`compare`: whether two relations are equal, and in which rows, columns and values they are not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lockgate.cli.exits import Exit, exit_of_verdict
from lockgate.cli.invocation import Invocation
from lockgate.cli.output import print_error, print_json, standard_error, standard_output
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.core.comparison import Comparison

SHOWN_SAMPLES = 5
# What `lockgate.core.comparison` names, which takes too long to import for `--help`; a test compares.
TRANSFORMS = ("trim", "lower", "upper", "nfc", "empty_is_null", "date", "whole")
MethodName = Literal["join", "fingerprint", "stream"]
Several = list[str] | None
_OF_NOISE = {"left", "right", "noise", "as_json"}
_RELATION = (
    "A CSV or Parquet file, FILE.duckdb::SCHEMA.TABLE, postgresql://…::SCHEMA.TABLE, secret://NAME::SCHEMA.TABLE,"
    " TARGET.SCHEMA.TABLE, ENTITY@IMPLEMENTATION (its newest edition) or ENTITY (what consumers see)."
)
Left = Annotated[str, typer.Argument(metavar="A", help=_RELATION)]
Right = Annotated[str, typer.Argument(metavar="B", help="The relation to hold against it, named likewise.")]
Key = Annotated[Several, typer.Option(help="The columns that make a row one row: a,b or repeated. Else an entity's.")]
General = Annotated[str | None, typer.Option(help="By how much numbers (0.01, 1%) or times (2s) may differ.")]
OfColumn = Annotated[Several, typer.Option(help="The same for one column: a=0.01 or a=1%; repeat for more.")]
Changed = Annotated[
    Several, typer.Option(help=f"Before comparing: a=trim, of {', '.join(TRANSFORMS)}; repeat for more.")
]
Renamed = Annotated[
    Several, typer.Option("--map", help="A column's names on the left and right, a=b; repeat for more.")
]
Excluded = Annotated[Several, typer.Option(help="Columns to leave out: a,b or repeated.")]
Where = Annotated[str | None, typer.Option(help="Only rows, of both sides, that this SQL condition is true of.")]
Grouped = Annotated[Several, typer.Option(help="Count rows by the values of these columns too.")]
Sample = Annotated[int | None, typer.Option(help="Compare about so many rows, the same keys on both sides.", min=1)]
Samples = Annotated[int | None, typer.Option(help="Show so many differences of each column, and of rows.", min=0)]
Shown = Annotated[bool, typer.Option("--show-values", help="Show the values that differ, not their keys alone.")]
Fewest = Annotated[int, typer.Option(help="Fewer rows on a side prove nothing.", min=0)]
How = Annotated[MethodName | None, typer.Option(help="How to compare; else what costs least.")]
AA = Annotated[
    bool,
    typer.Option("--noise", help="A and B are one ENTITY@IMPLEMENTATION: learn what differs when it runs twice."),
]
Touching = Annotated[
    bool, typer.Option("--touches/--no-touches", help="Tell which dashboards and views an entity's differences touch.")
]
Report = Annotated[Path | None, typer.Option(help="Write the comparison as an HTML page with pictures.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@dataclass(frozen=True, slots=True)
class Options:
    """The options as typed."""

    key: Several = None
    tolerance: str | None = None
    column_tolerance: Several = None
    transform: Several = None
    renamed: Several = None
    exclude: Several = None
    where: str | None = None
    group_by: Several = None
    sample: int | None = None
    samples: int | None = None
    show_values: bool = False
    min_rows: int = 1
    method: str | None = None
    touches: bool = True


def register(application: typer.Typer) -> None:
    """Adds the verb to the command line."""
    application.command("compare")(compare)


def compare(
    context: typer.Context,
    left: Left,
    right: Right,
    key: Key = None,
    tolerance: General = None,
    column_tolerance: OfColumn = None,
    transform: Changed = None,
    renamed: Renamed = None,
    exclude: Excluded = None,
    where: Where = None,
    group_by: Grouped = None,
    sample: Sample = None,
    samples: Samples = None,
    show_values: Shown = False,
    min_rows: Fewest = 1,
    method: How = None,
    noise: AA = False,
    touches: Touching = True,
    report: Report = None,
    as_json: Json = False,
) -> int:
    """Tell whether two relations are equal, row by row, and what differs: 0 PASS, 1 FAIL, 3 INCONCLUSIVE."""
    if noise:
        return _noise(context, left, right, as_json=as_json)
    options = Options(
        key, tolerance, column_tolerance, transform, renamed, exclude, where, group_by, sample, samples, show_values,
        min_rows, method, touches,
    )  # fmt: skip
    return _told(_compared(context, left, right, options, report), report, as_json=as_json, samples=samples)


def _refuse_overwriting(report: Path | None, *sides: str) -> None:
    """A report takes the place of a file of its name, but never of one that is compared."""
    from lockgate.adapters.relations.references import split

    for side in sides:
        file = Path(split(side)[0]).expanduser()
        if report is not None and report.exists() and file.exists() and report.samefile(file):
            raise typer.BadParameter(f"the report would take the place of {file}, which is compared")


def _compared(context: typer.Context, left: str, right: str, options: Options, report: Path | None) -> Comparison:
    from lockgate.cli.comparison_options import requested
    from lockgate.cli.reading import reading

    _refuse_overwriting(report, left, right)
    request, invocation = requested(options), _invocation(context)
    from lockgate.app import App  # after the options were read: it takes longer than telling what is wrong with them

    with reading() as progress:
        return App.compare(left, right, request, progress, folder=invocation.project, target=invocation.target)


def _noise(context: typer.Context, left: str, right: str, *, as_json: bool) -> int:
    """A/A: 0 whatever was learnt."""
    from lockgate.cli.auditing import changing
    from lockgate.cli.invocation import opened
    from lockgate.cli.progress import Progress
    from lockgate.cli.reading import reading

    if ignored := _given_beside_noise(context):
        raise typer.BadParameter(f"--noise learns by comparing as it is, without {', '.join(ignored)}")
    if left != right or "@" not in left:
        raise typer.BadParameter("--noise compares one implementation with itself: ENTITY@IMPLEMENTATION, twice")
    with opened(context) as app, reading() as progress, changing(app.access, "noise.learn", left) as change:
        learnt = app.learn_noise(left, Progress(), progress)
        change.tell(columns=", ".join(learnt.columns))
    if as_json:
        print_json(learnt)
    else:
        told = f"differ by themselves: {', '.join(learnt.columns)}" if learnt.columns else "no column differs by itself"
        standard_output().print(f"{left}: {told}", markup=False)
    return Exit.FINE


def _given_beside_noise(context: typer.Context) -> list[str]:
    """The options that were typed and that A/A has no use for."""
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in _OF_NOISE
        and (source := context.get_parameter_source(parameter.name or ""))
        and source.name == "COMMANDLINE"
    ]


def _invocation(context: typer.Context) -> Invocation:
    invocation: Invocation = context.obj
    return invocation


def _told(found: Comparison, report: Path | None, *, as_json: bool, samples: int | None) -> Exit:
    """Tells what came of it; the verdict stands also where the report cannot be written, which is a failure."""
    from lockgate.core.comparison_document import comparison_document

    unwritten = _reported(found, report) if report is not None else None
    if as_json:
        failed = {"evidence": found.unkept, "report": unwritten}
        errors = {what: error for what, error in failed.items() if error}
        print_json({**comparison_document(found), **({"errors": errors} if errors else {})})
    else:
        from lockgate.cli.comparison import print_comparison

        print_comparison(found, most_samples=SHOWN_SAMPLES if samples is None else samples)
    if found.unkept:
        print_error(found.unkept)
    if unwritten:
        print_error(unwritten)
        return Exit.FAILED
    return exit_of_verdict(found.verdict)


def _reported(found: Comparison, path: Path) -> LockgateError | None:
    """Writes the report: why it cannot be written, where it cannot."""
    from lockgate.app import App

    try:
        App.write_comparison(found, path)
    except LockgateError as error:
        return error
    standard_error().print(f"report: {path}", soft_wrap=True, markup=False)
    return None
