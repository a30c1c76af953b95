"""What stages ask of the world: Protocols that adapters fulfil and `lockgate.testing` proves."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.core.ports.credentials import Passwords, Tokens
    from lockgate.core.ports.dbt import DbtExecutor, NodeListener
    from lockgate.core.ports.jobs import JobQueue, JobStore, Work, WorkerSlots
    from lockgate.core.ports.loads import LoadLedger, Staged, Stager, StagingOrder
    from lockgate.core.ports.measurements import MeasurementStore
    from lockgate.core.ports.relations import Bench, Progress, QueryEngine, Side
    from lockgate.core.ports.sources import Extraction, JsonRecords, Package, SourceReader, StagedFile
    from lockgate.core.ports.surroundings import Clock, Notifier, Secrets
    from lockgate.core.ports.warehouses import Capabilities, Landings, Memory, Serving, Warehouse, Workshop

_HOMES = {
    "Bench": "lockgate.core.ports.relations",
    "Capabilities": "lockgate.core.ports.warehouses",
    "Clock": "lockgate.core.ports.surroundings",
    "DbtExecutor": "lockgate.core.ports.dbt",
    "Extraction": "lockgate.core.ports.sources",
    "JobQueue": "lockgate.core.ports.jobs",
    "JobStore": "lockgate.core.ports.jobs",
    "JsonRecords": "lockgate.core.ports.sources",
    "Landings": "lockgate.core.ports.warehouses",
    "LoadLedger": "lockgate.core.ports.loads",
    "MeasurementStore": "lockgate.core.ports.measurements",
    "Memory": "lockgate.core.ports.warehouses",
    "NodeListener": "lockgate.core.ports.dbt",
    "Notifier": "lockgate.core.ports.surroundings",
    "Package": "lockgate.core.ports.sources",
    "Passwords": "lockgate.core.ports.credentials",
    "Progress": "lockgate.core.ports.relations",
    "QueryEngine": "lockgate.core.ports.relations",
    "Secrets": "lockgate.core.ports.surroundings",
    "Serving": "lockgate.core.ports.warehouses",
    "Side": "lockgate.core.ports.relations",
    "SourceReader": "lockgate.core.ports.sources",
    "Staged": "lockgate.core.ports.loads",
    "StagedFile": "lockgate.core.ports.sources",
    "Stager": "lockgate.core.ports.loads",
    "StagingOrder": "lockgate.core.ports.loads",
    "Tokens": "lockgate.core.ports.credentials",
    "Warehouse": "lockgate.core.ports.warehouses",
    "Work": "lockgate.core.ports.jobs",
    "WorkerSlots": "lockgate.core.ports.jobs",
    "Workshop": "lockgate.core.ports.warehouses",
}

__all__ = [
    "Bench",
    "Capabilities",
    "Clock",
    "DbtExecutor",
    "Extraction",
    "JobQueue",
    "JobStore",
    "JsonRecords",
    "Landings",
    "LoadLedger",
    "MeasurementStore",
    "Memory",
    "NodeListener",
    "Notifier",
    "Package",
    "Passwords",
    "Progress",
    "QueryEngine",
    "Secrets",
    "Serving",
    "Side",
    "SourceReader",
    "Staged",
    "StagedFile",
    "Stager",
    "StagingOrder",
    "Tokens",
    "Warehouse",
    "Work",
    "WorkerSlots",
    "Workshop",
]


def __getattr__(name: str) -> object:
    """Finds a port in its home when it is first used: who asks for one does not load what all of them speak of."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lockgate.core.ports' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
