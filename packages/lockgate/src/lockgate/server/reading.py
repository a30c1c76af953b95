"""Takes a request's body in, within limits of size and time, whatever it calls its type."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from lockgate.server.json_body import parse
from lockgate.server.options import Options
from lockgate.server.problems import Fault, Refusal
from lockgate.server.threads import Threads

# A client that sends too much learns so only once it has sent it: this many times the limit is read and forgotten.
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
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Refusal(Fault.ENCODED, "the body is compressed", hint="Send it without Content-Encoding.")
    try:
        async with asyncio.timeout(options.body_seconds):
            body = await _read(request, options.body_bytes)
    except TimeoutError:
        raise _too_slow(options) from None
    except ClientDisconnect:
        raise ClientGone from None
    return parse(body, options) if len(body) <= SMALL_BYTES else await threads.call(parse, body, options)


async def _read(request: Request, limit: int) -> bytes:
    is_asking = request.headers.get("expect", "").lower() == "100-continue"
    announced = request.headers.get("content-length", "0")
    if is_asking and announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > LINGER * limit:
            break
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


def _too_large(limit: int) -> Refusal:
    hint = "Send the records in several requests."
    return Refusal(Fault.TOO_LARGE, f"the body has more than {limit} bytes", hint=hint, headers={"Connection": "close"})


def _too_slow(options: Options) -> Refusal:
    detail = f"the body was not there after {options.body_seconds:g} s"
    return Refusal(Fault.TOO_SLOW, detail, headers={"Connection": "close"})
