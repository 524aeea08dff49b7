"""Prometheus is asked over its HTTP API: directly, through a tunnel, through the API server; what it refuses is said in words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from app.cluster.prometheus import POINTS
from app.console import Console
from app.core.errors import Invalid, Unavailable
from tests.cluster.apiserver import ApiServer
from tests.cluster.conftest import pod

LABELS = {"__name__": "up", "job": "rpc", "instance": "a:1"}


@contextlib.asynccontextmanager
async def prometheus() -> AsyncIterator[tuple[int, list[dict[str, str]]]]:
    """A server that answers in the shapes of Prometheus' API; its port and what it was asked."""
    asked: list[dict[str, str]] = []

    def success(kind: str, result: object, **more: object) -> web.Response:
        return web.json_response({"status": "success", "data": {"resultType": kind, "result": result}, **more})

    async def instant(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        match request.query["query"]:
            case "up{":
                words = {"status": "error", "errorType": "bad_data", "error": "1:4: parse error: unexpected end of input"}
                return web.json_response(words, status=400)
            case "slow":
                words = {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}
                return web.json_response(words, status=503)
            case "1":
                return success("scalar", [1700000000.5, "1"])
            case '"a"':
                return success("string", [1700000000.5, "a"])
        return success("vector", [{"metric": LABELS, "value": [1700000000.5, "NaN"]}], warnings=["some were late"])

    async def ranged(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return success("matrix", [{"metric": LABELS, "values": [[1700000000, "0"], [1700000015, "1.5"], [1700000030, "+Inf"]]}])

    async def other(_request: web.Request) -> web.Response:
        return web.Response(text="<html>")

    app = web.Application()
    app.router.add_get("/api/v1/query", instant)
    app.router.add_get("/api/v1/query_range", ranged)
    app.router.add_get("/other/api/v1/query", other)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1], asked
    finally:
        await runner.cleanup()


@pytest.mark.asyncio
async def test_prometheus_answers_and_refuses_in_words(tmp_path, server: ApiServer, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config", context="eu")))
    console = await Console.open(tmp_path / "home")
    clusters = console.clusters
    try:
        async with prometheus() as (port, asked):
            with pytest.raises(Invalid, match="No Prometheus is named"):
                await clusters.query("eu", "up")
            with pytest.raises(Invalid):
                clusters.set_context("eu", prometheus="ftp://x")
            clusters.set_context("eu", prometheus=f"http://127.0.0.1:{port}")
            now = await clusters.query("eu", "up")
            assert now.lines[0].name == 'up{instance="a:1", job="rpc"}' and now.warnings == ("some were late",)
            assert str(now.lines[0].points[0][1]) == "nan" and now.lines[0].points[0][0] == 1_700_000_000_500
            (line,) = (await clusters.query("eu", "up", 3600)).lines
            assert [value for _, value in line.points] == [0.0, 1.5, float("inf")]
            assert 3600 / float(asked[-1]["step"]) <= POINTS and asked[-1]["timeout"]
            assert (await clusters.query("eu", "1")).lines[0].points[0][1] == 1.0
            with pytest.raises(Invalid, match="unexpected end of input"):
                await clusters.query("eu", "up{")
            with pytest.raises(Invalid, match="no figure"):
                await clusters.query("eu", '"a"')
            with pytest.raises(Unavailable, match="timed out"):
                await clusters.query("eu", "slow")
            # through a tunnel, which is opened when it is needed
            server.put(pod("prom"))
            server.ports[9090] = port
            await clusters.add_tunnel("prom", "eu", "shop", "pod/prom", 9090, 0)
            clusters.set_context("eu", prometheus="http://prom.tunnel")
            assert [found.labels for found in (await clusters.query("eu", "up")).lines] == [LABELS]
            assert clusters.tunnels.list()[0].pod == "prom"
            # through the API server
            clusters.set_context("eu", prometheus="/api/v1/namespaces/shop/services/prom:9090/proxy")
            assert [found.labels for found in (await clusters.query("eu", "up", 900)).lines] == [LABELS]
            with pytest.raises(Invalid, match="unexpected end of input"):
                await clusters.query("eu", "up{")
            clusters.set_context("eu", prometheus=f"http://127.0.0.1:{port}/other")
            with pytest.raises(Unavailable, match="no Prometheus"):
                await clusters.query("eu", "up")
        with pytest.raises(Unavailable, match="cannot be reached"):
            await clusters.query("eu", "up")
    finally:
        await console.close()


@pytest.mark.asyncio
async def test_the_command_line_asks_too(azora, home, tmp_path, server: ApiServer):
    azora.environ |= {"KUBECONFIG": str(server.kubeconfig(tmp_path / "config", context="eu"))}
    async with prometheus() as (port, _asked):
        where = f"http://127.0.0.1:{port}"
        said = await asyncio.to_thread(azora, "--json", "cluster", "query", "up", "--seconds", "900", "--prometheus", where)
        (line,) = said.json
        assert line["labels"] == LABELS and [value for _, value in line["points"]] == ["0.0", "1.5", "inf"]
