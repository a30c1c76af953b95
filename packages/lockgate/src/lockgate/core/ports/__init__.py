"""What stages ask of the world: Protocols that adapters fulfil and `lockgate.testing` proves."""

from __future__ import annotations

from lockgate.core.ports.credentials import Passwords, Tokens
from lockgate.core.ports.dbt import DbtExecutor, NodeListener
from lockgate.core.ports.jobs import JobQueue, JobStore, Work, WorkerSlots
from lockgate.core.ports.loads import LoadLedger, Staged, Stager, StagingOrder
from lockgate.core.ports.relations import Bench, Progress, QueryEngine, Side
from lockgate.core.ports.sources import Extraction, JsonRecords, Package, SourceReader, StagedFile
from lockgate.core.ports.surroundings import Clock, Notifier, Secrets
from lockgate.core.ports.warehouses import Capabilities, Landings, Memory, Serving, Warehouse, Workshop

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
