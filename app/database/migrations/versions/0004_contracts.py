"""Tables of the contracts room."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create them."""


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
