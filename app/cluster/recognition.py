"""Well-known programs, recognised by the name of their image, so that they get the signals that fit them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum


class Program(StrEnum):
    """A program that this console knows something about."""

    POSTGRESQL = "PostgreSQL"
    REDIS = "Redis"
    KAFKA = "Kafka"
    PROMETHEUS = "Prometheus"
    GRAFANA = "Grafana"
    RPC_NODE = "RPC node"


# The last part of an image's path. Operators ship theirs under other names (spilo, cp-kafka); helpers must not match
# (postgres-exporter).
_NAMES = {
    Program.POSTGRESQL: r"postgres|postgresql|spilo(-\d+)?|postgis|timescaledb|pgvector",
    Program.REDIS: r"redis|valkey|keydb|redis-stack(-server)?|redis-cluster",
    Program.KAFKA: r"kafka|cp-kafka|cp-server|kafka-native|redpanda",
    Program.PROMETHEUS: r"prometheus",
    Program.GRAFANA: r"grafana(-oss|-enterprise)?",
    Program.RPC_NODE: r"geth|client-go|nethermind|erigon|besu|reth|foundry|anvil|hardhat|bor|op-geth|nitro-node",
}
_PATTERNS = {program: re.compile(pattern) for program, pattern in _NAMES.items()}
PORTS = {
    Program.POSTGRESQL: (5432,),
    Program.REDIS: (6379,),
    Program.KAFKA: (9092,),
    Program.PROMETHEUS: (9090,),
    Program.GRAFANA: (),
    Program.RPC_NODE: (8545, 8546),
}
KEEPS_DATA = (Program.POSTGRESQL, Program.KAFKA, Program.RPC_NODE, Program.PROMETHEUS)


def image_parts(image: str) -> tuple[str, str, str]:
    """Repository, tag and digest of an image reference; tag and digest may be empty."""
    rest, _, digest = image.partition("@")
    head, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:  # a colon before a slash belongs to the registry's port
        return rest, "", digest
    return head, tag, digest


def recognise(images: Iterable[str]) -> Program | None:
    """The program of the first image that is known."""
    for image in images:
        last = image_parts(image)[0].rpartition("/")[2].lower()
        for program, pattern in _PATTERNS.items():
            if pattern.fullmatch(last):
                return program
    return None
