"""The part of a kubelet that an API server asks for logs, commands and ports, played over TLS on a port of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import web

from tests.cluster.apiserver import streams


class Kubelet:
    """Answers for every played node; its streams are those of the test API server, here behind a real one.

    Attributes:
        logs: lines of a container, by namespace, pod and container.
        programs: output, error output and exit code of a command line.
        ports: where a pod's port really is.
    """

    def __init__(self, folder: Path) -> None:
        self.logs: dict[tuple[str, str, str], list[str]] = {}
        self.programs: dict[str, tuple[str, str, int]] = {}
        self.ports: dict[int, int] = {}
        self.port = 0
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(folder / "server.crt", folder / "server.key")
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="played kubelet", daemon=True)
        self._thread.start()
        self._ready.wait(20)

    def stop(self) -> None:
        """Answer no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._log)
        for method in ("GET", "POST"):
            app.router.add_route(method, "/exec/{namespace}/{pod}/{container}", self._exec)
            app.router.add_route(method, "/portForward/{namespace}/{pod}", self._forward)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = runner.addresses[0][1]

    async def _log(self, request: web.Request) -> web.StreamResponse:
        key = (request.match_info["namespace"], request.match_info["pod"], request.match_info["container"])
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        lines = self.logs.setdefault(key, [])
        told = max(0, len(lines) - int(request.query.get("tailLines", len(lines))))
        while True:
            for line in lines[told:]:
                stamp = "2026-11-26T00:00:00.000000000Z " if request.query.get("timestamps") == "true" else ""
                await response.write(f"{stamp}{line}\n".encode())
            told = len(lines)
            if request.query.get("follow") != "true":
                return response
            await asyncio.sleep(0.1)

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        return await streams.run_command(self._server(), self._asked(request))

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        return await streams.forward_port(self._server(), self._asked(request, ports=request.query["port"]))

    def _server(self) -> Any:
        return SimpleNamespace(programs=self.programs, ports=self.ports)

    @staticmethod
    def _asked(request: web.Request, **more: str) -> Any:
        return SimpleNamespace(request=request, pairs=list(request.query.items()), query={**request.query, **more})
