"""How long, and how many, answers are kept."""

from __future__ import annotations

import asyncio

import pytest

from lockgate.core.job import IdempotencyKey
from lockgate.errors import KeyReused
from lockgate.server.options import Options
from lockgate.server.replays import Replays


class Maker:
    """Makes answers of ten bytes, and counts."""

    def __init__(self) -> None:
        self.made = 0

    async def __call__(self) -> bytes:
        self.made += 1
        return b"answer %03d" % self.made


def key(name: str, digest: str = "d") -> IdempotencyKey:
    return IdempotencyKey("loopback POST /", name, digest)


def test_an_answer_is_kept_for_a_day():
    now = [0.0]
    replays, make = Replays(Options(), lambda: now[0]), Maker()

    async def ask() -> list[bytes]:
        answers = [await replays.answer(key("a"), make)]
        now[0] = 24 * 3600 - 1
        answers.append(await replays.answer(key("a"), make))
        now[0] = 24 * 3600
        return [*answers, await replays.answer(key("a"), make)]

    assert asyncio.run(ask()) == [b"answer 001", b"answer 001", b"answer 002"]


def test_the_oldest_answers_go_when_there_are_too_many_bytes():
    replays, make = Replays(Options(replay_bytes=20)), Maker()

    async def ask() -> list[bytes]:
        return [await replays.answer(key(name), make) for name in ("a", "b", "c", "c", "b", "a")]

    assert asyncio.run(ask()) == [
        b"answer 001", b"answer 002", b"answer 003", b"answer 003", b"answer 002", b"answer 004",
    ]  # fmt: skip


def test_an_answer_that_is_larger_than_all_room_is_not_kept():
    replays, make = Replays(Options(replay_bytes=9)), Maker()

    async def ask() -> list[bytes]:
        return [await replays.answer(key("a"), make), await replays.answer(key("a"), make)]

    assert asyncio.run(ask()) == [b"answer 001", b"answer 002"]


def test_who_began_may_leave_while_others_wait():
    replays, make = Replays(Options()), Maker()

    async def slow() -> bytes:
        await asyncio.sleep(0.05)
        return await make()

    async def ask() -> bytes:
        first = asyncio.ensure_future(replays.answer(key("a"), slow))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(replays.answer(key("a"), slow))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert (asyncio.run(ask()), make.made) == (b"answer 001", 1)


def test_another_body_is_refused_also_while_the_first_is_made():
    replays, make = Replays(Options()), Maker()

    async def ask() -> None:
        first = asyncio.ensure_future(replays.answer(key("a"), make))
        await asyncio.sleep(0)
        with pytest.raises(KeyReused):
            await replays.answer(key("a", "other"), make)
        await first

    asyncio.run(ask())
