"""Logs, exec and port-forward.

Logs follow the recorded answers. Exec and port-forward were not recorded: this WebSocket server is written from the protocol's text
(``v5.channel.k8s.io`` and ``v4.channel.k8s.io``: the first byte of each binary frame is the channel; v5 adds channel 255, which
closes another; a port-forward opens two channels per port, data and error, each beginning with the port in two little-endian bytes).
"""  # noqa: E501

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, WSMsgType, web

from tests.cluster.apiserver.answers import Refused, not_found
from tests.cluster.apiserver.listing import PLAIN
from tests.cluster.apiserver.resources import Resource

if TYPE_CHECKING:
    from tests.cluster.apiserver.server import ApiServer, Asked

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


async def answer(server: ApiServer, asked: Asked, resource: Resource) -> web.StreamResponse:
    pod = server.stored(resource, asked.namespace, asked.name)
    if pod is None:
        raise not_found(resource, asked.name)
    if asked.subresource == "log":
        return await _log(server, asked, pod)
    if asked.subresource == "portforward":
        return await forward_port(server, asked)
    return await run_command(server, asked)


async def _log(server: ApiServer, asked: Asked, pod: dict[str, Any]) -> web.StreamResponse:
    query, spec = asked.query, pod.get("spec") or {}
    if not spec.get("nodeName"):
        return web.Response(status=204, headers=PLAIN)
    names = [container["name"] for container in (spec.get("containers") or []) + (spec.get("initContainers") or [])]
    container = query.get("container") or (names[0] if names else "")
    if container not in names:
        raise Refused(400, "BadRequest", f"container {container} is not valid for pod {asked.name}")
    previous = query.get("previous") == "true"
    key = (asked.namespace, asked.name, container + ("!previous" if previous else ""))
    if previous and key not in server.logs:
        raise Refused(400, "BadRequest", f'previous terminated container "{container}" in pod "{asked.name}" not found')
    stamped, follow = query.get("timestamps") == "true", query.get("follow") == "true"
    lines = server.logs.setdefault(key, [])
    start = max(0, len(lines) - int(query["tailLines"])) if "tailLines" in query else 0
    since = query.get("sinceTime", "")
    response = web.StreamResponse(headers={**PLAIN, "Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    changed = asyncio.Event()
    server.log_changed.add(changed)
    try:
        await response.prepare(asked.request)
        while True:
            for time, text in lines[start:]:
                start += 1
                if time[:19] >= since[:19]:
                    await response.write(f"{time} {text}\n".encode() if stamped else f"{text}\n".encode())
            if not follow or asked.name not in {name for _, name in server.objects("Pod")}:
                return response
            changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), 0.2)
    except ConnectionResetError:
        return response
    finally:
        server.log_changed.discard(changed)


async def run_command(server: ApiServer, asked: Asked) -> web.StreamResponse:
    """``exec``: what ``server.programs`` says of the command; ``cat`` answers what it is told."""
    socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"))
    await socket.prepare(asked.request)
    command = [value for name, value in asked.pairs if name == "command"]
    await socket.send_bytes(bytes([STDOUT]))
    code = 0
    if command[:1] == ["cat"]:
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel == STDIN:
                await socket.send_bytes(bytes([STDOUT]) + data)
            elif channel == RESIZE:
                size = json.loads(data)
                await socket.send_bytes(bytes([STDOUT]) + f"<{size['Width']}x{size['Height']}>".encode())
            elif channel == CLOSE and data == bytes([STDIN]):
                break
    else:
        out, err, code = server.programs.get(" ".join(command), ("", f"{command[0]}: not found\n", 127))
        if out:
            await socket.send_bytes(bytes([STDOUT]) + out.encode())
        if err:
            await socket.send_bytes(bytes([STDERR]) + err.encode())
    status: dict[str, Any] = {"metadata": {}, "status": "Success"}
    if code:
        status = {
            "metadata": {},
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: exit status {code}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    with contextlib.suppress(ConnectionResetError):
        await socket.send_bytes(bytes([ERROR]) + json.dumps(status).encode())
    await socket.close()
    return socket


async def forward_port(server: ApiServer, asked: Asked) -> web.StreamResponse:
    """``portforward``: to where ``server.ports`` says that the port is."""
    socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
    await socket.prepare(asked.request)
    port = int(asked.query["ports"])
    for channel in (0, 1):
        await socket.send_bytes(bytes([channel]) + struct.pack("<H", port))
    if port not in server.ports:
        await socket.send_bytes(
            bytes([1]) + f"an error occurred forwarding: dial tcp4 127.0.0.1:{port}: connection refused".encode()
        )
        await socket.close()
        return socket
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[port])

    async def outwards() -> None:
        while data := await reader.read(65536):
            await socket.send_bytes(bytes([0]) + data)
        await socket.close()

    task = asyncio.create_task(outwards())
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY and message.data[0] == 0:
                writer.write(message.data[1:])
                await writer.drain()
    finally:
        task.cancel()
        writer.close()
    return socket


async def proxy(server: ApiServer, asked: Asked) -> web.StreamResponse:
    """``services/NAME:PORT/proxy/…``: what the service answers, as it answers it."""
    port = int(asked.name.partition(":")[2] or 80)
    if port not in server.ports:
        raise Refused(503, "ServiceUnavailable", "no endpoints available for service", details={})
    inner = asked.path.partition("/proxy")[2] or "/"
    url = f"http://127.0.0.1:{server.ports[port]}{inner}"
    async with ClientSession() as session, session.get(url, params=asked.pairs) as answer:
        return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
