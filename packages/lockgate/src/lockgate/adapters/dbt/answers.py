"""What dbt's processes answer, as results and errors of ours."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Any

from lockgate.core.execution import NodeResult, NodeStatus
from lockgate.core.relation import Relation
from lockgate.errors import (
    DbtFailed,
    DbtProcessLost,
    DbtProjectInvalid,
    LockgateError,
    UnknownName,
    WorkshopEscaped,
)

# dbt's words for how a node ended, where they are not ours: a failed model is an error, a failed test a failure.
_STATUSES = {"runtime error": "error", "partial success": "error", "no-op": "success", "reused": "success"}


def node_result(facts: Mapping[str, Any], safe: Callable[[str], str]) -> NodeResult:
    """One node's facts as a result; its message goes through `safe`, which takes the values of rows out."""
    return NodeResult(
        node=facts["node"],
        status=NodeStatus(_STATUSES.get(facts["status"], facts["status"])),
        seconds=facts["seconds"],
        rows=facts["rows"],
        failures=facts["failures"],
        message=safe(facts["message"]),
        file=facts["file"],
        compiled=facts["compiled"],
        depends_on=tuple(facts["depends_on"]),
        attached_to=facts["attached_to"],
        materialized=facts["materialized"],
        relation=None if facts["relation"] is None else Relation(*facts["relation"]),
        read_bytes=facts.get("read_bytes"),
    )


def refusal(answer: Mapping[str, Any]) -> LockgateError:
    """The error that an answer tells of."""
    kind = answer["kind"]
    if kind == "unparsed":
        return DbtProjectInvalid(f"dbt cannot parse the project: {answer['message']}")
    if kind == "unknown":
        name, near, models = answer["model"], answer["near"], answer["models"]
        suggestion = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(models) or 'none'}"
        return UnknownName(f"the dbt project has no model {name!r}{suggestion}", name=name)
    if kind == "strayed":
        nodes, places = tuple(answer["nodes"]), ", ".join(answer["places"])
        return WorkshopEscaped(f"these were built outside the workshop, in {places}: {', '.join(nodes)}", nodes=nodes)
    return DbtFailed(f"dbt failed: {answer['message']}")


def escape(ready: Mapping[str, Any]) -> LockgateError | None:
    """Why a parsed project may not be built at all, if it may not."""
    if ready["breaches"]:
        nodes = tuple(ready["breaches"])
        return WorkshopEscaped(f"these would be built outside the workshop: {', '.join(nodes)}", nodes=nodes)
    if ready["foreign"]:
        nodes = tuple(ready["foreign"])
        message = f"the code of these would run outside the database: {', '.join(nodes)}"
        return WorkshopEscaped(
            message, nodes=nodes, hint="Write Python models as SQL, or leave them out of this project."
        )
    return None


def lost(code: int | None, log: str) -> LockgateError:
    """The error of a process that ended without an answer; `code` is None where nobody saw its end."""
    if code is None or code >= 0:
        how = "ended" if code is None else f"ended with exit code {code}"
    else:
        how = f"was ended by {signal.Signals(-code).name}"
    return DbtProcessLost(f"the process that ran dbt {how} before its work did; see {log}", exit_code=code, log=log)
