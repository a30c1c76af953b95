"""Takes a request's body in, within limits of size and time, whatever it calls its type."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lockgate.server.json_body import parse
from lockgate.server.options import Options
from lockgate.server.problems import Fault, Refusal
from lockgate.server.threads import Threads

# Many a client that sends too much reads only once it has sent it: this many times the limit is read and forgotten.
LINGER = 4
SMALL_BYTES = 16 * 1024


class ClientGone(Exception):
    """Whoever asked has hung up: nobody hears an answer."""


async def read_document(request: Request, options: Options, threads: Threads) -> object:
    """The JSON document that a request carries, under any content type.

    Raises:
        Refusal: it is too large, too slow, encoded or no JSON.
        ClientGone: the client hung up.
    """
    body = await read_body(request, options, options.body_bytes)
    return parse(body, options) if len(body) <= SMALL_BYTES else await threads.call(parse, body, options)


async def read_body(request: Request, options: Options, most_bytes: int) -> bytes:
    """The body that a request carries.

    Raises:
        Refusal: it has more bytes than that, is too slow or encoded.
        ClientGone: the client hung up.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Refusal(Fault.ENCODED, "the body is compressed", hint="Send it without Content-Encoding.")
    try:
        async with asyncio.timeout(options.body_seconds):
            return await _read(request, most_bytes)
    except TimeoutError:
        raise _too_slow(options) from None
    except ClientDisconnect:
        raise ClientGone from None


async def _read(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


class Lingering:
    """An answer to a body that is too large: there at once, and whole, while the client may go on sending for a while.

    Closed under a client that still sends, the connection would be reset, and the answer lost.
    """

    def __init__(self, response: ASGIApp, options: Options) -> None:
        """Linger behind `response`."""
        self._response = response
        self._options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, then reads and forgets what comes; a client that asked first (RFC 9110, 10.1.1) sends nothing."""
        if Headers(scope=scope).get("expect", "").lower() == "100-continue":
            await self._response(scope, receive, send)
            return

        async def open_ended(message: Message) -> None:
            is_body = message["type"] == "http.response.body"
            await send({**message, "more_body": True} if is_body else message)

        await self._response(scope, receive, open_ended)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._options.body_seconds):
                await _forget(receive, LINGER * self._options.body_bytes)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _forget(receive: Receive, most: int) -> None:
    """Returns at the end of the body, or of the connection, or after so many bytes."""
    size = 0
    while size <= most:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


def _too_large(limit: int) -> Refusal:
    hint = "Send the records in several requests."
    return Refusal(Fault.TOO_LARGE, f"the body has more than {limit} bytes", hint=hint, headers={"Connection": "close"})


def _too_slow(options: Options) -> Refusal:
    detail = f"the body was not there after {options.body_seconds:g} s"
    return Refusal(Fault.TOO_SLOW, detail, headers={"Connection": "close"})
