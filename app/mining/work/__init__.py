"""Proof of work: threads that search for nonces of EIP-918.

Knows how to search on this machine; never what a chain says of a challenge, nor how a solution is sent.
"""

from app.mining.work.miner import Miner, MinerState

__all__ = ["Miner", "MinerState"]
