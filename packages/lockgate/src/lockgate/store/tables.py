"""The tables of loads, runs, jobs and comparisons; the migrations make them, and a test holds both equal."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Table, Text, text

from lockgate.store.columns import (
    Number,
    instant_column,
    json_column,
    metadata,
    number_column,
    parent_column,
    scope_columns,
    text_column,
    truth_column,
)

counter = Table("counter", metadata, text_column("name", primary_key=True), number_column("value"))

load = Table(
    "load",
    metadata,
    Column("load_id", Number, primary_key=True, autoincrement=False),
    *scope_columns(),
    text_column("source"),
    text_column("stream"),
    text_column("relation_schema"),
    text_column("relation_name"),
    text_column("mode"),
    text_column("status"),
    instant_column("started_at"),
    instant_column("finished_at", nullable=True),
    number_column("rows"),
    number_column("rejected"),
    number_column("bytes"),
    number_column("files"),
    Column("cursor_since", Text),
    Column("cursor_until", Text),
    text_column("error"),
    Index(None, "project", "target", "source", "stream", "status"),
)

staged_package = Table(
    "staged_package",
    metadata,
    parent_column("load_id", "load"),
    Column("number", Number, primary_key=True, autoincrement=False),
    text_column("file"),
    Column("rejects", Text),
    json_column("columns"),
    number_column("rows"),
    number_column("rejected"),
    Column("cursor_until", Text),
    json_column("resume"),
)

run = Table(
    "run",
    metadata,
    Column("run_id", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("command"),
    text_column("status"),
    instant_column("started_at"),
    instant_column("finished_at", nullable=True),
    Index(None, "project", "target", "status"),
    sqlite_autoincrement=True,
)

run_step = Table(
    "run_step",
    metadata,
    parent_column("run_id", "run"),
    Column("position", Number, primary_key=True, autoincrement=False),
    text_column("name"),
    text_column("status"),
    instant_column("started_at"),
    instant_column("finished_at", nullable=True),
    json_column("facts"),
    text_column("error"),
)

cycle = Table(
    "cycle",
    metadata,
    Column("cycle_id", Number, primary_key=True, autoincrement=True),
    Column("run_id", Number, ForeignKey("run.run_id", ondelete="CASCADE"), nullable=False, index=True),
    json_column("pins"),
    text_column("status"),
    instant_column("started_at"),
    instant_column("finished_at", nullable=True),
    sqlite_autoincrement=True,
)

execution = Table(
    "execution",
    metadata,
    Column("execution_id", Number, primary_key=True, autoincrement=True),
    Column("cycle_id", Number, ForeignKey("cycle.cycle_id", ondelete="CASCADE"), nullable=False, index=True),
    text_column("entity", index=True),
    text_column("implementation"),
    text_column("built_schema"),
    text_column("built_name"),
    number_column("rows"),
    Column("seconds", Float, nullable=False),
    text_column("status"),
    text_column("error"),
    instant_column("finished_at"),
    text_column("revision", server_default=text("''")),
    sqlite_autoincrement=True,
)

node_result = Table(
    "node_result",
    metadata,
    parent_column("execution_id", "execution"),
    Column("position", Number, primary_key=True, autoincrement=False),
    text_column("node"),
    text_column("status"),
    Column("seconds", Float, nullable=False),
    Column("rows", Number),
    Column("failures", Number),
    text_column("message"),
    text_column("file"),
    json_column("depends_on"),
    Column("read_bytes", Number),
)

rule_count = Table(
    "rule_count",
    metadata,
    parent_column("execution_id", "execution"),
    Column("position", Number, primary_key=True, autoincrement=False),
    text_column("rule"),
    text_column("outcome"),
    number_column("rows"),
    text_column("reason"),
)

edition = Table(
    "edition",
    metadata,
    parent_column("execution_id", "execution"),
    number_column("number"),
    number_column("rows"),
    instant_column("published_at"),
)

job_execution = Table(
    "job_execution",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    text_column("execution_id", unique=True),
    *scope_columns(),
    text_column("entity"),
    text_column("program"),
    json_column("request"),
    text_column("status"),
    number_column("attempts"),
    Column("worker", Text),
    Column("inputs", Text),
    truth_column("is_fallback"),
    instant_column("queued_at"),
    instant_column("started_at", nullable=True),
    instant_column("finished_at", nullable=True),
    Column("result", JSON(none_as_null=True)),
    Column("failure", JSON(none_as_null=True)),
    Index(None, "project", "target", "program", "status"),
    Index(
        "uq_job_execution_queued",
        *("project", "target", "program"),
        unique=True,
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
    sqlite_autoincrement=True,
)

job = Table(
    "job",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    text_column("job_id", unique=True),
    *scope_columns(),
    text_column("caller"),
    text_column("entity"),
    json_column("request"),
    Column("execution_id", Text, ForeignKey("job_execution.execution_id"), nullable=False, index=True),
    truth_column("joined"),
    text_column("inputs"),
    truth_column("is_settled"),
    instant_column("submitted_at"),
    instant_column("cancelled_at", nullable=True),
    Column("correlation_id", Text),
    Index(None, "project", "target", "entity"),
    sqlite_autoincrement=True,
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "target", "scope", "key")),
    text_column("digest"),
    Column("job_id", Text, ForeignKey("job.job_id", ondelete="CASCADE"), index=True),
    instant_column("stored_at"),
)

worker = Table(
    "worker",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "target", "slot")),
    text_column("host"),
    number_column("token"),
    instant_column("expires_at"),
)

switch = Table(
    "switch",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "target", "entity")),
    truth_column("enabled"),
    instant_column("changed_at"),
    text_column("changed_by"),
)

comparison = Table(
    "comparison",
    metadata,
    Column("comparison_id", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("entity"),
    text_column("verdict"),
    number_column("unexplained"),
    instant_column("compared_at"),
    json_column("found"),
    Index(None, "project", "target", "entity"),
    sqlite_autoincrement=True,
)

noise = Table(
    "noise",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "target", "entity", "implementation")),
    text_column("revision"),
    json_column("columns"),
    instant_column("learnt_at"),
)
