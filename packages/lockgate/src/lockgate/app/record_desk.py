"""Answers about records: what comes at once is answered by one query, over rules that are read and compiled once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.app.rules import Row, context_of, opened, outcome
from lockgate.app.wiring import Wiring
from lockgate.core.deadline import ANSWER_SECONDS, within
from lockgate.core.entity import Entity, Implementation
from lockgate.errors import StatementFailed
from lockgate.transform.gathering import Gathering
from lockgate.transform.rules import RecordProgram, source_relations

# Requests of up to so many records wait for each other; a larger one is worth a query of its own.
SMALL = 100
MOST = 500


@dataclass(frozen=True, slots=True)
class RecordsAnswer:
    """What became of records: `outcomes` has {index, engine, status, reason, output} for each, in their order.

    `engines` counts the records that each implementation answered; `scope` tells that each stands for itself (`row`).
    """

    entity: str
    engine: str
    engines: Mapping[str, int]
    scope: str
    outcomes: Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request."""

    entity: Entity
    implementation: Implementation
    records: Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A program, and the state of the rules' files and of the target for which it holds."""

    state: tuple[str, str]
    program: RecordProgram
    memory: DuckDBMemory


class RecordDesk:
    """Answers requests about records of every entity that has rules."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is compiled yet."""
        self._wiring = wiring
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._keeping = Lock()
        self._small = Gathering("lockgate-records", self._answers, most=MOST)
        self._large = Gathering("lockgate-many-records", self._answers, most=1)

    def ask(self, entity: Entity, records: Sequence[Mapping[str, object]]) -> Future[RecordsAnswer]:
        """What the entity's rules make of records; an error where these cannot be read, or the target does not answer.

        Raises:
            CapabilityMissing: it has no implementation by rules.
            ControlPlaneUnavailable: the service is being stopped.
        """
        implementation = self._wiring.rule_book.implementation(entity, None)
        asked = _Asked(entity, implementation, records)
        return (self._small if len(records) <= SMALL else self._large).ask(asked)

    def close(self) -> None:
        """Answers what was asked, takes nothing more, and gives back memory."""
        self._small.close()
        self._large.close()
        while self._kept:
            self._kept.popitem()[1].memory.close()

    def _answers(self, group: Sequence[_Asked]) -> list[RecordsAnswer | Exception]:
        """The answer to each request of a group, those about one entity together."""
        found: dict[int, RecordsAnswer | Exception] = {}
        alike: dict[str, list[int]] = {}
        for number, asked in enumerate(group):
            alike.setdefault(asked.entity.name, []).append(number)
        for numbers in alike.values():
            found |= zip(numbers, self._of_one_entity([group[number] for number in numbers]), strict=True)
        return [found[number] for number in range(len(group))]

    def _of_one_entity(self, group: Sequence[_Asked]) -> Sequence[RecordsAnswer | Exception]:
        try:
            with within(ANSWER_SECONDS):
                program = self._program(group[0])
            if len(group) > 1 and not program.is_apart:
                return [self._of_one_entity([asked])[0] for asked in group]
            return _answered(program, group)
        except StatementFailed as error:  # because of one request, perhaps, which the others need not suffer for
            return [self._of_one_entity([asked])[0] for asked in group] if len(group) > 1 else [error]
        except Exception as error:  # noqa: BLE001  whoever asked is told
            return [error] * len(group)

    def _program(self, asked: _Asked) -> RecordProgram:
        """The entity's program: the one kept, unless what it was made of has changed since."""
        wiring, name = self._wiring, (asked.entity.name, asked.implementation.name)
        with self._keeping:
            state = wiring.rule_book.revision(asked.implementation), wiring.warehouse.raw_state()
            kept = self._kept.get(name)
            if kept is None or kept.state != state:
                kept = self._kept[name] = _Kept(state, *self._made(asked))
                self._forget_unpinned(asked, name)
            return kept.program

    def _made(self, asked: _Asked) -> tuple[RecordProgram, DuckDBMemory]:
        rule_set, catalog = opened(self._wiring, asked.implementation)
        memory = DuckDBMemory()
        context = context_of(self._wiring, rule_set, catalog)
        return RecordProgram(rule_set, memory, catalog=catalog, context=context), memory

    def _forget_unpinned(self, asked: _Asked, name: tuple[str, str]) -> None:
        """Keeps no program over relations that no load of ours fills: nothing tells when these change."""
        rule_set, catalog = opened(self._wiring, asked.implementation)
        pinned = {pin.relation for pin in self._wiring.warehouse.pins()}
        if not pinned.issuperset(source_relations(rule_set, catalog)):
            del self._kept[name]


def _answered(program: RecordProgram, group: Sequence[_Asked]) -> list[RecordsAnswer | Exception]:
    """The answers of one query."""
    tables = program.outcomes([asked.records for asked in group])
    return [_answer(asked, rows.to_pylist()) for asked, rows in zip(group, tables, strict=True)]


def _answer(asked: _Asked, rows: Sequence[Row]) -> RecordsAnswer:
    entity, implementation = asked.entity, asked.implementation
    outcomes = [outcome(entity, implementation, number, row) for number, row in enumerate(rows)]
    engines = Counter(str(each["engine"]) for each in outcomes)
    return RecordsAnswer(entity.name, implementation.name, dict(engines), "row", outcomes)
