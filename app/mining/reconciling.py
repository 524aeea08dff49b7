"""Queue, chain and ledger are held against each other: at every start, after every reorganisation, and when a plan has ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.errors import ConsoleError, NotFound
from app.core.events import PlanChanged, WentBack
from app.mining.abis import MINT_MINE
from app.mining.minting import PROOF_MINTED
from app.mining.proofs import ProofRow, ProofStatus
from app.mining.reading import logs, read_many, topic
from app.operations.plans import PlanState
from app.wallets.keys import parse_address

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Networks, Transactions
    from app.core.events import Bus
    from app.core.jobs import Jobs
    from app.ledger import Ledger
    from app.mining.queue import Queue
    from app.operations import Operations

log = logging.getLogger(__name__)
UNDONE = "A reorganisation of the chain undid its mint."
AGAIN = "A reorganisation of the chain undid its mint; its transaction is sent again."


@dataclass(frozen=True, slots=True)
class QueueReconciliation:
    """What comparing the queue with contract and ledger found and set right, at one block.

    Attributes:
        block, block_hash: the head it was compared at.
        checked: rows compared.
        minted: rows that the chain had minted and the queue did not know.
        released: rows that went back to ready, because their plan ended without a mint or a reorganisation undid it.
        expired: rows whose deadline has passed.
        ledger: rows that were found in the ledger as they are here; None where the network is not indexed to this block.
        problems: what nobody but a person can set right, in sentences.
    """

    block: int
    block_hash: str
    checked: int
    minted: int
    released: int
    expired: int
    ledger: int | None
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Queue, contract and ledger agree now."""
        return not self.problems


class Reconciling:
    """Lets the rows of the queue follow the chain."""

    def __init__(
        self,
        queue: Queue,
        networks: Networks,
        operations: Operations,
        transactions: Transactions,
        ledger: Callable[[], Ledger],
        economy_of: Callable[[str], Awaitable[Economy | None]],
        bus: Bus,
        jobs: Jobs,
    ) -> None:
        self._queue = queue
        self._networks = networks
        self._operations = operations
        self._transactions = transactions
        self._ledger = ledger
        self._economy_of = economy_of
        self._jobs = jobs
        bus.subscribe(PlanChanged, self._plan_changed)
        bus.subscribe(WentBack, self._went_back)

    async def everywhere(self) -> list[QueueReconciliation]:
        """Reconcile each network that proofs are queued for; one that does not answer is left to its next block."""
        found = []
        for key in await self._queue.networks():
            try:
                found.append(await self.reconcile(key))
            except ConsoleError as error:
                log.info("the mint queue of %s was not reconciled: %s", key, error.message)
        return found

    async def reconcile(self, network_id: str) -> QueueReconciliation:
        """Compare every row with the contract, let the rows follow it, then hold them against the ledger.

        Raises:
            NotFound: no economy on this network. Unavailable: it does not answer; nothing was changed.
        """
        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        if economy is None:
            raise NotFound(f"There is no AZR economy on {chain.network.name}. Nothing was compared.", "Deploy the contracts first.")
        head = await chain.head()
        key, contract = chain.network.key.text, parse_address(economy.mint_mine)
        # The block time decides about deadlines; this machine's clock may be wrong.
        expired = await self._queue.expire(key, head.timestamp)
        rows = [row for row in await self._queue.all(key) if row.contract == contract]
        used = await self._used(chain, rows, head.number)
        minted = released = 0
        problems: list[str] = []
        for row in rows:
            if row.digest in used and row.status is not ProofStatus.MINTED:
                if row.status in (ProofStatus.REJECTED, ProofStatus.REVOKED):
                    problems.append(f"Proof #{row.number} is {row.status.value} here, but the chain has minted it.")
                minted += await self._close(chain, economy, row)
            elif row.digest in used and not row.tx_hash:
                await self._close(chain, economy, row)
            elif row.digest not in used and row.status in (ProofStatus.MINTED, ProofStatus.MINTING):
                released += await self._release(row)
        found, differences = await self._against_ledger(chain, contract, head.number)
        return QueueReconciliation(head.number, head.hash, len(rows), minted, released, expired, found, (*problems, *differences))

    async def _used(self, chain: Chain, rows: Sequence[ProofRow], block: int) -> set[str]:
        if not rows:
            return set()
        asked = [("usedDigest", [bytes.fromhex(row.digest[2:])]) for row in rows]
        answers = await read_many(chain, rows[0].contract, MINT_MINE, asked, block)
        return {row.digest for row, used in zip(rows, answers, strict=True) if used}

    async def _against_ledger(self, chain: Chain, contract: str, block: int) -> tuple[int | None, list[str]]:
        """Each minted row is one mint of the ledger with its reward and contributor, and no digest was minted twice."""
        try:
            movements = await self._ledger().movements(chain.network.id)
        except NotFound:
            return None, []
        if movements.block != block or movements.evidence.block_hash != (await chain.block(block)).hash:
            return None, []
        told: dict[str, list[tuple[str, int]]] = {}
        for mint in movements.mints:
            if mint.source == "value":
                told.setdefault(mint.proof, []).append((mint.contributor, mint.amount))
        problems = [f"The ledger tells the digest {digest} {len(mints)} times." for digest, mints in told.items() if len(mints) > 1]
        found = 0
        for row in await self._queue.all(chain.network.key.text):
            if row.contract != contract or row.status is not ProofStatus.MINTED:
                continue
            if told.get(row.digest) == [(row.contributor, row.reward)]:
                found += 1
            else:
                problems.append(f"Proof #{row.number} is minted here, but the ledger does not tell its mint as it is here.")
        return found, problems

    async def _close(self, chain: Chain, economy: Economy, row: ProofRow) -> int:
        """The chain has minted this proof: find where, and say so."""
        found = await logs(chain, row.contract, [topic(PROOF_MINTED), row.digest], economy.start_block)
        place = (
            {"tx_hash": bytes.fromhex(str(found[-1]["transactionHash"])[2:]), "block": int(found[-1]["blockNumber"], 16)}
            if found
            else {}
        )
        return await self._queue.move([row.id], list(ProofStatus), ProofStatus.MINTED, reason="", **place)

    async def _release(self, row: ProofRow) -> int:
        """The chain has not minted it: it is ready again unless a living plan holds it or its transaction may still come."""
        try:
            if row.plan_id and not (await self._operations.get(row.plan_id)).state.ended:
                return 0
        except NotFound:
            pass
        undone = row.status is ProofStatus.MINTED or row.reason == AGAIN
        if await self._may_still_come(row):
            await self._queue.move([row.id], (ProofStatus.MINTED,), ProofStatus.MINTING, reason=AGAIN)
            return 0
        reason = UNDONE if undone else "The plan that claimed it ended without minting it."
        values = {"reason": reason, "plan_id": "", "tx_hash": None, "block": 0}
        return await self._queue.move([row.id], (row.status,), ProofStatus.READY, **values)

    async def _may_still_come(self, row: ProofRow) -> bool:
        """Whether a transaction of this console that mints it is still owned: a chain that went back gets its bytes again."""
        from app.chain.queue import HOLDING

        if not row.tx_hash:
            return False
        sent = await self._transactions.queue.get(row.network, row.tx_hash)
        return sent is not None and sent.state in HOLDING

    def _went_back(self, event: WentBack) -> None:
        self._jobs.quietly("mining.reconcile", lambda: self._quietly(event.network))

    async def _quietly(self, network: str) -> None:
        if network in await self._queue.networks():
            try:
                await self.reconcile(network)
            except ConsoleError as error:
                log.info("the mint queue of %s was not reconciled: %s", network, error.message)

    def _plan_changed(self, event: PlanChanged) -> None:
        if event.state in (PlanState.STOPPED, PlanState.FAILED, PlanState.DISOWNED, PlanState.DONE):
            self._jobs.quietly("mining.settle", lambda: self._settle(event.plan_id))

    async def _settle(self, plan_id: str) -> None:
        """A plan ended: rows it still holds follow the chain. Left to the next reconciliation when the chain does not answer."""
        held = [row for row in await self._queue.of_plan(plan_id) if row.status is ProofStatus.MINTING]
        if not held:
            return
        try:
            chain = await self._networks.connect(held[0].network)
            economy = await self._economy_of(held[0].network)
            if economy is None:
                return
            head = await chain.head()
            used = await self._used(chain, held, head.number)
        except ConsoleError:
            return
        for row in held:
            await (self._close(chain, economy, row) if row.digest in used else self._release(row))
