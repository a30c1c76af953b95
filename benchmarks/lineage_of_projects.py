"""Reads dbt projects in folders, and holds the edges between their nodes against the manifest that dbt itself writes.

    python benchmarks/lineage_of_projects.py [--dialect snowflake] FOLDER...

Where dbt itself cannot parse a project, for a package that is not installed or a variable that is not set, there are no
edges to hold ours against. It ends with 1 where an edge differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import yaml
from rich.console import Console
from rich.table import Table

from lockgate import App
from lockgate.core.lineage import NodeKind

DBT = "import sys; from dbt.cli.main import cli; cli(sys.argv[1:])"
HEADINGS = ("project", "nodes", "edges of dbt", "the same", "columns", "resolved", "not rendered", "seconds")


def edges_of_dbt(project: Path) -> set[tuple[str, str]] | None:
    """The parents of each node in dbt's manifest, parsed by an adapter that needs no connection; None: it cannot be."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        declared = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
        profile = {str(declared["profile"]): {"target": "x", "outputs": {"x": {"type": "duckdb", "path": ":memory:"}}}}
        (folder / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
        command = ["parse", "--no-partial-parse", "--project-dir", project, "--profiles-dir", folder]
        command += ["--target-path", folder, "--log-path", folder]
        if subprocess.run([sys.executable, "-c", DBT, *command], check=False, stdout=subprocess.DEVNULL).returncode:
            return None
        parents = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["parent_map"]
    return {(parent, child) for child, found in parents.items() for parent in found}


def main() -> int:
    """One line a project."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--dialect")
    asked = arguments.parse_args()
    table, differ = Table(*HEADINGS), False
    for folder in asked.folders:
        began = perf_counter()
        graph = App.lineage_of(folder, dialect=asked.dialect).graph
        seconds = perf_counter() - began
        theirs, ours = edges_of_dbt(folder), set(graph.node_edges)
        models = [name for name, node in graph.nodes.items() if node.kind is NodeKind.MODEL]
        unread = {one.node for one in graph.unresolved if not one.column} & set(models)
        columns = {(name, column) for name in models for column in graph.columns_of(name)}
        unknown = {(one.node, one.column) for one in graph.unresolved} & columns
        held = ("cannot parse it", "") if theirs is None else (len(theirs), len(theirs & ours))
        counts = (len(graph.nodes), *held, len(columns), len(columns - unknown), len(unread))
        table.add_row(folder.name, *map(str, counts), f"{seconds:.1f}")
        differ |= theirs is not None and theirs != ours
    Console().print(table)
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
