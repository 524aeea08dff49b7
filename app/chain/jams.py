"""A node's pool that holds back what could be mined at once, and how it is loosened.

anvil 1.7.1, mining each transaction as it comes, now and then files an executable transaction among the queued ones and never looks
at it again, and at all that follows it neither; the bytes are "already imported", and no block helps. Seen in 3 of 18 runs of 520
transactions. The pool contradicts itself then: it has the account's next nonce, and yet counts nothing as pending. On local
networks the account's part of the pool is thrown away, and the stored bytes are sent again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.chain.rpc import RpcFailure
from app.chain.standing import Standing

if TYPE_CHECKING:
    from app.chain.networks import Chain

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 2.0  # an answer may be late by a block; no pool is so for long


class Jams:
    """Remembers since when a pool has contradicted itself."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], tuple[int, float]] = {}  # by network and sender: the nonce, and when it was first seen

    async def loosen(self, chain: Chain, standings: Sequence[Standing]) -> None:
        """Empty the pool of the accounts that have been stuck for a while; the next look finds their bytes unknown."""
        if chain.network.environment != "local":
            return
        stuck: dict[str, int] = {}
        for standing in standings:
            row, counts = standing.row, standing.counts
            if standing.known and standing.receipt is None and row.nonce == counts.latest == counts.pending:
                stuck[row.sender] = row.nonce
        now = time.monotonic()
        for sender in {standing.row.sender for standing in standings}:
            at = (chain.network.key.text, sender)
            nonce, since = self._since.get(at, (-1, now))
            if sender not in stuck:
                self._since.pop(at, None)
            elif nonce != stuck[sender]:
                self._since[at] = (stuck[sender], now)
            elif now - since >= PATIENCE_SECONDS:
                del self._since[at]
                await self._empty(chain, sender)

    async def _empty(self, chain: Chain, sender: str) -> None:
        try:
            await chain.rpc.call("anvil_removePoolTransactions", sender)
        except RpcFailure as failure:  # another kind of node, which must help itself
            log.debug("%s keeps its pool: %s", chain.network.name, failure.text)
        else:
            log.warning("%s held back executable transactions of %s; they are sent again", chain.network.name, sender)
