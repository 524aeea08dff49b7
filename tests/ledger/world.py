"""A real anvil with the real contracts, a real store, and a ledger over both."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.chain import abi
from app.chain.economy import Economy
from app.chain.networks import Chain, Network
from app.chain.proofs import Proofs
from app.chain.rpc import Rpc
from app.contracts.compiler import Compiler
from app.contracts.toolchain import Toolchain
from app.core.events import Bus
from app.core.jobs import Jobs
from app.database import Database
from app.ledger import Ledger
from app.mining.abis import MINT_MINE, REDEMPTION

ROOT = Path(__file__).resolve().parents[2]
AZR = 10**18
# anvil's first published account and its key: worth nothing anywhere.
KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


class Anvil:
    """A node on a free port that mines when told."""

    def __init__(self, *options: str) -> None:
        found = sorted((ROOT / "contracts/node_modules/@foundry-rs").glob("anvil-*/bin/anvil*"))
        command = [str(found[0]), "--port", "0", "--no-mining", "--timestamp", "1700000000", "--chain-id", "1337", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout
        for line in self.process.stdout:
            if match := re.search(r"Listening on 127\.0\.0\.1:(\d+)", line):
                self.url = f"http://127.0.0.1:{match[1]}"
                break
        self.accounts: list[str] = self("eth_accounts")

    def __call__(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            self("evm_mine")

    def send(self, sender: str, to: str | None, data: str = "0x", value: int = 0, *, mine: bool = True) -> str:
        call = {"from": sender, "data": data, "value": hex(value), "gas": hex(6_000_000)} | ({"to": to} if to else {})
        tx = self("eth_sendTransaction", call)
        if mine:
            self.mine()
        return str(tx)

    def done(self, tx: str) -> dict[str, Any]:
        receipt = self("eth_getTransactionReceipt", tx)
        assert receipt and receipt["status"] == "0x1", f"{tx} failed"
        return dict(receipt)


@dataclass
class World:
    """The economy on an anvil, and short words for what happens in it."""

    node: Anvil
    economy: Economy
    token_abi: Any
    salt: int = 0
    minted: list[str] = field(default_factory=list)

    @property
    def people(self) -> list[str]:
        return self.node.accounts[1:6]

    def mint(self, to: str, amount: int, *, mine: bool = True) -> str:
        import coincurve

        self.salt += 1
        proof = (to, amount, b"\1" * 32, self.salt.to_bytes(32, "big"), 2**63, self.salt.to_bytes(32, "big"))
        call = {"to": self.economy.mint_mine, "data": abi.encode_call(MINT_MINE, "digest", [proof])}
        digest = bytes.fromhex(self.node("eth_call", call, "latest")[2:])
        signed = coincurve.PrivateKey(bytes.fromhex(KEY)).sign_recoverable(digest, hasher=None)
        signature = signed[:64] + bytes([signed[64] + 27])
        data = abi.encode_call(MINT_MINE, "mint", [proof, [signature]])
        return self.node.send(self.node.accounts[0], self.economy.mint_mine, data, mine=mine)

    def transfer(self, sender: str, to: str, amount: int, *, mine: bool = True) -> str:
        return self.node.send(sender, self.economy.token, abi.encode_call(abi.ERC20, "transfer", [to, amount]), mine=mine)

    def burn(self, sender: str, amount: int, *, mine: bool = True) -> str:
        return self.node.send(sender, self.economy.token, abi.encode_call(self.token_abi, "burn", [amount]), mine=mine)

    def request(self, account: str, amount: int) -> None:
        self.node.send(account, self.economy.token, abi.encode_call(abi.ERC20, "approve", [self.economy.redemption, amount]))
        data = abi.encode_call(REDEMPTION, "request", [amount, b"\7" * 32])
        self.node.done(self.node.send(account, self.economy.redemption, data))

    def complete(self, number: int) -> None:
        data = abi.encode_call(REDEMPTION, "complete", [number, b"\x08" * 32])
        self.node.done(self.node.send(self.node.accounts[0], self.economy.redemption, data))


@pytest.fixture(scope="session")
def solc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the compiler keeps what it made."""
    return tmp_path_factory.mktemp("solc")


@pytest.fixture(scope="session")
def compiled(solc: Path) -> Any:
    async def compile_() -> Any:
        compiler = Compiler(Toolchain(), solc)
        try:
            return await compiler.compile()
        finally:
            await compiler.close()

    return asyncio.run(compile_())


@pytest.fixture
def world(compiled: Any) -> Iterator[World]:
    from eth_abi.abi import encode

    node = Anvil()
    try:
        admin = node.accounts[0]

        def deploy(name: str, types: list[str], values: list[Any]) -> str:
            artifact = compiled.get(name)
            tx = node.send(admin, None, "0x" + artifact.bytecode.removeprefix("0x") + encode(types, values).hex())
            from app.audit.verifier import checksum_address

            return checksum_address(node.done(tx)["contractAddress"])

        token = deploy("AzoraToken", ["address"], [admin])
        start = int(node("eth_getBlockByNumber", "latest", False)["number"], 16)
        emission = deploy(
            "Emission",
            ["address", "address", "uint64", "uint64", "uint256"],
            [token, admin, int(node("eth_getBlockByNumber", "latest", False)["timestamp"], 16), 86_400 * 365, 10**27],
        )
        mint_mine = deploy("MintMine", ["address", "address", "address"], [emission, token, admin])
        redemption = deploy("Redemption", ["address", "address", "uint64"], [token, admin, 86_400 * 30])
        from app.audit.verifier import keccak256

        def grant(contract: str, role: str, account: str) -> None:
            node.done(node.send(admin, contract, abi.encode_call(MINT_MINE, "grantRole", [keccak256(role.encode()), account])))

        grant(token, "MINTER_ROLE", emission)
        grant(emission, "SOURCE_ROLE", mint_mine)
        grant(mint_mine, "ATTESTER_ROLE", admin)
        grant(redemption, "OFFICER_ROLE", admin)
        artifact = compiled.get("AzoraToken")
        economy = Economy(
            network="",
            token=token,
            emission=emission,
            mint_mine=mint_mine,
            redemption=redemption,
            start_block=start,
            balances_slot=artifact.slot("_balances"),
            supply_slot=artifact.slot("_totalSupply"),
        )
        yield World(node, economy, artifact.abi)
    finally:
        node.process.terminate()
        node.process.wait(20)


class OneNetwork:
    """The part of ``Networks`` that the ledger uses, over one endpoint."""

    def __init__(self, url: str, genesis: str, own: bool = True) -> None:
        self.network = Network("here", "Here", 1337, "local", url, 1, genesis, own=own)
        self.rpc = Rpc(url)

    def get(self, _network_id: str) -> Network:
        return self.network

    async def connect(self, _network_id: str) -> Chain:
        return Chain(self.network, self.rpc)


class Books:
    """A ledger on a store of its own, driven from synchronous tests."""

    def __init__(self, world: World, database: str, url: str | None = None) -> None:
        self.world, self.database, self.url = world, database, url or world.node.url

    def __call__(self, work: Callable[[Ledger], Any]) -> Any:
        async def go() -> Any:
            genesis = self.world.node("eth_getBlockByNumber", "0x0", False)["hash"]
            networks, database, bus = OneNetwork(self.url, genesis), Database(self.database), Bus()
            await database.open()
            try:
                ledger = Ledger(
                    database=database,
                    networks=networks,  # type: ignore[arg-type]
                    proofs=Proofs(),
                    economy_of=lambda _key: self.world.economy,
                    bus=bus,
                    jobs=Jobs(bus),
                )
                return await work(ledger)
            finally:
                await networks.rpc.close()
                await database.close()

        return asyncio.run(go())

    def index(self) -> Any:
        return self(lambda ledger: ledger.index("here"))

    def digest(self) -> str:
        return str(self(lambda ledger: ledger.digest("here")))


@pytest.fixture
def books(world: World, tmp_path: Path) -> Callable[..., Books]:
    count = iter(range(1_000))

    def make(url: str | None = None) -> Books:
        return Books(world, f"sqlite:///{tmp_path}/books{next(count)}.db", url)

    return make
