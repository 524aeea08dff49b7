"""Tables of this room: what workloads and nodes used, kept longer than the cluster itself keeps it."""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata

# What is measured: a workload or a node of a cluster, which is named as plans name it (app.cluster.client.Identity.ref).
cluster_series = sa.Table(
    "cluster_series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("cluster", sa.Text, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("namespace", sa.String(63), nullable=False),  # empty for a node
    sa.Column("name", sa.String(253), nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),  # UTC ms, to ten minutes
    sa.UniqueConstraint("cluster", "kind", "namespace", "name", name="uq_cluster_series"),
    sqlite_autoincrement=True,  # the number of a series that went is not given to another
)

# By time first: a minute of all series is appended and dropped as one piece; one series is found by the times that can be.
cluster_usage = sa.Table(
    "cluster_usage",
    metadata,
    sa.Column("span", sa.Integer, primary_key=True, autoincrement=False),  # ms that a row is the mean of: a minute, ten minutes
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),  # UTC ms at which they began
    sa.Column("series", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("cpu", sa.BigInteger, nullable=False),  # millionths of a core
    sa.Column("memory", sa.BigInteger, nullable=False),  # bytes
    sqlite_with_rowid=False,
)
