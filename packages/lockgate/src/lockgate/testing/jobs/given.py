"""What the suites for jobs have been given: a request, what it saw, and what may come of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lockgate.core.execution import Execution, NodeResult, NodeStatus, RuleCount
from lockgate.core.job import Failure, Inputs, JobResult, RoutedBy, TransformRequest
from lockgate.core.load import Pin
from lockgate.core.relation import Relation

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
USERS = TransformRequest("users", variables={"since": "2024-01-01", "nested": {"größe": [1, 2.5, None, True]}})
SEEN = Inputs("dbt", "r1", (Pin(Relation("raw", "users"), 3, 7),))
NEWER = replace(SEEN, pins=(Pin(Relation("raw", "users"), 3, 8),))
DONE = JobResult(
    Execution(
        "users",
        "dbt",
        Relation("analytics__dbt", "fct_users"),
        rows=2**40,
        seconds=0.1 + 0.2,
        rules=(RuleCount("only adults", "rejected", 3, "too young"),),
        nodes=(
            NodeResult("model.p.fct_users", NodeStatus.SUCCESS, 0.25, rows=7, relation=Relation("a", "fct_users")),
            NodeResult("test.p.unique", NodeStatus.WARN, 1e-9, failures=2, message="größer", depends_on=("a", "b")),
        ),
    ),
    SEEN,
    RoutedBy.SWITCH,
)
FAILED = Failure("LG503", "DbtFailed", "fct_users failed", "Mend it.", {"node": "model.p.fct_users"})
FELL_BACK = replace(DONE, fallen_back=FAILED)


def expect(actual: object, expected: object) -> None:
    """Fails where the two differ."""
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")
