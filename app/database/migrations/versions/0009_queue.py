"""The transaction queue: seen, replaced, many per step; the same bytes on two chains."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Hash

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add what the queue lacks. A chain that was reset takes the same bytes again, so a hash alone is no key."""
    with op.batch_alter_table("transactions") as table:
        table.add_column(sa.Column("item", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("succeeded", sa.Boolean, nullable=True))
        table.add_column(sa.Column("sent_at", sa.BigInteger, nullable=False, server_default="0"))
        table.add_column(sa.Column("seen_at", sa.BigInteger, nullable=False, server_default="0"))
        table.add_column(sa.Column("replaces", Hash, nullable=True))
        table.add_column(sa.Column("replaced_by", Hash, nullable=True))
        table.add_column(sa.Column("note", sa.String(500), nullable=False, server_default=""))
        table.drop_constraint("pk_transactions", type_="primary")
        table.create_primary_key("pk_transactions", ["hash", "network"])
    op.execute("UPDATE transactions SET sent_at = updated_at WHERE state IN ('sent', 'mined', 'final', 'replaced')")
    op.execute("UPDATE transactions SET seen_at = updated_at WHERE state IN ('mined', 'final')")


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
