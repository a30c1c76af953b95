"""The profile under which dbt reaches one workshop, and nothing else; the project's own is never used."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lockgate.adapters.dbt.command import PROFILE
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import CapabilityMissing

PROFILE_FILE = "profiles.yml"
UNKNOWN_SECRET = "unknown-while-parsing"
_TRUSTED = ("sslmode", "sslrootcert", "sslcert", "sslkey")


def output_of(access: WorkshopAccess, *, threads: int) -> dict[str, object]:
    """Dbt's connection settings for a workshop.

    Raises:
        CapabilityMissing: there is no dbt adapter for the warehouse's kind.
    """
    parameters = access.parameters
    if access.kind == "duckdb":
        setup = {"module": "lockgate.adapters.dbt.duckdb_setup", "config": {"setup": list(_setup(parameters))}}
        place: dict[str, object] = {"path": str(parameters["path"]), "plugins": [setup]}
    elif access.kind == "postgres":
        names = ("host", "port", "user", "dbname", *(name for name in _TRUSTED if name in parameters))
        place = {name: parameters[name] for name in names} | {"password": access.secrets["password"]}
    elif access.kind == "spark":
        place = _spark(parameters) | dict(access.secrets)
    else:
        raise no_dbt(access.kind)
    return {"type": access.kind, "schema": access.schema, "threads": threads, **place}


def no_dbt(kind: str) -> CapabilityMissing:
    """The error where dbt builds in no target of a kind."""
    hint = "Write the entity's implementation as rules, or build it with dbt in a target of another kind."
    return CapabilityMissing(f"dbt does not build in a target of kind {kind!r} yet", hint=hint, kind=kind)


def _spark(parameters: Mapping[str, object]) -> dict[str, object]:
    """How dbt-spark reaches a Spark: by a session in its own process, which has no host but must name one."""
    names = ("method", "host", "port", "user")
    given = {name: parameters[name] for name in names if parameters.get(name) is not None}
    return {"method": "session", "host": "NA", **given}


def _setup(parameters: Mapping[str, object]) -> tuple[str, ...]:
    setup = parameters.get("setup", ())
    return tuple(map(str, setup)) if isinstance(setup, list | tuple) else (str(setup),)


def output_for_parsing(access: WorkshopAccess) -> dict[str, object]:
    """The settings that a project is parsed with: those of the workshop, without its secrets.

    Raises:
        CapabilityMissing: there is no dbt adapter for the warehouse's kind.
    """
    return output_of(replace(access, secrets=dict.fromkeys(access.secrets, UNKNOWN_SECRET)), threads=1)


def database_of(access: WorkshopAccess) -> str:
    """The database that dbt must build in: DuckDB names it after its file, and Spark has none but the schema."""
    if access.kind == "duckdb":
        return Path(str(access.parameters["path"])).stem
    if access.kind == "spark":
        return access.schema
    return str(access.parameters["dbname"])


def write_profile(folder: Path, output: Mapping[str, object]) -> None:
    """Writes `profiles.yml`, readable by its owner alone, into a folder that is there. JSON is YAML."""
    profile = {PROFILE: {"target": output["type"], "outputs": {output["type"]: _verbatim(output)}}}
    descriptor = os.open(folder / PROFILE_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(profile, file)


def _verbatim(value: object) -> object:
    """A value as dbt must read it: dbt renders texts in a profile as templates, and turns digits into numbers."""
    if isinstance(value, str) and "{" in value:
        return f"{{% raw %}}{value}{{% endraw %}}"
    if isinstance(value, Mapping):
        return {name: _verbatim(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_verbatim(each) for each in value]
    return value
