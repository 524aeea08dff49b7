"""A console with a demo economy, as another process: ``python -m tests.faults.economy_program HOME KIND VERB``.

``build`` makes the economy and what the kinds need (an open redemption, a ready proof) and stops its chain; ``start`` starts the
chain; ``run`` carries out one plan of KIND; ``outlive`` does so while its node is killed and started again; ``recover`` takes up
what a kill left. Each says on standard output, as JSON, what the store and the keyring then hold.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from app.console import Console
from app.core.secret import Secret
from app.demo import CHAIN, LABELS
from app.operations import Plan
from app.wallets.creation import final_name, pending_name

AZR = 10**18
NETWORK = f"local-{CHAIN}"
SECOND = "second"  # the chain that chain.create makes
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"  # BIP-39's own test vector


class Room:
    """The console of one home, and what its demo economy is made of."""

    def __init__(self, console: Console) -> None:
        self.console = console

    async def carry_out(self, plan: Plan) -> None:
        """Confirm and run to the end."""
        ended = await self.console.operations.execute(plan.id)
        assert ended.state.value == "done", f"{ended.title}: {ended.state.value}, {ended.reason}"

    async def build(self) -> None:
        """The demo economy, an open redemption of 1 AZR and a ready proof; then the chain is stopped, so that it can be copied."""
        await self.console.demo.run(lambda _text, _share: None)
        await self.carry_out(await self.planned("redemption.request"))
        await self._submit()
        await self.console.nodes.stop(CHAIN)

    async def _submit(self) -> None:
        from app.mining import ProofDraft

        contributor = await self.address("Demo contributor")
        draft = ProofDraft(contributor=contributor, activity="code-review", score=70, evidence_bytes=b"A second review.\n")
        row = await self.console.mining.submit(NETWORK, draft)
        if row.status.value == "in_review":
            await self.console.mining.review(row.id, True)

    async def address(self, label: str) -> str:
        """Of an account of the demo."""
        return (await self.console.wallets.get(label)).address

    async def planned(self, kind: str) -> Plan:
        """A previewed plan of one kind."""
        console = self.console
        treasury, contributor, attester, officer = [await self.address(label) for label in LABELS] if kind in PAID else [""] * 4
        match kind:
            case "chain.create":
                return await console.nodes.plan_create(SECOND)
            case "chain.start":
                return await console.nodes.plan_start(CHAIN)
            case "wallets.create":
                return await console.wallets.plan_create("Savings", Secret(PHRASE), accounts=2)
            case "wallets.transfer AZR" | "wallets.transfer native":
                return await self._transfer(contributor, attester, kind.endswith("AZR"))
            case "contracts.deploy_one":
                token = (await console.contracts.compile()).get("AzoraToken")
                return await console.contracts.singles.plan(NETWORK, treasury, token, [treasury])
            case "mining.mint":
                ready = [row.id for row in await console.mining.queue(NETWORK) if row.status.value == "ready"]
                return await console.mining.plan_mint(NETWORK, ready, treasury, attester)
            case "redemption.request":
                return await console.redemptions.plan_request(NETWORK, contributor, AZR, "TEST-0002")
            case "redemption.complete":
                (waiting,) = [row for row in await console.redemptions.list(NETWORK) if row.status.value == "requested"]
                return await console.redemptions.plan_complete(NETWORK, waiting.id, "TEST-BANK-0002", officer)
        raise ValueError(kind)

    async def outlive(self, kind: str) -> None:
        """Kill the node between send and block, start it again, and see the plan to its end."""
        chain = await self.console.networks.connect(NETWORK)
        await chain.rpc.call("evm_setAutomine", False)
        plan = await self.planned(kind)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.carry_out(plan))
            while [row.state.value for row in await self.console.transactions.list(chain.network.key.text)][0] not in (
                "sent",
                "seen",
            ):
                await asyncio.sleep(0.02)
            os.kill(self.console.nodes.get(CHAIN).pid, signal.SIGKILL)
            while self.console.nodes.get(CHAIN).state.value == "running":
                await asyncio.sleep(0.02)
            await self.console.nodes.start(CHAIN)

    async def _transfer(self, sender: str, recipient: str, azr: bool) -> Plan:
        from app.wallets import TransferDraft

        token = await self.console.token_address(self.console.networks.get(NETWORK), "AZR") if azr else ""
        draft = TransferDraft(
            network_id=NETWORK, sender=sender, recipient=recipient, amount=AZR if azr else AZR // 4, token=token, note="Test"
        )
        return await self.console.wallets.plan_transfer(draft)

    async def told(self, wallets: list[str]) -> dict[str, object]:
        """What the store and the keyring hold. ``wallets``: ids whose secrets are looked for, also when their rows are gone."""
        console = self.console
        verdict = await console.journal.verify()
        key = console.networks.get(NETWORK).key.text
        economy = await console.contracts.economy(key)
        assert economy is not None
        return {
            "plans": [_plan(plan) for plan in reversed(await console.operations.page())],
            "problem": verdict.problem,
            "entries": [[entry.plan, entry.kind] for entry in reversed(await console.journal.page(limit=500))],
            "accounts": {row.label: row.address for row in await console.wallets.list() if row.key_state.value == "inKeyring"},
            "secrets": [[at for at, name in NAMES.items() if await console.vault.has(name(wallet))] for wallet in wallets],
            "proofs": [row.status.value for row in await console.mining.queue(NETWORK)],
            "reward": (await console.mining.queue(NETWORK, limit=1))[0].reward,
            "transactions": [row.state.value for row in await console.transactions.list(key)],
            "chains": {node.name: [node.url, node.pid] for node in await console.nodes.list()},
            "current": console.networks.current.id if console.networks.current else "",
            "token": economy.token,
            "escrow": economy.redemption,
            "tokens": [item.address for item in await console.contracts.deployments(key) if item.name == "AzoraToken"],
        }


PAID = (
    "wallets.transfer AZR",
    "wallets.transfer native",
    "contracts.deploy_one",
    "mining.mint",
    "redemption.request",
    "redemption.complete",
)
CHAINLESS = ("chain.create", "chain.start", "wallets.create")  # these start what they need themselves
NAMES: dict[str, Callable[[str], str]] = {"final": final_name, "pending": pending_name}


def _plan(plan: Plan) -> dict[str, object]:
    return {
        "name": plan.name,
        "kind": plan.kind,
        "state": plan.state.value,
        "reason": plan.reason,
        "matches": plan.receipt is not None and plan.receipt.matches,
        "steps": [step.state.value for step in plan.steps],
    }


def wallets_of(home: Path) -> list[str]:
    """The wallets that the store knows before the console opens it: opening sweeps what nobody carries out."""
    if not (home / "console.db").exists():
        return []
    with closing(sqlite3.connect(home / "console.db")) as store:
        return [row[0] for row in store.execute("SELECT id FROM wallets")]


async def main() -> None:
    """One verb."""
    home, kind, verb = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    wallets = wallets_of(home) if verb == "recover" else []
    console = await Console.open(home)
    room = Room(console)
    try:
        if verb != "build" and kind not in CHAINLESS:
            await console.nodes.start(CHAIN)  # a running one is left alone
        if verb == "build":
            await room.build()
        elif verb == "run":
            await room.carry_out(await room.planned(kind))
        elif verb == "outlive":
            await room.outlive(kind)
        await console.recovered()
        sys.stdout.write(json.dumps(await room.told(wallets)))
    finally:
        await console.close()


if __name__ == "__main__":
    asyncio.run(main())
