"""Networks, nodes and transactions.

Knows how to reach a chain, what it is (chain id *and* genesis hash), how a transaction is priced, queued, sent and found again, and
what a call would do. Never knows whose money it is or what a contract is for; signatures come through the ``Signer`` protocol.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.chain.economy import Economy
    from app.chain.effects import Erc20, Watch
    from app.chain.fees import FeeLevels, FeeQuote, Fees
    from app.chain.networks import Block, Chain, Network, NetworkKey, Networks, NetworkStatus
    from app.chain.node_plans import LocalNodes
    from app.chain.node_views import NodeView, PoolEntry, TestAccount
    from app.chain.nodes import LocalNode
    from app.chain.proofs import Proofs
    from app.chain.requests import SigningRequest
    from app.chain.rival import Rival
    from app.chain.rpc import Rpc, RpcFailure
    from app.chain.runs import CallRequest
    from app.chain.signer import Signer, SigningTask, UnsignedTransaction
    from app.chain.simulation import Simulated, Simulation
    from app.chain.timeline import Snapshot
    from app.chain.transactions import (
        NonceReport,
        QueuedTransaction,
        TransactionRequest,
        Transactions,
        TransactionState,
        TransactionStep,
    )
    from app.chain.watcher import Watcher
    from app.chain.wording import Names

_HOME = {
    "Economy": "economy",
    "FeeLevels": "fees",
    "FeeQuote": "fees",
    "Fees": "fees",
    "Block": "networks",
    "Chain": "networks",
    "Network": "networks",
    "NetworkKey": "networks",
    "Networks": "networks",
    "NetworkStatus": "networks",
    "LocalNode": "nodes",
    "LocalNodes": "node_plans",
    "NodeView": "node_views",
    "PoolEntry": "node_views",
    "TestAccount": "node_views",
    "Snapshot": "timeline",
    "Proofs": "proofs",
    "Rival": "rival",
    "Rpc": "rpc",
    "RpcFailure": "rpc",
    "Signer": "signer",
    "SigningRequest": "requests",
    "SigningTask": "signer",
    "UnsignedTransaction": "signer",
    "CallRequest": "runs",
    "Erc20": "effects",
    "Simulated": "simulation",
    "Simulation": "simulation",
    "Watch": "effects",
    "TransactionRequest": "transactions",
    "Transactions": "transactions",
    "TransactionStep": "transactions",
    "TransactionState": "transactions",
    "QueuedTransaction": "transactions",
    "NonceReport": "transactions",
    "Watcher": "watcher",
    "Names": "wording",
}

__all__ = [
    "Block",
    "CallRequest",
    "Chain",
    "Economy",
    "Erc20",
    "FeeLevels",
    "FeeQuote",
    "Fees",
    "LocalNode",
    "LocalNodes",
    "Names",
    "Network",
    "NetworkKey",
    "NetworkStatus",
    "Networks",
    "NodeView",
    "PoolEntry",
    "NonceReport",
    "Proofs",
    "QueuedTransaction",
    "Rival",
    "Rpc",
    "RpcFailure",
    "Signer",
    "SigningRequest",
    "SigningTask",
    "Simulated",
    "Simulation",
    "Snapshot",
    "TestAccount",
    "TransactionRequest",
    "TransactionState",
    "TransactionStep",
    "Transactions",
    "UnsignedTransaction",
    "Watch",
    "Watcher",
]


def __getattr__(name: str) -> object:
    # Each name loads its own module, so that reading a network's name does not load an HTTP client.
    if name in _HOME:
        return getattr(importlib.import_module(f"app.chain.{_HOME[name]}"), name)
    raise AttributeError(name)
