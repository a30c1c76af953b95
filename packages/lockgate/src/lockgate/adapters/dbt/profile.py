"""The profile under which dbt reaches one workshop, and nothing else; the project's own is never used."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from lockgate.core.execution import WorkshopAccess
from lockgate.errors import CapabilityMissing

PROFILE = "lockgate"
TARGET = "lockgate"


def output_of(access: WorkshopAccess, *, threads: int) -> dict[str, object]:
    """Dbt's connection settings for a workshop.

    Raises:
        CapabilityMissing: there is no dbt adapter for the warehouse's kind.
    """
    parameters = access.parameters
    if access.kind == "duckdb":
        return {
            "type": "duckdb",
            "path": str(parameters["path"]),
            "schema": access.schema,
            "threads": threads,
            "config_options": parameters.get("settings", {}),
        }
    if access.kind == "postgres":
        connection = {name: parameters[name] for name in ("host", "port", "user", "dbname")}
        return {
            "type": "postgres",
            **connection,
            "password": access.secrets["password"],
            "schema": access.schema,
            "threads": threads,
            "connect_timeout": 10,
        }
    raise CapabilityMissing(f"dbt cannot run on this machine against a target of kind {access.kind!r}")


def database_of(access: WorkshopAccess) -> str:
    """The database that dbt must build in: DuckDB names it after its file."""
    if access.kind == "duckdb":
        return Path(str(access.parameters["path"])).stem
    return str(access.parameters["dbname"])


def write_profile(folder: Path, output: Mapping[str, object]) -> None:
    """Writes `profiles.yml`, readable by its owner alone, into a folder that is there. JSON is YAML."""
    profile = {PROFILE: {"target": TARGET, "outputs": {TARGET: output}}}
    descriptor = os.open(folder / "profiles.yml", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(profile, file, default=str)
