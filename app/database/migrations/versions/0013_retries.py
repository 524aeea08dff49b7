"""Plans that do an ended one again, and what the operator stated for it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the columns; no plan before did another one again."""
    op.add_column("plans", sa.Column("retries", sa.String(36), nullable=False, server_default=""))
    op.add_column("plans", sa.Column("statement", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
