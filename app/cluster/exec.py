"""A command in a container, over the WebSocket protocol ``v5.channel.k8s.io`` (``v4`` with older servers).

The first byte of each frame is a channel: 0 standard input, 1 output, 2 error, 3 the end as a ``Status``, 4 the terminal's size.
Version 5 adds channel 255, which closes another: only with it can standard input be ended.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from app.cluster.client import Connection
from app.cluster.kinds import KINDS
from app.core.errors import Invalid, Unavailable

if TYPE_CHECKING:
    import aiohttp

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


class Channel(IntEnum):
    """Where bytes come from or go to."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


@dataclass
class Session:
    """A running command. Iterate :meth:`output`; its exit code is known afterwards."""

    socket: aiohttp.ClientWebSocketResponse
    exit_code: int | None = None
    error: str = ""

    @property
    def can_close_input(self) -> bool:
        """Whether standard input can be ended (version 5)."""
        return self.socket.protocol == PROTOCOLS[0]

    async def write(self, data: bytes) -> None:
        """Send to standard input."""
        await self.socket.send_bytes(bytes([Channel.STDIN]) + data)

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal's size."""
        await self.socket.send_bytes(bytes([Channel.RESIZE]) + json.dumps({"Width": columns, "Height": rows}).encode())

    async def close_input(self) -> None:
        """End standard input.

        Raises:
            Invalid: the server speaks only version 4, which cannot.
        """
        if not self.can_close_input:
            raise Invalid("This server cannot end a command's input (it speaks version 4 of the protocol). Nothing was sent.")
        await self.socket.send_bytes(bytes([Channel.CLOSE, Channel.STDIN]))

    async def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        """Bytes of standard output and error as they come, until the command has ended."""
        async for message in self.socket:
            data = message.data if isinstance(message.data, bytes) else str(message.data).encode()
            if not data:
                continue
            channel, rest = data[0], data[1:]
            if channel == Channel.ERROR:
                self._ended(rest)
            elif rest and channel in (Channel.STDOUT, Channel.STDERR):
                yield Channel(channel), rest

    def _ended(self, raw: bytes) -> None:
        try:
            status: Any = json.loads(raw)
        except ValueError:
            self.error = raw.decode("utf-8", "replace")
            return
        if status.get("status") == "Success":
            self.exit_code = 0
            return
        self.error = str(status.get("message", ""))
        for cause in (status.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdecimal():
                self.exit_code = int(cause["message"])


@contextlib.asynccontextmanager
async def execute(
    connection: Connection,
    namespace: str,
    pod: str,
    command: Sequence[str],
    *,
    container: str = "",
    terminal: bool = False,
    stdin: bool = False,
) -> AsyncIterator[Session]:
    """Run a command in a container.

    Args:
        terminal: with a terminal; standard error then comes as output.

    Raises:
        ApiError: the cluster refused, or the pod does not run.
    """
    query = [("command", word) for word in command]
    query += [("stdout", "true"), ("stdin", str(stdin).lower()), ("tty", str(terminal).lower())]
    if not terminal:
        query.append(("stderr", "true"))
    if container:
        query.append(("container", container))
    async with connection.websocket(KINDS["Pod"].path(namespace, pod, "exec"), query, protocols=PROTOCOLS) as socket:
        yield Session(socket)


async def run_once(
    connection: Connection, namespace: str, pod: str, command: Sequence[str], *, container: str = ""
) -> tuple[int, bytes, bytes]:
    """Run a command to its end: exit code, output, error output.

    Raises:
        Unavailable: the connection was cut before the command ended; what it did is not known.
    """
    out, err = bytearray(), bytearray()
    async with execute(connection, namespace, pod, command, container=container) as session:
        async for channel, data in session.output():
            (out if channel is Channel.STDOUT else err).extend(data)
    if session.exit_code is None:
        raise Unavailable(
            f"The connection to {pod} was cut before the command ended; what it did is not known. {session.error}".strip(),
            "Look into the container before running it again.",
            retryable=True,
        )
    return session.exit_code, bytes(out), bytes(err)
