"""The revisions that answered the traffic that was counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Let a count tell; those that are there were of revisions that nobody knows any more."""
    for name in ("incumbent_revision", "candidate_revision"):
        op.add_column("traffic", sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")))
