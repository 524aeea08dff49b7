"""The test API server on a thread of its own, for programs and windows that have loops of theirs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from tests.cluster.apiserver import ApiServer


@contextlib.contextmanager
def served() -> Iterator[ApiServer]:
    """The recorded cluster behind a port; everything it started is cancelled at the end."""
    ready = threading.Event()
    held: list[tuple[ApiServer, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        async with ApiServer.recorded() as server:
            stop = asyncio.Event()
            held.append((server, asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="api server", daemon=True)
    thread.start()
    assert ready.wait(60)
    server, loop, stop = held[0]
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
