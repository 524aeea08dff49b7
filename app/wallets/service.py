"""The accounts of this console, and what a person does with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from app.wallets import keys
from app.wallets.accounts import Balances
from app.wallets.adopting import Adopting
from app.wallets.elsewhere import Elsewhere
from app.wallets.guarding import Guarding
from app.wallets.money import Means, Money

if TYPE_CHECKING:
    from app.access import Access
    from app.access.vault import Vault
    from app.chain import Economy, Fees, Networks, Simulation, Transactions
    from app.core.events import Bus
    from app.core.jobs import Jobs
    from app.database import Database
    from app.operations import Operations

Calls = list[tuple[str, list[object]]]


class Wallets(Money, Adopting, Elsewhere, Guarding):
    """Accounts, their keys and transfers; signs for ``app.chain`` (its ``Signer``)."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        access: Access,
        operations: Operations,
        networks: Networks,
        simulation: Simulation,
        transactions: Transactions,
        fees: Fees,
        economy_of: Callable[[str], Awaitable[Economy | None]],
        bus: Bus,
        jobs: Jobs,
    ) -> None:
        super().__init__(
            database=database,
            vault=vault,
            access=access,
            operations=operations,
            networks=networks,
            transactions=transactions,
            economy_of=economy_of,
            bus=bus,
            jobs=jobs,
        )
        self._register_making()
        self._learn_to_speak()
        self._register_elsewhere()
        self._register_guarding()
        self._handle_money(
            Means(database, operations, networks, simulation, transactions, fees, economy_of, bus, jobs, accounts=self.list)
        )

    async def balances(self, network_id: str, addresses: Sequence[str]) -> dict[str, Balances]:
        """Native coin and AZR of addresses, all at one block, by EIP-55 address.

        Raises:
            Unavailable: the network does not answer.
        """
        from app.wallets.actual import BALANCE_OF, word

        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        head = await chain.head()
        at = hex(head.number)
        wanted = [keys.parse_address(address) for address in addresses]
        calls: Calls = [("eth_getBalance", [address, at]) for address in wanted]
        if economy is not None:
            calls += [("eth_call", [{"to": economy.token, "data": BALANCE_OF + word(address)}, at]) for address in wanted]
        # A call to where no contract is gives “0x”: the chain was returned to a time before the token. That is no balance of 0.
        answers = [int(text, 16) if len(text) > 2 else None for text in map(str, await chain.rpc.batch(calls))]
        azr = answers[len(wanted) :] if economy is not None else [None] * len(wanted)
        return {
            address: Balances(native or 0, tokens, head.number, head.hash)
            for address, native, tokens in zip(wanted, answers, azr, strict=False)
        }
