"""People, their sessions, machines' tokens, and the audit of what they changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _instants(*names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def upgrade() -> None:
    """Make their tables, each of a project."""
    op.create_table(
        "access_epoch",
        *_text("project"),
        sa.Column("value", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("project", name="pk_access_epoch"),
    )
    _people()
    _sessions()
    _machines()
    _audit()


def _people() -> None:
    op.create_table(
        "person",
        *_text("project", "name", "password"),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        *_instants("created_at", "password_changed_at"),
        *_instants("signed_in_at", nullable=True),
        sa.Column("failures", NUMBER, nullable=False),
        *_instants("locked_until", nullable=True),
        sa.PrimaryKeyConstraint("project", "name", name="pk_person"),
    )


def _sessions() -> None:
    whose = ["project", "person"]
    op.create_table(
        "session",
        *_text("project", "session_id", "person", "digest", "address"),
        *_instants("began_at", "seen_at", "expires_at"),
        sa.PrimaryKeyConstraint("project", "session_id", name="pk_session"),
        sa.ForeignKeyConstraint(
            whose, ["person.project", "person.name"], name="fk_session_project_person", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_session_project_person", "session", whose)
    op.create_table(
        "sign_in_attempt",
        sa.Column("number", NUMBER, nullable=False, autoincrement=True),
        *_text("project", "source"),
        *_instants("at"),
        sa.PrimaryKeyConstraint("number", name="pk_sign_in_attempt"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sign_in_attempt_project_source_at", "sign_in_attempt", ["project", "source", "at"])


def _machines() -> None:
    op.create_table(
        "machine_token",
        *_text("project", "token_id", "name"),
        sa.Column("roles", sa.JSON(), nullable=False),
        *_instants("created_at"),
        *_text("created_by"),
        *_instants("expires_at"),
        *_instants("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("project", "token_id", name="pk_machine_token"),
    )


def _audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("audit_id", NUMBER, nullable=False, autoincrement=True),
        *_text("project", "target"),
        *_instants("at"),
        *_text("actor", "kind", "address", "action", "subject", "outcome"),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("correlation_id", sa.Text()),
        *_instants("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("audit_id", name="pk_audit_entry"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_entry_project_audit_id", "audit_entry", ["project", "audit_id"])
    for name in ("actor", "action", "subject"):
        op.create_index(f"ix_audit_entry_project_{name}_audit_id", "audit_entry", ["project", name, "audit_id"])
