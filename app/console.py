"""The composition root: builds the rooms from the settings, each when it is first needed, and closes them.

Whoever holds a ``Console`` holds the program without a window. The window runs it on its service loop, the command line under
``asyncio.run``. Only here do rooms that must not know each other meet: a room that needs another's answer takes a callable, and
this file says whose.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import ConsoleError, NotFound, Unavailable
from app.core.events import Bus, NodeChanged, SettingsChanged
from app.core.jobs import Jobs
from app.core.paths import Home
from app.core.settings import SettingsStore

if TYPE_CHECKING:
    from app.access import Access, Vault
    from app.audit import Journal
    from app.chain import Fees, LocalNodes, Names, Network, Networks, Proofs, Simulation, Transactions, Watcher
    from app.cluster import Clusters
    from app.contracts import Contracts
    from app.contracts.roles import Party
    from app.core.jobs import Job
    from app.database import Database
    from app.demo import Demo
    from app.ledger import Ledger
    from app.mining import Bank, Mining, Redemptions, Work
    from app.operations import Operations, Plan
    from app.wallets import AzrHistory, Wallets

log = logging.getLogger(__name__)


class Console:
    """Every service of the program, built lazily from one home.

    Args:
        home: the folder that holds settings, store, chains and logs.
        settings: the settings of that home, already loaded.
    """

    def __init__(self, home: Home, settings: SettingsStore) -> None:
        self.home = home
        self.settings = settings
        self.bus = Bus()
        self.jobs = Jobs(self.bus)
        self._recovery: Job | None = None

    @classmethod
    async def open(cls, home: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Console:
        """Load the settings of ``home`` (default: the user's own), open the store and take up what a crash left.

        Raises:
            Unavailable: the store cannot be opened; nothing was changed.
        """
        place = Home(home) if home else Home.default(environ)
        place.ensure()
        settings = SettingsStore(place, os.environ if environ is None else environ)
        settings.load()
        console = cls(place, settings)
        try:
            await console.start()
        except BaseException:
            await console.close()
            raise
        return console

    # rooms, each built when it is first asked for

    @cached_property
    def database(self) -> Database:
        """The store."""
        from app.database import Database

        url = self.settings.value.database.url
        if ".tunnel" in url:
            from app.cluster.tunnels import route

            url = route(url, self.settings.value.tunnels)
        return Database(url) if url else Database.at(self.home.database)

    @cached_property
    def vault(self) -> Vault:
        """The operating system's keyring."""
        from app.access import Vault

        return Vault(self.home)

    @cached_property
    def journal(self) -> Journal:
        """The record of everything done."""
        from app.access.vault import JournalHead
        from app.audit import Journal

        return Journal(self.database, JournalHead(self.vault, self.database.name), self.bus, self.jobs)

    @cached_property
    def access(self) -> Access:
        """Operator, role and lock."""
        from app.access import Access

        return Access(
            self.database,
            self.vault,
            self.journal.append,
            lock_after_minutes=lambda: self.settings.value.console.lock_after_minutes,  # read anew each time
            lock_on_sleep=lambda: self.settings.value.console.lock_on_sleep,
            bus=self.bus,
            jobs=self.jobs,
        )

    @cached_property
    def operations(self) -> Operations:
        """The one way to change things."""
        from app.operations import Operations

        return Operations(self.database, self.journal, self.access, self.bus, self.jobs)

    @cached_property
    def networks(self) -> Networks:
        """Known networks and connections."""
        from app.chain import Networks

        networks = Networks(settings=self.settings, database=self.database, bus=self.bus, jobs=self.jobs)
        networks.route = lambda url: self.clusters.tunnels.route(url) if ".tunnel" in url else url
        return networks

    @cached_property
    def nodes(self) -> LocalNodes:
        """Local chains."""
        from app.chain import LocalNodes
        from app.contracts.toolchain import Toolchain

        toolchain = Toolchain()
        return LocalNodes(
            folder=self.home.chains,
            networks=self.networks,
            operations=self.operations,
            bus=self.bus,
            find_anvil=lambda: toolchain.file("anvil", "bin/anvil"),
            put_back=lambda network, height, note: self.transactions.forget_above(network, height, note),
        )

    @cached_property
    def fees(self) -> Fees:
        """What a transaction costs."""
        from app.chain import Fees

        return Fees()

    @cached_property
    def simulation(self) -> Simulation:
        """What calls would do."""
        from app.chain import Simulation

        simulation = Simulation(networks=self.networks)
        simulation.names_of = self._names
        return simulation

    async def _names(self, network: Network) -> Names:
        """How people call what is on a network: for the reasons why calls fail."""
        from app.chain import Names

        economy = await self.contracts.economy(network.key.text)
        return Names(await self.wallets.names_of(network), economy.units if economy is not None else {})

    @cached_property
    def transactions(self) -> Transactions:
        """The sending path."""
        from app.chain import Transactions

        return Transactions(
            database=self.database,
            networks=self.networks,
            fees=self.fees,
            simulation=self.simulation,
            operations=self.operations,
            bus=self.bus,
        )

    @cached_property
    def watcher(self) -> Watcher:
        """The watch over what was sent."""
        from app.chain import Watcher

        return Watcher(self.transactions, self.networks, self.bus, self.jobs)

    @cached_property
    def proofs(self) -> Proofs:
        """Figures proven against a header."""
        from app.chain import Proofs

        return Proofs()

    @cached_property
    def contracts(self) -> Contracts:
        """Sources, artifacts and deployments."""
        from app.contracts import Contracts

        return Contracts(
            database=self.database,
            networks=self.networks,
            simulation=self.simulation,
            fees=self.fees,
            transactions=self.transactions,
            operations=self.operations,
            settings=self.settings,
            jobs=self.jobs,
            bus=self.bus,
            cache=self.home.cache,
        )

    @cached_property
    def wallets(self) -> Wallets:
        """Accounts, transfers, and the signer of the sending path."""
        from app.wallets import Wallets

        wallets = Wallets(
            database=self.database,
            vault=self.vault,
            access=self.access,
            operations=self.operations,
            networks=self.networks,
            simulation=self.simulation,
            transactions=self.transactions,
            fees=self.fees,
            economy_of=self.contracts.economy,
            bus=self.bus,
            jobs=self.jobs,
        )
        self.transactions.signer = wallets
        self.transactions.names_of = wallets.names_of
        self.contracts.roles.parties = self._parties
        wallets.use_azr_history(self._azr_history)
        return wallets

    async def _parties(self, network: Network) -> Mapping[str, Party]:
        """Who the addresses of a network are, and where their keys live: for the list of roles."""
        from app.contracts.roles import EXTERNAL, IN_KEYRING, Party

        places = {"inKeyring": IN_KEYRING, "external": EXTERNAL, "watchOnly": "watched, no key here"}
        found = {
            address: Party(label, "contact, its key is elsewhere")
            for address, label in (await self.wallets.names_of(network)).items()
        }
        for deployed in await self.contracts.book(network.key.text):
            found[deployed.address] = Party(deployed.name, "contract")
        own = {each.address: Party(each.label, places.get(each.key_state, "key missing")) for each in await self.wallets.list()}
        return own | {address: party for address, party in found.items() if address not in own}

    @cached_property
    def ledger(self) -> Ledger:
        """The index, its reconciliation and its proofs."""
        from app.audit import verifier
        from app.chain.hashing import keccak256
        from app.ledger import Ledger

        verifier.use_keccak(keccak256)  # in C: pure Python takes 1.4 ms per header
        return Ledger(
            database=self.database,
            networks=self.networks,
            proofs=self.proofs,
            economy_of=self.contracts.economy,
            bus=self.bus,
            jobs=self.jobs,
            journal=self.journal,
        )

    @cached_property
    def mining(self) -> Mining:
        """Value proofs and the mint queue."""
        from app.mining import Mining

        return Mining(
            database=self.database,
            operations=self.operations,
            networks=self.networks,
            simulation=self.simulation,
            transactions=self.transactions,
            fees=self.fees,
            signer=self.wallets,
            economy_of=self.contracts.economy,
            built=self.contracts.compile,
            resolve=self.wallets.resolve,
            ledger=lambda: self.ledger,
            bus=self.bus,
            jobs=self.jobs,
        )

    @cached_property
    def work(self) -> Work:
        """Proof of work: its state and its workers."""
        from decimal import Decimal

        from app.mining import Work
        from app.mining.work import Prices

        def prices() -> Prices:
            entered = self.settings.value.mining
            given = [Decimal(text) if text else None for text in (entered.azr_price, entered.energy_price)]
            return Prices(given[0], given[1], entered.currency)

        return Work(
            database=self.database,
            operations=self.operations,
            access=self.access,
            networks=self.networks,
            simulation=self.simulation,
            transactions=self.transactions,
            fees=self.fees,
            economy_of=self.contracts.economy,
            bus=self.bus,
            jobs=self.jobs,
            fleet=lambda: self.clusters.actions,
            prices=prices,
        )

    @cached_property
    def redemptions(self) -> Redemptions:
        """AZR for fiat."""
        from app.mining import Redemptions

        return Redemptions(
            database=self.database,
            operations=self.operations,
            networks=self.networks,
            simulation=self.simulation,
            transactions=self.transactions,
            fees=self.fees,
            economy_of=self.contracts.economy,
            bus=self.bus,
            bank_checks=lambda *asked: self.bank.verdicts(*asked),
        )

    @cached_property
    def bank(self) -> Bank:
        """Bank statements against redemptions."""
        from decimal import Decimal

        from app.mining import Bank
        from app.mining.bank import Rate

        def rate() -> Rate:
            entered = self.settings.value.mining
            return Rate(Decimal(entered.redemption_rate) if entered.redemption_rate else None, entered.currency)

        return Bank(self.database, self.networks, self.redemptions, rate, self.bus)

    @cached_property
    def clusters(self) -> Clusters:
        """Kubernetes clusters."""
        from app.cluster import Clusters

        return Clusters(settings=self.settings, operations=self.operations, database=self.database, bus=self.bus, jobs=self.jobs)

    @cached_property
    def demo(self) -> Demo:
        """The demo economy."""
        from app.demo import Demo

        return Demo(self)

    # life

    async def start(self) -> None:
        """Open the store, learn who operates, adopt living nodes, and take up plans whose process died.

        Recovery runs as a job: a plan that waits for confirmations must not keep the window from opening. Plans with signed steps
        finish without a key; unsigned ones wait for unlock when the console is locked.
        """
        await self._open_store()
        await self.access.load()
        await self.networks.load()
        await self.nodes.adopt()
        # The runner must know every kind of plan before it can recover one.
        rooms = (self.transactions, self.contracts, self.wallets, self.mining, self.work, self.redemptions, self.clusters.actions)
        for room in rooms:
            log.debug("%s is ready", type(room).__name__)
        if self.settings.value.tunnels:
            self.jobs.quietly("tunnels", self.clusters.tunnels.supervise, endless=True)
        await self.mining.policies.load()
        await self.wallets.start()
        self.bus.subscribe(NodeChanged, self._node_changed)
        self.watcher.start()
        self._recovery = self.jobs.start("Take up unfinished plans", self._recover, kind="recovery")

    async def _open_store(self) -> None:
        """Open the store; one whose host is ``NAME.tunnel`` after its tunnel, which needs no store.

        Raises:
            NotFound: there is no such tunnel. Unavailable: the store does not answer, with what its tunnel says.
        """
        url, name = self.settings.value.database.url, ""
        if ".tunnel" in url:
            from app.cluster.tunnels import tunnel_of

            name = tunnel_of(url)
        if name:
            try:
                await self.clusters.tunnels.open(name)
            except Unavailable as error:  # an open console beside this process listens there already, as a rule
                log.info("the store's tunnel was not opened here: %s", error.message)
        try:
            await self.database.open()
        except Unavailable as error:
            said = next((state.message for state in self.clusters.tunnels.list() if state.name == name), "") if name else ""
            if not said:
                raise
            raise Unavailable(
                f"The store lies behind the tunnel {name}, and that leads nowhere now. {said} Nothing was read or written.",
                "See: azora cluster tunnel list. The store can be changed in config.toml, database.url.",
                retryable=True,
            ) from error

    async def _recover(self, _job: Job) -> list[Plan]:
        for network in self.networks.list():
            if network.own:
                await self._send_again(network)
        taken = list(await self.operations.recover())
        await self.mining.reconciling.everywhere()
        return taken

    def _node_changed(self, event: NodeChanged) -> None:
        """A node that was killed forgot blocks: what it forgot is sent again as soon as it runs."""
        network = next((n for n in self.networks.list() if n.id == f"local-{event.name}"), None)
        if network is not None:
            self.jobs.quietly("send again", lambda: self._send_again(network))

    async def _send_again(self, network: Network) -> None:
        try:
            await self.transactions.rebroadcast(network.key.text)
        except ConsoleError as error:
            log.info("nothing was sent again on %s: %s", network.name, error.message)

    async def recovered(self) -> list[Plan]:
        """The plans that this start took up, as they are now; waits until recovery is through."""
        taken: list[Plan] = await self._recovery.wait() if self._recovery is not None else []
        return [await self.operations.get(plan.id) for plan in taken]

    async def change_setting(self, key: str, value: object) -> None:
        """Change one setting and tell everybody.

        Raises:
            Invalid: no such key, or a value it cannot have; nothing was changed.
        """
        self.settings.set(key, value)
        self.bus.publish(SettingsChanged(key))

    async def token_address(self, network: Network, token: str) -> str:
        """``AZR``, ``native`` (or the coin's symbol) or an added token's symbol as the address that a transfer names.

        Text that begins with ``0x`` is taken as an address.

        Raises:
            NotFound: no AZR economy, or no token of that symbol, is known on that network.
        """
        if token.casefold() in ("native", network.symbol.casefold()):
            return ""
        if token.upper() != "AZR":
            return token if token.casefold().startswith("0x") else await self.wallets.token_named(network.id, token)
        economy = await self.contracts.economy(network.key.text)
        if economy is None:
            raise NotFound(
                f"There is no AZR economy on {network.name}. Nothing was done.",
                "Deploy it: azora contract deploy. The native coin is sent with --token native.",
            )
        return economy.token

    async def _azr_history(self, network_id: str, account: str, before: tuple[int, int] | None, limit: int) -> AzrHistory | None:
        """The ledger's rows of an account for the wallets room, which does not know the ledger; None where nothing is indexed."""
        from app.ledger import LedgerFilter
        from app.wallets import AzrEntry, AzrHistory

        state = await self.ledger.state(network_id)
        if state.last < state.first:
            return None
        place = None if before is None else f"{before[0]}:{before[1]}"
        page = await self.ledger.transactions(network_id, LedgerFilter(account=account), place, limit)
        entries = [
            AzrEntry(
                row.block, row.index, row.time, row.kind.value, row.sender, row.recipient, row.amount, row.tx_hash, row.evidence
            )
            for row in page.rows
        ]
        return AzrHistory(tuple(entries), state.first, state.last)

    async def close(self) -> None:
        """Cancel jobs, close connections and the store. A local node goes on; it is adopted at the next start."""
        await self.jobs.close()
        built = self.__dict__
        is_open = "database" in built and self.database.is_open
        if "journal" in built and is_open:
            await self.journal.keep_head()
        stored = ("operations", "access", "networks", "contracts") if is_open else ()  # they say in the store that they end
        for name in (*stored, "database", "clusters"):  # the store may lie behind a tunnel, so that goes last
            if name in built:
                await built[name].close()
        if "vault" in built:
            self.vault.close()
