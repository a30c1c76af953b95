"""Content that comes with a job: in one request with its description, or in pieces.

Source: cloud.google.com/bigquery/docs/reference/api-uploads (multipart and resumable uploads).
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from lockgate.sandbox.bigquery_api.refusals import Refusal
from lockgate.sandbox.local_server import ApiRequest

_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(slots=True)
class Upload:
    """A resumable upload: the job that it belongs to, whose it is, and what has come so far."""

    asked: dict[str, Any]
    email: str
    content: bytearray = field(default_factory=bytearray)
    answer: dict[str, Any] | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def take(self, request: ApiRequest) -> bool:
        """Whether everything has come with this piece.

        Raises:
            Refusal: the piece does not follow the last one.
        """
        found = _RANGE.fullmatch(request.headers.get("content-range", ""))
        if found is None:
            self.content[:] = request.body
            return True
        first, last, total = found.groups()
        if first is not None:
            if int(first) > len(self.content) or int(last) - int(first) + 1 != len(request.body):
                raise Refusal(
                    "invalid", f"Invalid request: the range {found[0]} does not follow {len(self.content)} bytes"
                )
            self.content[int(first) :] = request.body
        return total != "*" and int(total) == len(self.content)

    def progress(self) -> dict[str, str]:
        """The headers of an answer that asks for more."""
        return {"range": f"bytes=0-{len(self.content) - 1}"} if self.content else {}


def parts(request: ApiRequest) -> tuple[dict[str, Any], bytes]:
    """The description and the content of a multipart upload.

    Raises:
        Refusal: it is none.
    """
    kind = request.headers.get("content-type", "")
    found = re.search(r'boundary="?([^";]+)"?', kind)
    if not kind.startswith("multipart/related") or found is None:
        raise Refusal("invalid", "Invalid multipart request: no boundary")
    mark = b"--" + found[1].encode()
    pieces = request.body.split(mark)
    if len(pieces) != 4 or not pieces[3].startswith(b"--"):  # noqa: PLR2004  before, two parts, end
        raise Refusal("invalid", "Invalid multipart request with 2 parts expected")
    bodies = [piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces[1:3]]
    return document(bodies[0]), bodies[1]


def document(body: bytes) -> dict[str, Any]:
    """A body as a document.

    Raises:
        Refusal: it is none.
    """
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal("invalid", "Invalid JSON payload received.")
    return found
