"""The `Idempotency-Key` header: sending a request twice is sending it once (IETF draft of that name)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lockgate.core.job import IdempotencyKey
from lockgate.server.json_body import digest_of
from lockgate.server.problems import Fault, Refusal

_KEY = re.compile(r"[!-~]{1,255}")


def key_of(values: Sequence[str], *, scope: str, document: object) -> IdempotencyKey | None:
    """The key that a request carries, for its scope and body; the draft's quotes may stand around it or not.

    Raises:
        Refusal: it is none of 1 to 255 visible ASCII characters, or there are several.
    """
    if not values:
        return None
    key = values[0]
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(values) > 1 or not _KEY.fullmatch(key):
        raise Refusal(
            Fault.HEADER_INVALID,
            "Idempotency-Key is not one word of 1 to 255 visible ASCII characters",
            hint="Send a random UUID, the same with every try.",
        )
    return IdempotencyKey(scope, key, digest_of(document))
