"""The two sides of an entity that answer records: who leads, what each made of requests, what both say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import pyarrow as pa

from lockgate.app.pairs import unsplittable
from lockgate.app.record_programs import Lent, Programs
from lockgate.app.rules import outcome
from lockgate.app.wiring import Wiring
from lockgate.core.deadline import within
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.gate import Pair, Traffic
from lockgate.core.route import Route, Stage
from lockgate.cutover.splitting import Outcome, Sides, buckets_of, one_way, traffic_of
from lockgate.errors import CapabilityMissing, EngineOff, FatalError, LockgateError, NotReady, RetryableError
from lockgate.transform.cycle import declared_route, ensure_route
from lockgate.transform.router import UNDER_WAY, answering
from lockgate.transform.rules.records import Record

# How long one side may take over what a turn asks of it.
QUERY_SECONDS = 60.0

Requests = Sequence[Sequence[Record]]
Timer = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Way:
    """How an entity's records go by its route: `leading` is run first; `following` is compared with it, if there is.

    `refused` is why a promoted candidate does not lead.
    """

    entity: Entity
    route: Route
    leading: Implementation
    following: Implementation | None = None
    refused: FatalError | None = None

    @property
    def is_promoted(self) -> bool:
        """Whether the candidate leads."""
        return self.following is not None and self.route.stage is Stage.PROMOTED


def way_of(wiring: Wiring, entity: Entity, programs: Programs) -> Way:
    """How an entity's records go now: by its route, between those of its sides that can answer records.

    Where the side that is to answer cannot, its incumbent does once the candidate is promoted, else its rules, if it
    has any: no candidate answers for more than its share.

    Raises:
        CapabilityMissing, NotOnline: it has no implementation that can.
        EngineOff: dbt alone could, and is switched off.
        WarehouseUnavailable: the target does not answer.
    """
    route = _route(wiring, entity)
    incumbent = entity.implementations.get(route.incumbent)
    candidate = entity.implementations.get(route.candidate or "") if route.stage in UNDER_WAY else None
    refusals = {one.name: _refusal(wiring, entity, one, programs) for one in (incumbent, candidate) if one is not None}
    able = [one if one is not None and refusals[one.name] is None else None for one in (incumbent, candidate)]
    is_promoted = candidate is not None and answering(route) == candidate.name
    leading, following = reversed(able) if is_promoted else able
    if leading is not None:
        return Way(entity, route, leading, following)
    if is_promoted and following is not None and candidate is not None:
        refused = refusals[candidate.name]
        return Way(entity, route, following, refused=None if isinstance(refused, EngineOff) else refused)
    return Way(entity, route, _rules_of(wiring, entity, refusals))


def _refusal(wiring: Wiring, entity: Entity, implementation: Implementation, programs: Programs) -> FatalError | None:
    """Why an implementation does not answer records now."""
    if implementation.engine is Engine.DBT and not wiring.recent_switches().is_enabled(entity.name):
        return EngineOff(f"dbt is switched off for {entity.name}", entity=entity.name)
    return programs.refusal(entity, implementation)


def is_of_databases(error: Exception | None) -> bool:
    """Whether a side failed by what both sides share, a database that was away: the other would fail, too."""
    return isinstance(error, RetryableError) and not isinstance(error, NotReady)


def _rules_of(wiring: Wiring, entity: Entity, refusals: Mapping[str, FatalError | None]) -> Implementation:
    """The entity's rules; else why dbt does not answer, which is more of use than that there are none."""
    try:
        return wiring.rule_book.implementation(entity, None)
    except CapabilityMissing:
        told = next(filter(None, refusals.values()), None)
        if told is None:
            raise
        raise told from None


def _route(wiring: Wiring, entity: Entity) -> Route:
    """The route in force; a declared one is stored only where both sides are run, and evidence needs its token."""
    declared = declared_route(entity)
    if declared.stage in UNDER_WAY:
        return ensure_route(entity, wiring.warehouse)
    return wiring.warehouse.route(entity.name) or declared


@dataclass(frozen=True, slots=True)
class Answered:
    """What one side made of a request: outcomes, or an error.

    `seconds` are its part of those of a query for so many requests `together`; `rows` is the state of what was read,
    `revision` that of the implementation's files. `is_apart` is whether a query may be for many requests.
    """

    outcomes: Sequence[Outcome] | None
    error: Exception | None = None
    seconds: float = 0.0
    together: int = 1
    rows: str = ""
    revision: str = ""
    is_alone: bool = True
    is_apart: bool = True


def answered(
    programs: Programs, timer: Timer, entity: Entity, implementation: Implementation, requests: Requests
) -> list[Answered]:
    """What an implementation makes of each request: by one query where it keeps them apart, and where that succeeds."""
    try:
        with within(QUERY_SECONDS), programs.lend(entity, implementation) as lent:
            query = _Query(lent, timer, entity, implementation)
            return query.together(requests) if lent.program.is_apart else [query.alone(one) for one in requests]
    except Exception as error:  # noqa: BLE001  whoever asked is told
        return [Answered(None, error, revision=_revision(programs, implementation))] * len(requests)


def _revision(programs: Programs, implementation: Implementation) -> str:
    """The revision of files that no program could be made of; empty where not even that can be told."""
    try:
        return programs.revision(implementation)
    except LockgateError:
        return ""


@dataclass(frozen=True, slots=True)
class _Query:
    """One side's program at work."""

    lent: Lent
    timer: Timer
    entity: Entity
    implementation: Implementation

    def answered(self, requests: Requests) -> list[Answered]:
        began = self.timer()
        tables = self.lent.program.outcomes(requests)
        seconds = (self.timer() - began) / len(requests)
        found = [[self._outcome(number, row) for number, row in enumerate(rows)] for rows in _plain(tables)]
        lent, together = self.lent, len(requests)
        known = (seconds, together, lent.rows, lent.revision, lent.program.is_alone, lent.program.is_apart)
        return [Answered(each, None, *known) for each in found]

    def together(self, requests: Requests) -> list[Answered]:
        """The answers of one query; where it fails, because of one request perhaps, those of each half's."""
        if len(requests) > 1:
            try:
                return self.answered(requests)
            except RetryableError as error:  # each half would wait as long
                return [self._failed(error)] * len(requests)
            except Exception:  # noqa: BLE001  whoever asked what fails is told
                half = len(requests) // 2
                return [*self.together(requests[:half]), *self.together(requests[half:])]
        return [self.alone(request) for request in requests]

    def alone(self, request: Sequence[Record]) -> Answered:
        try:
            return self.answered([request])[0]
        except Exception as error:  # noqa: BLE001  whoever asked is told
            return self._failed(error)

    def _failed(self, error: Exception) -> Answered:
        lent, program = self.lent, self.lent.program
        return Answered(
            None, error, rows=lent.rows, revision=lent.revision, is_alone=program.is_alone, is_apart=program.is_apart
        )

    def _outcome(self, number: int, row: dict[str, object]) -> Outcome:
        return outcome(self.entity, self.implementation, number, row)


def _plain(tables: Sequence[pa.Table]) -> Iterator[list[dict[str, object]]]:
    """The rows of each table; those of one shape are read at once, which takes a fifth of the time for one row each."""
    if any(table.schema != tables[0].schema for table in tables):
        return (table.to_pylist() for table in tables)
    rows = iter(pa.concat_tables(tables).combine_chunks().to_pylist())
    return (list(islice(rows, len(table))) for table in tables)


@dataclass(frozen=True, slots=True)
class Both:
    """What both sides made of one request."""

    way: Way
    incumbent: Answered
    candidate: Answered

    @property
    def sides(self) -> Sides:
        """The outcomes of both."""
        return Sides(self.incumbent.outcomes, self.candidate.outcomes)

    @property
    def is_whole(self) -> bool:
        """Whether the request goes one way as a whole, since its records depend on each other on one side at least."""
        return not (self.incumbent.is_alone and self.candidate.is_alone)

    @property
    def pair(self) -> Pair:
        """The sides at the revisions that answered."""
        route = self.way.route
        revisions = self.incumbent.revision, self.candidate.revision
        return Pair(self.way.entity.name, route.incumbent, route.candidate or "", *revisions)

    def buckets(self) -> list[int | None]:
        """The buckets that decide: those of the records, or for all that of the first."""
        found = record_buckets(self.way.entity, self.incumbent)
        return one_way(found) if self.is_whole else found

    def traffic(self, at: datetime) -> Traffic | None:
        """What the request says of the candidate; None where that would say something of databases, or of time."""
        if any(isinstance(one.error, RetryableError) for one in (self.incumbent, self.candidate)):
            return None
        if self.incumbent.outcomes and self.candidate.outcomes and self.incumbent.rows != self.candidate.rows:
            return None
        is_fair = self.incumbent.together == self.candidate.together
        seconds = (self.incumbent.seconds, self.candidate.seconds) if is_fair else None
        return traffic_of(self.sides, record_buckets(self.way.entity, self.incumbent), seconds, at)


def record_buckets(entity: Entity, incumbent: Answered) -> list[int | None]:
    """The bucket of each record by the key that the incumbent gives it; None where it has none, or keys have none."""
    outcomes = incumbent.outcomes or ()
    if unsplittable(entity):
        return [None] * len(outcomes)
    names = (entity.bucket_by,) if entity.bucket_by else entity.contract.key
    return buckets_of(outcomes, [entity.contract.column(name) for name in names])
