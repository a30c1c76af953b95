"""The command that a job's steps are replaced with."""

from __future__ import annotations

import shlex

from lockgate.adapters.dbt.wire import Message


def step_of(request: Message) -> str:
    """One dbt command, quoted as a shell would read it; what it tells is JSON, with each node's end."""
    words = ["dbt", "--log-format", "json", "--log-level", "debug", "--no-use-colors"]
    words.append("test" if request["tests_only"] else "build")
    if request["select"]:
        words += ["--select", *request["select"]]
    words += ["--indirect-selection", "buildable", "--vars", request["vars"]]
    if request["full_refresh"]:
        words.append("--full-refresh")
    return shlex.join(words)
