"""The one way to speak to a cluster: the official client's REST core, with raw JSON in and out.

Typed objects of the client cost ten times the raw ones in time and memory, and drop fields they do not know; its own retries hide
what the reflector must see. So only its configuration (TLS, proxies, credentials) and its transport are used.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from app.cluster.failures import ApiDenied, ApiUnavailable, Failure, error_of, read_failure
from app.core.errors import Conflict, ConsoleError, Unavailable

if TYPE_CHECKING:
    import aiohttp

    from app.cluster.contexts import Context

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
PLUGIN_REST_SECONDS = 30.0  # between two runs of a credential plugin that failed: it may open a browser each time
AGENT = "azora-console"
Query = Mapping[str, str] | Sequence[tuple[str, str]]
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer below 400: its body as JSON (an empty object when it had none), and the server's warnings."""

    status: int
    body: dict[str, Any]
    warnings: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which cluster it is: the uid of its ``kube-system`` namespace, empty where that may not be read, and its server."""

    uid: str
    server: str

    @property
    def ref(self) -> str:
        """What a plan is pinned to."""
        return self.uid or self.server


@dataclass
class Stream:
    """An answer that goes on: a watch, a log. :meth:`lines` ends with the stream; a cut connection raises ``ApiUnavailable``."""

    response: aiohttp.ClientResponse
    context: str
    _rest: bytearray = field(default_factory=bytearray)

    async def lines(self) -> AsyncIterator[bytes]:
        """Whole lines, without their ends. aiohttp's own reader refuses long ones, and objects may have a megabyte."""
        import aiohttp

        try:
            async for chunk in self.response.content.iter_any():
                self._rest += chunk
                if b"\n" not in chunk:
                    continue
                *whole, rest = bytes(self._rest).split(b"\n")
                self._rest = bytearray(rest)
                for line in whole:
                    if line:
                        yield line
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise unreachable(self.context, error) from error
        if self._rest:
            yield bytes(self._rest)


class Connection:
    """Requests to one cluster through one context of the user's.

    Args:
        context: where the cluster is and who asks.
    """

    def __init__(self, context: Context) -> None:
        self.context = context.name
        self._context = context
        self._api: Any = None
        self._opening = asyncio.Lock()
        self._pinned = ""
        self._failed: tuple[float, ConsoleError] | None = None

    def __repr__(self) -> str:
        return f"<Connection {self.context}>"

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._context.server

    def pin(self, identity: str) -> None:
        """Refuse from now on to speak to any other cluster than the one whose ``kube-system`` has this uid.

        Args:
            identity: the uid, or the address of the server where it could not be read.
        """
        self._pinned = identity

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = ANSWER_SECONDS,
    ) -> Answer:
        """Ask once. Credentials that are refused are fetched anew once, since plugins and projected tokens expire.

        Raises:
            ApiError: one of its kinds; ``failure`` holds what the server said.
        """
        response = await self._send(method, path, query, body, content_type, accept, timeout)
        try:
            raw = await self._read(response)
        finally:
            response.release()
        warnings = tuple(_warning(text) for text in response.headers.getall("Warning", ()))
        kind = response.headers.get("Content-Type", "")
        if not raw:
            return Answer(response.status, {}, warnings)
        if "html" in kind:
            raise _no_cluster(self.context)
        if "json" not in kind:
            return Answer(response.status, {}, warnings, raw.decode("utf-8", "replace"))
        try:
            found = decoded(raw)
        except msgspec.DecodeError as error:
            failure = Failure(response.status, "", "the answer is not JSON")
            raise error_of(failure, self.context, f"{method} {path}") from error
        return Answer(response.status, found if isinstance(found, dict) else {"items": found}, warnings)

    async def get(self, path: str, query: Query | None = None, **kind: Any) -> dict[str, Any]:
        """The body of a GET."""
        return (await self.request("GET", path, query=query, **kind)).body

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, query: Query | None = None, *, accept: str = "application/json", silence: float | None = None
    ) -> AsyncIterator[Stream]:
        """An answer that goes on.

        Args:
            silence: seconds without a byte after which the connection counts as cut; None waits for ever.
        """
        response = await self._send("GET", path, query, None, "application/json", accept, None, silence)
        try:
            yield Stream(response, self.context)
        finally:
            response.close()

    @contextlib.asynccontextmanager
    async def websocket(
        self, path: str, query: Query | None = None, *, protocols: Sequence[str]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket to a subresource (exec, attach, portforward).

        Raises:
            ApiError: the server did not switch protocols.
        """
        import aiohttp

        api = await self._client()
        url, headers = await self._target(api, "GET", path, query, "application/json")
        headers.pop("Accept", None)
        session = self._session(api)
        configuration = api.configuration
        try:
            socket = await session.ws_connect(
                url.replace("http", "ws", 1),
                headers=headers,
                protocols=tuple(protocols),
                autoping=True,
                heartbeat=30,
                max_msg_size=0,
                proxy=configuration.proxy or None,
                server_hostname=configuration.tls_server_name or None,
                timeout=aiohttp.ClientWSTimeout(ws_close=5),
            )
        except aiohttp.WSServerHandshakeError as error:
            failure = Failure(error.status, "", error.message or "no WebSocket")
            raise error_of(failure, self.context, path.rpartition("/")[2]) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise unreachable(self.context, error) from error
        try:
            yield socket
        finally:
            await socket.close()

    async def open(self) -> None:
        """Load the client and the credentials, without asking the cluster anything.

        Raises:
            Denied: the credentials cannot be had.
        """
        await self._client()

    async def identity(self) -> Identity:
        """Which cluster answers.

        Raises:
            ApiUnavailable: it does not answer.
        """
        try:
            found = await self.get("/api/v1/namespaces/kube-system")
        except ApiDenied as error:
            if error.failure.status == 401:
                raise
            return Identity("", self.server)
        return Identity(str(found["metadata"].get("uid", "")), self.server)

    async def check_identity(self) -> None:
        """Make sure that the pinned cluster still answers here.

        Raises:
            Conflict: another cluster answers under this context.
        """
        if self._pinned:
            found = await self.identity()
            if self._pinned not in (found.ref, found.server):
                raise Conflict(
                    f"Another cluster answers under the context {self.context} than before. Nothing was sent to it.",
                    "Compare the two clusters; then disconnect and connect again.",
                )

    def try_anew(self) -> None:
        """Run a credential plugin that failed again with the next request, without waiting."""
        self._failed = None

    async def reload(self) -> None:
        """Read credentials anew with the next request."""
        async with self._opening:
            api, self._api = self._api, None
        if api is not None:
            await api.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.reload()

    async def _client(self) -> Any:
        async with self._opening:
            if self._api is None:
                # A second of imports, which must not hold up the loop.
                await asyncio.to_thread(importlib.import_module, "kubernetes.aio.config")
                from kubernetes.aio.client import ApiClient

                try:
                    self._api = ApiClient(await self._configuration())
                except (OSError, ssl.SSLError) as error:
                    raise Unavailable(
                        f"The certificates of the context {self.context} cannot be used: {error}. Nothing was sent.",
                        "Check the files that the kubeconfig names.",
                    ) from error
                self._api.user_agent = AGENT
            return self._api

    async def _configuration(self) -> Any:
        """The context's configuration. Two dozen watches ask for it at once: a plugin that failed is not run for each of them."""
        loop = asyncio.get_running_loop()
        if self._failed is not None and loop.time() < self._failed[0]:
            raise self._failed[1].with_traceback(None)
        try:
            return await self._context.configuration()
        except ConsoleError as error:
            if self._context.credentials.startswith("plugin"):
                self._failed = loop.time() + PLUGIN_REST_SECONDS, error
            raise

    @staticmethod
    def _session(api: Any) -> aiohttp.ClientSession:
        rest = api.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()
        session: aiohttp.ClientSession = rest.pool_manager
        return session

    @staticmethod
    async def _target(api: Any, method: str, path: str, query: Query | None, accept: str) -> tuple[str, dict[str, str]]:
        pairs = list(query.items()) if isinstance(query, Mapping) else list(query or ())
        _, url, headers, _, _ = await api.param_serialize(
            method, path, query_params=pairs, header_params={"Accept": accept}, auth_settings=["BearerToken"]
        )
        return url, headers

    async def _send(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Any,
        content_type: str,
        accept: str,
        timeout: float | None,
        silence: float | None = None,
        *,
        again: bool = True,
    ) -> aiohttp.ClientResponse:
        """Send, and return the answer's head; raise when it is 400 or above."""
        import aiohttp

        api = await self._client()
        url, headers = await self._target(api, method, path, query, accept)
        headers["Content-Type"] = content_type
        limits = aiohttp.ClientTimeout(total=timeout, connect=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        try:
            answer = await api.rest_client.request(method, url, headers=headers, body=body, _request_timeout=limits)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise unreachable(self.context, error) from error
        response: aiohttp.ClientResponse = answer.response
        if response.status < 400:
            return response
        try:
            raw = await self._read(response)
        finally:
            response.release()
        if response.status == 401 and again and self._context.renewable:
            log.info("the cluster %s refused the credentials; they are fetched anew", self.context)
            await self.reload()
            return await self._send(method, path, query, body, content_type, accept, timeout, silence, again=False)
        failure = read_failure(response.status, raw, response.headers.get("Retry-After", ""))
        raise error_of(failure, self.context, f"{method} {path}")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        import aiohttp

        try:
            return await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise unreachable(self.context, error) from error


def decoded(raw: bytes) -> Any:
    """JSON as objects. The collector of cycles rests meanwhile: JSON has none, and the search took half of a large list."""
    running = gc.isenabled()
    gc.disable()
    try:
        return _decode(raw)
    finally:
        if running:
            gc.enable()


def unreachable(context: str, error: BaseException) -> ApiUnavailable:
    """The error for a connection that did not come about or broke, in words a person can use."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return ApiUnavailable(
            f"The cluster {context} shows a certificate that its kubeconfig does not trust. Nothing was sent.",
            "If the cluster was made anew, fetch its kubeconfig again; otherwise somebody may sit in between.",
            failure=Failure(0, "Certificate", str(error)),
        )
    if isinstance(error, TimeoutError):
        why, reason = "it did not answer in time", "Timeout"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        why, reason = "its name is not known", "Name"
    elif isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        why, reason = "it refuses connections", "Refused"
    elif isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | ConnectionResetError):
        why, reason = "it cut the connection", "Cut"
    else:
        why, reason = f"the connection failed ({type(error).__name__})", "Connection"
    return ApiUnavailable(
        f"The cluster {context} cannot be reached: {why}.",
        "The console keeps trying; check the network or the cluster.",
        failure=Failure(0, reason, why),
        retryable=True,
    )


def _no_cluster(context: str) -> ApiUnavailable:
    """The error for a page of the web where an API server should be: a proxy, a sign-in page, a wrong address."""
    return ApiUnavailable(
        f"What answers for the cluster {context} is a page of the web and no API server. What was asked for was not done.",
        "A proxy or a sign-in page may sit in between: check the network, HTTPS_PROXY and the server of the kubeconfig.",
        failure=Failure(0, "Html", "a page of the web"),
        retryable=True,
    )


def _warning(header: str) -> str:
    """The text of a ``Warning`` header (RFC 7234): ``299 - "unknown field …"``."""
    _, quote, rest = header.partition('"')
    return rest.rpartition('"')[0].replace('\\"', '"') if quote else header
