"""What a transaction costs (EIP-1559), on chains with and without a base fee, and on chains that charge nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.errors import Denied

if TYPE_CHECKING:
    from app.chain.networks import Chain

CEILING = 5_000 * 10**9  # wei per gas above which nothing is sent without an explicit limit
HISTORY = 20  # blocks
PERCENTILES = (10, 50, 90)


@dataclass(frozen=True, slots=True)
class FeeQuote:
    """Prices in wei per gas. ``legacy`` chains have no base fee; ``max_fee_per_gas`` is the gas price there."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    base_fee: int
    legacy: bool = False


class Fees:
    """Quotes for the next block."""

    async def quote(self, chain: Chain) -> FeeQuote:
        """The price to offer now.

        Raises:
            Denied: the network asks more than the ceiling.
            Unavailable: it did not answer.
        """
        head = await chain.head()
        if head.base_fee is None:
            price = int(str(await chain.rpc.call("eth_gasPrice")), 16)
            return self._bounded(FeeQuote(price, price, 0, legacy=True))
        from app.chain.rpc import RpcFailure

        try:
            history = await chain.rpc.call("eth_feeHistory", hex(HISTORY), "latest", list(PERCENTILES))
        except RpcFailure:
            history = {}
        next_base = int((history.get("baseFeePerGas") or [hex(head.base_fee)])[-1], 16)
        tips = sorted(int(rewards[1], 16) for rewards in history.get("reward") or () if len(rewards) > 1)
        tip = tips[len(tips) // 2] if tips else 0
        # The base fee moves by at most 1/8 a block, so twice the next one survives six full blocks.
        return self._bounded(FeeQuote(2 * next_base + tip, tip, next_base))

    def _bounded(self, quote: FeeQuote) -> FeeQuote:
        if quote.max_fee_per_gas > CEILING:
            raise Denied(
                f"The network asks {quote.max_fee_per_gas // 10**9:,} gwei per gas, above the ceiling of {CEILING // 10**9:,}. "
                "Nothing was sent.",
                "Wait until the price falls.",
                retryable=True,
            )
        return quote
