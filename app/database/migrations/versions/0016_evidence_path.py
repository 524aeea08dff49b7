"""Where the evidence of a proof was when it was submitted, for whoever reviews it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the column; of proofs from before it is not known."""
    op.add_column("value_proofs", sa.Column("evidence_path", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
