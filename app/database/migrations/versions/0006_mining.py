"""Tables of the mining room."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Hash, Uint256

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "value_proofs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("network", sa.String(100), nullable=False),
        sa.Column("contract", Address, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("contributor", Address, nullable=False),
        sa.Column("activity", sa.String(31), nullable=False),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("reward", Uint256, nullable=False),
        sa.Column("evidence", Hash, nullable=False),
        sa.Column("evidence_kind", sa.String(8), nullable=False),
        sa.Column("evidence_name", sa.Text, nullable=False),
        sa.Column("evidence_size", sa.BigInteger, nullable=False),
        sa.Column("digest", Hash, nullable=False),
        sa.Column("deadline", sa.BigInteger, nullable=False),
        sa.Column("salt", Hash, nullable=False),
        sa.Column("policy", sa.String(40), nullable=False),
        sa.Column("policy_digest", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("plan_id", sa.String(36), nullable=False),
        sa.Column("tx_hash", Hash),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_value_proofs"),
        sa.UniqueConstraint("number", name="uq_value_proofs_number"),
        sa.UniqueConstraint("digest", name="uq_value_proofs_digest"),
    )
    alive = sa.text("status NOT IN ('rejected', 'expired', 'revoked')")
    op.create_index(
        "uq_value_proofs_evidence",
        "value_proofs",
        ["network", "contract", "evidence"],
        unique=True,
        sqlite_where=alive,
        postgresql_where=alive,
    )
    op.create_index("ix_value_proofs_status", "value_proofs", ["network", "status", "number"])
    op.create_index("ix_value_proofs_contributor", "value_proofs", ["network", "contributor", "created_at"])
    op.create_index("ix_value_proofs_plan_id", "value_proofs", ["plan_id"])
    op.create_table(
        "redemption_references",
        sa.Column("hash", Hash, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_redemption_references"),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
