"""A local chain returns to a snapshot, and goes on otherwise: every book of the console agrees with it, and says what is gone."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.chain import Proofs
from app.console import Console
from app.core.events import Notice
from app.core.secret import Secret
from app.database import Database
from app.ledger import Ledger
from app.mining import ProofDraft
from app.operations import Plan
from app.wallets import TransferDraft
from app.wallets.published import TEST_PHRASE, addresses_of
from tests.ledger.world import Books, World

pytestmark = [pytest.mark.node, pytest.mark.compiler]
AZR = 10**18
ALICE, BOB, CAROL = ("0x" + digit * 40 for digit in "234")
NETWORK = "local-lab"


@dataclass
class Desk:
    """A console with the economy on a chain of its own, and everything that it said."""

    console: Console
    sender: str
    said: list[str]
    folder: Path

    async def do(self, plan: Plan) -> Plan:
        ended = await self.console.operations.execute(plan.id)
        assert ended.state.value == "done", f"{ended.title}: {ended.reason}"
        return ended

    @property
    def key(self) -> str:
        return self.console.networks.get(NETWORK).key.text

    async def submit(self, to: str) -> str:
        """A ready proof; its id."""
        draft = ProofDraft(to, "docs-update", 85, evidence_bytes=secrets.token_bytes(16))
        row = await self.console.mining.submit(NETWORK, draft)
        return (row if row.status.value == "ready" else await self.console.mining.review(row.id, True)).id

    async def mint(self, *proofs: str) -> None:
        await self.do(await self.console.mining.plan_mint(NETWORK, list(proofs), self.sender, self.sender))

    async def pay(self, to: str, amount: int) -> Plan:
        token = (await self.console.contracts.economy(self.key)).token
        return await self.do(await self.console.wallets.plan_transfer(TransferDraft(NETWORK, self.sender, to, amount, token)))

    async def height(self) -> int:
        async with self.console.nodes.control("lab") as node:
            return await node.height()

    async def mine_to(self, height: int) -> None:
        if (blocks := height - await self.height()) > 0:
            await self.do(await self.console.nodes.plan_mine("lab", blocks))

    async def states(self, *proofs: str) -> list[str]:
        return [(await self.console.mining.get(proof)).status.value for proof in proofs]

    async def agree(self, held: dict[str, int]) -> None:
        """Ledger, a ledger that was read from scratch, balances, mint queue and wallets' queue say what the chain says."""
        console = self.console
        state = await console.ledger.index(NETWORK)
        assert (state.last, state.complete) == (await self.height(), True)
        assert (await console.ledger.reconcile(NETWORK)).ok
        assert await console.ledger.digest(NETWORK) == await self.fresh()
        for account, amount in held.items():
            assert (await console.ledger.balance(NETWORK, account)).value == amount, account
            assert (await console.ledger.prove_balance(NETWORK, account)).evidence[0].status.value == "included"
            page = await console.wallets.activity(NETWORK, account, None, 50, 0)
            assert sum(row.amount for row in page.rows if row.unit == "AZR" and row.direction == "in") == amount, account
        told = await console.mining.reconcile(NETWORK)
        assert told.ok and told.ledger == (await self.minted())
        chain = await console.networks.connect(NETWORK)
        await console.transactions.follow(self.key, deep=True)
        for row in await console.transactions.list(self.key):
            receipt = await chain.rpc.call("eth_getTransactionReceipt", row.hash)
            assert (row.state.value in ("mined", "final")) == (receipt is not None), row
            assert receipt is None or row.block_hash == receipt["blockHash"]

    async def minted(self) -> int:
        return sum(row.status.value == "minted" for row in await self.console.mining.queue(NETWORK))

    async def fresh(self) -> str:
        """The digest of a ledger that has seen nothing but the chain as it is now."""
        database = Database.at(self.folder / f"{secrets.token_hex(4)}.db")
        await database.open()
        console = self.console
        try:
            ledger = Ledger(
                database=database, networks=console.networks, proofs=Proofs(),
                economy_of=console.contracts.economy, bus=type(console.bus)(), jobs=console.jobs,
            )  # fmt: skip
            await ledger.index(NETWORK)
            return await ledger.digest(NETWORK)
        finally:
            await database.close()


@pytest_asyncio.fixture
async def desk(home: Path, solc: Path, compiled: Any, tmp_path: Path) -> AsyncIterator[Desk]:
    shutil.copytree(solc, home / "cache", dirs_exist_ok=True)
    console = await Console.open(home)
    said: list[str] = []
    console.bus.subscribe(Notice, lambda notice: said.append(notice.text))
    (sender,) = await addresses_of(1)
    desk = Desk(console, sender, said, tmp_path)
    try:
        await desk.do(await console.nodes.plan_create("lab", accounts=[sender]))
        await desk.do(await console.wallets.plan_create("Test", Secret(TEST_PHRASE)))
        budget: dict[str, Any] = {"attester": sender, "epoch_length": 3600, "epoch_budget": 36_000 * AZR}
        await desk.do(await console.contracts.plan_deploy_economy(NETWORK, sender, **budget))
        yield desk
    finally:
        for node in await console.nodes.list():
            await console.nodes.stop(node.name)
        await console.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
async def test_what_was_undone_is_nowhere_and_what_came_instead_is_everywhere(desk: Desk, restarted: bool) -> None:
    console, nodes = desk.console, desk.console.nodes
    kept, undone = await desk.submit(desk.sender), await desk.submit(CAROL)
    await desk.mint(kept)
    await desk.pay(ALICE, 2 * AZR)
    await desk.do(await nodes.plan_snapshot("lab", "before"))
    await desk.agree({ALICE: 2 * AZR, BOB: 0, CAROL: 0})

    await desk.pay(BOB, 3 * AZR)
    await desk.mint(undone)
    reward = (await console.mining.get(undone)).reward
    await desk.agree({ALICE: 2 * AZR, BOB: 3 * AZR, CAROL: reward})
    height = await desk.height()
    if restarted:
        await desk.do(await nodes.plan_restart("lab"))
        await desk.agree({ALICE: 2 * AZR, BOB: 3 * AZR, CAROL: reward})

    await desk.do(await nodes.plan_restore("lab", "before"))
    while await desk.states(kept, undone) != ["minted", "ready"]:  # the queue follows by itself
        await asyncio.sleep(0.02)
    if restarted:
        await desk.do(await nodes.plan_restart("lab"))
    await desk.pay(ALICE, AZR)
    await desk.mine_to(height)  # other blocks, as many
    await desk.agree({ALICE: 3 * AZR, BOB: 0, CAROL: 0})
    assert await desk.states(kept, undone) == ["minted", "ready"]
    (told,) = [text for text in desk.said if "No longer in the ledger" in text]
    assert "1 mint" in told and "1 transfer" in told

    await desk.mint(undone)  # once more, and once only
    await desk.agree({ALICE: 3 * AZR, BOB: 0, CAROL: reward})
    assert await desk.states(kept, undone) == ["minted", "minted"]


def test_what_comes_again_in_another_block_is_not_called_gone(world: World, books: Callable[..., Books]) -> None:
    world.node.done(world.mint(world.people[0], 10 * AZR))
    stays = world.transfer(world.people[0], ALICE, 2 * AZR)
    goes = world.transfer(world.people[0], BOB, 3 * AZR)
    world.node.done(goes)
    here, said = books(), list[str]()

    async def index(ledger: Ledger) -> None:
        ledger._bus.subscribe(Notice, lambda notice: said.append(notice.text))
        await ledger.index("here")

    here(index)
    before = int(world.node("eth_blockNumber"), 16)
    world.node("anvil_reorg", 2, [[world.node("eth_getRawTransactionByHash", stays), 1]])
    here(index)
    assert world.node.done(stays)["blockNumber"] == hex(before) and world.node("eth_getTransactionReceipt", goes) is None
    assert said == [
        f"Here went back from block {before:,} to {before - 2:,}. No longer in the ledger, because the chain does not have them "
        "any more: 1 transfer (3.0000 AZR)."
    ]
    world.node.mine()
    here(index)
    assert len(said) == 1
