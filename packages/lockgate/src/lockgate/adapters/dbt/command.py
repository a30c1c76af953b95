"""What every dbt command is told: where things are, to print nothing, to send nothing anywhere."""

from __future__ import annotations

from pathlib import Path

from lockgate.adapters.dbt.wire import Message

PROFILE = "lockgate"
CONSOLE = "console.log"
LONGEST_TEXT = 4000
# What a project's process is for: to serve invocations, or to read the project for its lineage.
SERVE, RENDER = "serve", "render"
# What an invocation is for: to build or test, or to compile and build nothing.
BUILD, COMPILE = "build", "compile"


def command(name: str, project: Message, *, folder: Path, profiles: Path) -> list[str]:
    """A command with the arguments that all have; what it writes goes below `folder`."""
    return [
        name, "--project-dir", project["project"], "--profiles-dir", str(profiles), "--profile", PROFILE,
        "--target-path", str(folder), "--log-path", str(folder), "--vars", project["vars"], "--log-level", "none",
        "--log-level-file", "info", "--no-print", "--no-use-colors", "--no-send-anonymous-usage-stats",
    ]  # fmt: skip
