"""What one implementation makes of records that a command brings: rules, or a dbt model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice

from lockgate.app import rules
from lockgate.app.record_programs import RecordPrograms
from lockgate.app.rules import TOGETHER, Record, Row, outcome
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.errors import CapabilityMissing, EngineOff


def outcomes(wiring: Wiring, entity: Entity, records: Iterable[Record], engine: str | None) -> Iterator[Row]:
    """What an implementation makes of records: index, engine, status, reason and output of each, one after the other.

    Without `engine` it is the entity's rules, else the incumbent of its route. No more records are held than must be
    seen together.

    Raises:
        UnknownName: there is no such implementation.
        CapabilityMissing: it cannot answer records.
        EngineOff: it is dbt's, which is switched off.
        LockgateError: its files do not fit, or the target does not answer.
    """
    implementation = _chosen(wiring, entity, engine)
    if implementation.engine is Engine.RULES:
        return rules.outcomes(wiring, entity, records, implementation.name)
    return _by_dbt(wiring, entity, implementation, records)


def _chosen(wiring: Wiring, entity: Entity, engine: str | None) -> Implementation:
    if engine is not None:
        return entity.implementation(engine)
    try:
        return wiring.rule_book.implementation(entity, None)
    except CapabilityMissing:
        return entity.implementation(entity.route.incumbent)


def _by_dbt(wiring: Wiring, entity: Entity, implementation: Implementation, records: Iterable[Record]) -> Iterator[Row]:
    if not wiring.switches().is_enabled(entity.name):
        raise EngineOff(f"dbt is switched off for {entity.name}", entity=entity.name)
    with closing(RecordPrograms(wiring)) as programs, programs.lend_at_last(entity, implementation) as lent:
        left, number = iter(records), 0
        while batch := list(islice(left, TOGETHER if lent.program.is_alone else None)):
            (found,) = lent.program.outcomes([batch])
            for row in found.to_pylist():
                yield outcome(entity, implementation, number, row)
                number += 1
