"""Tables of the chain room."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create them."""


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
