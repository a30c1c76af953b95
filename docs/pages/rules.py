"""The page of rule sets: the keys of their files, and the SQL that expressions are written in."""

from __future__ import annotations

from lockgate.config.rule_shape import RuleSetShape
from lockgate.transform.rules.language import functions, patterns
from lockgate.transform.rules.language.allowed import NAMES
from pages.schema import schema_sections


def rules_page() -> str:
    """The keys of a rule set's file, and the SQL that its expressions are written in."""
    lines = [
        "# Rule sets",
        "",
        "A rule set is a YAML file; its expressions are a typed subset of PostgreSQL's SQL that means the same on",
        "every engine, and is refused at check time where it could not. This page is generated from the code;",
        "[how rules work](../explanation/rules.md) tells what kinds of rules and expressions mean.",
        *schema_sections("The file", RuleSetShape.model_json_schema()),
        "",
        "## Expressions",
        "",
        "Columns, numbers, texts, `true`, `false`, `null`; `= <> < <= > >=`, `is [not] distinct from`,",
        "`is [not] null`, `is [not] true`, `in`, `between`, `like`, `~`, `and`, `or`, `not`; `+ - * / %`, `||`;",
        "`case`, `cast`, `::`;",
        f"{', '.join(f'`{name}`' for name in NAMES)}.",
        *(line for dialect in functions.DIALECTS for line in refused_section(dialect)),
        "",
        "## Patterns",
        "",
        (patterns.__doc__ or "").strip(),
    ]
    return "\n".join(lines) + "\n"


def refused_section(dialect: str) -> list[str]:
    """The line that says what an engine cannot do; none where it can do everything."""
    refused = [f"`{name}`" for name, engines in functions.SQL.items() if not {dialect, "*"} & set(engines)]
    return ["", f"Refused on {dialect}: {', '.join(refused)}."] if refused else []
