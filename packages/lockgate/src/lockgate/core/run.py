"""What is asked of a run, and what it did: loads, pins, executions, editions, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lockgate.core.cutover import Decision
from lockgate.core.execution import Execution
from lockgate.core.gate import Answer
from lockgate.core.load import Load, Pin
from lockgate.core.route import Edition
from lockgate.errors import LockgateError


@dataclass(frozen=True, slots=True)
class Bounds:
    """What to load of a stream: everything (`full`), or cursors from `since` to `until` as the source writes them."""

    full: bool = False
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class DbtRequest:
    """What of an entity dbt is to build: its model with all that is upstream, or what `select` names.

    `engine` is the implementation, where dbt has several of the entity.
    """

    entity: str
    select: tuple[str, ...] = ()
    engine: str | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    full_refresh: bool = False


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is asked of a run: entities and implementations by name (none: all, as routed), and how.

    With `hold`, every edition that it publishes is held back from consumers, and no route is judged.
    """

    select: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    full_refresh: bool = False
    variables: Mapping[str, object] = field(default_factory=dict)
    load: bool = True
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Breakdown:
    """How many rows each implementation's newest edition has for each value of one column.

    `counts` maps an implementation to {value: rows}; NULL is the value None. Values are in falling order of rows.
    """

    entity: str
    column: str
    counts: Mapping[str, Mapping[str | None, int]]

    @property
    def values(self) -> tuple[str | None, ...]:
        """Every value that any implementation has, the most frequent first."""
        totals: dict[str | None, int] = {}
        for counts in self.counts.values():
            for value, rows in counts.items():
                totals[value] = totals.get(value, 0) + rows
        return tuple(sorted(totals, key=lambda value: (-totals[value], str(value))))


@dataclass(frozen=True, slots=True)
class RunResult:
    """One finished run.

    `editions` are those that the run's outputs stand in; `unchanged` tells which of them were there before, as
    `entity@implementation`. `errors` maps the steps that failed to their errors; `skipped` names those they held up.
    `decisions` are what the controller decided about routes under way.
    """

    run_id: int
    project: str
    target: str
    started_at: datetime
    finished_at: datetime
    loads: tuple[Load, ...] = ()
    pins: tuple[Pin, ...] = ()
    executions: tuple[Execution, ...] = ()
    editions: tuple[Edition, ...] = ()
    unchanged: tuple[str, ...] = ()
    errors: Mapping[str, LockgateError] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def success(self) -> bool:
        """Whether every step did its work."""
        return not self.errors

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Release:
    """What became of an entity's editions that were held back: consumers are shown `shown`, and not `held`.

    `because` says why not, and `answer` whether the data says so, or evidence is missing.
    """

    entity: str
    shown: tuple[Edition, ...] = ()
    held: tuple[Edition, ...] = ()
    because: str = ""
    answer: Answer = Answer.GO


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What became of all editions that were held back of entities, and what was decided about routes on the way.

    `errors` maps the steps that failed to their errors.
    """

    run_id: int
    releases: tuple[Release, ...] = ()
    decisions: tuple[Decision, ...] = ()
    errors: Mapping[str, LockgateError] = field(default_factory=dict)
