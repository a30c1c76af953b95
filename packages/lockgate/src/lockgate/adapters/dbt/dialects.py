"""Which SQL a dbt project is written in: the type of connection that its own `profiles.yml` names."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from lockgate.adapters.dbt.profile import PROFILE_FILE
from lockgate.adapters.dbt.project import PROJECT_FILE

# The types of connection that sqlglot calls something else.
_DIALECTS = {
    "sqlserver": "tsql", "synapse": "tsql", "fabric": "fabric", "fabricspark": "spark", "motherduck": "duckdb",
    "glue": "spark", "alloydb": "postgres", "cratedb": "postgres", "greenplum": "postgres", "timescaledb": "postgres",
}  # fmt: skip
# The adapter of ours whose macros come nearest to those of an adapter that need not be installed.
_NEAR = {"redshift": "postgres", "materialize": "postgres", "risingwave": "postgres", "databricks": "spark"}
_BACKTICKED = frozenset(
    {"bigquery", "clickhouse", "databricks", "doris", "hive", "mysql", "spark", "spark2", "starrocks"}
)


def connection_type(project: Path) -> str:
    """The type of connection that a project's own profile names; empty where none does, or several do."""
    name = _read(project / PROJECT_FILE).get("profile")
    profile = _read(project / PROFILE_FILE).get(name if isinstance(name, str) else "")
    outputs = profile.get("outputs") if isinstance(profile, Mapping) else None
    if not isinstance(profile, Mapping) or not isinstance(outputs, Mapping):
        return ""
    chosen = outputs.get(profile.get("target", "default"))
    of_all = [one.get("type") for one in outputs.values() if isinstance(one, Mapping)]
    types = [chosen.get("type")] if isinstance(chosen, Mapping) else of_all
    named = {one for one in types if isinstance(one, str)}
    return named.pop() if len(named) == 1 else ""


def broken_profile(project: Path) -> str:
    """Why a project's own `profiles.yml` cannot be read; empty where it can be, or there is none."""
    try:
        content = yaml.safe_load((project / PROFILE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or type(error).__name__
    except UnicodeDecodeError:
        return "it is no text in UTF-8"
    except (ValueError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        return f"it is no YAML{f', in line {mark.line + 1}' if mark else ''}"
    return "" if content is None or isinstance(content, Mapping) else "it has no profiles by name"


def dialect_of_type(kind: str) -> str:
    """What sqlglot calls the SQL of a type of connection."""
    return _DIALECTS.get(kind, kind)


def parsing_kind(kind: str) -> str:
    """The adapter to parse with: the project's own where it is one of ours and installed, else one near to it."""
    near = _NEAR.get(kind, kind)
    is_ours = near in {"duckdb", "postgres", "spark"}
    return near if is_ours and find_spec("dbt.adapters") and find_spec(f"dbt.adapters.{near}") else "duckdb"


def quote_of(dialect: str) -> str:
    """The mark around a name in a dialect."""
    return "`" if dialect in _BACKTICKED else '"'


def _read(file: Path) -> Mapping[str, Any]:
    """A YAML file's content; none where it is missing or is no YAML."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}
