"""Opens the control plane, brought up to date, as one object with a log for each subject."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.errors import LockgateError
from lockgate.store.access_log import AccessLog
from lockgate.store.attempt_log import AttemptLog
from lockgate.store.audit_log import AuditLog
from lockgate.store.comparison_log import ComparisonLog
from lockgate.store.cutover_log import CutoverLog
from lockgate.store.database import Database, open_database
from lockgate.store.evidence_log import EvidenceLog
from lockgate.store.execution_log import ExecutionLog
from lockgate.store.glance_log import GlanceLog
from lockgate.store.job_log import JobLog
from lockgate.store.load_ledger import StoredLoads
from lockgate.store.notice_log import NoticeLog
from lockgate.store.people_log import PeopleLog
from lockgate.store.run_log import RunLog
from lockgate.store.scope import Scope
from lockgate.store.session_log import SessionLog
from lockgate.store.switch_log import SwitchLog
from lockgate.store.token_log import TokenLog
from lockgate.store.upgrade import upgrade
from lockgate.store.worker_leases import WorkerLeases


@dataclass(frozen=True, slots=True)
class Store:
    """What is remembered of one project on one target."""

    loads: StoredLoads
    runs: RunLog
    executions: ExecutionLog
    jobs: JobLog
    workers: WorkerLeases
    switches: SwitchLog
    comparisons: ComparisonLog
    evidence: EvidenceLog
    cutovers: CutoverLog
    notices: NoticeLog
    glances: GlanceLog
    access: AccessLog
    people: PeopleLog
    sessions: SessionLog
    attempts: AttemptLog
    tokens: TokenLog
    audit: AuditLog
    database: Database

    def close(self) -> None:
        """Gives connections back; the store can be used again."""
        self.database.close()


def open_store(address: str, *, project: str, target: str) -> Store:
    """The control plane at `sqlite:///path` or `postgresql://…`, for one project on one target.

    Raises:
        UnknownName: the address is of neither kind.
        ExtraMissing: the driver is not installed.
        ControlPlaneUnavailable: the database does not answer.
        ControlPlaneNewer: a later Lockgate has upgraded it.
    """
    database = open_database(address)
    try:
        upgrade(database)
    except LockgateError:
        database.close()
        raise
    scope = Scope(project, target)
    return Store(
        loads=StoredLoads(database, scope),
        runs=RunLog(database, scope),
        executions=ExecutionLog(database, scope),
        jobs=JobLog(database, scope),
        workers=WorkerLeases(database, scope),
        switches=SwitchLog(database, scope),
        comparisons=ComparisonLog(database, scope),
        evidence=EvidenceLog(database, scope),
        cutovers=CutoverLog(database, scope),
        notices=NoticeLog(database, scope),
        glances=GlanceLog(database, scope),
        access=AccessLog(database, scope),
        people=PeopleLog(database, scope),
        sessions=SessionLog(database, scope),
        attempts=AttemptLog(database, scope),
        tokens=TokenLog(database, scope),
        audit=AuditLog(database, scope),
        database=database,
    )
