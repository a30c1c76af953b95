"""The id that a request has in answers and log lines: the caller's, where it is well-formed, else a new one."""

from __future__ import annotations

import re
from uuid import uuid4

from starlette.datastructures import Headers

HEADER = "X-Correlation-Id"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# W3C Trace Context: version, trace id, parent id, flags; an id of zeros is none.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def correlation_id(headers: Headers) -> str:
    """The id of a request: `X-Correlation-Id`, else the trace id of `traceparent`, else a random one."""
    given = headers.get(HEADER, "")
    if _ID.fullmatch(given):
        return given
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return trace[1] if trace else uuid4().hex
