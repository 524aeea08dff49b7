"""Evidence behind an address: where it is, what its server calls it, and when it was fetched."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the columns. Proofs whose address text was hashed keep that hash and their kind ``url``."""
    op.add_column("value_proofs", sa.Column("evidence_url", sa.Text, nullable=False, server_default=""))
    op.add_column("value_proofs", sa.Column("evidence_type", sa.String(120), nullable=False, server_default=""))
    op.add_column("value_proofs", sa.Column("fetched_at", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE value_proofs SET evidence_url = evidence_name WHERE evidence_kind = 'url'")


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
