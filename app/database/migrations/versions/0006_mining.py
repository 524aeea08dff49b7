"""Tables of the mining room."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create them."""


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
