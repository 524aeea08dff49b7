"""The composition root: builds the rooms from the settings, each when it is first needed, and closes them.

Whoever holds a ``Console`` holds the program without a window. The window runs it on its service loop, the command line under
``asyncio.run``. Only here do rooms that must not know each other meet: a room that needs another's answer takes a callable, and
this file says whose.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.events import Bus
from app.core.jobs import Jobs
from app.core.paths import Home
from app.core.settings import SettingsStore

if TYPE_CHECKING:
    from app.access import Access, Vault
    from app.audit import Journal
    from app.chain import Fees, LocalNodes, Networks, Proofs, Simulation, Transactions
    from app.contracts import Contracts
    from app.database import Database
    from app.demo import Demo
    from app.ledger import Ledger
    from app.mining import Mining, Redemptions
    from app.operations import Operations
    from app.wallets import Wallets


class Console:
    """Every service of the program, built lazily from one home.

    Args:
        home: the folder that holds settings, store, chains and logs.
        settings: the settings of that home, already loaded.
    """

    def __init__(self, home: Home, settings: SettingsStore) -> None:
        self.home = home
        self.settings = settings
        self.bus = Bus()
        self.jobs = Jobs(self.bus)
        self._closers: list[Callable[[], object]] = []

    @classmethod
    async def open(cls, home: Path | None = None, environ: Mapping[str, str] | None = None) -> Console:
        """Load the settings of ``home`` (default: the user's own), open the store and take up what a crash left.

        Raises:
            Unavailable: the store cannot be opened; nothing was changed.
        """
        place = Home(home) if home else Home.default()
        place.ensure()
        settings = SettingsStore(place, os.environ if environ is None else environ)
        settings.load()
        console = cls(place, settings)
        await console.start()
        return console

    async def start(self) -> None:
        """Open the store, learn who operates, adopt living nodes, and take up plans whose process died.

        Plans with signed steps finish without a key; unsigned ones wait for unlock when the console is locked.
        """
        await self.database.open()
        await self.access.load()
        await self.networks.load()
        await self.nodes.adopt()
        self._register()
        self._recovered = await self.operations.recover()

    async def recovered(self) -> list[Plan]:
        """The plans that this start took up, as they are now."""
        return [await self.operations.get(plan.id) for plan in self._recovered]

    def _register(self) -> None:
        """Build the rooms whose kinds of plan the runner must know before it recovers one."""
        for room in (self.nodes, self.transactions, self.wallets, self.contracts, self.mining, self.redemptions):
            assert room is not None

    async def close(self) -> None:
        """Cancel jobs, close connections and the store. A local node goes on; it is adopted at the next start."""
        await self.jobs.close()
        for name in ("networks", "contracts", "vault", "database"):
            room = self.__dict__.get(name)
            if room is not None:
                await room.close()
