"""Ways from this machine to a port in a cluster, over the API server's port-forward.

Each listens on a fixed port of 127.0.0.1 and stays; every connection to it gets a stream of its own to a pod that is ready then, so
a pod that dies costs its own connections and the next ones reach another. A tunnel is pinned to its cluster: another that answers
under the same context gets nothing.

Over WebSocket (``v4.channel.k8s.io``) a forwarded port has two channels, 0 for data and 1 for errors, each of which begins with the
port in two little-endian bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from app.cluster.client import Connection
from app.cluster.failures import ApiError
from app.cluster.kinds import KINDS
from app.cluster.store import Object
from app.core.clock import now_ms
from app.core.errors import ConsoleError, Invalid, NotFound, Unavailable
from app.core.settings import TunnelSetting

log = logging.getLogger(__name__)

PROTOCOL = "v4.channel.k8s.io"
SUFFIX = ".tunnel"
TRUST_SECONDS = 15.0  # how long an identity that was checked is taken as checked


@dataclass(frozen=True, slots=True)
class TunnelState:
    """How a tunnel stands.

    Attributes:
        identity: uid of the pinned cluster's ``kube-system``, or its address when that could not be read.
        since: since when it listens, UTC ms; 0 when it does not.
        reconnects: how often it went on since then, with another pod or after a failure.
        message: what went wrong last; empty when nothing did.
    """

    name: str
    context: str
    namespace: str
    target: str
    port: int
    local_port: int
    identity: str = ""
    listening: bool = False
    since: int = 0
    reconnects: int = 0
    connections: int = 0
    pod: str = ""
    message: str = ""


class Tunnel:
    """One tunnel that listens until :meth:`close`."""

    def __init__(self, setting: TunnelSetting, connection: Connection, changed: Callable[[], object] = lambda: None) -> None:
        self.setting = setting
        self._connection = connection
        self._changed = changed
        self._server: asyncio.Server | None = None
        self._checked_at = 0.0
        self.state = _at_rest(setting)
        if setting.identity:
            connection.pin(setting.identity)

    async def open(self) -> None:
        """Listen.

        Raises:
            Unavailable: the local port is taken.
        """
        if self._server is not None:
            return
        try:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.setting.local_port)
        except OSError as error:
            self._tell(message=f"Port {self.setting.local_port} of this machine is taken.")
            raise Unavailable(
                f"The tunnel {self.setting.name} cannot listen: port {self.setting.local_port} of this machine is taken.",
                "End what uses the port, or give the tunnel another.",
                retryable=True,
            ) from error
        self._tell(listening=True, since=now_ms(), reconnects=0, message="")

    async def close(self) -> None:
        """Listen no more, and end what is open."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._tell(listening=False, since=0)
        await self._connection.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tell(connections=self.state.connections + 1)
        try:
            await self._carry(reader, writer)
        except* ConsoleError as errors:
            message = str(errors.exceptions[0]) if isinstance(errors.exceptions[0], ConsoleError) else "The connection failed."
            log.info("tunnel %s: %s", self.setting.name, message)
            self._tell(message=message)
        except* (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            self._tell(connections=self.state.connections - 1)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if time.monotonic() - self._checked_at > TRUST_SECONDS:
            await self._connection.check_identity()
            self._checked_at = time.monotonic()
        pod, port = await find_pod(self._connection, self.setting.namespace, self.setting.target, self.setting.port)
        path = KINDS["Pod"].path(self.setting.namespace, pod, "portforward")
        async with self._connection.websocket(path, {"ports": str(port)}, protocols=(PROTOCOL,)) as stream:
            again = bool(self.state.message) or self.state.pod not in ("", pod)
            self._tell(pod=pod, message="", reconnects=self.state.reconnects + again)

            async def inwards() -> None:
                begun = set()
                async for message in stream:
                    if not isinstance(message.data, bytes) or not message.data:
                        continue
                    channel, data = message.data[0], message.data[1:]
                    if channel not in begun:
                        begun.add(channel)
                        data = data[2:]
                    if channel == 1 and data:
                        raise Unavailable(f"{pod} refuses port {port}: {data.decode('utf-8', 'replace').strip()}.", retryable=True)
                    if channel == 0 and data:
                        writer.write(data)
                        await writer.drain()
                raise _Ended

            async def outwards() -> None:
                while data := await reader.read(65536):
                    await stream.send_bytes(b"\x00" + data)
                raise _Ended

            with contextlib.suppress(_Ended):
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(inwards())
                        group.create_task(outwards())
                except* _Ended:
                    raise _Ended from None

    def _tell(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        self._changed()


def _at_rest(setting: TunnelSetting) -> TunnelState:
    where = setting.name, setting.context, setting.namespace, setting.target, setting.port, setting.local_port
    return TunnelState(*where, setting.identity)


class _Ended(Exception):
    """One side closed; the other follows."""


async def find_pod(connection: Connection, namespace: str, target: str, port: int) -> tuple[str, int]:
    """A ready pod behind ``service/NAME`` or ``pod/NAME``, and the port in it.

    Raises:
        NotFound: there is no such service or pod.
        Unavailable: none of its pods is ready.
    """
    kind, _, name = target.partition("/")
    if kind == "pod":
        return name, port
    try:
        service = await connection.get(KINDS["Service"].path(namespace, name))
    except ApiError as error:
        if error.failure.status == 404:
            raise NotFound(f"There is no service {name} in {namespace}. The tunnel sent nothing.") from error
        raise
    spec = service.get("spec") or {}
    selector: Mapping[str, str] = spec.get("selector") or {}
    if not selector:
        raise Invalid(f"The service {name} selects no pods, so there is nothing to tunnel to.", "Name a pod instead.")
    labels = ",".join(f"{key}={value}" for key, value in selector.items())
    found = await connection.get(KINDS["Pod"].path(namespace), {"labelSelector": labels})
    ready = [pod for pod in found.get("items") or () if _is_ready(pod)]
    if not ready:
        raise Unavailable(f"No pod behind the service {name} is ready.", "The tunnel works again when one is.", retryable=True)
    entry = next((item for item in spec.get("ports") or () if item.get("port") == port), None)
    wanted = (entry or {}).get("targetPort", port)
    pod = ready[0]
    return pod["metadata"]["name"], _port_of(pod, wanted) if isinstance(wanted, str) else int(wanted)


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _port_of(pod: Object, name: str) -> int:
    for container in (pod.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == name:
                return int(port["containerPort"])
    raise NotFound(f"The pod {pod['metadata']['name']} has no port named {name}. The tunnel sent nothing.")


class Tunnels:
    """All tunnels of the settings, opened when first needed.

    Args:
        settings: the tunnels now set, read anew each time.
        connect: a connection of its own for a context.
    """

    def __init__(
        self,
        settings: Callable[[], tuple[TunnelSetting, ...]],
        connect: Callable[[str], Connection],
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._changed = changed
        self._open: dict[str, Tunnel] = {}
        self._shut: set[str] = set()

    def list(self) -> tuple[TunnelState, ...]:
        """All tunnels, open or not."""
        states = []
        for setting in self._settings():
            open_one = self._open.get(setting.name)
            states.append(open_one.state if open_one is not None else _at_rest(setting))
        return tuple(states)

    async def open(self, name: str) -> TunnelState:
        """Open a tunnel, if it is not yet.

        Raises:
            NotFound: there is none of that name.
            Unavailable: its local port is taken.
        """
        setting = self._setting(name)
        self._shut.discard(name)
        tunnel = self._open.get(name)
        if tunnel is None or tunnel.setting != setting:
            await self.close_one(name)
            tunnel = self._open[name] = Tunnel(setting, self._connect(setting.context), self._changed)
        await tunnel.open()
        return tunnel.state

    async def open_all(self) -> None:
        """Open every tunnel that was not shut; one that cannot listen says so in its state."""
        for setting in self._settings():
            if setting.name in self._shut:
                continue
            with contextlib.suppress(ConsoleError):
                await self.open(setting.name)

    async def supervise(self, pause: float = 10.0) -> None:
        """Keep every tunnel open: a port that was taken may come free, and a tunnel may be set up meanwhile."""
        while True:
            await self.open_all()
            await asyncio.sleep(pause)

    async def shut(self, name: str) -> None:
        """Close a tunnel until it is opened again, or the console starts again."""
        self._setting(name)
        self._shut.add(name)
        await self.close_one(name)

    async def close_one(self, name: str) -> None:
        """Close a tunnel; its setting stays."""
        tunnel = self._open.pop(name, None)
        if tunnel is not None:
            await tunnel.close()

    async def close(self) -> None:
        """Close all."""
        for name in list(self._open):
            await self.close_one(name)

    def route(self, url: str) -> str:
        """A URL whose host is ``NAME.tunnel``, as the one that leads through it; every other URL as it is.

        Raises:
            NotFound: there is no tunnel of that name.
        """
        return route(url, self._settings())

    def _setting(self, name: str) -> TunnelSetting:
        return _named(self._settings(), name)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now.

    It is kept with the tunnel, so it is none of those that systems lend to outgoing connections (from 32768 on).
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Unavailable("A hundred ports of this machine are in use. No tunnel was added.", "Name one: --local-port")


def tunnel_of(url: str) -> str:
    """The tunnel that a URL names by a host ``NAME.tunnel``; empty when it names none."""
    host = urlsplit(url).hostname or ""
    return host.removesuffix(SUFFIX) if host.endswith(SUFFIX) else ""


def route(url: str, settings: Sequence[TunnelSetting]) -> str:
    """A URL whose host is ``NAME.tunnel``, as the one that leads through it; every other URL as it is.

    Raises:
        NotFound: there is no tunnel of that name.
    """
    name = tunnel_of(url)
    if not name:
        return url
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{_named(settings, name).local_port}"))


def _named(settings: Sequence[TunnelSetting], name: str) -> TunnelSetting:
    for setting in settings:
        if setting.name == name:
            return setting
    raise NotFound(f"There is no tunnel “{name}”. Nothing was opened.", "Set one up in the cluster panel.")
