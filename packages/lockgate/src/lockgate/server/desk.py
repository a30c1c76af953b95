"""What every request needs: the service behind, the limits, and what this process remembers."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from starlette.requests import Request

from lockgate.app.audit_book import AuditBook
from lockgate.app.service import Service
from lockgate.core.deadline import within
from lockgate.core.job import Job
from lockgate.core.nearness import nearest
from lockgate.errors import ControlPlaneUnavailable, LockgateError, RuntimeUnavailable, UnknownName
from lockgate.server.admission import Admission
from lockgate.server.known_callers import KnownCallers
from lockgate.server.lineage_look import LineageLook
from lockgate.server.listening import turn_away
from lockgate.server.metrics import Known, Metrics
from lockgate.server.options import Options
from lockgate.server.problems import Refusal
from lockgate.server.replays import Replays
from lockgate.server.shared_calls import SharedCalls
from lockgate.server.streams import Streams
from lockgate.server.threads import Threads
from lockgate.server.under_way import followed

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage

# A call gives up at its deadline and says why; whoever waits for it gives up so much later, as a part of the deadline.
GRACE = 0.1
# The figures do not wait longer for the one among them that the control plane knows.
COUNTING_SECONDS = 1.0
# A password is made hard to guess by memory and time: whoever tries many takes none of the threads of others.
HASHINGS = 2
HASHINGS_WAITING = 30
# Rows of editions are compared anew for who looks at them: that takes long, and no thread of others.
COMPARINGS = 2
COMPARINGS_WAITING = 8

Given = ParamSpec("Given")
Got = TypeVar("Got")


class Desk:
    """One process's way from requests to the service."""

    def __init__(self, service: Service, options: Options, metrics_folder: Path | None) -> None:
        """Nothing is under way yet."""
        self.service = service
        self.options = options
        self.metrics = Metrics(metrics_folder)
        service.when_execution_ends(self.metrics.execution_ended)
        service.when_compared(self.metrics.compared)
        self.threads = Threads(options)
        self._databases = Threads(options)  # of their own: those that wait for a database keep nobody else waiting
        self._hashing = Threads(replace(options, threads=HASHINGS, calls_waiting=HASHINGS_WAITING))
        self._outside = Threads(options)  # runtimes of flows may hang longer than any database
        self._recognising = Threads(options)  # whoever comes is recognised while databases hang that others asked
        comparing = Threads(replace(options, threads=COMPARINGS, calls_waiting=COMPARINGS_WAITING))
        self.comparing = SharedCalls(comparing, seconds=options.answer_seconds)
        self.lineage = LineageLook(self._find_lineage, options)
        self.known_callers = KnownCallers(service.access, self._recognise, self.threads.call)
        self.admission = Admission(options, self.known_callers)
        self.audit = AuditBook(service.access, seconds=options.database_seconds)
        self._counting: dict[str, asyncio.Future[Any]] = {}
        self.replays = Replays(options)
        self.in_flight = 0
        self.streams = Streams(options)
        self.connections: set[object] = set()
        self.failure: LockgateError | None = None
        self._stopping: asyncio.Future[None] | None = None
        self.listener: socket.socket | None = None
        self._stops_at = math.inf

    @property
    def is_stopping(self) -> bool:
        """Whether the server was told to stop."""
        return self._stopping is not None and self._stopping.done()

    @property
    def stopping(self) -> asyncio.Future[None]:
        """Done once the server was told to stop; it is awaited by many and cancelled by none."""
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_future()
        return self._stopping

    def stop(self) -> None:
        """Tells everybody that waits to answer now, and lets no new connection begin; called in the event loop."""
        if not self.stopping.done():
            self.stopping.set_result(None)
            self._stops_at = time.monotonic() + self.options.stop_seconds
            if self.listener is not None:
                turn_away(self.listener)

    @property
    def patience_seconds(self) -> float:
        """How long what is under way may still take, once the server was told to stop."""
        return max(0.0, min(float(self.options.stop_seconds), self._stops_at - time.monotonic()))

    def count(self, job: Job) -> None:
        """Counts a job that was submitted here, and its end when it comes; a job that cannot be watched goes on."""
        if self.metrics.submitted(job):
            with suppress(LockgateError):
                self.service.ended(job.job_id).add_done_callback(self.metrics.ended)

    async def ask(self, function: Callable[Given, Got], *given: Given.args, **named: Given.kwargs) -> Got:
        """What a function of the service finds in its databases, called in a thread.

        Raises:
            ControlPlaneUnavailable: there was no answer within `database_seconds`.
            Refusal: too many wait for an answer.
        """
        with within(self.options.database_seconds):
            return await self._in_time(self._databases.call(function, *given, **named))

    async def _recognise(self, function: Callable[..., Got], *given: Any) -> Got:
        """What is known of callers, as `ask` finds it."""
        with within(self.options.database_seconds):
            return await self._in_time(self._recognising.call(function, *given))

    def _find_lineage(self) -> FoundLineage:
        return self.service.lineage.found()

    async def hash(self, function: Callable[Given, Got], *given: Given.args, **named: Given.kwargs) -> Got:
        """What a function of the service gives that works on a password, called in a thread for those.

        Raises:
            ControlPlaneUnavailable: there was no answer within `database_seconds`.
            Refusal: too many wait for an answer.
        """
        with within(self.options.database_seconds):
            return await self._in_time(self._hashing.call(function, *given, **named))

    async def ask_outside(self, function: Callable[Given, Got], *given: Given.args, **named: Given.kwargs) -> Got:
        """What a function of the service finds at a runtime of flows, called in a thread for those.

        Raises:
            RuntimeUnavailable: there was no answer within `outside_seconds`.
            Refusal: too many wait for an answer.
        """
        seconds = self.options.outside_seconds
        unanswered = RuntimeUnavailable(f"the runtime of this flow has not answered within {seconds:g} s")
        with within(seconds):
            return await _in_time(self._outside.call(function, *given, **named), seconds, unanswered)

    async def answer(self, future: Future[Got]) -> Got:
        """What the service was asked for and will have stored.

        Raises:
            ControlPlaneUnavailable: there was no answer within `database_seconds`; it may have been stored or not.
        """
        return await self._in_time(asyncio.wrap_future(followed(future)))

    async def _in_time(self, answer: Awaitable[Got]) -> Got:
        seconds = self.options.database_seconds
        told = f"the control plane or the target has not answered within {seconds:g} s"
        return await _in_time(answer, seconds, ControlPlaneUnavailable(told))

    async def known(self) -> Known:
        """What control plane and target tell at once of jobs, rollbacks and routes."""
        service = self.service
        jobs, rollbacks, routes = await asyncio.gather(
            self._counted("jobs", service.job_counts),
            self._counted("rollbacks", service.rollback_counts),
            self._counted("routes", service.routes),
        )
        return Known(jobs, rollbacks, routes)

    async def _counted(self, what: str, count: Callable[[], Got]) -> Got | None:
        """What is counted; None where the database does not tell at once.

        It is asked by one at a time, so that a database that hangs holds up one thread.
        """
        counting: asyncio.Future[Got] | None = self._counting.get(what)
        if counting is None or counting.done():
            counting = self._counting[what] = asyncio.ensure_future(self.ask(count))
        await asyncio.wait([counting], timeout=COUNTING_SECONDS)
        if not counting.done():
            return None
        try:
            return counting.result()
        except (LockgateError, Refusal):
            return None

    def close(self) -> None:
        """Lets calls under way end; those that wait are dropped."""
        self.threads.close()
        self._databases.close()
        self._outside.close()
        self._recognising.close()
        self._hashing.close()
        self.comparing.close()
        self.lineage.close()
        self.audit.close()

    def nearest(self, error: UnknownName, names: tuple[str | None, ...]) -> list[str]:
        """Known names like those asked for: entities or, of an entity that there is, implementations."""
        known, entity = self.service.names(), names[0]
        if entity is None:
            return []
        if entity not in known:
            return nearest(entity, known)
        asked = str(error.fields.get("name") or (names[1] if len(names) > 1 else None) or "")
        return nearest(asked, known[entity], likeness=0.3)


def desk_of(request: Request) -> Desk:
    """The desk that a request has come to."""
    desk: Desk = request.app.state.desk
    return desk


async def _in_time(answer: Awaitable[Got], seconds: float, unanswered: LockgateError) -> Got:
    deadline = asyncio.timeout(seconds * (1 + GRACE))
    try:
        async with deadline:
            return await answer
    except TimeoutError:
        if deadline.expired():
            raise unanswered from None
        raise
