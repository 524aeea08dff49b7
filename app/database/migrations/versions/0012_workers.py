"""The roll of the workers of proof of work."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Json

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create it."""
    op.create_table(
        "work_workers",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("network", sa.String(100), nullable=False),
        sa.Column("contract", Address, nullable=False),
        sa.Column("miner", Address, nullable=False),
        sa.Column("host", sa.String(120), nullable=False),
        sa.Column("place", sa.String(12), nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("instruction_set", sa.String(16), nullable=False),
        sa.Column("threads", sa.Integer, nullable=False),
        sa.Column("throttle", sa.Integer, nullable=False),
        sa.Column("hash_rate", sa.BigInteger, nullable=False),
        sa.Column("hashes", sa.BigInteger, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("stale", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("wrong", sa.BigInteger, nullable=False),
        sa.Column("watts", sa.Float, nullable=True),
        sa.Column("watts_from", sa.String(10), nullable=False),
        sa.Column("celsius", sa.Float, nullable=True),
        sa.Column("wanted", Json, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_work_workers_network", "work_workers", ["network", "seen_at"])


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
