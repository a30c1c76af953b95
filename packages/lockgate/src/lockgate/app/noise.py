"""A/A: an implementation against itself on the same loads, to learn which columns differ by themselves."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.app.comparing import compared_editions
from lockgate.app.look import newest_editions
from lockgate.app.wiring import Wiring
from lockgate.core.comparison import Noise
from lockgate.core.entity import Entity
from lockgate.core.ports import Progress
from lockgate.core.route import Edition
from lockgate.core.run import RunResult
from lockgate.errors import ComparisonInvalid


def learn_noise(
    wiring: Wiring, entity: Entity, implementation: str, run: Callable[[], RunResult], progress: Progress
) -> Noise:
    """Executes an implementation twice on the loads that have landed, and keeps which columns differ.

    `run` executes and publishes it once. An output that is equal row for row keeps its edition, and then nothing
    differs.

    Raises:
        LockgateError: what kept the implementation from being executed or published.
        ComparisonInvalid: loads came or files changed meanwhile, or rows are missing or extra: no column is noise then.
    """
    first, second = (_published(wiring, entity, implementation, run) for _ in range(2))
    if not second.revision or first.revision != second.revision:
        hint = "Run it while nobody works on them."
        raise ComparisonInvalid(
            f"the files of {entity.name}@{implementation} changed between two executions", hint=hint
        )
    if first.number == second.number:
        return _kept(wiring, second, ())
    if first.pins != second.pins:
        raise ComparisonInvalid("the inputs moved between the two executions", hint="Run it while nothing is loaded.")
    found = compared_editions(wiring, entity, (first, second), progress)
    if found.rows.missing or found.rows.extra:
        rows = found.rows.missing + found.rows.extra
        raise ComparisonInvalid(
            f"{rows} keys of {entity.name}@{implementation} are in one of two executions on the same loads alone",
            hint="Give the rows keys that do not change from one execution to the next.",
        )
    columns = tuple(column.name for column in found.columns if column.changed)
    return _kept(wiring, second, columns)


def _published(wiring: Wiring, entity: Entity, implementation: str, run: Callable[[], RunResult]) -> Edition:
    result = run()
    for error in result.errors.values():
        raise error
    return newest_editions(wiring, entity)[implementation]


def _kept(wiring: Wiring, made: Edition, columns: tuple[str, ...]) -> Noise:
    noise = Noise(made.entity, made.implementation, made.revision, columns, wiring.clock())
    wiring.store.comparisons.set_noise(noise)
    return noise
