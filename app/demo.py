"""The demo economy: a whole small life of AZR on a local chain of its own, by services only.

Everything in it is real (keys, compiler, chain, proofs) and everything is labelled *demo*: the chain, the accounts and the
evidence file say so. Running it again goes on where the last run ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.errors import Conflict, NotFound
from app.core.secret import Secret

if TYPE_CHECKING:
    from app.console import Console
    from app.operations import Plan
    from app.wallets import Account

CHAIN = "demo"
AZR = 10**18
EPOCH_LENGTH = 3_600  # seconds
EPOCH_BUDGET = 36_000 * AZR
LABELS = ("Demo treasury", "Demo contributor", "Demo attester", "Demo officer")

Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class DemoCheck:
    """One promise of the demo and whether it held."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo made: the network it lives on, its accounts and contracts, and its checks."""

    network: str
    accounts: tuple[tuple[str, str], ...]
    contracts: tuple[tuple[str, str], ...]
    checks: tuple[DemoCheck, ...]
    demo: bool = True


class Demo:
    """Builds the demo economy and proves it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def run(self, report: Report) -> DemoResult:
        """Build what is missing and check all of it.

        Args:
            report: told each stage in words, and the share done from 0 to 1.

        Raises:
            Unavailable: no native node, keyring or compiler; the message says which.
            Conflict: a plan of the demo did not end as planned; its name is in the message.
        """
        console = self._console
        report("Starting a local chain", 0.02)
        network_id = await self._chain()
        report("Making four accounts; their keys go into the system keyring", 0.10)
        treasury, contributor, attester, officer = await self._accounts()
        for account in (treasury, contributor, attester, officer):
            balances = await console.wallets.balances(network_id, [account.address])
            if balances[account.address].native < AZR:
                await self._carry_out(await console.nodes.plan_fund(CHAIN, account.address, 10 * AZR))
        report("Compiling the contracts with solc 0.8.20", 0.20)
        await console.contracts.compile()
        key = console.networks.get(network_id).key.text
        if await console.contracts.economy(key) is None:
            report("Deploying token, emission, mint mine and redemption", 0.40)
            await self._carry_out(
                await console.contracts.plan_deploy_economy(
                    network_id,
                    treasury.address,
                    attester=attester.address,
                    redemption_officer=officer.address,
                    epoch_length=EPOCH_LENGTH,
                    epoch_budget=EPOCH_BUDGET,
                )
            )
        economy = await console.contracts.economy(key)
        if economy is None:
            raise NotFound("The demo's contracts are not in the address book. The demo stopped.", "Run it again on a new chain.")
        report("Minting against a proof of value", 0.55)
        await self._mint(network_id, contributor, treasury, attester)
        report("Sending AZR", 0.68)
        await self._transfer(network_id, contributor, treasury)
        report("Redeeming AZR for fiat", 0.76)
        await self._redeem(network_id, contributor, officer)
        report("Indexing and proving the ledger", 0.88)
        await console.ledger.index(network_id)
        checks = await self._checks(network_id, contributor)
        report("The demo economy is ready", 1.0)
        contracts = [("AzoraToken", economy.token), ("Emission", economy.emission)]
        contracts += [("MintMine", economy.mint_mine), ("Redemption", economy.redemption)]
        return DemoResult(
            network=network_id,
            accounts=tuple((a.label, a.address) for a in (treasury, contributor, attester, officer)),
            contracts=tuple(contracts),
            checks=checks,
        )

    async def _carry_out(self, plan: Plan) -> Plan:
        from app.operations import PlanState

        ended = await self._console.operations.execute(plan.id)
        if ended.state is not PlanState.DONE:
            raise Conflict(
                f"{ended.name} “{ended.title}” ended as {ended.state.value}: {ended.reason} The demo stopped there.",
                "Open the plan to see why, then start the demo again: it goes on from there.",
            )
        return ended

    async def _chain(self) -> str:
        console = self._console
        nodes = {node.name: node for node in await console.nodes.list()}
        if CHAIN not in nodes:
            await self._carry_out(await console.nodes.plan_create(CHAIN, chain_id=1337))
        elif str(nodes[CHAIN].state) != "running":
            await console.nodes.start(CHAIN)
        network_id = f"local-{CHAIN}"
        await console.networks.select(network_id)
        return network_id

    async def _accounts(self) -> tuple[Account, Account, Account, Account]:
        console = self._console
        known = {account.label: account for account in await console.wallets.list()}
        if any(label not in known for label in LABELS):
            phrase = await console.wallets.new_phrase(12)
            words = phrase.reveal().split()
            check = console.wallets.backup_check(phrase)  # the demo holds nothing of worth and keeps no backup
            check.answer([Secret(words[place - 1]) for place in check.places])
            plan = await console.wallets.plan_create("Demo", phrase, accounts=len(LABELS), labels=LABELS, backup=check)
            await self._carry_out(plan)
            known = {account.label: account for account in await console.wallets.list()}
        first, second, third, fourth = (known[label] for label in LABELS)
        return first, second, third, fourth

    async def _mint(self, network_id: str, contributor: Account, submitter: Account, attester: Account) -> None:
        from app.mining import ProofDraft

        mining = self._console.mining
        rows = await mining.queue(network_id)
        if any(row.status.value == "minted" for row in rows):
            return
        ready = [row for row in rows if row.status.value in ("ready", "in_review")]
        if not ready:
            evidence = b"Demo evidence: review of a pull request in the demo economy.\n"
            draft = ProofDraft(contributor=contributor.address, activity="code-review", score=85, evidence_bytes=evidence)
            ready = [await mining.submit(network_id, draft)]
        for row in ready:
            if row.status.value == "in_review":
                await mining.review(row.id, True)
        await self._carry_out(await mining.plan_mint(network_id, [row.id for row in ready], submitter.address, attester.address))

    async def _transfer(self, network_id: str, sender: Account, recipient: Account) -> None:
        from app.wallets import TransferDraft

        console = self._console
        economy = await console.contracts.economy(console.networks.get(network_id).key.text)
        held = (await console.wallets.balances(network_id, [recipient.address]))[recipient.address]
        if economy is None or held.azr:
            return
        draft = TransferDraft(
            network_id=network_id,
            sender=sender.address,
            recipient=recipient.address,
            amount=5 * AZR,
            token=economy.token,
            note="Demo transfer",
        )
        await self._carry_out(await console.wallets.plan_transfer(draft))

    async def _redeem(self, network_id: str, account: Account, officer: Account) -> None:
        redemptions = self._console.redemptions
        rows = await redemptions.list(network_id)
        if any(str(row.status) == "completed" for row in rows):
            return
        if not rows:
            await self._carry_out(await redemptions.plan_request(network_id, account.address, 2 * AZR, "DEMO-0001"))
            rows = await redemptions.list(network_id)
        await self._carry_out(await redemptions.plan_complete(network_id, rows[0].id, "DEMO-BANK-0001", officer.address))

    async def _checks(self, network_id: str, account: Account) -> tuple[DemoCheck, ...]:
        console = self._console
        reconciled = await console.ledger.reconcile(network_id)
        checks = [DemoCheck(check.name, check.ok, check.detail) for check in reconciled.checks]
        for name, figure in (
            ("Total supply proven by eth_getProof", await console.ledger.prove_supply(network_id)),
            ("Balance proven by eth_getProof", await console.ledger.prove_balance(network_id, account.address)),
        ):
            evidence = figure.evidence[0]
            checks.append(
                DemoCheck(name, evidence.status.value == "included", f"{figure.value} at block {evidence.ref}: {evidence.words}")
            )
        verdict = await console.journal.verify()
        checks.append(
            DemoCheck("Journal verified", verdict.ok, verdict.problem or f"{verdict.entries} entries, head {verdict.head_hash}")
        )
        return tuple(checks)
