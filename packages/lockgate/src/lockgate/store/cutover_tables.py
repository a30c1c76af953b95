"""The tables of cutovers and of what is told about them; the migrations make them, and a test holds both equal."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, Table, Text, text

from lockgate.store.columns import (
    Number,
    instant_column,
    json_column,
    metadata,
    number_column,
    scope_columns,
    text_column,
)

evidence = Table(
    "evidence",
    metadata,
    Column("evidence_id", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("kind"),
    *(text_column(name) for name in ("entity", "incumbent", "candidate", "incumbent_revision", "candidate_revision")),
    number_column("token"),
    instant_column("at"),
    text_column("by"),
    json_column("facts"),
    Index(None, "project", "target", "entity", "evidence_id"),
    sqlite_autoincrement=True,
)

traffic = Table(
    "traffic",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "target", "entity")),
    Column("token", Number, primary_key=True, autoincrement=False),
    text_column("worker", primary_key=True),
    *(text_column(name, server_default=text("''")) for name in ("incumbent_revision", "candidate_revision")),
    *(number_column(name) for name in ("requests", "errors", "shared_errors", "records", "wrong", "unbucketed")),
    number_column("slower_count"),
    Column("slower_sum", Float, nullable=False),
    Column("slower_squares", Float, nullable=False),
    instant_column("last_at"),
)

plan = Table(
    "plan",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("plan_id"),
    json_column("document"),
    instant_column("made_at"),
    Index(None, "project", "target", "plan_id"),
    sqlite_autoincrement=True,
)

plan_step = Table(
    "plan_step",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "target", "plan_id")),
    Column("position", Number, primary_key=True, autoincrement=False),
    json_column("outcome"),
    instant_column("at"),
)

decision = Table(
    "decision",
    metadata,
    Column("decision_id", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("entity"),
    text_column("action"),
    text_column("answer"),
    json_column("before"),
    Column("after", JSON(none_as_null=True)),
    Column("token", Number),
    text_column("by"),
    text_column("reason"),
    instant_column("at"),
    Column("plan_id", Text),
    json_column("gates"),
    json_column("facts"),
    Index("uq_decision_moved", "project", "target", "entity", "token", unique=True),
    sqlite_autoincrement=True,
)

notice = Table(
    "notice",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("notice_id"),
    text_column("channel"),
    text_column("about"),
    text_column("severity"),
    text_column("status"),
    number_column("attempts"),
    instant_column("next_at"),
    text_column("said"),
    instant_column("added_at"),
    instant_column("sent_at", nullable=True),
    json_column("notice"),
    Index("uq_notice_once", "project", "target", "notice_id", "channel", unique=True),
    Index(None, "project", "target", "status", "next_at"),
    sqlite_autoincrement=True,
)
