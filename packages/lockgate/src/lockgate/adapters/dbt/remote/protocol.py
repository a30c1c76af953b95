"""What Lockgate and its program in a container or a pod say to each other: a request, then lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from lockgate.adapters.dbt.wire import Message
from lockgate.errors import ExecutorRefused

PROTOCOL = 1
MODULE = "lockgate.adapters.dbt.remote.program"
# `-P` keeps the working folder, where a project's files lie, out of what Python imports from.
PROGRAM = ("python", "-P", "-X", "utf8", "-m", MODULE)
WORK = PurePosixPath("/lockgate/work")
REQUEST, PROJECT, ARCHIVE, ARTIFACTS = "request.json", "project", "project.tar.gz", "artifacts"
QUIET = {"TZ": "UTC", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "HOME": "/tmp"}  # noqa: S108
_MARK = "seq"
MOST_LINE_BYTES = 16 << 20


def line_of(message: Mapping[str, object], number: int) -> str:
    """A message as one line of ASCII; `number` counts from 0, so that lines read twice are known."""
    return json.dumps({_MARK: number, **message}, default=str)


def message_of(line: str) -> tuple[int, Message] | None:
    """The number and message of a line; None for whatever else was printed."""
    try:
        message: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
        return None
    number = message.pop(_MARK, None)
    return (number, message) if isinstance(number, int) else None


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines of what comes in pieces, each as soon as it is whole.

    Raises:
        ExecutorRefused: one is longer than any of ours.
    """
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > MOST_LINE_BYTES:
            raise ExecutorRefused(f"what runs there printed a line of more than {MOST_LINE_BYTES:,} bytes")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
