"""Where the AZR economy lives on one network: a plain value that contracts make and ledger, wallets and mining read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Economy:
    """Addresses are EIP-55 text; ``start_block`` is the first block that can hold an event of any of them.

    ``balances_slot`` and ``supply_slot`` are the storage slots of the token's balance mapping and total supply.
    """

    network: str
    token: str
    emission: str
    mint_mine: str
    redemption: str
    start_block: int
    balances_slot: int
    supply_slot: int
    work: str = ""  # MineableAzora, where proof of work is deployed
    token_symbol: str = "AZR"
    decimals: int = 18

    @property
    def units(self) -> dict[str, tuple[str, int]]:
        """Symbol and decimals that each of its contracts counts in, by address."""
        contracts = (self.token, self.emission, self.mint_mine, self.redemption, self.work)
        return {address: (self.token_symbol, self.decimals) for address in contracts if address}
