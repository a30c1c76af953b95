"""Compare: the keyed row-level difference of two relations, in one engine or two, and what it means."""

from __future__ import annotations

from lockgate.compare.comparing import compare

__all__ = ["compare"]
