"""Plans, steps, leases, the journal and the operators."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Hash, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them; the journal refuses to be changed."""
    op.create_table(
        "plans",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("target", Json, nullable=False),
        sa.Column("target_ref", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("limits", Json, nullable=False),
        sa.Column("plan_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("preview", Json),
        sa.Column("receipt", Json),
        sa.Column("confirmed_digest", sa.String(64), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger, nullable=False),
        sa.Column("journal_before", sa.BigInteger, nullable=False),
        sa.Column("stop_requested", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sa.UniqueConstraint("number", name="uq_plans_number"),
    )
    op.create_index("ix_plans_state_number", "plans", ["state", "number"])
    op.create_table(
        "steps",
        sa.Column("plan_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("prepared", Json),
        sa.Column("result", Json, nullable=False),
        sa.Column("evidence", Json, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "position", name="pk_steps"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_steps_plan_id_plans", ondelete="CASCADE"),
    )
    op.create_index("ix_steps_kind_state", "steps", ["kind", "state"])
    op.create_table(
        "leases",
        sa.Column("plan_id", sa.String(36), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("process_started", sa.BigInteger, nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
        sa.Column("heartbeat", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name="pk_leases"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_leases_plan_id_plans", ondelete="CASCADE"),
    )
    op.create_table(
        "journal",
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("plan_id", sa.String(36), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("previous", Hash, nullable=False),
        sa.Column("entry_hash", Hash, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_journal"),
        sa.UniqueConstraint("entry_hash", name="uq_journal_entry_hash"),
    )
    op.create_index("ix_journal_plan_id", "journal", ["plan_id"])
    _append_only()
    op.create_table(
        "operators",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("hashing", Json),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("verifier", sa.LargeBinary),
        sa.Column("wrapped_key", sa.LargeBinary),
        sa.Column("passphrase_set_at", sa.BigInteger, nullable=False),
        sa.Column("failed_attempts", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_operators"),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")


def _append_only() -> None:
    """Refuse changes to what is written. Who owns the store can drop a trigger; the hash chain then tells on them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal "
            "FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()"
        )
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER journal_no_{verb.lower()} BEFORE {verb} ON journal "
                "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
            )
