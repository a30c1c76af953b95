"""Which of ten thousand buckets a key falls in: the same in Python, BigQuery, DuckDB, PostgreSQL and Spark.

A bucket is the first 32 bits of MD5 over the key's canonical text, modulo 10,000, so a share of 5 % is the
buckets below 500. Canonical text: integers in plain decimal, text as it is, UUIDs in lower case with hyphens,
dates as YYYY-MM-DD; each part is written `<length in characters>:<text>`, so no two keys run together.
MD5 spreads here, it protects nothing.

A key with a part that is missing (NULL) falls in the last bucket, which no share below 100 % reaches: such a row is the
incumbent's until the candidate answers everything. It is neither lost nor shown twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import TypeAlias
from uuid import UUID

from lockgate.core.types import INTEGERS, Kind

BUCKETS = 10_000
LAST_BUCKET = BUCKETS - 1
BUCKET_COLUMN = "_bucket"
BUCKETED_KINDS = INTEGERS | {Kind.TEXT, Kind.UUID, Kind.DATE}

KeyPart: TypeAlias = int | str | UUID | date


def canonical_part(part: KeyPart) -> str:
    """One key part as `<length>:<text>`."""
    text = part.isoformat() if isinstance(part, date) else str(part)
    return f"{len(text)}:{text}"


def bucket_of(key: Sequence[KeyPart | None]) -> int:
    """The bucket, 0 to 9,999, of a key given part by part in the contract's order."""
    parts = [part for part in key if part is not None]
    if len(parts) < len(key):
        return LAST_BUCKET
    canonical = "".join(canonical_part(part) for part in parts)
    digest = hashlib.md5(canonical.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % BUCKETS
