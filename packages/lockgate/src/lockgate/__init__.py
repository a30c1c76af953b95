"""Lockgate brings a business's data into a tested warehouse and changes how, without breaking a number."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.app import App
    from lockgate.core.run import RunResult
    from lockgate.errors import LockgateError
    from lockgate.sandbox.airflow import start_airflow
    from lockgate.sandbox.postgres import start_postgres

_HOMES = {
    "App": "lockgate.app",
    "LockgateError": "lockgate.errors",
    "RunResult": "lockgate.core.run",
    "start_airflow": "lockgate.sandbox.airflow",
    "start_postgres": "lockgate.sandbox.postgres",
}

__all__ = ["App", "LockgateError", "RunResult", "start_airflow", "start_postgres"]


def __getattr__(name: str) -> object:
    """Finds a public name in its home when it is first used, so that importing lockgate stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lockgate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
