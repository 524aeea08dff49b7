"""What the accounts hold: native coin, AZR and other tokens, each with its decimals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.console import Console


@dataclass(frozen=True, slots=True)
class Asset:
    """One thing that one account holds; ``token`` is empty for the native coin, ``amount`` in the smallest unit."""

    account: str
    token: str
    symbol: str
    decimals: int
    amount: int
    pending: int = 0


async def read_assets(console: Console) -> list[Asset]:
    """Everything that can be sent on the current network, AZR first.

    Raises:
        Unavailable: the network does not answer.
    """
    network = console.networks.current
    if network is None or not network.genesis:
        return []
    economy = await console.contracts.economy(network.key.text)
    addresses = [account.address for account in await console.wallets.list()]
    held = await console.wallets.balances(network.id, addresses)
    found = []
    if economy is not None:
        found = [Asset(at, economy.token, economy.token_symbol, 18, one.azr or 0) for at, one in held.items()]
    return [*found, *(Asset(at, "", network.symbol, 18, one.native) for at, one in held.items())]
