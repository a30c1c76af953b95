"""Answers about records, as the route says: those that come at once by one query, over what was compiled once."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Thread
from time import thread_time

from lockgate.app.record_circuit import Circuit
from lockgate.app.record_programs import Programs, RecordPrograms
from lockgate.app.record_sides import (
    Answered,
    Both,
    Requests,
    Timer,
    Way,
    answered,
    is_of_databases,
    record_buckets,
    way_of,
)
from lockgate.app.shadowing import Later, Listener, Seen, Shadow
from lockgate.app.wiring import Wiring
from lockgate.core.bucket import BUCKETS
from lockgate.core.deadline import ANSWER_SECONDS, within
from lockgate.core.entity import Engine, Entity
from lockgate.core.job import Failure
from lockgate.core.route import Stage
from lockgate.cutover.splitting import chosen, is_asked
from lockgate.errors import LockgateError, NotReady
from lockgate.transform.gathering import Gathering, Limits

logger = logging.getLogger(__name__)

# Requests of up to so many records wait for each other; a larger one is worth a query of its own.
SMALL = 100
MOST = 500
MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class RecordLimits:
    """What a process takes on at once: `threads` that answer, as many for small requests as for large ones.

    `few_waiting` is how many small requests wait at most, `many_waiting` how many records of large ones; after
    `seconds` what waits is not begun any more.
    """

    threads: int = field(default_factory=lambda: max(2, os.cpu_count() or 1))
    few_waiting: int = 2_000
    many_waiting: int = 100_000
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class RecordsAnswer:
    """What became of records: `outcomes` has {index, engine, status, reason, output} for each, in their order.

    `engine` is the implementation that answered, or `mixed`; `engines` counts the records that each one answered.
    `scope` tells whether each record stands for itself (`row`) or they depend on each other (`request`).
    `fallen_back` is why the implementation that was to answer, `instead_of`, did not, where another one did.
    """

    entity: str
    engine: str
    engines: Mapping[str, int]
    scope: str
    outcomes: Sequence[Mapping[str, object]]
    fallen_back: Failure | None = None
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request."""

    entity: Entity
    records: Sequence[Mapping[str, object]]


class RecordDesk:
    """Answers requests about records of every entity that has rules, or a model that can answer them."""

    def __init__(
        self,
        wiring: Wiring,
        *,
        seen: Seen | None = None,
        programs: Programs | None = None,
        timer: Timer = thread_time,
        limits: RecordLimits = RecordLimits(),
    ) -> None:
        """Nothing is compiled yet; `seen` gets the traffic that both sides of a route answered.

        `timer` takes the time of a query by its thread: what others do meanwhile is neither side's fault.
        """
        self._wiring = wiring
        self._timer = timer
        self._programs: Programs = programs or RecordPrograms(wiring)
        self._whole: dict[str, bool] = {}
        self._circuits: dict[str, Circuit] = {}
        self.shadow = Shadow(self._programs, timer, wiring.clock, seen or (lambda *_: None))
        few, many = (
            Limits(limits.threads, waiting, limits.seconds) for waiting in (limits.few_waiting, limits.many_waiting)
        )
        self._small = Gathering("lockgate-records", self._answers, most=MOST, limits=few, kind=self._kind)
        self._large = Gathering("lockgate-many-records", self._answers, most=1, limits=many, kind=lambda _: None)
        self._preparing: Thread | None = None
        self._is_closed = False

    def listen(self, listener: Listener) -> None:
        """Has `listener` called with what both sides of a route said of records."""
        self.shadow.listen(listener)

    def prepare(self) -> None:
        """Begins to make ready the models that routes call for, so that no request need wait for them."""
        self._preparing = Thread(target=self._prepare, name="lockgate-preparing", daemon=True)
        self._preparing.start()

    def _prepare(self) -> None:
        for entity in self._wiring.project.entities.values():
            if self._is_closed:
                return
            if any(one.engine is Engine.DBT for one in entity.implementations.values()):
                try:
                    way_of(self._wiring, entity, self._programs)
                except Exception as error:  # whoever asks for records is told
                    logger.info("not ready for records", extra={"facts": {"entity": entity.name}}, exc_info=error)

    def ask(self, entity: Entity, records: Sequence[Mapping[str, object]]) -> Future[RecordsAnswer]:
        """What the entity's implementations make of records; or why they cannot.

        The future's errors: CapabilityMissing or NotOnline, where none answers records; EngineOff;
        ConfigurationError, where files cannot be read; WarehouseUnavailable.

        Raises:
            QueueFull: too many requests wait.
            ControlPlaneUnavailable: the service is being stopped.
        """
        asked = _Asked(entity, records)
        if len(records) <= SMALL:
            return self._small.ask(asked)
        return self._large.ask(asked, weight=len(records))

    def close(self) -> None:
        """Answers what was asked, takes nothing more, and gives back memory."""
        self._is_closed = True
        self._small.close()
        self._large.close()
        self.shadow.close()
        if self._preparing is not None:
            self._preparing.join()
        self._programs.close()

    def _kind(self, asked: _Asked) -> str | None:
        """Requests about one entity go together; those that no query can keep apart, as seen last, go one by one."""
        name = asked.entity.name
        return None if self._whole.get(name) else name

    def _answers(self, group: Sequence[_Asked]) -> Sequence[RecordsAnswer | Exception]:
        """The answers of one turn, about one entity; its databases are not asked again while they do not answer."""
        entity = group[0].entity
        circuit = self._circuits.setdefault(entity.name, Circuit(entity.name))
        if (open_ := circuit.refusal()) is not None:
            return [open_] * len(group)
        found = self._answered(entity, [asked.records for asked in group])
        circuit.tell(found)
        return found

    def _answered(self, entity: Entity, requests: Requests) -> Sequence[RecordsAnswer | Exception]:
        """The answers to requests about an entity, by the route as it is in force now."""
        try:
            with within(ANSWER_SECONDS):
                way = way_of(self._wiring, entity, self._programs)
                if _must_wait(way):
                    self._programs.wait(entity, way.leading)
        except Exception as error:  # noqa: BLE001  whoever asked is told
            return [error] * len(requests)
        first = answered(self._programs, self._timer, entity, way.leading, requests)
        self._whole[entity.name] = not all(one.is_apart for one in first)
        if way.following is None:
            return [_told(way, one) for one in first]
        later = Later(way, requests, first)
        if any(_is_other_needed(way, one) for one in first):
            return [_split(both) for both in self.shadow.compare_now(later)]
        self.shadow.compare_later(later)
        return [_told(way, one) for one in first]


def _must_wait(way: Way) -> bool:
    """Whether nobody else answers at once while the side that is to answer is being made ready."""
    following = way.following
    return following is None or following.engine is Engine.DBT or way.route.stage is Stage.SHADOW


def _is_other_needed(way: Way, first: Answered) -> bool:
    """Whether the side that was not asked yet must be, before there is an answer: all requests of the turn go with it.

    In the shadow it never is. What no database answered is not asked of the other side, which has the same ones.
    """
    if way.route.stage is Stage.SHADOW or is_of_databases(first.error):
        return False
    if first.error is not None:
        return True
    return not way.is_promoted and is_asked(record_buckets(way.entity, first), way.route.share)


def _told(way: Way, first: Answered) -> RecordsAnswer | Exception:
    """The answer of the leading side alone."""
    if first.outcomes is None:
        return first.error or AssertionError("no outcomes and no error")
    found = _answer(way.entity.name, way.leading.name, first.outcomes, is_whole=not first.is_alone)
    if way.refused is None:
        return found
    return replace(found, fallen_back=Failure.of(way.refused), instead_of=way.route.candidate or "")


def _split(both: Both) -> RecordsAnswer | Exception:
    """The answer where both sides have answered."""
    way, leading, other = both.way, both.incumbent, both.candidate
    if way.is_promoted:
        leading, other = other, leading
    if leading.outcomes is None and (other.outcomes is None or is_of_databases(leading.error)):
        return leading.error or AssertionError("no outcomes and no error")
    buckets, share = both.buckets(), BUCKETS if way.is_promoted else way.route.share
    outcomes = chosen(both.sides, buckets, share)
    found = _answer(way.entity.name, way.leading.name, outcomes, is_whole=both.is_whole)
    failed = leading if leading.error is not None else other
    if failed.error is None or not (failed is leading or is_asked(buckets, share)):
        return found
    return _fallen_back(way, found, failed.error, is_leading=failed is leading)


def _fallen_back(way: Way, found: RecordsAnswer, error: Exception, *, is_leading: bool) -> RecordsAnswer:
    assert way.following is not None  # noqa: S101  the other side has answered
    sides = (way.leading.name, way.following.name)
    chosen_, instead = sides if is_leading else reversed(sides)
    code = error.code if isinstance(error, LockgateError) else type(error).__name__
    facts = {"entity": found.entity, "failed": chosen_, "instead": instead, "error": code}
    if not isinstance(error, NotReady):  # the programs tell once that it is being made ready, and when it is
        logger.warning("fell back", extra={"facts": facts})
    told = Failure.of(error) if isinstance(error, LockgateError) else Failure("LG811", code, "the log tells why")
    return RecordsAnswer(found.entity, found.engine, found.engines, found.scope, found.outcomes, told, chosen_)


def _answer(entity: str, leading: str, outcomes: Sequence[Mapping[str, object]], *, is_whole: bool) -> RecordsAnswer:
    engines = Counter(str(each["engine"]) for each in outcomes)
    engine = MIXED if len(engines) > 1 else next(iter(engines), leading)
    return RecordsAnswer(entity, engine, dict(engines), "request" if is_whole else "row", outcomes)
