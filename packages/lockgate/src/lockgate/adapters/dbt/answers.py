"""What the warm process answers, as results and errors of ours."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lockgate.core.execution import DbtExecutionResult, NodeResult, NodeStatus
from lockgate.errors import DbtFailed, DbtProjectInvalid, LockgateError, UnknownName, WorkshopEscaped

# dbt's words for how a node ended, where they are not ours: a failed model is an error, a failed test a failure.
_STATUSES = {"runtime error": "error", "partial success": "error", "no-op": "success", "reused": "success"}


def result_of(answer: Mapping[str, Any], folder: Path) -> DbtExecutionResult:
    """The result of a finished invocation.

    Raises:
        LockgateError: the invocation was refused or crashed.
    """
    if answer["kind"] != "done":
        raise refusal(answer)
    return DbtExecutionResult(
        invocation_id=answer["invocation_id"],
        nodes=tuple(node_result(facts) for facts in answer["nodes"]),
        seconds=answer["seconds"],
        artifacts=folder / "target",
        log=folder / "logs" / "dbt.log",
    )


def node_result(facts: Mapping[str, Any]) -> NodeResult:
    """One node's facts as a result."""
    return NodeResult(
        node=facts["node"],
        status=NodeStatus(_STATUSES.get(facts["status"], facts["status"])),
        seconds=facts["seconds"],
        rows=facts["rows"],
        failures=facts["failures"],
        message=facts["message"],
        file=facts["file"],
        depends_on=tuple(facts["depends_on"]),
    )


def refusal(answer: Mapping[str, Any]) -> LockgateError:
    """The error that an answer tells of."""
    kind = answer["kind"]
    if kind == "unparsed":
        return DbtProjectInvalid(f"dbt cannot parse the project: {answer['message']}")
    if kind == "escaped":
        nodes = tuple(answer["nodes"])
        return WorkshopEscaped(f"these would be built outside the workshop: {', '.join(nodes)}", nodes=nodes)
    if kind == "unknown":
        name, models = answer["model"], answer["models"]
        near = get_close_matches(name, models, n=1)
        suggestion = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(models) or 'none'}"
        return UnknownName(f"the dbt project has no model {name!r}{suggestion}", name=name)
    return DbtFailed(f"dbt failed: {answer.get('message', kind)}")
