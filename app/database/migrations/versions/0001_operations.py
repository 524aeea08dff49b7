"""Tables of the operations room."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
