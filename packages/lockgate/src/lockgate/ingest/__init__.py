"""Brings a stream's records into a target's raw log: extracted, validated, staged, and landed whole or not at all."""

from __future__ import annotations

from lockgate.ingest.loading import LoadPorts, load_stream

__all__ = ["LoadPorts", "load_stream"]
