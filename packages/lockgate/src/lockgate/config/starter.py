"""Writes the files of a new project from what was found in somebody's data; the text is for people to go on from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres

from lockgate.config.names import PROJECT_PATTERN, column_fault, name_fault, safe_name
from lockgate.config.project_file import PROJECT_FILE, SCHEMA_FILE, project_schema
from lockgate.core.discovery import FoundSource, FoundTable
from lockgate.errors import SourceRefused

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")
_NOT_PLAIN = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_PLAIN_COLUMN = re.compile(r"[a-z][a-z0-9_]*")
_KEYWORDS = frozenset(word for keyword in Postgres.Tokenizer.KEYWORDS for word in keyword.split()) | {"USER"}
_IGNORED = "/.lockgate/\n/warehouse/\n"


@dataclass(frozen=True, slots=True)
class _Table:
    """A found table under the name it has in the project, with the names its columns have in the entity."""

    name: str
    found: FoundTable
    names: Mapping[str, str]

    @property
    def key(self) -> tuple[str, ...]:
        """The entity's key; empty where none was found."""
        return tuple(self.names[column] for column in self.found.key)


def starter_files(folder: Path, sources: Sequence[FoundSource]) -> dict[str, str]:
    """The files of a project in `folder`, by path below it: the project file, a rule set a table, what goes with them.

    Raises:
        SourceRefused: a column has a name that no database can have.
    """
    named = _named(sources)
    tables = [table for _, _, tables in named for table in tables]
    rules = {f"rules/{table.name}.yml": _rules_file(table) for table in tables if table.key}
    return {
        PROJECT_FILE: _project_file(folder, named),
        **rules,
        SCHEMA_FILE: json.dumps(project_schema(), indent=2, ensure_ascii=False) + "\n",
        ".gitignore": _IGNORED,
        "README.md": _readme(_project_name(folder), tables),
    }


def _named(sources: Sequence[FoundSource]) -> list[tuple[str, FoundSource, list[_Table]]]:
    """Sources and tables under names that are different from each other."""
    named: list[tuple[str, FoundSource, list[_Table]]] = []
    streams: list[str] = []
    for source in sources:
        tables = []
        for table in source.tables:
            streams.append(safe_name(table.name, streams, instead="table"))
            tables.append(_Table(streams[-1], table, _column_names(table)))
        named.append((safe_name(source.name, (name for name, _, _ in named), instead="source"), source, tables))
    return named


def _column_names(table: FoundTable) -> dict[str, str]:
    """The entity's name of each column: its own where that is plain.

    Raises:
        SourceRefused: a column has a name that no database can have.
    """
    names: dict[str, str] = {}
    for number, column in enumerate(table.columns, start=1):
        fault = column_fault(column.name)
        if fault:
            raise SourceRefused(f"{table.name}, column {number}: {fault}", hint="Rename the column in the source.")
        plain = _PLAIN_COLUMN.fullmatch(column.name) and column.name not in names.values()
        taken = (*names.values(), *(other.name for other in table.columns))
        names[column.name] = column.name if plain else safe_name(column.name, taken, instead=f"column_{number}")
    return names


def _project_name(folder: Path) -> str:
    """The folder's name as a project's."""
    name = folder.resolve().name
    return safe_name(name, (), instead="project") if name_fault(name, PROJECT_PATTERN) else name


# --- lockgate.yml -----------------------------------------------------------------------------------------------


def _project_file(folder: Path, named: Sequence[tuple[str, FoundSource, list[_Table]]]) -> str:
    """The project file."""
    lines = [f"# yaml-language-server: $schema={SCHEMA_FILE}", f"project: {_scalar(_project_name(folder))}"]
    if named:
        lines += ["", "sources:"]
    for name, source, tables in named:
        lines += _indented(1, _source_lines(folder, name, source, tables))
    tables = [table for _, _, tables in named for table in tables]
    if any(table.key for table in tables):
        lines += ["", "entities:"]
    elif tables:
        lines += ["", "# entities:"]
    for table in tables:
        lines += _indented(1, _entity_lines(table)) if table.key else _keyless_lines(table)
    return "\n".join(lines) + "\n"


def _source_lines(folder: Path, name: str, source: FoundSource, tables: Sequence[_Table]) -> list[str]:
    """A source with its streams."""
    options = dict(source.options)
    if "path" in options:
        options["path"] = _below(folder, Path(str(options["path"])))
    streams = [line for table in tables for line in _indented(2, _stream_lines(table))]
    return [
        f"{_scalar(name)}:",
        f"  kind: {source.kind}",
        *_indented(1, _option_lines(options)),
        "  streams:",
        *streams,
    ]


def _below(folder: Path, path: Path) -> str:
    """A path as it is written in the project file: from the folder on where it lies below it."""
    inside = path.resolve().is_relative_to(folder.resolve())
    return str(path.resolve().relative_to(folder.resolve())) if inside else str(path)


def _stream_lines(table: _Table) -> list[str]:
    """A stream with the types that were found."""
    found = table.found
    columns = [f"{_scalar(column.name)}: {_scalar(str(column.type))}" for column in found.columns]
    key = [f"key: {_listed(found.key)}"] if found.key else []
    declared = ["columns:", *_indented(1, columns)] if columns else []
    lines = [*_option_lines(found.options), *key, *declared]
    return [f"{_scalar(table.name)}:{'' if lines else ' {}'}", *_indented(1, lines)]


def _option_lines(options: Mapping[str, object]) -> list[str]:
    """Options as keys and values."""
    return [
        f"{key}: {_listed(value) if isinstance(value, list | tuple) else _scalar(str(value))}"
        for key, value in options.items()
    ]


def _entity_lines(table: _Table) -> list[str]:
    """An entity that is the table as it comes."""
    columns = [f"{_scalar(table.names[c.name])}: {_scalar(str(c.type))}" for c in table.found.columns]
    return [
        f"{_scalar(table.name)}:",
        f"  key: {_listed(table.key)}",
        "  contract:",
        *_indented(2, columns),
        "  implementations:",
        f"    rules: {{rules: rules/{table.name}.yml}}",
    ]


def _keyless_lines(table: _Table) -> list[str]:
    """What to do about a table of which nobody knows what makes a row one row."""
    reason = f"no few columns tell its {table.found.rows:,} rows apart" if table.found.rows else "it has no rows yet"
    return [
        f"  # {table.name}: no key was found, since {reason}. To make an entity of it, state `key`",
        "  # and `contract` here, as above or in the reference, and write its rule set or dbt model.",
    ]


# --- rules/<entity>.yml -----------------------------------------------------------------------------------------


def _rules_file(table: _Table) -> str:
    """A rule set that gives the rows as they come, with plain column names, and sets rows without a key aside."""
    renames = [f"{_scalar(old)}: {_scalar(new)}" for old, new in table.names.items() if old != new]
    rename = ["  - rename:", *_indented(3, renames)] if renames else []
    validates = [
        f"  - validate: {{that: {_quoted(f'{_identifier(column)} is not null')}, reason: {column}_missing}}"
        for column in table.key
    ]
    return "\n".join(
        [
            f"entity: {_scalar(table.name)}",
            f"from: raw.{table.name}",
            "rules:",
            *rename,
            *validates,
            "output:",
            *(f"  - {_scalar(name)}" for name in table.names.values()),
            "",
        ]
    )


def _identifier(name: str) -> str:
    """A column in an expression, in quotes where the bare word could mean something else."""
    return exp.column(name, quoted=name.upper() in _KEYWORDS).sql("postgres")


# --- README.md --------------------------------------------------------------------------------------------------


def _readme(name: str, tables: Iterable[_Table]) -> str:
    """What there is, and what to do next."""
    rows = [f"| {table.name} | {table.found.rows:,} | {', '.join(table.key) or 'none found'} |" for table in tables]
    return "\n".join(
        [
            f"# {name}",
            "",
            "A Lockgate project. What it loads and builds stands in `lockgate.yml`; how, in `rules/`.",
            "",
            *(["| table | rows | key |", "| --- | --- | --- |", *rows, ""] if rows else []),
            "```sh",
            "lockgate check   # is everything right?",
            "lockgate run     # load, build, publish",
            "lockgate editions list",
            "```",
            "",
        ]
    )


# --- YAML -------------------------------------------------------------------------------------------------------


def _indented(levels: int, lines: Iterable[str]) -> list[str]:
    """Lines two blanks further in, a level."""
    return ["  " * levels + line for line in lines]


def _scalar(text: str) -> str:
    """A text that every YAML reader takes as this text."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN else _quoted(text)


def _quoted(text: str) -> str:
    """A text in quotes; what is not printable is escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _listed(values: Iterable[object]) -> str:
    """Texts in brackets."""
    return f"[{', '.join(_scalar(str(value)) for value in values)}]"
