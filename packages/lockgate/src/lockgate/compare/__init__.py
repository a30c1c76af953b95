"""Compare: the keyed row-level difference of two relations, in one engine or two, and what it means."""

from __future__ import annotations

from lockgate.compare.comparing import compare
from lockgate.compare.scope import condition_of

__all__ = ["compare", "condition_of"]
