"""A console's operations over the test API server, with the actions of the cluster room."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.access import Access, Vault
from app.audit.journal import Journal
from app.cluster.actions import Actions
from app.cluster.client import Connection
from app.cluster.contexts import find_contexts
from app.cluster.store import Snapshot
from app.core.paths import Home
from app.database import Database
from app.operations.service import Operations
from tests.cluster.apiserver import ApiServer


class World:
    """One cluster, one console.

    ``grace``: seconds in which an action can be called back; ``patience``: seconds with what cannot be prepared.
    """

    def __init__(self, folder: Path, server: ApiServer, patience: float = 30.0) -> None:
        home = Home(folder).ensure()
        self.server = server
        self.grace = 0
        self.locked_down = False
        self.where = "test"
        self.connected: tuple[str, ...] = ("test",)
        context = find_contexts({"KUBECONFIG": str(server.kubeconfig(folder / "config"))}).get("test")
        self.client = Connection(context)
        self.database = Database.at(home.database)
        self.journal = Journal(self.database)
        self.access = Access(self.database, Vault(home), self.journal.append)
        self.operations = Operations(self.database, self.journal, self.access, patience_seconds=patience)
        self.actions = Actions(self.operations, self, lambda: self.grace)

    # what actions ask of the cluster service

    def connection(self, context: str) -> Connection:
        assert context == "test"
        return self.client

    def snapshot(self, context: str) -> Snapshot:
        storage = self.server.storage
        return Snapshot.of_objects(copy.deepcopy(o) for kind in storage.resources.values() for o in storage.objects[kind].values())

    def read_only(self, context: str) -> bool:
        return self.locked_down

    def environment(self, context: str) -> str:
        return self.where

    # what stories ask

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        return self.server.objects(kind)[namespace, name]

    async def done(self, plan: Any) -> Any:
        """Confirmed and run; it must end well."""
        ended = await self.operations.execute(plan.id, statement="test")
        assert ended.state == "done", ended.reason
        return ended


def told(folder: Path, story: Callable[[World], Awaitable[None]], *, patience: float = 30.0) -> None:
    """Tell a story in a fresh world over the recorded cluster."""

    async def tell() -> None:
        async with ApiServer.recorded() as server:
            world = World(folder, server, patience)
            await world.database.open()
            await world.access.load()
            try:
                await story(world)
            finally:
                await world.client.close()
                await world.operations.close()
                await world.access.close()
                await world.database.close()

    asyncio.run(tell())
