"""Faults of a bad source, switched on at start, for tests of whoever reads from it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_WRITTEN = re.compile(r"(?P<kind>[a-z0-9-]+):(?P<amount>[0-9]{1,9})(@(?P<first>[1-9][0-9]{0,8}))?")


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS_500 = "status-500"
    TRUNCATE_PAGE = "truncate-page"
    REPEAT_PAGE = "repeat-page"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that befalls `amount` requests for pages, the `first` (from 1) and those right behind it.

    `slow` befalls every request from the first on, and its amount is milliseconds.
    """

    kind: FaultKind
    amount: int
    first: int = 1

    @classmethod
    def parse(cls, written: str) -> Fault:
        """The fault that `KIND:AMOUNT` or `KIND:AMOUNT@FIRST` names, such as `status-500:2@3`.

        Raises:
            ValueError: it is not written like that, or there is no such kind.
        """
        match = _WRITTEN.fullmatch(written)
        if not match:
            raise ValueError(f"{written!r} is no fault: write KIND:AMOUNT or KIND:AMOUNT@FIRST")
        return cls(FaultKind(match["kind"]), int(match["amount"]), int(match["first"] or 1))

    def befalls(self, request: int) -> bool:
        """Whether the fault strikes the request of that number, counted from 1."""
        if self.kind is FaultKind.SLOW:
            return request >= self.first
        return self.first <= request < self.first + self.amount


class DeliberateFaults:
    """ASGI middleware that damages the replies to requests for pages on purpose; other paths stay whole."""

    def __init__(self, app: ASGIApp, faults: Iterable[Fault], paths: Iterable[str]) -> None:
        self._app = app
        self._faults = tuple(faults)
        self._paths = frozenset(paths)
        self._requests = 0
        self._last_replies: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts the request, and lets the faults that befall it strike."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        self._requests += 1
        struck = {fault.kind: fault for fault in self._faults if fault.befalls(self._requests)}
        if slow := struck.get(FaultKind.SLOW):
            await asyncio.sleep(slow.amount / 1000)
        if FaultKind.STATUS_500 in struck:
            await PlainTextResponse("the source is out of order", 500)(scope, receive, send)
            return
        await self._reply(scope, receive, send, set(struck))

    async def _reply(self, scope: Scope, receive: Receive, send: Send, struck: set[FaultKind]) -> None:
        reply = _Reply()
        await self._app(scope, receive, reply.take)
        body = bytes(reply.body)
        if FaultKind.REPEAT_PAGE in struck:
            body = self._last_replies.get(scope["path"], body)
        elif reply.status == Response().status_code:
            self._last_replies[scope["path"]] = body
        if FaultKind.TRUNCATE_PAGE in struck:
            body = body[: len(body) // 2]
        await reply.give(send, body)


class _Reply:
    """A whole reply, held back."""

    def __init__(self) -> None:
        self.body = bytearray()
        self._start: Message = {}

    @property
    def status(self) -> int:
        return int(self._start["status"])

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self.body += message.get("body", b"")

    async def give(self, send: Send, body: bytes) -> None:
        MutableHeaders(raw=self._start["headers"])["content-length"] = str(len(body))
        await send(self._start)
        await send({"type": "http.response.body", "body": body})
