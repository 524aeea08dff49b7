"""Transactions that wait for a signature from elsewhere: a step may wait for many."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Json

revision = "0019"
down_revision = "0018"

COLUMNS = (
    ("plan_id", sa.String(36)),
    ("step_index", sa.Integer),
    ("network", sa.String(90)),
    ("sender", Address),
    ("nonce", sa.BigInteger),
    ("title", sa.String(200)),
    ("unsigned", Json),
    ("raw", sa.LargeBinary),
    ("created_at", sa.BigInteger),
)


def upgrade() -> None:
    """The number of the item becomes a part of the key, so the table is made anew around the few rows that wait now."""
    before = sa.table("signing_requests", *(sa.column(name, kind) for name, kind in COLUMNS))
    waiting = [{**row, "item": 0} for row in op.get_bind().execute(sa.select(before)).mappings()]
    op.drop_index("ix_signing_requests_sender", "signing_requests")
    op.drop_table("signing_requests")
    made = op.create_table(
        "signing_requests",
        *(sa.Column(name, kind, nullable=False) for name, kind in (*COLUMNS[:2], ("item", sa.Integer), *COLUMNS[2:])),
        sa.PrimaryKeyConstraint("plan_id", "step_index", "item", name="pk_signing_requests"),
    )
    op.create_index("ix_signing_requests_sender", "signing_requests", ["network", "sender"])
    if waiting:
        op.bulk_insert(made, waiting)


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
