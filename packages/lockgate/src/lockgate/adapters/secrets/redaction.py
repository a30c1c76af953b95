"""The last look at text that leaves this process: without the secrets of the project that is open."""

from __future__ import annotations

import re
from collections.abc import Callable

# How PostgreSQL's library and psycopg begin to tell of a server that they do not reach.
_ADDRESS = re.compile(r'(?:connection \w+(?: \w+)?: )?connection to server (?:at|on socket) "[^"]*"[^:\n]* failed: ')

_in_force: list[Callable[[str], str]] = []


def redact_with(redact: Callable[[str], str]) -> None:
    """From now on `redact` hides what must not be told; a project says so when it is opened, as it does for logs."""
    _in_force[:] = [redact]


def redact_also_with(redact: Callable[[str], str]) -> None:
    """From now on `redact` hides more, until a project is opened again."""
    _in_force.append(redact)


def without_addresses(text: str) -> str:
    """`text` without the hosts and ports of databases, which are nobody's concern who calls from elsewhere."""
    return _ADDRESS.sub("", text)


def redacted(text: str) -> str:
    """`text` as it may be told; as it is where no project was opened yet."""
    for redact in _in_force:
        text = redact(text)
    return text
