"""Measures what a run has loaded, executed and published; a run never fails by it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.core.entity import Entity
from lockgate.core.execution import Execution
from lockgate.core.measurement import Measurement
from lockgate.core.route import Edition
from lockgate.core.run import RunResult
from lockgate.quality.measuring import Measured, of_bill, of_edition, of_execution, of_load, of_output, query_of

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring

logger = logging.getLogger(__name__)

KEPT = timedelta(days=1100)  # three years of days, and the same weeks of the year before them


def measure(wiring: Wiring, result: RunResult, execution_of: Callable[[str, str], int | None]) -> None:
    """Keeps what a run's loads, executions and editions measure; what cannot be measured is logged and left out.

    `execution_of` gives the number of an entity's execution by an implementation.
    """
    try:
        found = list(_measurements(wiring, result, execution_of))
        if found:
            wiring.store.measurements.add(found)
            wiring.store.measurements.forget(result.started_at - KEPT)
    except Exception as error:  # noqa: BLE001  (what was published stands, measured or not)
        _left_out(result.run_id, "the run", error)


def measure_bill(wiring: Wiring, done: Execution, measured: Measured) -> None:
    """Keeps the bytes that an execution outside of any run of the whole project was billed for, where that is known."""
    try:
        wiring.store.measurements.add(tuple(of_bill(done, measured)))
    except Exception as error:  # noqa: BLE001  (what was executed stands, measured or not)
        _left_out(measured.run_id, f"{done.entity}@{done.implementation}", error)


def _measurements(
    wiring: Wiring, result: RunResult, execution_of: Callable[[str, str], int | None]
) -> Iterator[Measurement]:
    for load in result.loads:
        yield from of_load(load, Measured(result.started_at, result.run_id))
    for done in result.executions:
        number = execution_of(done.entity, done.implementation)
        yield from of_execution(done, Measured(result.started_at, result.run_id, number))
    for edition in result.editions:
        measured = Measured(result.started_at, result.run_id, execution_of(edition.entity, edition.implementation))
        yield from of_output(edition, measured)
        try:
            yield from _of(wiring, edition, measured)
        except Exception as error:  # noqa: BLE001  (as above; the other editions are measured)
            _left_out(result.run_id, f"{edition.entity}@{edition.implementation}", error)


def _of(wiring: Wiring, edition: Edition, measured: Measured) -> list[Measurement]:
    """What one query over an edition says of it; where a key metric fails in it, without key metrics."""
    entity = wiring.project.entities[edition.entity]
    if not entity.quality.is_measured:
        return []
    try:
        row = _asked(wiring, entity, edition)
    except Exception as error:  # which of them failed is not known, and the rest can be measured
        if not entity.quality.metrics:
            raise
        _left_out(measured.run_id, f"key metrics of {entity.name}@{edition.implementation}", error)
        entity = replace(entity, quality=replace(entity.quality, metrics={}))
        row = _asked(wiring, entity, edition)
    return list(of_edition(entity, edition.implementation, row, measured))


def _asked(wiring: Wiring, entity: Entity, edition: Edition) -> Mapping[str, object]:
    """The one row of aggregates over an edition."""
    warehouse = wiring.warehouse
    place, can = warehouse.edition_relation(entity.served, edition), warehouse.capabilities
    query = query_of(entity, place, rows=edition.rows, estimates_distinct=can.estimates_distinct)
    row: Mapping[str, object] = warehouse.query(query).to_pylist()[0]
    return row


def _left_out(run_id: int | None, what: str, error: Exception) -> None:
    said = redacted(f"{type(error).__name__}: {error}")
    logger.warning("not measured", extra={"facts": {"run": run_id, "what": what, "error": said}})
