"""Signatures of attesters, collected per proof."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "proof_signatures",
        sa.Column("proof_id", sa.String(36), primary_key=True),
        sa.Column("attester", Address, primary_key=True),
        sa.Column("signature", sa.LargeBinary(65), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
