"""Peers that stand in front of a real node and are worse than it: they hide methods, lie about answers, limit, stall, drop."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Self

import aiohttp
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Peer:
    """An HTTP server on a free port; ``url`` is its address while it is entered."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: Counter[str] = Counter()
        self._runner: web.AppRunner | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What it says."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**27)
        app.router.add_post("/{rest:.*}", self.answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()


class Altered(Peer):
    """The node at ``url``, except for methods that it lies about or does not have (-32601)."""

    def __init__(self, url: str, answers: Mapping[str, Any] | None = None, hidden: Collection[str] = ()) -> None:
        super().__init__()
        self._behind = url
        self._answers = dict(answers or {})
        self.hidden = set(hidden)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Pass on what is not altered."""
        body = json.loads(await request.read())
        calls = body if isinstance(body, list) else [body]
        self.asked.update(call["method"] for call in calls)
        passed = [call for call in calls if not self.alters(call)]
        real: dict[Any, Any] = {}
        if passed:
            async with aiohttp.ClientSession() as session, session.post(self._behind, json=passed) as response:
                real = {entry["id"]: entry for entry in await response.json(content_type=None)}
        said = [real.get(call["id"]) or self._own(call) for call in calls]
        return web.json_response(said if isinstance(body, list) else said[0])

    def alters(self, call: Mapping[str, Any]) -> bool:
        """Whether the real node is not to answer this."""
        return call["method"] in self._answers or call["method"] in self.hidden

    def _own(self, call: Mapping[str, Any]) -> dict[str, Any]:
        named = {"jsonrpc": "2.0", "id": call["id"]}
        if call["method"] in self.hidden:
            return {**named, "error": {"code": -32601, "message": f"the method {call['method']} does not exist/is not available"}}
        return {**named, "result": self._answers[call["method"]]}


class Pruned(Altered):
    """The node at ``url`` as one that has dropped the state of all blocks before ``oldest``."""

    def __init__(self, url: str, oldest: int = 0) -> None:
        super().__init__(url)
        self.oldest = oldest

    def alters(self, call: Mapping[str, Any]) -> bool:
        """State of old blocks is asked for by height, as the last parameter."""
        stateful = call["method"] in ("eth_getBalance", "eth_getTransactionCount", "eth_getCode", "eth_call")
        at = str(call["params"][-1]) if call["params"] else ""
        return stateful and at.startswith("0x") and int(at, 16) < self.oldest

    def _own(self, call: Mapping[str, Any]) -> dict[str, Any]:
        error = {"code": -32000, "message": "missing trie node: state is not available"}
        return {"jsonrpc": "2.0", "id": call["id"], "error": error}
