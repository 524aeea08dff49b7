"""Bank statements that somebody imported."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Json

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "bank_statements",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("account", sa.String(40), nullable=False),
        sa.Column("pending", sa.Integer, nullable=False),
        sa.Column("entries", Json, nullable=False),
        sa.Column("imported_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
