"""A console that can deploy, over a real node.

``python -m tests.contracts.deploy_program HOME URL deploy|salted|declared|recover CACHE [FILE]``

Its signer holds anvil's published test keys: everything else is the console's own.
"""

from __future__ import annotations

import asyncio
import copy
import sys
from collections.abc import Sequence
from pathlib import Path

import coincurve

from app.access import Access, Vault
from app.audit.journal import Journal
from app.chain import Fees, Networks, Simulation, Transactions
from app.chain.hashing import checksum_address, keccak256
from app.chain.signer import SigningTask, UnsignedTransaction
from app.contracts import Contracts, Toolchain
from app.contracts.projects import project_around
from app.contracts.systems import definition_of, read_definition
from app.core.events import Bus
from app.core.jobs import Jobs
from app.core.paths import Home
from app.core.settings import NetworkSetting, SettingsStore
from app.database import Database
from app.operations import Operations
from app.operations.plans import Plan

AZR = 10**18
# anvil's first two published keys: worth nothing anywhere.
KEYS = (
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
)


class Keys:
    """A ``Signer`` of published keys."""

    def __init__(self) -> None:
        self.keys = {}
        for text in KEYS:
            key = coincurve.PrivateKey(bytes.fromhex(text))
            self.keys[checksum_address(keccak256(key.public_key.format(compressed=False)[1:])[12:])] = key
        self.signed = 0

    async def signs_elsewhere(self, address: str) -> bool:
        return False

    async def sign_transaction(self, address: str, unsigned: UnsignedTransaction, task: SigningTask | None = None) -> bytes:
        signature = self.keys[address].sign_recoverable(keccak256(unsigned.payload()), hasher=None)
        self.signed += 1
        return unsigned.signed(int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64])

    async def sign_transactions(
        self, address: str, transactions: Sequence[UnsignedTransaction], task: SigningTask | None = None
    ) -> list[bytes]:
        return [await self.sign_transaction(address, unsigned, task) for unsigned in transactions]

    async def sign_typed_text(self, address: str, text: str, digest: bytes, plan_id: str = "") -> bytes:
        return await self.sign_digest(address, digest)

    async def sign_digest(self, address: str, digest: bytes) -> bytes:
        signature = self.keys[address].sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])


class Room:
    """Database, operations, chain and contracts of one console."""

    def __init__(
        self, folder: Path, url: str, cache: Path | None = None, toolchain: Toolchain | None = None, store: str = ""
    ) -> None:
        home = Home(folder).ensure()
        self.url = url
        self.settings = SettingsStore(home, {})
        self.settings.load()
        self.bus = Bus()
        self.jobs = Jobs(self.bus)
        self.database = Database(store) if store else Database.at(home.database)
        self.journal = Journal(self.database)
        self.access = Access(self.database, Vault(home), self.journal.append)
        self.operations = Operations(self.database, self.journal, self.access)
        self.networks = Networks(settings=self.settings, database=self.database, bus=self.bus, jobs=self.jobs)
        self.simulation = Simulation(networks=self.networks)
        self.signer = Keys()
        self.deployer, self.other = self.signer.keys
        self.transactions = Transactions(
            database=self.database,
            networks=self.networks,
            fees=Fees(),
            simulation=self.simulation,
            operations=self.operations,
            signer=self.signer,
            bus=self.bus,
        )
        self.contracts = Contracts(
            database=self.database,
            networks=self.networks,
            simulation=self.simulation,
            fees=Fees(),
            transactions=self.transactions,
            operations=self.operations,
            settings=self.settings,
            jobs=self.jobs,
            bus=self.bus,
            cache=cache or home.cache,
            toolchain=toolchain,
        )

    async def open(self) -> Room:
        """Migrate, load, and know the node."""
        await self.database.open()
        await self.access.load()
        await self.networks.load()
        if all(network.id != "anvil" for network in self.networks.list()):
            await self.networks.add(
                NetworkSetting(id="anvil", name="Anvil", rpc_url=self.url, chain_id=1337, environment="local", confirmations=1)
            )
        return self

    @property
    def key(self) -> str:
        """The network's key."""
        return self.networks.get("anvil").key.text

    async def planned(self, **changed: object) -> Plan:
        """A previewed deployment."""
        wanted = {"attester": self.other, "epoch_length": 3600, "epoch_budget": 36_000 * AZR, **changed}
        return await self.contracts.plan_deploy_economy("anvil", str(wanted.pop("deployer", self.deployer)), **wanted)  # type: ignore[arg-type]

    async def salted(self, **changed: object) -> Plan:
        """A previewed deployment with token and redemption by CREATE2; the two between them refer to one and to a nonce."""
        definition = copy.deepcopy(definition_of("azr"))
        for contract in definition["contracts"]:
            if contract["name"] in ("AzoraToken", "Redemption"):
                contract["salt"] = "spring"
        values = {"admin": self.deployer, "attester": self.other, "officer": self.other}
        anew = bool(changed.pop("anew", False))
        return await self.contracts.plan_deploy("anvil", "salted", {**values, **changed}, definition, anew=anew)

    async def deployed(self, **changed: object) -> Plan:
        """A deployment that was run."""
        return await self.operations.execute((await self.planned(**changed)).id)

    async def close(self) -> None:
        """Close all; closing twice is closing once."""
        if not self.database.is_open:
            return
        await self.operations.close()
        await self.contracts.close()
        await self.networks.close()
        await self.jobs.close()
        await self.access.close()
        await self.database.close()


async def main() -> None:
    """Deploy, or take up what a kill left."""
    home, url, verb, cache = sys.argv[1:5]
    room = await Room(Path(home), url, Path(cache)).open()
    try:
        if verb == "deploy":
            await room.deployed()
        elif verb == "salted":
            await room.operations.execute((await room.salted()).id)
        elif verb == "declared":
            file = Path(sys.argv[5])
            values, project = {"master": room.deployer}, project_around(file)
            plan = await room.contracts.plan_deploy("anvil", file.stem, values, read_definition(file), project=project)
            await room.operations.execute(plan.id)
        else:
            await room.operations.recover()
    finally:
        await room.close()


if __name__ == "__main__":
    asyncio.run(main())
