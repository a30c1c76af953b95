"""What is counted of an edition: one query over it, and its answer as measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING

from lockgate.core.entity import Entity
from lockgate.core.execution import Execution
from lockgate.core.load import Load, LoadStatus
from lockgate.core.measurement import Measurement, Metric, SeriesName
from lockgate.core.relation import Relation
from lockgate.core.route import Edition
from lockgate.core.sql import column as quoted
from lockgate.core.sql import table
from lockgate.core.types import Kind
from lockgate.quality.key_metrics import key_metric_of

if TYPE_CHECKING:
    from sqlglot import exp

# Above so many rows distinct values are estimated, where the target can; the estimate is off by some 2 %. Where it
# cannot they are left out, since counting them would keep the target sorting for minutes.
EXACT_ROWS = 1_000_000
# Values of these kinds are not compared with each other on every target.
_WITHOUT_DISTINCT = frozenset({Kind.JSON})


@dataclass(frozen=True, slots=True)
class Measured:
    """In which run something was measured: when it began, and its numbers."""

    at: datetime
    run_id: int | None = None
    execution_id: int | None = None


def query_of(entity: Entity, edition: Relation, *, rows: int, estimates_distinct: bool) -> exp.Select:
    """The one row of aggregates over an edition of so many rows: one scan of it."""
    from sqlglot import exp

    has_distinct = is_exact(rows) or estimates_distinct
    asked: list[exp.Expr] = [exp.alias_(exp.Count(this=exp.Star()), "n")]
    for place, column in enumerate(entity.contract.columns):
        name = quoted(column.name)
        asked.append(exp.alias_(exp.Count(this=name), f"c{place}"))
        if has_distinct and column.type.kind not in _WITHOUT_DISTINCT:
            exact, estimate = exp.Count(this=exp.Distinct(expressions=[name])), exp.ApproxDistinct(this=name)
            asked.append(exp.alias_(exact if is_exact(rows) else estimate, f"d{place}"))
    kinds = {column.name: column.type.kind for column in entity.contract.columns}
    for place, written in enumerate(entity.quality.metrics.values()):
        asked.append(exp.alias_(key_metric_of(written, kinds), f"m{place}"))
    return exp.select(*asked).from_(table(edition))


def is_exact(rows: int) -> bool:
    """Whether distinct values among so many rows are counted, if they are measured."""
    return rows <= EXACT_ROWS


def of_edition(
    entity: Entity, implementation: str, found: Mapping[str, object], measured: Measured
) -> Iterator[Measurement]:
    """The query's row as measurements; what was not asked for, is NULL or no finite number is left out."""
    rows = _number(found["n"]) or 0.0
    yield _one(SeriesName(entity.name, implementation, Metric.ROWS), rows, measured)
    for place, column in enumerate(entity.contract.columns):
        there = _number(found[f"c{place}"]) or 0.0
        if rows:
            name = SeriesName(entity.name, implementation, Metric.NULL_RATE, column.name)
            yield _one(name, (rows - there) / rows, measured)
        distinct = _number(found.get(f"d{place}"))
        if distinct is not None:
            name = SeriesName(entity.name, implementation, Metric.DISTINCT, column.name)
            yield _one(name, distinct, measured, is_exact=is_exact(int(rows)))
    for place, metric in enumerate(entity.quality.metrics):
        value = _number(found[f"m{place}"])
        if value is not None:
            yield _one(SeriesName(entity.name, implementation, metric), value, measured)


def of_output(edition: Edition, measured: Measured) -> Iterator[Measurement]:
    """The bytes that an edition takes, which no query tells; nothing where they are not known."""
    if edition.bytes:
        yield _one(SeriesName(edition.entity, edition.implementation, Metric.BYTES), float(edition.bytes), measured)


def of_execution(done: Execution, measured: Measured) -> Iterator[Measurement]:
    """How long an execution took, and the bytes that it was billed for, where that is known."""
    yield _one(SeriesName(done.entity, done.implementation, Metric.SECONDS), done.seconds, measured)
    yield from of_bill(done, measured)


def of_bill(done: Execution, measured: Measured) -> Iterator[Measurement]:
    """The bytes that an execution was billed for; nothing where the target does not say."""
    if done.read_bytes is not None:
        name = SeriesName(done.entity, done.implementation, Metric.READ_BYTES)
        yield _one(name, float(done.read_bytes), measured)


def of_load(load: Load, measured: Measured) -> Iterator[Measurement]:
    """A load's rows, seconds and bytes; nothing of one that did not land."""
    if load.status is not LoadStatus.LANDED or load.finished_at is None:
        return
    seconds = (load.finished_at - load.started_at).total_seconds()
    values = {Metric.ROWS: load.rows, Metric.SECONDS: seconds, Metric.BYTES: load.bytes}
    for metric, value in values.items():
        yield _one(SeriesName(f"{load.source}.{load.stream}", "", metric), float(value), measured)


def _one(name: SeriesName, value: float, measured: Measured, *, is_exact: bool = True) -> Measurement:
    return Measurement(name, value, measured.at, measured.run_id, measured.execution_id, is_exact)


def _number(value: object) -> float | None:
    """A number of the target's as ours; None for NULL and for what is not finite."""
    if value is None:
        return None
    number = float(value)  # type: ignore[arg-type]
    return number if isfinite(number) else None
