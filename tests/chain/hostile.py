"""A node that cannot be trusted: it stands before a real one and does to raw transactions what bad nodes do."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from tests.chain.misbehaving import Peer

SEND = "eth_sendRawTransaction"


class Hostile(Peer):
    """Passes calls on, but treats the n-th raw transaction (counted over all) as ``mood(n)`` says.

    Moods: ``ok``; ``lie`` says OK and forwards nothing; ``late`` forwards after a while; ``swallow`` forwards and then answers an
    error; ``break`` forwards and breaks the connection off; ``refuse`` forwards nothing and answers an error that may pass.
    """

    def __init__(self, url: str, mood: Callable[[int], str]) -> None:
        super().__init__()
        self._behind = url
        self._mood = mood
        self.moods: Counter[str] = Counter()
        self.sent = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Pass on, except for what the mood says."""
        body = json.loads(await request.read())
        calls = body if isinstance(body, list) else [body]
        moods: dict[Any, str] = {}
        for call in calls:
            self.asked[call["method"]] += 1
            if call["method"] == SEND:
                moods[call["id"]] = self._mood(self.sent)
                self.moods[moods[call["id"]]] += 1
                self.sent += 1
        if "late" in moods.values():
            await asyncio.sleep(0.05)
        passed = [call for call in calls if moods.get(call["id"]) not in ("lie", "refuse")]
        real: dict[Any, Any] = {}
        if passed:
            async with aiohttp.ClientSession() as session, session.post(self._behind, json=passed) as response:
                real = {entry["id"]: entry for entry in await response.json(content_type=None)}
        if "break" in moods.values():
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPInternalServerError
        said = [self._said(call, moods.get(call["id"], "ok"), real) for call in calls]
        return web.json_response(said if isinstance(body, list) else said[0])

    def _said(self, call: Mapping[str, Any], mood: str, real: Mapping[Any, Any]) -> Any:
        named = {"jsonrpc": "2.0", "id": call["id"]}
        if mood in ("swallow", "refuse"):
            return {**named, "error": {"code": -32000, "message": "internal error: try again"}}
        if mood == "lie":
            return {**named, "result": "0x" + "00" * 32}
        return real[call["id"]]


class Pruned(Peer):
    """A node that keeps no state of past blocks: counts and balances only at ``latest`` and ``pending``."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._behind = url

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Pass on what is of now."""
        body = json.loads(await request.read())
        calls = body if isinstance(body, list) else [body]
        old = {call["id"] for call in calls if call["method"] == "eth_getTransactionCount" and str(call["params"][1])[:2] == "0x"}
        passed = [call for call in calls if call["id"] not in old]
        real: dict[Any, Any] = {}
        if passed:
            async with aiohttp.ClientSession() as session, session.post(self._behind, json=passed) as response:
                real = {entry["id"]: entry for entry in await response.json(content_type=None)}
        error = {"code": -32000, "message": "missing trie node: state is not available"}
        said = [{"jsonrpc": "2.0", "id": c["id"], "error": error} if c["id"] in old else real[c["id"]] for c in calls]
        return web.json_response(said if isinstance(body, list) else said[0])
