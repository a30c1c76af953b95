"""What a dbt project says of itself, without a database: its models, its sources, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lockgate.adapters.dbt.profile import no_dbt
from lockgate.core.execution import DbtInvocation, ProjectInspection, WorkshopAccess
from lockgate.core.relation import Relation
from lockgate.errors import Problem

SCHEMA = "check"
# A workshop that is never reached: parsing asks no database.
_NOWHERE: Mapping[str, Mapping[str, object]] = {
    "duckdb": {"path": f"{SCHEMA}.duckdb"},
    "postgres": {"host": "localhost", "port": 5432, "user": SCHEMA, "dbname": SCHEMA},
    "spark": {},
}
_FILE = re.compile(r"[\w./-]+\.(?:sql|ya?ml|md|csv|py)\b")
_LINE = re.compile(r"\bline (\d+)")
PROJECT_FILE = "dbt_project.yml"


def inspection_of(project: Path, kind: str, variables: Mapping[str, object]) -> DbtInvocation:
    """An invocation that parses a project as for a target of that kind.

    Raises:
        CapabilityMissing: there is no dbt adapter for the kind.
    """
    if kind not in _NOWHERE:
        raise no_dbt(kind)
    access = WorkshopAccess(kind, SCHEMA, _NOWHERE[kind], {"password": ""})
    return DbtInvocation(project, (), SCHEMA, access, vars=variables)


def inspected(manifest: Path, errors: Sequence[Problem], warnings: Sequence[Problem]) -> ProjectInspection:
    """What a `manifest.json` says."""
    parsed = json.loads(manifest.read_text(encoding="utf-8"))
    models = {
        node["name"]: tuple(node["columns"]) for node in parsed["nodes"].values() if node["resource_type"] == "model"
    }
    sources = {key: Relation(one["schema"], one["identifier"]) for key, one in parsed["sources"].items()}
    reads = {
        node["name"]: tuple(sorted({sources[above] for above in _above(key, parsed["parent_map"]) if above in sources}))
        for key, node in parsed["nodes"].items()
        if node["resource_type"] == "model"
    }
    return ProjectInspection(models, tuple(sorted(set(sources.values()))), tuple(errors), tuple(warnings), reads)


def _above(node: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    """Everything upstream of a node."""
    found: set[str] = set()
    open_ends = [node]
    while open_ends:
        new = set(parents.get(open_ends.pop(), ())) - found
        found |= new
        open_ends += new
    return found


def problem_of(text: str, project: Path) -> Problem:
    """One of dbt's messages, with the file and line that it names; else the project's own file."""
    found = (path for name in _FILE.findall(text) for path in _places(project, name))
    file = next(found, project / PROJECT_FILE)
    line = _LINE.search(text)
    return Problem(" ".join(text.split()), str(file), int(line[1]) if line else 1)


def _places(project: Path, name: str) -> Iterator[Path]:
    """The files that dbt may mean by a name: below the project, or below one of its folders."""
    if (project / name).is_file():
        yield project / name
    elif not Path(name).is_absolute() and ".." not in Path(name).parts:
        yield from sorted(path for path in project.glob(f"*/{name}") if path.parts[len(project.parts)] != "target")
