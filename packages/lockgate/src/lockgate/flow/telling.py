"""What people are told about runs of flows: that one failed, that one is late; names and counts, no rows."""

from __future__ import annotations

from datetime import datetime

from lockgate.core.flow import FlowDeclaration, FlowRun, FlowStatus
from lockgate.core.notice import Notice, Severity


def is_late(run: FlowRun, flow: FlowDeclaration, now: datetime) -> bool:
    """Whether a run has not ended in the time that its flow is given."""
    return flow.sla is not None and not run.status.is_final and now > run.interval.end + flow.sla


def failed(run: FlowRun, at: datetime) -> Notice:
    """A run has ended, and not every step of it succeeded; told once for a run."""
    bad = [step for step in run.steps if step.status is FlowStatus.FAILED]
    why = "; ".join(f"{step.name}: {step.error or 'failed'}" for step in bad) or "a step did not succeed"
    return _notice(run, "failed", Severity.CRITICAL, at, f"the flow {run.flow} failed", why)


def late(run: FlowRun, flow: FlowDeclaration, at: datetime) -> Notice:
    """A run is not ready in time; told once for a run."""
    left = [step.name for step in run.steps if not step.status.is_final]
    minutes = (flow.sla.total_seconds() if flow.sla else 0.0) / 60
    text = (
        f"It was due at {run.interval.end:%Y-%m-%d %H:%M %Z} and may take {minutes:g} minutes. Left: {', '.join(left)}"
    )
    return _notice(run, "late", Severity.WARNING, at, f"the flow {run.flow} is late", text)


def _notice(run: FlowRun, what: str, severity: Severity, at: datetime, subject: str, text: str) -> Notice:
    return Notice(
        notice_id=f"flow/{run.flow}/{run.runtime}/{run.number}/{what}",
        kind=f"flow.{what}",
        severity=severity,
        subject=subject,
        text=text,
        at=at,
        facts={"run": run.number, "run_id": run.run_id, "runtime": run.runtime.value, "trigger": run.trigger.value},
        about=f"flow/{run.flow}",
    )
