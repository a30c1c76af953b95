"""The revision that made an execution, and the bytes that its nodes read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Let both keep it; of those that are there it is not known."""
    op.add_column("execution", sa.Column("revision", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("node_result", sa.Column("read_bytes", NUMBER))
