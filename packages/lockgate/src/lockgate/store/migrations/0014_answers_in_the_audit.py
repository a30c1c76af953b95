"""Answers about records in the audit, which are many: whoever looks for changes does not read past them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

CHANGED = sa.text("action <> 'records.transform'")


def upgrade() -> None:
    """Have those who look for changes, and for changes of a subject, find them by indexes of changes alone."""
    for old, new, columns in (
        ("project_audit_id", "changes", ["project", "audit_id"]),
        ("project_subject_audit_id", "changes_by_subject", ["project", "subject", "audit_id"]),
    ):
        op.drop_index(f"ix_audit_entry_{old}", "audit_entry")
        name = f"ix_audit_entry_{new}"
        op.create_index(name, "audit_entry", columns, sqlite_where=CHANGED, postgresql_where=CHANGED)
