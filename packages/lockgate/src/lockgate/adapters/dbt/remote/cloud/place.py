"""Runs of one job of dbt Cloud, found again by what is written as their cause."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lockgate.adapters.dbt.remote.cloud.commit import commit_of
from lockgate.adapters.dbt.remote.cloud.exchange import CloudExchange
from lockgate.adapters.dbt.remote.cloud.run import CloudRun, is_complete
from lockgate.adapters.dbt.remote.cloud.steps import step_of
from lockgate.adapters.dbt.remote.place import Assignment, refuse_unknown
from lockgate.adapters.dbt.remote.reach import database_is_here, is_here
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import CapabilityMissing, ExecutorUnavailable

_CAUSE = re.compile(r"\[lockgate ([0-9a-f]{32})/([0-9a-f]{32})\]")
_LOOKED_THROUGH = "100"


class CloudPlace:
    """One job. Ended runs stay in dbt Cloud, so those whose result is still to be taken are noted in `folder`."""

    def __init__(self, exchange: CloudExchange, folder: Path) -> None:
        """Nothing is asked yet."""
        self.image = f"dbt Cloud's job {exchange.settings.job}"
        self._exchange = exchange
        self._folder = folder

    def refuse_kind(self, kind: str) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        refuse_unknown(kind)
        if kind == "duckdb":
            hint = "Name a target that is a server dbt Cloud can reach, or another executor."
            raise CapabilityMissing("dbt Cloud cannot reach a workshop that is a file of this machine", hint=hint)

    def refuse(self, access: WorkshopAccess) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        self.refuse_kind(access.kind)
        address = urlsplit(self._exchange.secrets.resolve(self._exchange.settings.url)).hostname or ""
        if database_is_here(access) and not is_here(address):
            hint = "Name the database by an address that dbt Cloud reaches, and let its addresses in."
            raise CapabilityMissing("dbt Cloud cannot reach a database at this machine's own address", hint=hint)

    def found(self, assignment: Assignment) -> Sequence[CloudRun]:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`; ended ones are those that were not taken."""
        parameters = {
            "job_definition_id": str(self._exchange.settings.job),
            "order_by": "-id",
            "limit": _LOOKED_THROUGH,
            "include_related": json.dumps(["trigger"]),
        }
        runs = self._exchange.data("GET", "runs/", parameters=parameters)
        named = ((run, _CAUSE.search(str((run.get("trigger") or {}).get("cause", "")))) for run in runs)
        ours = [(run, cause[2]) for run, cause in named if cause and cause[1] == assignment.workshop]
        return tuple(
            self._run(run, key, assignment)
            for run, key in ours
            if not is_complete(run) or self._note(run["id"]).exists()
        )

    def begin(self, assignment: Assignment) -> CloudRun:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        body = {
            "cause": f"Lockgate builds {assignment.schema} [lockgate {assignment.workshop}/{assignment.key}]",
            "git_sha": commit_of(assignment.project),
            "schema_override": assignment.schema,
            "steps_override": [step_of(assignment.request)],
            "timeout_seconds_override": ceil(assignment.timeout_seconds),
            "generate_docs_override": False,
        }
        path = f"jobs/{self._exchange.settings.job}/run/"
        try:
            begun = self._exchange.data("POST", path, body=body, once=True)
        except ExecutorUnavailable:
            met = next((run for run in self.found(assignment) if run.key == assignment.key), None)
            if met is None:
                raise
            return met
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._note(begun["id"]).touch()
        return self._run(begun, assignment.key, assignment)

    def _run(self, run: dict[str, Any], key: str, assignment: Assignment) -> CloudRun:
        return CloudRun(self._exchange, int(run["id"]), key, assignment, self._note(run["id"]))

    def _note(self, run: object) -> Path:
        return self._folder / f"run-{int(str(run))}"
