"""Accounts: groups, order, notes, signers elsewhere; wallets: their path and their last drill."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
BIP44 = "m/44'/60'/0'/0/{index}"  # the only path there was


def upgrade() -> None:
    """Add them; accounts that exist stand in no group, in the order in which they came."""
    op.add_column("wallets", sa.Column("path", sa.String(120), nullable=False, server_default=""))
    op.add_column("wallets", sa.Column("drilled_at", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("group_name", sa.String(60), nullable=False, server_default=""))
    op.add_column("accounts", sa.Column("position", sa.Integer, nullable=False, server_default="1000000"))
    op.add_column("accounts", sa.Column("note", sa.String(500), nullable=False, server_default=""))
    op.add_column("accounts", sa.Column("signer", sa.String(300), nullable=False, server_default=""))
    wallets = sa.table("wallets", sa.column("kind", sa.String), sa.column("path", sa.String))
    op.execute(wallets.update().where(wallets.c.kind == "hd").values(path=BIP44))


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
