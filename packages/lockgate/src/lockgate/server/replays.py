"""Remembers answers about records by their key, so that a repeated request gets the same bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lockgate.core.job import IdempotencyKey
from lockgate.errors import KeyReused
from lockgate.server.options import Options

Compute = Callable[[], Awaitable[bytes]]


@dataclass(slots=True)
class _Kept:
    """An answer that is made or, where it has a size, was made."""

    digest: str
    answer: asyncio.Task[bytes]
    until: float
    size: int | None = None


class Replays:
    """Answers of this process for a day, as long as they fit; the oldest go first. Failures are not kept."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.monotonic) -> None:
        """Empty."""
        self._bytes = options.replay_bytes
        self._seconds = options.replay_seconds
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._size = 0

    async def answer(self, key: IdempotencyKey, compute: Compute) -> bytes:
        """The answer kept under the key, the one that is being made, or else what `compute` makes.

        Raises:
            KeyReused: the key came with another body.
        """
        self._forget()
        kept = self._kept.get((key.scope, key.key))
        if kept is None:
            task = asyncio.ensure_future(_made(compute))
            kept = self._kept[key.scope, key.key] = _Kept(key.digest, task, self._clock() + self._seconds)
            task.add_done_callback(lambda _: self._ended(key))
        elif kept.digest != key.digest:
            raise KeyReused(f"the idempotency key was sent before with another body, to {key.scope}")
        return await asyncio.shield(kept.answer)

    def _ended(self, key: IdempotencyKey) -> None:
        """Counts an answer that was made, or forgets one that was not."""
        kept = self._kept[key.scope, key.key]
        if kept.answer.cancelled() or kept.answer.exception() is not None:
            del self._kept[key.scope, key.key]
        else:
            kept.size = len(kept.answer.result())
            self._size += kept.size
            self._forget()

    def _forget(self) -> None:
        """Drops what is too old and, while there is too much, what is oldest."""
        now = self._clock()
        for name, kept in list(self._kept.items()):
            if kept.until > now and self._size <= self._bytes:
                break
            if kept.size is not None:
                self._size -= kept.size
                del self._kept[name]


async def _made(compute: Compute) -> bytes:
    return await compute()
