"""Servers, contexts and reflectors at a pace for tests."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio

from app.cluster.client import Connection
from app.cluster.contexts import find_contexts
from app.cluster.kinds import KINDS
from app.cluster.reflector import Reflector, Timing
from app.cluster.store import Store, lighten
from tests.cluster.apiserver import ApiServer

QUICK = Timing(page=7, answer=2.0, watch=1.0, grace=0.3, poll=0.05, shortest=0.01, longest=0.05, doubt=(0.02, 0.02), idle=0.05)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ApiServer]:
    """A server with the recorded cluster, whose bookmarks come quickly."""
    async with ApiServer.recorded(bookmark_seconds=0.2) as server:
        yield server


@contextlib.asynccontextmanager
async def connected(server: ApiServer, folder: Path, **config: Any) -> AsyncIterator[Connection]:
    """A connection to a test server through a kubeconfig."""
    path = server.kubeconfig(folder / "kubeconfig", **config)
    contexts = find_contexts({"KUBECONFIG": str(path), "HOME": str(folder)})
    connection = Connection(contexts.get(contexts.current))
    try:
        yield connection
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def connection(server: ApiServer, tmp_path: Path) -> AsyncIterator[Connection]:
    """Connected to the recorded cluster as administrator."""
    async with connected(server, tmp_path) as connection:
        yield connection


@contextlib.asynccontextmanager
async def following(
    connection: Connection, kind: str = "Pod", *, namespace: str = "", timing: Timing = QUICK
) -> AsyncIterator[Reflector]:
    """A reflector that runs. Its store is ``reflector._store``."""
    store = Store(connection.context)
    reflector = Reflector(connection, KINDS[kind], store, lambda _: None, namespace=namespace, timing=timing)
    task = asyncio.create_task(reflector.run())
    try:
        yield reflector
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def assert_comes(condition: Callable[[], object], limit: float = 20.0) -> None:
    """Something comes to hold, or the test fails; the limit only ends a test that has failed."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it did not come to hold"
        await asyncio.sleep(0.01)


def held(reflector: Reflector) -> dict[tuple[str, str], str]:
    """What the reflector knows: key to version."""
    objects = reflector._store.snapshot(0).of(reflector.kind.kind)
    return {key: item["metadata"]["resourceVersion"] for key, item in objects.items()}


def truth(server: ApiServer, kind: str = "Pod", namespace: str = "") -> dict[tuple[str, str], str]:
    """What the server has: key to version."""
    objects = server.objects(kind)
    return {key: item["metadata"]["resourceVersion"] for key, item in objects.items() if namespace in ("", key[0])}


def pod(name: str, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    """A small pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "node-a", "containers": [{"name": "main", "image": "registry.example/x:1"}]},
        "status": {"phase": "Running"},
    }


__all__ = ["QUICK", "assert_comes", "connected", "following", "held", "lighten", "pod", "truth"]
