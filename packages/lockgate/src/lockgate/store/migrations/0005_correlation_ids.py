"""The correlation id of the request that a job came with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let a job keep it; those that are there have none."""
    op.add_column("job", sa.Column("correlation_id", sa.Text()))
