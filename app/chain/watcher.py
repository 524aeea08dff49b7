"""Follows what was sent, on every new block and on a timer while none comes: seen, mined, final, forgotten, taken back.

Quiet and cheap: a network on which nothing is open costs one question a block, and none at all when nothing was ever sent there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from app.chain.hashing import checksum_address
from app.core.errors import ConsoleError, NotFound
from app.core.events import HeadChanged, Notice, WentBack

if TYPE_CHECKING:
    from app.chain.networks import Networks
    from app.chain.transactions import Transactions
    from app.core.events import Bus
    from app.core.jobs import Jobs

log = logging.getLogger(__name__)
FIRST = 3.0  # seconds after the start: a command that only reads is gone by then
TIMER = 10.0  # seconds between two looks while no block is heard of
BACK_OFF = 60.0  # seconds for which a network that does not answer is left alone


class Watcher:
    """The watch over the queues of all networks; one per console."""

    def __init__(self, transactions: Transactions, networks: Networks, bus: Bus, jobs: Jobs) -> None:
        self._transactions = transactions
        self._networks = networks
        self._bus = bus
        self._jobs = jobs
        self._due: set[str] = set()
        self._wake = asyncio.Event()
        self._last: dict[str, tuple[int, str]] = {}  # the newest block that was looked at: number and hash
        self._again_at: dict[str, float] = {}
        self._gaps: dict[tuple[str, str], tuple[int, ...]] = {}

    def start(self) -> None:
        """Watch until the console's jobs are closed."""
        self._bus.subscribe(HeadChanged, self._head_changed)
        self._jobs.quietly("queue watcher", self._watch, endless=True)

    def _head_changed(self, event: HeadChanged) -> None:
        self._due.add(event.network)
        self._wake.set()

    async def _watch(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            due, self._due = self._due, set()
            self._wake.clear()
            if not due:
                due = set(await self._transactions.queue.networks())
            for network_key in due:
                if time.monotonic() >= self._again_at.get(network_key, 0.0):
                    await self._look_safely(network_key)
            try:
                async with asyncio.timeout(TIMER):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look_safely(self, network_key: str) -> None:
        try:
            await self.look(network_key)
        except NotFound:  # of a network that was removed since
            self._again_at[network_key] = time.monotonic() + BACK_OFF
        except ConsoleError as error:
            self._again_at[network_key] = time.monotonic() + BACK_OFF
            log.info("the queue of %s is not followed for a while: %s", network_key, error.message)

    async def look(self, network_key: str) -> None:
        """One look at one network.

        Raises:
            NotFound: it is not known any more.
            Unavailable: it does not answer.
        """
        if network_key not in await self._transactions.queue.networks():
            return
        chain = await self._networks.connect(network_key)
        number, before = self._last.get(network_key, (0, ""))
        head, old = await chain.rpc.batch(
            [("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockByNumber", [hex(number), False])]
        )
        went_back = old is None or old["hash"] != before
        followed = await self._transactions.follow(network_key, deep=went_back)
        if went_back and before:
            self._bus.publish(WentBack(network_key))
        self._last[network_key] = (int(head["number"], 16), head["hash"])
        self._again_at.pop(network_key, None)
        if followed.sent_again:
            log.info("%d transactions were sent again on %s", len(followed.sent_again), chain.network.name)
        await self._tell_gaps(network_key, {standing.row.sender for standing in followed.behind_gaps})

    async def _tell_gaps(self, network_key: str, senders: set[str]) -> None:
        """A gap is told once, and anew when it is another one."""
        for key in [key for key in self._gaps if key[0] == network_key and key[1] not in senders]:
            del self._gaps[key]
        for sender in senders:
            report = await self._transactions.nonces(network_key, sender)
            if report.gaps and self._gaps.get((network_key, sender)) != report.gaps:
                self._gaps[network_key, sender] = report.gaps
                text = f"Transactions of {checksum_address(sender)} wait behind a nonce that nothing holds. {report.advice}"
                self._bus.publish(Notice(text, "warn", f"azora://wallets/{sender}"))
