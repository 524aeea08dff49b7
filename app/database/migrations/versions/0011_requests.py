"""Transactions that wait for a signature from elsewhere."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Json

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "signing_requests",
        sa.Column("plan_id", sa.String(36), nullable=False),
        sa.Column("step_index", sa.Integer, nullable=False),
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("sender", Address, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("unsigned", Json, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "step_index", name="pk_signing_requests"),
    )
    op.create_index("ix_signing_requests_sender", "signing_requests", ["network", "sender"])


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
