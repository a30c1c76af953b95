"""Operate: what entities cost against what is usual of them, and advice on how that could be less.

`costs_of` takes what executions took; `advise` takes a graph with what its nodes cost. Nothing is said without
evidence.
"""

from __future__ import annotations

from lockgate.operate.advising import advise
from lockgate.operate.baseline import LEAST_RUNS, costs_of
from lockgate.operate.growth import growth_of
from lockgate.operate.unread import readers, unknown_readers

__all__ = ["LEAST_RUNS", "advise", "costs_of", "growth_of", "readers", "unknown_readers"]
