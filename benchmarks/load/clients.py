"""Clients that ask at once, each on a connection of its own, and try again where the server says when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from time import perf_counter

from load.exchange import Answer, Connection, Lost, request
from load.questions import Question
from load.seen import Ending, Seen

OK, ACCEPTED = 200, 202
AGAIN = frozenset({429, 503})
FAULTS_TOLD, TOLD_BYTES = 20, 1_000
POLL_SECONDS = 1.0
ENDED = frozenset({"success", "failed", "cancelled"})

Draw = Callable[[Random], Question]


@dataclass(frozen=True, slots=True)
class Load:
    """Who asks whom, and how: for so many seconds, or so many questions in all.

    `rate` is the questions a second of all clients together, where they do not ask as fast as they are answered; what a
    question took is then counted from when it was due. `patience_seconds` are those that one question may take.
    """

    host: str
    port: int
    token: str
    draw: Draw
    clients: int
    seconds: float = float("inf")
    questions: int | None = None
    rate: float | None = None
    patience_seconds: float = 60.0
    seed: int = 7


@dataclass(slots=True)
class _Turns:
    """Which questions are still to be asked."""

    ends: float
    left: int | None
    _number: count[int] = field(default_factory=count)

    def take(self, now: float) -> bool:
        """Whether there is one more."""
        return now < self.ends and (self.left is None or next(self._number) < self.left)


async def drive(load: Load) -> Seen:
    """Has the clients ask until the time, or the questions, are over and the last answer has come."""
    began = perf_counter()
    seen, turns = Seen(began), _Turns(began + load.seconds, load.questions)
    async with asyncio.TaskGroup() as group:
        for number in range(load.clients):
            group.create_task(_Client(load, number, seen).ask(turns))
    seen.ended_at = perf_counter()
    return seen


class _Client:
    """One client."""

    def __init__(self, load: Load, number: int, seen: Seen) -> None:
        self._load = load
        self._seen = seen
        self._chance = Random(load.seed * 1_000_003 + number)
        self._connection: Connection | None = None

    async def ask(self, turns: _Turns) -> None:
        """Asks until there is nothing more to ask."""
        pause = self._load.clients / self._load.rate if self._load.rate else 0.0
        due = perf_counter() + pause * self._chance.random()
        while True:
            if pause:
                await asyncio.sleep(max(0.0, due - perf_counter()))
            now = perf_counter()
            if not turns.take(now):
                break
            await self._one(self._load.draw(self._chance), due if pause else now)
            due += pause
        if self._connection is not None:
            self._connection.close()

    async def _one(self, question: Question, began: float) -> None:
        self._seen.asked += 1
        ending = await self._ended(question, began)
        now = perf_counter()
        self._seen.end(question.kind, ending, now, now - began)

    async def _ended(self, question: Question, began: float) -> Ending:
        message, deadline, is_job = question.message, began + self._load.patience_seconds, False
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - perf_counter())):
                    answer = await self._answer(message)
            except TimeoutError:
                self._drop()
                return Ending.IMPATIENT
            except (Lost, OSError) as error:
                self._drop()
                self._tell(question, str(error))
                return Ending.LOST
            self._seen.statuses[answer.status] += 1
            pause = _pause(answer, is_job=is_job)
            if pause is None:
                return self._judged(question, answer)
            if perf_counter() + pause > deadline:
                return Ending.IMPATIENT
            if answer.status == ACCEPTED:
                place = answer.header("location") or ""
                message, is_job = request("GET", place, token=self._load.token), True
            self._seen.tried_again += 1
            await asyncio.sleep(pause)

    async def _answer(self, message: bytes) -> Answer:
        if self._connection is None or not self._connection.is_open:
            self._connection = await Connection.opened(self._load.host, self._load.port)
        return await self._connection.ask(message)

    def _judged(self, question: Question, answer: Answer) -> Ending:
        if answer.status != OK:
            self._tell(question, f"{answer.status} {answer.body[:TOLD_BYTES]!r}")
            return Ending.REFUSED
        told = question.judge(answer.body)
        self._seen.engines[told.engine, told.scope] += 1
        if told.is_right:
            return Ending.RIGHT
        self._tell(question, f"is wrong: {answer.body[:TOLD_BYTES]!r}")
        return Ending.WRONG

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _tell(self, question: Question, what: str) -> None:
        if len(self._seen.faults) < FAULTS_TOLD:
            self._seen.faults.append(f"{question.kind}: {what}")


def _pause(answer: Answer, *, is_job: bool) -> float | None:
    """The seconds after which to ask again; None where this is the last word."""
    if is_job and answer.status == OK:
        return None if json.loads(answer.body).get("status") in ENDED else POLL_SECONDS
    if answer.status not in AGAIN and answer.status != ACCEPTED:
        return None
    told = answer.header("retry-after")
    return float(told) if told is not None and told.isdigit() else None
