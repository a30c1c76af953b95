"""Lineage: what each column is made of and what decides about its rows, over queries that read each other.

`trace` takes nodes (sources with their columns, models with their SQL) and works out each query once; `Graph` answers
what stands before and after. Nothing is guessed: what is not known is listed with its reason.
"""

from __future__ import annotations

from lockgate.lineage.document import from_document, to_document
from lockgate.lineage.graph import Graph, Impact
from lockgate.lineage.touching import CONSUMERS, touched, unresolved_below
from lockgate.lineage.tracing import BY_NAME, Traced, trace

__all__ = [
    "BY_NAME",
    "CONSUMERS",
    "Graph",
    "Impact",
    "Traced",
    "from_document",
    "to_document",
    "touched",
    "trace",
    "unresolved_below",
]
