"""Tables of this room: the mint queue, references that the chain knows only as hashes, and the workers of proof of work."""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata
from app.database.types import Address, Hash, Json, Uint256

DEAD_SQL = sa.text("status NOT IN ('rejected', 'expired', 'revoked')")

value_proofs = sa.Table(
    "value_proofs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("network", sa.String(100), nullable=False),  # NetworkKey.text
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
    sa.Column("evidence_path", sa.Text, nullable=False, server_default=""),  # where the file was when it was submitted
    sa.Column("evidence_url", sa.Text, nullable=False, server_default=""),  # where it was fetched, or where its file came from
    sa.Column("evidence_type", sa.String(120), nullable=False, server_default=""),  # content type, as its server said
    sa.Column("fetched_at", sa.BigInteger, nullable=False, server_default="0"),  # UTC milliseconds
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
    # A digest is one proof for good; evidence is free again once its proof can never be minted.
    sa.UniqueConstraint("digest", name="uq_value_proofs_digest"),
    sa.Index(
        "uq_value_proofs_evidence", "network", "contract", "evidence", unique=True, sqlite_where=DEAD_SQL, postgresql_where=DEAD_SQL
    ),
    sa.Index("ix_value_proofs_status", "network", "status", "number"),
    sa.Index("ix_value_proofs_contributor", "network", "contributor", "created_at"),
    sa.Index("ix_value_proofs_plan_id", "plan_id"),
)

# Signatures of attesters over the digest of a proof. They are public data: whoever has them may mint, once.
signatures = sa.Table(
    "proof_signatures",
    metadata,
    sa.Column("proof_id", sa.String(36), primary_key=True),
    sa.Column("attester", Address, primary_key=True),
    sa.Column("signature", sa.LargeBinary(65), nullable=False),
    sa.Column("source", sa.String(80), nullable=False),  # the plan that signed, or the file that brought it
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

# What was said of a proof in its review; rows are only added.
remarks = sa.Table(
    "proof_remarks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("proof_id", sa.String(36), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # UTC milliseconds
    sa.Column("said", sa.String(12), nullable=False),
    sa.Column("author", sa.String(120), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("ix_proof_remarks_proof_id", "proof_id", "id"),
)

# Versions of the reward policy after the one that a release brings.
policies = sa.Table(
    "reward_policies",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("body", Json, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("author", sa.String(120), nullable=False),
    sa.Column("plan_id", sa.String(36), nullable=False),
    sa.Column("valid_from", sa.BigInteger, nullable=False),  # UTC milliseconds
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

references = sa.Table(
    "redemption_references",
    metadata,
    sa.Column("hash", Hash, primary_key=True),  # SHA-256 of the text: what the chain carries
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

workers = sa.Table(
    "work_workers",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("network", sa.String(100), nullable=False),  # NetworkKey.text
    sa.Column("contract", Address, nullable=False),
    sa.Column("miner", Address, nullable=False),
    sa.Column("host", sa.String(120), nullable=False),
    sa.Column("place", sa.String(12), nullable=False),  # local, remote, kubernetes: as seen from itself
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("instruction_set", sa.String(16), nullable=False),
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("throttle", sa.Integer, nullable=False),
    sa.Column("hash_rate", sa.BigInteger, nullable=False),  # hashes per second
    sa.Column("hashes", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("stale", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("wrong", sa.BigInteger, nullable=False),
    sa.Column("watts", sa.Float, nullable=True),  # measured, else entered
    sa.Column("watts_from", sa.String(10), nullable=False),  # measured, entered, or empty
    sa.Column("celsius", sa.Float, nullable=True),
    sa.Column("wanted", Json, nullable=False),  # what an operator asks of it: paused, throttle, stop
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger, nullable=False),
    sa.Index("ix_work_workers_network", "network", "seen_at"),
)

work_rates = sa.Table(
    "work_rates",
    metadata,
    sa.Column("worker", sa.String(36), primary_key=True),
    sa.Column("at", sa.BigInteger, primary_key=True),  # UTC milliseconds, whole ten seconds
    sa.Column("rate", sa.BigInteger, nullable=False),  # hashes per second
)

bank_statements = sa.Table(
    "bank_statements",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),  # SHA-256 of the file
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("account", sa.String(40), nullable=False),
    sa.Column("pending", sa.Integer, nullable=False),
    sa.Column("entries", Json, nullable=False),  # lists of line, day, amount, currency, reference, name, id
    sa.Column("imported_at", sa.BigInteger, nullable=False),
)
