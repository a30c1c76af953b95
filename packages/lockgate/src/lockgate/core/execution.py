"""Executions: one implementation's run for one entity, and the invocation that carried it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lockgate.core.relation import Relation
from lockgate.errors import LockgateError, Problem


class NodeStatus(StrEnum):
    """How one node of an invocation ended; the words are dbt's."""

    SUCCESS = "success"
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    SKIPPED = "skipped"

    @property
    def is_bad(self) -> bool:
        """Whether the node stops what depends on it from being published."""
        return self in {NodeStatus.FAIL, NodeStatus.ERROR, NodeStatus.SKIPPED}


@dataclass(frozen=True, slots=True)
class NodeResult:
    """One model, test, seed or snapshot: its dbt unique id, how it ended, seconds, rows (models), failures (tests).

    `file` is the project's own file, `compiled` the SQL made of it, where there is one. `attached_to` is the node that
    a generic test was declared for. `relation` and `materialized` say what a model, seed or snapshot leaves, and how.
    `read_bytes` is what the database bills for reading; None where it does not say.
    """

    node: str
    status: NodeStatus
    seconds: float
    rows: int | None = None
    failures: int | None = None
    message: str = ""
    file: str = ""
    depends_on: tuple[str, ...] = ()
    compiled: str = ""
    attached_to: str = ""
    materialized: str = ""
    relation: Relation | None = None
    read_bytes: int | None = None

    @property
    def kind(self) -> str:
        """`model`, `test`, `unit_test`, `seed`, `snapshot` or, for a hook, `operation`."""
        return self.node.split(".", 1)[0]


@dataclass(frozen=True, slots=True)
class DbtInvocation:
    """One dbt process run: what to select, with which variables, in which workshop, for how long.

    `models` must be in the project. `access` says how an isolated process reaches the workshop; its secrets never
    enter a log. With `tests_only`, nothing is built: the tests of what was built are run. `inputs` says which loads the
    workshop reads: of two invocations with the same one, one's result may stand for the other's.
    """

    project: Path
    select: tuple[str, ...]
    workshop: str
    access: WorkshopAccess
    models: tuple[str, ...] = ()
    vars: Mapping[str, object] = field(default_factory=dict)
    full_refresh: bool = False
    tests_only: bool = False
    timeout_seconds: float = 1800.0
    inputs: str = ""


@dataclass(frozen=True, slots=True)
class WorkshopAccess:
    """How an isolated process reaches one workshop: the warehouse's kind and its connection parameters."""

    kind: str
    schema: str
    parameters: Mapping[str, object]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class DbtExecutionResult:
    """What one invocation did, node by node, in the order in which nodes ended; `artifacts` holds dbt's files.

    Where tests alone were run, `upstream` has the ids of each asked model and of all that it stands on, by its name.
    """

    invocation_id: str
    nodes: tuple[NodeResult, ...]
    seconds: float
    artifacts: Path
    log: Path
    upstream: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def tests(self) -> tuple[NodeResult, ...]:
        """The data and unit tests among the nodes."""
        return tuple(node for node in self.nodes if node.kind in {"test", "unit_test"})

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """The nodes that failed or errored themselves (skipped ones failed because of these)."""
        return tuple(node for node in self.nodes if node.status in {NodeStatus.FAIL, NodeStatus.ERROR})

    @property
    def success(self) -> bool:
        """Whether nothing failed, errored or was skipped."""
        return not any(node.status.is_bad for node in self.nodes)


@dataclass(frozen=True, slots=True)
class ProjectInspection:
    """A dbt project as it stands.

    `models` maps each model to the columns that its YAML describes, `sources` are the relations it reads, `reads` maps
    each model to those among them that it stands on. `errors` stop it from being built, `warnings` do not; with an
    error that stops dbt from reading it, the rest is empty.
    """

    models: Mapping[str, tuple[str, ...]]
    sources: tuple[Relation, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    reads: Mapping[str, tuple[Relation, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many rows one rule rejected, changed, filtered or found duplicate."""

    rule: str
    outcome: str
    rows: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One implementation's finished run for one entity: where the output stands and what happened on the way.

    `read_bytes` is what the target bills for reading; None where it does not say. `revision` is that of the files that
    it was made by; '' where they changed meanwhile, or nobody asked.
    """

    entity: str
    implementation: str
    built: Relation
    rows: int
    seconds: float
    rules: tuple[RuleCount, ...] = ()
    nodes: tuple[NodeResult, ...] = ()
    read_bytes: int | None = None
    revision: str = ""


@dataclass(frozen=True, slots=True)
class FailedExecution:
    """One implementation's run for one entity that left nothing to publish: why, and how its nodes ended."""

    entity: str
    implementation: str
    error: LockgateError
    nodes: tuple[NodeResult, ...] = ()

    @property
    def seconds(self) -> float:
        """How long its nodes took together."""
        return sum(node.seconds for node in self.nodes)


Outcome = Execution | FailedExecution
