"""The solution shown in one go: both implementations side by side, then users moved from one to the other.

Every command is printed as a person would type it. `python -m inventory.demo --target duckdb|postgres`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inventory import cutover
from inventory.stage import Terminal, discovery, say, shown, warehouse

FOLDER = Path(__file__).resolve().parents[2]
PORT = 5004
TARGETS = {"duckdb": "main", "postgres": "postgres"}


def main() -> int:
    """Runs the demo: its exit code."""
    parser = argparse.ArgumentParser(
        description="Build by rules and by dbt, compare, and move users from one to the other."
    )
    parser.add_argument("--target", choices=TARGETS, default="duckdb")
    parser.add_argument("--project", type=Path, default=FOLDER, help="the solution's folder, or a copy of it")
    parser.add_argument("--port", type=int, default=PORT, help="where the discovery service listens")
    arguments = parser.parse_args()
    project, target = arguments.project.resolve(), TARGETS[arguments.target]
    with discovery(arguments.port):
        with warehouse(arguments.target, project) as environment:
            is_fine = built(Terminal(Path.cwd(), environment), project, target)
        if is_fine:
            copy = cutover.copied(project)
            with warehouse(arguments.target, copy) as environment:
                is_fine = cutover.walked(Terminal(copy, environment), target)
    if is_fine:
        say(f"\nThe report with pictures: {shown(report_of(project))}")
    return 0 if is_fine else 1


def report_of(project: Path) -> Path:
    """Where the run's report is written."""
    return project / ".lockgate" / "report.html"


def built(terminal: Terminal, project: Path, target: str) -> bool:
    """Types the commands that build both sides and show them, up to the first that fails: whether none did."""
    options = ("--project", str(project), "--target", target)
    commands = (
        ("check",),
        ("run", "--engine", "rules", "--engine", "dbt", "--report", str(report_of(project))),
        ("editions", "list"),
        ("editions", "show", "users", "--by", "department"),
        ("editions", "show", "applications", "--by", "criticality"),
    )
    return all(terminal.lockgate(*command, options=options) for command in commands)


if __name__ == "__main__":
    sys.exit(main())
