"""The table of lineage events on their way out; the migrations make it, and a test holds both equal."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from lockgate.store.columns import (
    Number,
    instant_column,
    json_column,
    metadata,
    number_column,
    scope_columns,
    text_column,
)

lineage_event = Table(
    "lineage_event",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("event_id"),
    text_column("run_id"),
    text_column("phase"),
    text_column("status"),
    number_column("attempts"),
    instant_column("next_at"),
    text_column("said"),
    instant_column("added_at"),
    instant_column("sent_at", nullable=True),
    json_column("event"),
    Index("uq_lineage_event_once", "project", "target", "event_id", unique=True),
    Index(None, "project", "target", "status", "number"),
    Index(None, "project", "target", "run_id", "phase"),
    sqlite_autoincrement=True,
)
