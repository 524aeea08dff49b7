"""A node that is busy, limits, drops or lies: reads come through or say why not, and nothing is sent twice."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from app.chain import Rpc, RpcFailure
from app.chain import rpc as client
from app.core.errors import Unavailable
from app.core.urls import shown_url, without_url
from tests.chain.misbehaving import Peer

KEY = "v2s3cr3tAp1Key0123456789"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    """The same pauses, a hundred times as short."""
    monkeypatch.setattr(client, "PAUSE", 0.001)


class Scripted(Peer):
    """Answers each request as the next entry of its script says, then truthfully (the number of the call's first parameter)."""

    def __init__(self, *script: Any, most: int = 10**9) -> None:
        super().__init__()
        self.script = list(script)
        self.requests: list[Any] = []
        self._most = most

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.requests.append(body)
        if self.script:
            said = self.script.pop(0)
            if said == "drop":
                request.transport.close()
                return web.Response()
            if said == "hang":
                await asyncio.sleep(30)
            if isinstance(said, Status):
                return web.Response(status=said.code, headers={"Retry-After": said.after} if said.after else {}, text=said.text)
            if callable(said):
                return web.json_response(said(body))
        if isinstance(body, list) and len(body) > self._most:
            error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}}
            return web.json_response(error if self._most % 2 else [error])
        return web.json_response([_echo(call) for call in body] if isinstance(body, list) else _echo(body))


def _echo(call: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call["id"], "result": call["params"][0] if call["params"] else call["method"]}


@dataclass
class Status:
    code: int
    after: str = ""
    text: str = ""


def error(code: int, message: str, data: object = None) -> Any:
    def say(body: Any) -> Any:
        calls = body if isinstance(body, list) else [body]
        said = [{"jsonrpc": "2.0", "id": call["id"], "error": {"code": code, "message": message, "data": data}} for call in calls]
        return said if isinstance(body, list) else said[0]

    return say


@pytest.mark.parametrize(
    "trouble",
    [
        "drop",
        Status(429),
        Status(503, "0"),
        Status(502),
        Status(504),
        error(-32005, "request rate limited"),
        error(429, "slow down"),
    ],
    ids=["drop", "429", "503", "502", "504", "rate limited", "slow down"],  # of a function str() has its address, which differs
)
@pytest.mark.asyncio
async def test_a_read_is_asked_again_and_a_send_never_is(trouble):
    async with Scripted(trouble, trouble) as peer:
        rpc = Rpc(peer.url)
        assert await rpc.call("eth_getBalance", 7) == 7
        assert len(peer.requests) == 3
        peer.script[:] = [trouble]
        with pytest.raises((Unavailable, RpcFailure)):
            await rpc.call("eth_sendRawTransaction", "0x01")
        peer.script[:] = [trouble]
        with pytest.raises((Unavailable, RpcFailure)):
            await rpc.batch([("eth_getBalance", [1]), ("eth_sendRawTransaction", ["0x01"])])
        assert len(peer.requests) == 5
        await rpc.close()


@pytest.mark.asyncio
async def test_it_does_not_ask_for_ever(free_port):
    rpc = Rpc(f"http://127.0.0.1:{free_port}")
    with pytest.raises(Unavailable, match=r"did not answer \(the connection was refused\)\. Nothing was done\.") as gone:
        await rpc.call("eth_chainId")
    assert gone.value.retryable and gone.value.remedy
    await rpc.close()
    async with Scripted(*[Status(503)] * 99) as peer:
        rpc = Rpc(peer.url)
        with pytest.raises(Unavailable, match=r"is busy \(HTTP 503\)"):
            await rpc.call("eth_chainId")
        assert len(peer.requests) == 1 + client.AGAIN
        await rpc.close()


@pytest.mark.asyncio
async def test_a_hanging_node_ends_with_the_time_limit_and_a_lost_send_is_not_called_undone():
    async with Scripted("hang", "hang", "drop") as peer:
        rpc = Rpc(peer.url, limit=0.2)
        with pytest.raises(Unavailable, match="did not answer in time. Nothing was done"):
            await rpc.call("eth_chainId")
        with pytest.raises(Unavailable, match="in time. Whether it took what was sent is not known"):
            await rpc.call("eth_sendRawTransaction", "0x01")
        with pytest.raises(Unavailable, match="broke the connection off .* Whether it took what was sent is not known"):
            await rpc.call("eth_sendRawTransaction", "0x01")
        assert len(peer.requests) == 3
        await rpc.close()


@pytest.mark.asyncio
async def test_a_node_that_asks_to_wait_longer_than_there_is_time_is_not_asked_again():
    async with Scripted(Status(429, "120"), Status(503, "Wed, 21 Oct 2099 07:28:00 GMT"), Status(429, "soon")) as peer:
        rpc = Rpc(peer.url, limit=5)
        with pytest.raises(Unavailable, match="HTTP 429") as busy:
            await rpc.call("eth_chainId")
        assert busy.value.remedy == "It asks to wait 120 s." and busy.value.retryable
        with pytest.raises(Unavailable, match="HTTP 503"):
            await rpc.call("eth_chainId")
        assert len(peer.requests) == 2
        assert await rpc.call("eth_chainId") == "eth_chainId", "a Retry-After that is none does not count"
        await rpc.close()


@pytest.mark.parametrize("most", [1, 2, 7, 8, 64])
@pytest.mark.asyncio
async def test_batches_are_as_large_as_the_node_takes_them(most):
    calls = [("eth_getBalance", [n]) for n in range(150)]
    async with Scripted(most=most) as peer:
        rpc = Rpc(peer.url)
        assert await rpc.batch(calls) == list(range(150))
        peer.requests.clear()
        assert await rpc.batch(calls) == list(range(150))
        assert all(not isinstance(body, list) or len(body) <= most for body in peer.requests), "it is remembered"
        await rpc.close()


@pytest.mark.parametrize("refusal", [Status(413), error(-32003, "response too large"), lambda _: {"error": "no batches here"}])
@pytest.mark.asyncio
async def test_a_refused_batch_of_sends_is_sent_in_parts_and_each_once(refusal):
    calls = [("eth_sendRawTransaction", [hex(n)]) for n in range(8)]
    async with Scripted(Status(413) if not callable(refusal) else refusal) as peer:
        rpc = Rpc(peer.url)
        results = await rpc.each(calls)
        await rpc.close()
    sent = [call["params"][0] for body in peer.requests[1:] for call in (body if isinstance(body, list) else [body])]
    if any(isinstance(result, RpcFailure) for result in results):
        assert sent == [], "it answered each by itself: that is its answer"
    else:
        assert sent == results == [hex(n) for n in range(8)]


@pytest.mark.asyncio
async def test_what_was_left_out_or_limited_is_asked_again_and_only_that():
    def half(body):
        return [_echo(call) for call in body[::2]]

    def some(body):
        return [
            _echo(call) if at else {"id": call["id"], "error": {"code": 429, "message": "too many requests"}}
            for at, call in enumerate(reversed(body))
        ]

    async with Scripted(half, some) as peer:
        rpc = Rpc(peer.url)
        assert await rpc.batch([("eth_getBalance", [n]) for n in range(9)]) == list(range(9))
        await rpc.close()
    assert [len(body) for body in peer.requests] == [9, 4, 1]


@pytest.mark.asyncio
async def test_each_gives_refusals_in_their_places_and_batch_raises_the_first():
    def second(body):
        return [_echo(body[0]), {"id": body[1]["id"], "error": {"code": 3, "message": "reverted", "data": "0x08c379a0"}}]

    async with Scripted(second, second) as peer:
        rpc = Rpc(peer.url)
        calls = [("eth_call", [1]), ("eth_call", [2])]
        first, failed = await rpc.each(calls)
        assert first == 1 and isinstance(failed, RpcFailure) and failed.data == "0x08c379a0"
        with pytest.raises(RpcFailure, match="reverted"):
            await rpc.batch(calls)
        await rpc.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Status(200, text="<html>"), "does not speak JSON-RPC"),
        (Status(404, text="gone"), "answered HTTP 404"),
        (Status(401, text="who?"), r"refuses this console \(HTTP 401\)"),
        (Status(307, text="elsewhere"), "answered HTTP 307"),
        (lambda _: {"hello": 1}, "does not speak JSON-RPC"),
        (lambda _: {"id": -5, "result": 1}, "does not speak JSON-RPC"),
        (lambda _: 7, "does not speak JSON-RPC"),
    ],
)
@pytest.mark.asyncio
async def test_what_is_no_node_is_told_apart(answer, said):
    async with Scripted(answer) as peer:
        rpc = Rpc(peer.url)
        with pytest.raises(Unavailable, match=said) as wrong:
            await rpc.call("eth_chainId")
        assert wrong.value.remedy
        await rpc.close()


@pytest.mark.asyncio
async def test_keys_in_an_address_reach_no_error_no_log_and_no_repr(caplog, free_port):
    caplog.set_level(logging.DEBUG)
    said: list[str] = []

    def telling(body):
        return {"id": body["id"], "error": {"code": -1, "message": f"bad request to {body['params'][0]} with key {KEY}"}}

    async with Scripted(Status(503), Status(404), "drop", telling, *[Status(429)] * 9) as peer:
        for base in (peer.url, f"http://127.0.0.1:{free_port}"):
            url = base.replace("//", "//user:hunter22@") + f"/v3/{KEY}?apikey=t0ps3cret&x"
            rpc = Rpc(url, limit=5)
            for _ in range(4):
                try:
                    await rpc.call("eth_chainId", url)
                except (Unavailable, RpcFailure) as wrong:
                    said += [str(wrong), wrong.remedy, repr(wrong), repr(wrong.details), repr(rpc)]
                    assert wrong.__cause__ is None
            await rpc.close()
    everything = "\n".join(said) + caplog.text
    assert len(said) == 40 and "127.0.0.1" in everything
    for secret in (KEY, "hunter22", "t0ps3cret", "user:"):
        assert secret not in everything


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("https://rpc.example.org/ext/bc/C/rpc", "https://rpc.example.org/ext/bc/C/rpc"),
        (f"https://mainnet.example.io/v3/{KEY}", "https://mainnet.example.io/v3/…"),
        ("https://u:p@h.example/x?key=abc&y", "https://…@h.example/x?key=…&…"),
        ("http://[::1]:8545/", "http://[::1]:8545/"),
        ("http://[", "…"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(url, shown):
    assert shown_url(url) == shown
    assert without_url(f"at {url}!", url) == f"at {shown}!" or url == "http://["


NESTED = """
import asyncio, sys
import eth_account  # py_ecc behind it lifts the bound on recursion
from app.chain.rpc import Rpc
from app.core.errors import Unavailable
sys.setrecursionlimit(100_000)

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    body = b"[" * 1_000_000
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    await writer.drain()

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    rpc = Rpc(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        await rpc.call("eth_chainId")
    except Unavailable:
        print("refused")
    await rpc.close()

asyncio.run(main())
"""


def test_a_node_that_answers_a_million_brackets_does_not_end_the_program():
    done = subprocess.run([sys.executable, "-c", NESTED], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr[-500:]
