"""The tables of flows: their runs, on whatever runtime, with their steps; and how far each schedule has come."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from lockgate.store.columns import (
    Number,
    instant_column,
    metadata,
    number_column,
    parent_column,
    scope_columns,
    text_column,
)

flow_run = Table(
    "flow_run",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("flow"),
    text_column("runtime"),
    text_column("run_id"),
    text_column("caused_by"),
    text_column("status"),
    instant_column("interval_start"),
    instant_column("interval_end"),
    instant_column("queued_at"),
    instant_column("started_at", nullable=True),
    instant_column("finished_at", nullable=True),
    text_column("begun_by"),
    Index("uq_flow_run_once", "project", "target", "flow", "runtime", "run_id", unique=True),
    Index(None, "project", "target", "status"),
    sqlite_autoincrement=True,
)

flow_step = Table(
    "flow_step",
    metadata,
    parent_column("number", "flow_run"),
    Column("name", Text, primary_key=True),
    number_column("position"),
    text_column("status"),
    number_column("attempt"),
    number_column("token"),
    Column("worker", Text),
    instant_column("next_at", nullable=True),
    instant_column("started_at", nullable=True),
    instant_column("finished_at", nullable=True),
    Column("exit_code", Number),
    text_column("error"),
    text_column("log"),
)

flow_fired = Table(
    "flow_fired",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "target", "flow")),
    instant_column("until"),
)
