"""What the wallets panel knows at one moment, read in one go on the service loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.console import Console
    from app.wallets import Account, Balances

KINDS = {
    "hd": ("tree-structure", "HD"),
    "imported": ("key", "Imported"),
    "external": ("plugs-connected", "External"),
    "watch": ("eye", "Watch-only"),
}
# state of the key: icon, its colour, the word, the word's colour
KEYS = {
    "inKeyring": ("check-circle-fill", "ok", "In keyring", "text"),
    "watchOnly": ("eye", "text-3", "No key (watch-only)", "text-3"),
    "missing": ("x-square-fill", "err", "Key missing", "err"),
    "external": ("plugs-connected", "ok", "External signer", "text"),
    "unknown": ("hourglass-medium", "pend", "Keyring locked", "text-2"),
}
SIGNING = ("inKeyring", "unknown", "external")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Accounts and what they hold.

    Attributes:
        balances: by address; empty while the network does not answer.
        network: id of the current network, or empty.
        symbol: its native coin.
        problem: why nothing was read of the chain, in a sentence.
    """

    accounts: tuple[Account, ...] = ()
    balances: dict[str, Balances] = field(default_factory=dict)
    network: str = ""
    network_name: str = ""
    symbol: str = "ETH"
    problem: str = ""

    def account(self, ref: str) -> Account | None:
        """By address or id."""
        wanted = ref.lower()
        return next((one for one in self.accounts if wanted in (one.address.lower(), one.id.lower())), None)

    def label(self, address: str) -> str:
        """What an address is called here, or empty."""
        found = self.account(address)
        return found.label if found else ""

    def groups(self) -> list[str]:
        """Names of the groups in use, in the order of the list."""
        return list(dict.fromkeys(group for group in (group_of(one) for one in self.accounts) if group))


def group_of(account: Any) -> str:
    """The group an account stands in, or empty."""
    return str(getattr(account, "group", ""))


async def read(console: Console) -> Snapshot:
    """Read accounts and balances; what the chain does not answer is said in ``problem``."""
    from app.core.errors import ConsoleError

    accounts = await console.wallets.list()
    network = console.networks.current
    if network is None:
        return Snapshot(tuple(accounts), problem="No network selected")
    balances: dict[str, Balances] = {}
    problem = ""
    if accounts:
        try:
            balances = await console.wallets.balances(network.id, [account.address for account in accounts])
        except ConsoleError as error:
            problem = error.message
    return Snapshot(tuple(accounts), balances, network.id, network.name, network.symbol, problem)
