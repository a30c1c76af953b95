"""The one place where ports meet adapters; each is opened when it is first used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lockgate.adapters.registry import EXECUTORS, WAREHOUSES, adapter
from lockgate.core.execution import Execution
from lockgate.core.ports import Clock, DbtExecutor, Secrets, Stager, Warehouse
from lockgate.core.project import Project
from lockgate.errors import LockgateError
from lockgate.settings import Settings
from lockgate.store import Store, open_store
from lockgate.transform.dbt import DbtExecutionService
from lockgate.transform.rules import RuleEngine

Outcome = Execution | LockgateError


class Wiring:
    """A project with everything it needs to be run."""

    def __init__(self, project: Project, settings: Settings, secrets: Secrets, clock: Clock) -> None:
        """Nothing is opened yet."""
        self.project = project
        self.settings = settings
        self.secrets = secrets
        self.clock = clock

    @property
    def state(self) -> Path:
        """The folder for what a run leaves on this machine: staged loads, caches, the control plane's file."""
        return self.project.folder / ".lockgate"

    @cached_property
    def warehouse(self) -> Warehouse:
        """The default target, prepared."""
        target = self.project.targets[self.project.default_target]
        options = {name: self._resolved(value) for name, value in target.options.items()}
        warehouse: Warehouse = adapter(WAREHOUSES, target.kind)(target.name, clock=self.clock, **options)
        warehouse.prepare()
        return warehouse

    @cached_property
    def store(self) -> Store:
        """The control plane, at its newest revision."""
        return open_store(self.settings.control_url or f"sqlite:///{self.state / 'control.db'}")

    @cached_property
    def executor(self) -> DbtExecutor:
        """What runs dbt on this machine."""
        executor: DbtExecutor = adapter(EXECUTORS, "local")(self.state / "dbt")
        return executor

    @cached_property
    def stager(self) -> Stager:
        """What validates a load's packages."""
        from lockgate.adapters.staging.duckdb import DuckDBStager

        return DuckDBStager()

    @cached_property
    def rule_engine(self) -> RuleEngine:
        """What executes rule sets."""
        return RuleEngine()

    @cached_property
    def dbt(self) -> DbtExecutionService:
        """What executes dbt models."""
        return DbtExecutionService(self.executor)

    def _resolved(self, value: object) -> object:
        """An option with its secret reference replaced by the value."""
        return self.secrets.resolve(value) if isinstance(value, str) else value
