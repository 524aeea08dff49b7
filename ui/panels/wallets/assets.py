"""What the accounts hold: native coin, AZR and other tokens, each with its decimals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.widgets.values import Amount, shown_text

if TYPE_CHECKING:
    from app.console import Console
    from app.wallets import Discovered


@dataclass(frozen=True, slots=True)
class Asset:
    """One thing that one account holds; ``token`` is empty for the native coin, ``amount`` in the smallest unit."""

    account: str
    token: str
    symbol: str
    decimals: int
    amount: int
    pending: int = 0


def found_text(row: Discovered, symbol: str) -> str:
    """What an account that was found on the chain holds, in words; ``symbol`` is the native coin's."""
    if not row.used:
        return "never used"
    held = [shown_text(Amount(row.native, 18, symbol))]
    return ", ".join([*held, shown_text(Amount(row.azr, 18, "AZR"))] if row.azr else held)


async def read_assets(console: Console) -> list[Asset]:
    """Everything that can be sent on the current network, AZR first.

    Raises:
        Unavailable: the network does not answer.
    """
    network = console.networks.current
    if network is None or not network.genesis:
        return []
    addresses = [account.address for account in await console.wallets.list()]
    if not addresses:
        return []
    economy = await console.contracts.economy(network.key.text)
    azr = economy.token if economy is not None else ""
    held = await console.wallets.assets(network.id, addresses)
    found = [
        Asset(one.account, one.token.address, one.token.symbol, one.token.decimals, one.newest or 0, one.pending or 0)
        for one in held
    ]
    return sorted(found, key=lambda one: 0 if one.token == azr and azr else 1)
