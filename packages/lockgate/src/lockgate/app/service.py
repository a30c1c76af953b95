"""`Service`: what `lockgate serve` offers to callers, in one object that every thread may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lockgate.core.job import IdempotencyKey, Job, JobStatus, Switch, TransformRequest
from lockgate.core.route import Stage


@dataclass(frozen=True, slots=True)
class EntityState:
    """An entity as callers see it: who would answer for it now, and why."""

    name: str
    key: tuple[str, ...]
    contract: Mapping[str, str]
    implementations: Mapping[str, str]
    stage: Stage
    incumbent: str
    candidate: str | None
    share: int
    answers: str | None
    routed_by: str
    is_dbt_enabled: bool


@dataclass(frozen=True, slots=True)
class RecordsAnswer:
    """What became of records: `outcomes` has {index, engine, status, reason, output} for each, in their order."""

    entity: str
    engine: str
    engines: Mapping[str, int]
    scope: str
    outcomes: Sequence[Mapping[str, object]]


class Service:
    """A project that answers requests: batch ones as durable jobs, records at once."""

    @classmethod
    def open(cls, folder: Path | None = None, *, target: str | None = None, works: bool = True) -> Self:
        """The service of a project; `works` is False where it only submits and looks, and executes nothing.

        Raises:
            ProjectInvalid: with all problems of the project's files.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Begins to execute what is queued."""
        raise NotImplementedError

    def submit(self, request: TransformRequest, *, caller: str, key: IdempotencyKey | None = None) -> Future[Job]:
        """Stores a job: once the future is done it is durable.

        The future's errors: UnknownName (entity, implementation), EngineOff, KeyReused, ControlPlaneUnavailable,
        WarehouseUnavailable.
        """
        raise NotImplementedError

    def ended(self, job_id: str) -> Future[Job]:
        """The job once it is final; whoever waits no longer cancels the future."""
        raise NotImplementedError

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            UnknownName: there is none of that id.
        """
        raise NotImplementedError

    def jobs(
        self, *, entity: str | None = None, status: JobStatus | None = None, before: str | None = None, limit: int = 100
    ) -> tuple[Job, ...]:
        """The newest jobs first."""
        raise NotImplementedError

    def cancel(self, job_id: str) -> Job:
        """Cancels a job: it leaves its execution, which goes on where others wait for it.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it has ended already.
        """
        raise NotImplementedError

    def retry(self, job_id: str) -> Job:
        """Makes a job that failed or was cancelled wait again.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it succeeded, or has not ended.
        """
        raise NotImplementedError

    def transform_records(self, entity: str, records: Sequence[Mapping[str, object]]) -> RecordsAnswer:
        """What the entity's rules make of records.

        Raises:
            UnknownName: there is no such entity.
            CapabilityMissing: it has no implementation by rules.
        """
        raise NotImplementedError

    def entities(self) -> tuple[EntityState, ...]:
        """Every entity, in the project's order."""
        raise NotImplementedError

    def set_dbt_enabled(self, entity: str | None, *, enabled: bool, by: str) -> Switch:
        """Moves the live switch `Transformation.Dbt.Enabled`, of one entity or of all; in force at once everywhere.

        Raises:
            UnknownName: there is no such entity.
        """
        raise NotImplementedError

    def check_ready(self) -> None:
        """Returns where requests can be served.

        Raises:
            ControlPlaneUnavailable: the control plane does not answer.
            WarehouseUnavailable: the target does not answer.
        """
        raise NotImplementedError

    def close(self, *, patience_seconds: float = 30.0) -> None:
        """Takes no more work, ends what is under way, and closes what was opened."""
        raise NotImplementedError
