"""How long a busy service asks its callers to wait."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime


def seconds_to_wait(written: str) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3), as a number or a date; None where it is none."""
    if written.isdecimal():
        return float(written)
    try:
        moment = email.utils.parsedate_to_datetime(written)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
