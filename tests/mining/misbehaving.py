"""A web server that misbehaves on demand: each path is one way of being worse than a good server."""

from __future__ import annotations

import asyncio
import gzip
from typing import Self

from aiohttp import web

WORK = b"What was done, in words.\n"


class Site:
    """Serves on a free port of this machine; ``url`` is its address while it is entered.

    Attributes:
        content: what ``/work`` and ``/copy`` give, under ``type``; None: 404.
        asked: the paths that were asked for, in order.
        sent: the headers of the last request.
    """

    def __init__(self) -> None:
        self.content: bytes | None = WORK
        self.type = "text/plain"
        self.url = ""
        self.asked: list[str] = []
        self.sent: dict[str, str] = {}
        self.stopped = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.sent = dict(request.headers)
        match request.path.removeprefix("/"):
            case "work" | "copy" if self.content is not None:
                return web.Response(body=self.content, content_type=self.type, headers={"Set-Cookie": "who=you"})
            case "empty":
                return web.Response(body=b"")
            case "bomb":
                packed = gzip.compress(bytes(2**24))
                return web.Response(body=packed, headers={"Content-Encoding": "gzip"})
            case "endless":
                return await self._stream(request, bytes(2**16), 0)
            case "drip":
                return await self._stream(request, b".", 0.05)
            case "broken":
                short = web.StreamResponse(headers={"Content-Length": "1000"})
                await short.prepare(request)
                await short.write(b"half")
                assert request.transport is not None
                request.transport.close()
                return short
            case "silent":
                await self.stopped.wait()
            case "hop":
                raise web.HTTPFound("/work")
            case "loop":
                raise web.HTTPFound("/loop")
            case "nowhere":
                return web.Response(status=302)
            case "tofile":
                raise web.HTTPFound("file:///etc/passwd")
            case "away":
                raise web.HTTPFound("http://192.0.2.1/")  # RFC 5737: nobody's address
        raise web.HTTPNotFound

    async def _stream(self, request: web.Request, part: bytes, pause: float) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        while not self.stopped.is_set():
            await stream.write(part)
            await asyncio.sleep(pause)
        return stream

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self.stopped.set()
        await self._runner.cleanup()
