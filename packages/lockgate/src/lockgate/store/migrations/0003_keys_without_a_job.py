"""Idempotency keys of requests that make no job: they answer about records at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let a key stand for no job."""
    with op.batch_alter_table("idempotency_key") as table:
        table.alter_column("job_id", existing_type=sa.Text(), nullable=True)
