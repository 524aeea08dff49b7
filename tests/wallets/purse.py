"""A console that holds money on a real chain; only its vault is a dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.audit import Journal
from app.chain import Economy, Fees, Networks, Simulation, Transactions, abi
from app.contracts.compiler import Compiler
from app.contracts.toolchain import Toolchain
from app.core.events import Bus
from app.core.jobs import Jobs
from app.core.paths import Home
from app.core.secret import Secret
from app.core.settings import NetworkSetting, SettingsStore
from app.database import Database
from app.operations import Operations, Plan
from app.wallets import Wallets
from tests.wallets.conftest import HARDHAT, Memory
from tests.wallets.test_with_operations import Gate

NETWORK = "anvil"
ETHER = 10**18
ODD = Path(__file__).parent / "odd"


@pytest.fixture(scope="session")
def bytecodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Creation code by contract name: our own contracts, and tokens that behave oddly."""

    async def compile_both() -> dict[str, str]:
        compiler = Compiler(Toolchain(), tmp_path_factory.mktemp("solc"))
        try:
            made = [*(await compiler.compile()).contracts, *(await compiler.compile(ODD)).contracts]
        finally:
            await compiler.close()
        return {artifact.name: artifact.bytecode for artifact in made}

    return asyncio.run(compile_both())


class Recording(Gate):
    """An open console that journals what it is told to."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database, self._journal = database, journal

    async def record(self, kind: str, body: Any, change: Any = lambda connection: None) -> None:
        """As ``Access.record``."""

        def write(connection: Any) -> None:
            change(connection)
            self._journal.append(connection, kind, self.operator.name, body)

        await self._database.write(write)


class Purse:
    """The services, opened; ``accounts`` are anvil's funded ones, kept as an HD wallet named Purse."""

    def __init__(self, folder: Path, url: str, store: str = "") -> None:
        home = Home(folder).ensure()
        self.settings = SettingsStore(home, {})
        self.settings.load()
        self.url, self.bus, self.vault = url, Bus(), Memory()
        self.jobs = Jobs(self.bus)
        self.database = Database(store) if store else Database.at(home.database)
        self.journal = Journal(self.database, bus=self.bus)
        self.operations = Operations(self.database, self.journal, Gate(), self.bus, self.jobs)
        self.networks = Networks(settings=self.settings, database=self.database, bus=self.bus, jobs=self.jobs)
        self.simulation = Simulation(networks=self.networks)
        self.transactions = Transactions(
            database=self.database, networks=self.networks, fees=Fees(), simulation=self.simulation, operations=self.operations
        )
        self.economy: Economy | None = None
        self.wallets = Wallets(
            database=self.database,
            vault=self.vault,
            access=Recording(self.database, self.journal),
            operations=self.operations,
            networks=self.networks,
            simulation=self.simulation,
            transactions=self.transactions,
            fees=Fees(),
            economy_of=self._economy,
            bus=self.bus,
            jobs=self.jobs,
        )
        self.transactions.signer = self.wallets
        self.accounts: list[str] = []

    async def _economy(self, _network: str) -> Economy | None:
        return self.economy

    async def open(self, accounts: int = 3, confirmations: int = 1, *, fresh: bool = True) -> Purse:
        """Know the node, and hold some of its accounts; one that is not ``fresh`` knows them already."""
        await self.database.open()
        await self.networks.load()
        if not fresh and any(network.id == NETWORK for network in self.networks.list()):
            self.settings.set(
                "networks",
                [s.model_copy(update={"rpc_url": self.url}) if s.id == NETWORK else s for s in self.settings.value.networks],
            )
            return self
        setting = NetworkSetting(
            id=NETWORK, name="Anvil", rpc_url=self.url, chain_id=1337, environment="local", confirmations=confirmations
        )
        await self.networks.add(setting)
        if accounts:
            await self.done(await self.wallets.plan_create("Purse", Secret(HARDHAT.reveal()), accounts=accounts))
        self.accounts = [account.address for account in await self.wallets.list()]
        return self

    async def done(self, plan: Plan) -> Plan:
        """Carry a plan out; it must succeed."""
        ended = await self.operations.execute(plan.id)
        assert ended.state.value == "done", f"{ended.title}: {ended.state.value}, {ended.reason}"
        return ended

    async def close(self) -> None:
        """Close all."""
        await self.jobs.close()
        await self.operations.close()
        await self.networks.close()
        await self.database.close()


@pytest_asyncio.fixture
async def purse(tmp_path: Path, node: Any) -> AsyncIterator[Purse]:
    """Three funded accounts on a chain that mines at once."""
    purse = await Purse(tmp_path / "home", node.url).open()
    yield purse
    await purse.close()


def deploy(node: Any, code: str, *arguments: tuple[str, object], sender: str = "") -> str:
    """Put a contract on the chain, past everything of ours; its address."""
    data = code + abi.encode([kind for kind, _ in arguments], [value for _, value in arguments]).hex()
    sender = sender or node.accounts[0]
    tx = node("eth_sendTransaction", {"from": sender, "data": data, "gas": hex(5_000_000)})
    return abi.checksum_address(node("eth_getTransactionReceipt", tx)["contractAddress"])


def verdicts(plan: Plan) -> dict[str, tuple[str, str]]:
    """Level and text of each check of a preview, by its rule."""
    assert plan.preview is not None
    return {verdict.rule: (verdict.level.value, verdict.text) for verdict in plan.preview.verdicts}
