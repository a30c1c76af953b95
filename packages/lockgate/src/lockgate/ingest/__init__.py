"""Loading: a stream's records are staged package by package, landed at once, and written down."""

from __future__ import annotations

from lockgate.ingest.loading import LoadPorts, load_stream

__all__ = ["LoadPorts", "load_stream"]
