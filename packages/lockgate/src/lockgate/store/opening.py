"""Opens the control plane, brought up to date, as one object with a log for each subject."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lockgate.errors import LockgateError
from lockgate.store.database import Database, open_database
from lockgate.store.scope import Scope
from lockgate.store.upgrade import upgrade

if TYPE_CHECKING:
    from lockgate.store.access_log import AccessLog
    from lockgate.store.attempt_log import AttemptLog
    from lockgate.store.audit_log import AuditLog
    from lockgate.store.comparison_log import ComparisonLog
    from lockgate.store.cost_log import CostLog
    from lockgate.store.cutover_log import CutoverLog
    from lockgate.store.evidence_log import EvidenceLog
    from lockgate.store.execution_log import ExecutionLog
    from lockgate.store.flow_log import FlowLog
    from lockgate.store.glance_log import GlanceLog
    from lockgate.store.job_log import JobLog
    from lockgate.store.lineage_event_log import LineageEventLog
    from lockgate.store.load_ledger import StoredLoads
    from lockgate.store.measurement_log import MeasurementLog
    from lockgate.store.notice_log import NoticeLog
    from lockgate.store.people_log import PeopleLog
    from lockgate.store.run_log import RunLog
    from lockgate.store.session_log import SessionLog
    from lockgate.store.switch_log import SwitchLog
    from lockgate.store.token_log import TokenLog
    from lockgate.store.worker_leases import WorkerLeases

_LOGS = {
    "access": "lockgate.store.access_log:AccessLog",
    "attempts": "lockgate.store.attempt_log:AttemptLog",
    "audit": "lockgate.store.audit_log:AuditLog",
    "comparisons": "lockgate.store.comparison_log:ComparisonLog",
    "costs": "lockgate.store.cost_log:CostLog",
    "cutovers": "lockgate.store.cutover_log:CutoverLog",
    "evidence": "lockgate.store.evidence_log:EvidenceLog",
    "executions": "lockgate.store.execution_log:ExecutionLog",
    "flows": "lockgate.store.flow_log:FlowLog",
    "glances": "lockgate.store.glance_log:GlanceLog",
    "jobs": "lockgate.store.job_log:JobLog",
    "lineage_events": "lockgate.store.lineage_event_log:LineageEventLog",
    "loads": "lockgate.store.load_ledger:StoredLoads",
    "measurements": "lockgate.store.measurement_log:MeasurementLog",
    "notices": "lockgate.store.notice_log:NoticeLog",
    "people": "lockgate.store.people_log:PeopleLog",
    "runs": "lockgate.store.run_log:RunLog",
    "sessions": "lockgate.store.session_log:SessionLog",
    "switches": "lockgate.store.switch_log:SwitchLog",
    "tokens": "lockgate.store.token_log:TokenLog",
    "workers": "lockgate.store.worker_leases:WorkerLeases",
}


class Store:
    """What is remembered of one project on one target; a log is imported when it is first asked for."""

    loads: StoredLoads
    runs: RunLog
    executions: ExecutionLog
    jobs: JobLog
    workers: WorkerLeases
    switches: SwitchLog
    comparisons: ComparisonLog
    costs: CostLog
    measurements: MeasurementLog
    evidence: EvidenceLog
    cutovers: CutoverLog
    notices: NoticeLog
    lineage_events: LineageEventLog
    flows: FlowLog
    glances: GlanceLog
    access: AccessLog
    people: PeopleLog
    sessions: SessionLog
    attempts: AttemptLog
    tokens: TokenLog
    audit: AuditLog

    def __init__(self, database: Database, scope: Scope) -> None:
        """Remember what is of `scope` in `database`."""
        self.database = database
        self._scope = scope

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """The log of that name, the same one each time."""
            if name not in _LOGS:
                raise AttributeError(f"the store has no log {name!r}")
            module, kind = _LOGS[name].split(":")
            made = getattr(import_module(module), kind)(self.database, self._scope)
            return self.__dict__.setdefault(name, made)

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
    return Store(database, Scope(project, target))
