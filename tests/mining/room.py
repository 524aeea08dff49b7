"""A console that mints, over a node, with published keys: everything but the keyring is the console's own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import coincurve

from app.audit.verifier import keccak256
from app.chain import Proofs, abi
from app.chain.hashing import checksum_address
from app.ledger import Ledger
from app.mining.abis import MINT_MINE
from app.mining.proofs import ProofDraft, ProofRow
from app.mining.service import Mining
from app.operations.plans import Plan
from tests.conftest import Node
from tests.contracts import deploy_program

AZR = 10**18
ATTESTER_ROLE = keccak256(b"ATTESTER_ROLE")
# anvil's third and fourth published keys: worth nothing anywhere.
MORE_KEYS = (
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
)


class Keys(deploy_program.Keys):
    """Four published keys; what a test wants to happen between attesting and minting happens after the first signature."""

    def __init__(self) -> None:
        super().__init__()
        for text in MORE_KEYS:
            key = coincurve.PrivateKey(bytes.fromhex(text))
            self.keys[checksum_address(keccak256(key.public_key.format(compressed=False)[1:])[12:])] = key
        self.then: Callable[[], object] | None = None

    async def sign_digest(self, address: str, digest: bytes) -> bytes:
        signature = await super().sign_digest(address, digest)
        then, self.then = self.then, None
        if then is not None:
            then()
        return signature


class Room(deploy_program.Room):
    """A console with mint queue and ledger."""

    def __init__(self, folder: Path, url: str, cache: Path, store: str = "") -> None:
        super().__init__(folder, url, cache, store=store)
        self.keys = Keys()
        self.transactions.signer = self.keys
        self.deployer, self.other, self.third, self.fourth = self.keys.keys
        self.ledger = Ledger(
            database=self.database,
            networks=self.networks,
            proofs=Proofs(),
            economy_of=self.contracts.economy,
            bus=self.bus,
            jobs=self.jobs,
        )
        self.mining = Mining(
            database=self.database,
            operations=self.operations,
            networks=self.networks,
            simulation=self.simulation,
            transactions=self.transactions,
            fees=deploy_program.Fees(),
            signer=self.keys,
            economy_of=self.contracts.economy,
            built=self.contracts.compile,
            resolve=self._resolve,
            ledger=lambda: self.ledger,
            bus=self.bus,
            jobs=self.jobs,
        )

    async def open_without_chain(self) -> Room:
        """Migrate and load; no network is known."""
        await self.database.open()
        await self.access.load()
        await self.networks.load()
        return self

    async def _resolve(self, text: str) -> str:
        return text

    async def submit(self, count: int = 1, activity: str = "docs-update", deadline: int | None = None) -> list[ProofRow]:
        """Ready proofs of as many contributors."""
        found = []
        for _ in range(count):
            who, evidence = checksum_address(secrets.token_bytes(20)), secrets.token_bytes(16)
            draft = ProofDraft(who, activity, 85, evidence_bytes=evidence, deadline=deadline)
            row = await self.mining.submit("anvil", draft)
            found.append(row if row.status.value == "ready" else await self.mining.review(row.id, True))
        return found

    async def plan(self, rows: list[ProofRow], attester: str | None = None) -> Plan:
        """A previewed mint."""
        signer = self.other if attester is None else attester
        return await self.mining.plan_mint("anvil", [row.id for row in rows], self.deployer, signer)

    async def mint(self, rows: list[ProofRow], attester: str | None = None) -> Plan:
        """A mint that was carried out."""
        return await self.operations.execute((await self.plan(rows, attester)).id)

    async def states(self, rows: list[ProofRow]) -> list[str]:
        """As the queue has them now."""
        return [(await self.mining.get(row.id)).status.value for row in rows]


def as_admin(node: Node, admin: str, contract: str, abi_: list[dict[str, object]], name: str, *arguments: object) -> None:
    """A call of an administrator, past the console."""
    data = abi.encode_call(abi_, name, list(arguments))
    tx = node("eth_sendTransaction", {"from": admin, "to": contract, "data": data, "gas": hex(500_000)})
    assert node("eth_getTransactionReceipt", tx)["status"] == "0x1", name


def revoke(node: Node, admin: str, contract: str, account: str) -> None:
    """Take ATTESTER_ROLE from an account."""
    revoked = [entry | {"name": "revokeRole"} for entry in MINT_MINE if entry["name"] == "grantRole"]
    as_admin(node, admin, contract, revoked, "revokeRole", ATTESTER_ROLE, account)
