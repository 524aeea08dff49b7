"""What was emitted, by source, epoch, era, contributor and activity: figures with evidence from the ledger.

Amounts are gross: a burn that belongs to a mint is counted as minted and as burned. Epochs follow the contract's own arithmetic,
(block time - start) / length rounded down; an era of proof of work is one reward, which only ever halves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from app.core.clock import now_ms
from app.core.errors import ConsoleError, NotFound
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Figure
from app.mining.abis import EMISSION
from app.mining.reading import logs, read, topic
from app.wallets.keys import keccak

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Networks
    from app.ledger import BurnRow, Ledger, MintRow, Movements, Supply
    from app.mining.queue import Queue

BUDGET_CHANGED = keccak(b"EpochBudgetChanged(uint256,uint256)")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Share:
    """A part of what was minted or burned.

    Attributes:
        id: ``value``, ``work``, ``other``; ``mint``, ``redemption``, ``holder``; an address; or an activity of the policy (empty:
            a proof that is not in this queue, so that nobody here can say what it was for).
        count: proofs, solutions or burns.
        amount: gross, smallest unit.
        burned: of it, in the same transaction.
    """

    id: str
    label: str
    count: int
    amount: Figure
    burned: int = 0


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch of the emission in which something was minted, and the present one. ``start``, ``end``: Unix seconds, end excluded.

    ``budget`` is the last one set before the epoch ended, as the contract says (claimed); ``value`` + ``work`` + ``other`` is
    ``minted``.
    """

    epoch: int
    start: int
    end: int
    budget: Figure
    minted: Figure
    value: int
    work: int
    other: int
    proofs: int
    current: bool


@dataclass(frozen=True, slots=True)
class EraRow:
    """One era of proof of work: all solutions that earned the same ``reward``."""

    era: int
    reward: int
    solutions: int
    minted: Figure
    first_block: int
    last_block: int


@dataclass(frozen=True, slots=True)
class EmissionReport:
    """The emission of one network at the indexed head.

    Attributes:
        supply: minted, burned and existing AZR against the cap.
        room: what the cap still allows, smallest unit.
        left_in_epoch: what the contract still mints in this epoch; None when it does not answer.
        problem: why epochs or the rest of this one are missing, or empty.
    """

    network: str
    block: int
    supply: Supply
    room: Figure
    left_in_epoch: Figure | None
    sources: tuple[Share, ...]
    burned: tuple[Share, ...]
    epochs: tuple[EpochRow, ...]
    eras: tuple[EraRow, ...]
    contributors: tuple[Share, ...]
    activities: tuple[Share, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """What the contract says of its epochs: start, length, present epoch, rest, and (second, budget) ascending."""

    start: int
    length: int
    epoch: int
    left: int
    budgets: tuple[tuple[int, int], ...]

    def at(self, time: int) -> int:
        return (time - self.start) // self.length

    def budget(self, epoch: int) -> int:
        end = self.start + (epoch + 1) * self.length
        return next((budget for time, budget in reversed(self.budgets) if time < end), 0)


class Emissions:
    """Reads the emission of a network.

    Args:
        ledger: gives the ledger when it is first needed.
    """

    def __init__(
        self, networks: Networks, queue: Queue, ledger: Callable[[], Ledger], economy_of: Callable[[str], Awaitable[Economy | None]]
    ) -> None:
        self._networks = networks
        self._queue = queue
        self._ledger = ledger
        self._economy_of = economy_of

    async def report(self, network_id: str) -> EmissionReport:
        """Everything that the emission's page shows, from one state of the index.

        Raises:
            NotFound: no economy on this network, or it is not indexed yet.
        """
        network = self._networks.get(network_id)
        economy = await self._economy_of(network.key.text)
        if economy is None:
            raise NotFound(f"There is no AZR economy on {network.name}. Nothing was read.", "Deploy the contracts first.")
        ledger = self._ledger()
        found, supply = await ledger.movements(network_id), await ledger.supply(network_id)
        while supply.block != found.block:  # the index moved between the two
            found, supply = await ledger.movements(network_id), await ledger.supply(network_id)
        activities = await self._queue.activities(network.key.text)
        clock, problem = None, ""
        try:
            clock = await _clock(await self._networks.connect(network_id), economy)
        except ConsoleError as error:
            problem = f"The emission contract was not asked: {error.message}"
        claimed = Evidence(
            EvidenceKind.BLOCK,
            "latest",
            network=network.key.text,
            read_at=now_ms(),
            status=EvidenceStatus.CLAIMED,
            check="view of the emission contract",
        )
        fold = Fold(found, economy)
        room = int(supply.cap.value) - (int(supply.minted.value) - int(supply.burned.value))
        return EmissionReport(
            network=network_id,
            block=found.block,
            supply=supply,
            room=fold.figure(room),
            left_in_epoch=Figure(clock.left, economy.token_symbol, (claimed,), economy.decimals) if clock else None,
            sources=fold.sources(),
            burned=fold.burned(),
            epochs=fold.epochs(clock, claimed) if clock else (),
            eras=fold.eras(),
            contributors=fold.contributors(),
            activities=fold.activities(activities),
            problem=problem,
        )


class Fold:
    """Sums over the movements, made here because SQL must not sum uint256."""

    def __init__(self, found: Movements, economy: Economy) -> None:
        self._found = found
        self._economy = economy

    def figure(self, amount: int) -> Figure:
        return Figure(amount, self._economy.token_symbol, (self._found.evidence,), self._economy.decimals)

    def sources(self) -> tuple[Share, ...]:
        names = {"value": "Proof of value", "work": "Proof of work", "other": "Other minters"}
        by = _grouped(self._found.mints, lambda row: row.source)
        return tuple(self._share(key, label, by[key]) for key, label in names.items() if key in by or key != "other")

    def burned(self) -> tuple[Share, ...]:
        names = {"mint": "Burned at the mint", "redemption": "Redeemed", "holder": "Burned by holders"}
        places = {self._economy.mint_mine: "mint", self._economy.redemption: "redemption"}
        by: dict[str, list[BurnRow]] = defaultdict(list)
        for row in self._found.burns:
            by[places.get(row.sender, "holder")].append(row)
        return tuple(
            Share(key, label, len(by[key]), self.figure(sum(row.amount for row in by[key]))) for key, label in names.items()
        )

    def contributors(self) -> tuple[Share, ...]:
        by = _grouped(self._found.mints, lambda row: row.contributor)
        return _largest(self._share(who, who, rows) for who, rows in by.items())

    def activities(self, known: Mapping[str, tuple[str, str]]) -> tuple[Share, ...]:
        """By activity of each proof of value. The digest binds the activity, so the queue's word for it is the minted one."""
        by = _grouped([row for row in self._found.mints if row.source == "value"], lambda row: known.get(row.proof, ("", ""))[0])
        names = dict(known.values())
        return _largest(self._share(id_, names.get(id_, "Not in this queue"), rows) for id_, rows in by.items())

    def epochs(self, clock: Clock, claimed: Evidence) -> tuple[EpochRow, ...]:
        by = _grouped(self._found.mints, lambda row: clock.at(row.time))
        rows = []
        for epoch in sorted({*by, clock.epoch}):
            amounts = Counter[str]()
            for row in by.get(epoch, ()):
                amounts[row.source] += row.amount
            start = clock.start + epoch * clock.length
            rows.append(
                EpochRow(
                    epoch=epoch,
                    start=start,
                    end=start + clock.length,
                    budget=Figure(clock.budget(epoch), self._economy.token_symbol, (claimed,), self._economy.decimals),
                    minted=self.figure(amounts.total()),
                    value=amounts["value"],
                    work=amounts["work"],
                    other=amounts["other"],
                    proofs=len(by.get(epoch, ())),
                    current=epoch == clock.epoch,
                )
            )
        return tuple(rows)

    def eras(self) -> tuple[EraRow, ...]:
        by = _grouped([row for row in self._found.mints if row.source == "work"], lambda row: row.amount)
        first = max(by, default=0)
        return tuple(
            EraRow(
                era=first.bit_length() - reward.bit_length(),
                reward=reward,
                solutions=len(rows),
                minted=self.figure(reward * len(rows)),
                first_block=rows[0].block,
                last_block=rows[-1].block,
            )
            for reward, rows in sorted(by.items(), reverse=True)
        )

    def _share(self, id_: str, label: str, rows: Sequence[MintRow]) -> Share:
        return Share(id_, label, len(rows), self.figure(sum(row.amount for row in rows)), sum(row.burned for row in rows))


def _largest(shares: Iterable[Share]) -> tuple[Share, ...]:
    return tuple(sorted(shares, key=lambda share: (-int(share.amount.value), share.id)))


def _grouped(rows: Iterable[MintRow], key: Callable[[MintRow], K]) -> dict[K, list[MintRow]]:
    found: dict[K, list[MintRow]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


async def _clock(chain: Chain, economy: Economy) -> Clock:
    async def view(name: str) -> int:
        return int(str(await read(chain, economy.emission, EMISSION, name, [])))

    changes = await logs(chain, economy.emission, [topic(BUDGET_CHANGED)], economy.start_block)
    times: dict[str, int] = {}
    for number in dict.fromkeys(str(entry["blockNumber"]) for entry in changes):
        block = await chain.rpc.call("eth_getBlockByNumber", number, False)
        times[number] = int(str(block["timestamp"]), 16)
    budgets = tuple((times[str(entry["blockNumber"])], int(str(entry["data"])[-64:], 16)) for entry in changes)
    return Clock(await view("start"), await view("epochLength"), await view("epoch"), await view("remainingInEpoch"), budgets)
