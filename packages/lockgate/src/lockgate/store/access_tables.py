"""The tables of who may, and of what was changed; the migrations make them, and a test holds both equal.

They are a project's, whatever target a process works on.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Index, Table, Text, text

from lockgate.core.access import ANSWERED
from lockgate.store.columns import (
    Number,
    instant_column,
    json_column,
    metadata,
    number_column,
    text_column,
    truth_column,
)

access_epoch = Table(
    "access_epoch",
    metadata,
    text_column("project", primary_key=True),
    number_column("value"),
)

person = Table(
    "person",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "name")),
    text_column("password"),
    json_column("roles"),
    truth_column("is_enabled"),
    instant_column("created_at"),
    instant_column("password_changed_at"),
    instant_column("signed_in_at", nullable=True),
    number_column("failures"),
    instant_column("locked_until", nullable=True),
)

session = Table(
    "session",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "session_id")),
    text_column("person"),
    text_column("digest"),
    text_column("address"),
    instant_column("began_at"),
    instant_column("seen_at"),
    instant_column("expires_at"),
    ForeignKeyConstraint(["project", "person"], ["person.project", "person.name"], ondelete="CASCADE"),
    Index(None, "project", "person"),
)

sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    text_column("project"),
    text_column("source"),
    instant_column("at"),
    Index(None, "project", "source", "at"),
    sqlite_autoincrement=True,
)

machine_token = Table(
    "machine_token",
    metadata,
    *(text_column(name, primary_key=True) for name in ("project", "token_id")),
    text_column("name"),
    json_column("roles"),
    instant_column("created_at"),
    text_column("created_by"),
    instant_column("expires_at"),
    instant_column("revoked_at", nullable=True),
)

CHANGED = text(f"action <> '{ANSWERED}'")
"""Tells the entries of changes from those of answers, in the words that the indexes know."""

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("audit_id", Number, primary_key=True, autoincrement=True),
    *(text_column(name) for name in ("project", "target")),
    instant_column("at"),
    *(text_column(name) for name in ("actor", "kind", "address", "action", "subject", "outcome")),
    json_column("facts"),
    Column("correlation_id", Text),
    instant_column("ended_at", nullable=True),
    *(Index(None, "project", name, "audit_id") for name in ("actor", "action")),
    # Those of changes alone, where the migration makes them: to say so here would import a dialect for every command.
    Index("ix_audit_entry_changes", "project", "audit_id"),
    Index("ix_audit_entry_changes_by_subject", "project", "subject", "audit_id"),
    sqlite_autoincrement=True,
)
