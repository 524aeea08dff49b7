"""What is shown of a local chain."""

from __future__ import annotations

from dataclasses import dataclass

from app.chain.nodes import LocalNode


@dataclass(frozen=True, slots=True)
class TestAccount:
    """An account of a test phrase, with what it holds in wei and its next nonce."""

    address: str
    wei: int
    nonce: int


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """A transaction that waits."""

    hash: str
    sender: str
    nonce: int


@dataclass(frozen=True, slots=True)
class NodeView:
    """A chain as its node says it is. Times in seconds, prices in wei per gas; ``explained`` tells of a crash."""

    node: LocalNode
    pace: str
    height: int = 0
    head_hash: str = ""
    chain_time: int = 0
    base_fee: int = 0
    accounts: tuple[TestAccount, ...] = ()
    pending: tuple[PoolEntry, ...] = ()
    explained: str = ""
