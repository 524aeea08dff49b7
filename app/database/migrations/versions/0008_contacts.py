"""Contacts of the wallets room."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "contacts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("label", sa.String(60), nullable=False),
        sa.Column("label_key", sa.String(120), nullable=False),
        sa.Column("address", Address, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("network", sa.String(40), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("label_key", name="uq_contacts_label_key"),
    )
    op.create_index("ix_contacts_address", "contacts", ["address"])


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
