"""`rules explain | export | test`: read a rule set as SQL, leave it as a dbt model, prove its cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lockgate.cli.exits import Exit
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_table, print_text, standard_error

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
EntityName = Annotated[str, typer.Argument(help="The entity.")]
EngineName = Annotated[str | None, typer.Option(help="The implementation; else the entity's only rule set.")]

rules = typer.Typer(help="Rule sets: their SQL, their cases, their way to dbt.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(rules, name="rules")


@rules.command("explain")
def explain(
    context: typer.Context,
    entity: EntityName,
    engine: EngineName = None,
    dialect: Annotated[str | None, typer.Option(help="duckdb, postgres, spark or bigquery; else the target's.")] = None,
    as_json: Json = False,
) -> int:
    """Print the one query that a rule set compiles to."""
    with opened(context) as app:
        sql = app.explain_rules(entity, engine=engine, dialect=dialect)
    if as_json:
        print_json({"entity": entity, "sql": sql})
    else:
        print_text(sql)
    return Exit.FINE


@rules.command("export")
def export(
    context: typer.Context,
    entity: EntityName,
    into: Annotated[Path, typer.Option(help="The folder of the dbt project's models.")],
    engine: EngineName = None,
    as_json: Json = False,
) -> int:
    """Write an equivalent dbt model; files that are there already are not overwritten."""
    with opened(context) as app:
        written = app.export_rules(entity, into, engine=engine)
    if as_json:
        print_json({"entity": entity, "files": written})
    else:
        for path in written:
            print_text(str(path))
    return Exit.FINE


@rules.command("test")
def test(context: typer.Context, entity: EntityName, engine: EngineName = None, as_json: Json = False) -> int:
    """Run a rule set's cases: given rows against expected rows."""
    with opened(context) as app:
        results = app.check_rule_cases(entity, engine=engine)
    failed = [result for result in results if not result.passed]
    if as_json:
        print_json(results)
    else:
        rows = [(result.name, "pass" if result.passed else "FAIL", result.difference) for result in results]
        print_table("", ("case", "verdict", "difference"), rows)
        if not results:
            standard_error().print(f"{entity} has no cases; add some under `cases:` in its rule set")
    return Exit.DATA_SAID_NO if failed else Exit.FINE
