"""Questions to a Prometheus over its HTTP API (``/api/v1/query`` and ``/api/v1/query_range``), each with a time limit.

It is reached at an address, through a tunnel (``http://NAME.tunnel``), or through the API server's service proxy.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from app.cluster.failures import ApiError
from app.cluster.tunnels import tunnel_of
from app.core.errors import ConsoleError, Invalid, Unavailable

if TYPE_CHECKING:
    from app.cluster.client import Connection
    from app.cluster.tunnels import Tunnels

LIMIT_SECONDS = 15.0  # for the whole answer; Prometheus itself is told to give up somewhat earlier
POINTS = 240  # of a range
LONGEST = 31 * 24 * 3600  # seconds
MOST_SERIES = 500
MOST_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its labels, and (UTC ms, value) oldest first; an instant answer has one point. Values may be NaN or infinite."""

    labels: Mapping[str, str]
    points: tuple[tuple[int, float], ...]

    @property
    def name(self) -> str:
        """As Prometheus writes it: ``up{job="rpc"}``."""
        inner = ", ".join(f'{key}="{value}"' for key, value in sorted(self.labels.items()) if key != "__name__")
        name = self.labels.get("__name__", "")
        return f"{name}{{{inner}}}" if inner else name or "{}"


@dataclass(frozen=True, slots=True)
class Queried:
    """An answer. ``warnings``: what Prometheus adds; ``left_out``: series beyond ``MOST_SERIES``."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...] = ()
    left_out: int = 0


async def ask(where: str, promql: str, seconds: int, *, connection: Connection, tunnels: Tunnels) -> Queried:
    """Ask once: the present values (0 seconds), or a range up to now in at most ``POINTS`` points.

    Raises:
        Invalid: no Prometheus is named, the range is too long, or it does not understand the expression.
        Unavailable: it does not answer in time, or not as a Prometheus does.
    """
    if not where:
        raise Invalid("No Prometheus is named for this context. Nothing was asked.", "Name its address first.", field="prometheus")
    if not promql.strip():
        raise Invalid("No expression was given. Nothing was asked.", field="promql")
    if not 0 <= seconds <= LONGEST:
        raise Invalid(f"A range has at most {LONGEST // 86_400} days. Nothing was asked.", field="seconds")
    query = {"query": promql, "timeout": f"{LIMIT_SECONDS - 3:.0f}s"}
    end = time.time()
    if seconds:
        query |= {"start": f"{end - seconds:.3f}", "end": f"{end:.3f}", "step": str(max(1, math.ceil(seconds / POINTS)))}
    path = f"/api/v1/{'query_range' if seconds else 'query'}"
    if where.startswith("/"):
        body = await _proxied(connection, where.rstrip("/") + path, query)
    else:
        if name := tunnel_of(where):
            with contextlib.suppress(Unavailable):  # another console of this machine may hold it open
                await tunnels.open(name)
        body = await _direct(tunnels.route(where).rstrip("/") + path, query)
    return _read(body)


async def _proxied(connection: Connection, path: str, query: Mapping[str, str]) -> Any:
    try:
        return (await connection.request("GET", path, query=query, timeout=LIMIT_SECONDS)).body
    except ApiError as error:
        if said := _said(error.failure.message):
            raise _refused(said) from error
        raise


async def _direct(url: str, query: Mapping[str, str]) -> Any:
    import aiohttp
    import msgspec

    try:
        limits = aiohttp.ClientTimeout(total=LIMIT_SECONDS, sock_connect=5)
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.get(f"{url}?{urlencode(query)}", allow_redirects=False) as answer,
        ):
            raw = await answer.content.read(MOST_BYTES + 1)
            while len(raw) <= MOST_BYTES and (more := await answer.content.read(MOST_BYTES)):
                raw += more
    except TimeoutError as error:
        raise Unavailable(
            f"Prometheus did not answer within {LIMIT_SECONDS:.0f} s.",
            "Ask for less: a shorter range, fewer series.",
            retryable=True,
        ) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Unavailable(
            f"Prometheus cannot be reached: {type(error).__name__}. Nothing was read.", "Check its address.", retryable=True
        ) from error
    if len(raw) > MOST_BYTES:
        raise Invalid("The answer of Prometheus is too large to be shown.", "Ask for less: a shorter range, fewer series.")
    try:
        body = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise _stranger(answer.status) from error
    if answer.status >= 400 and not isinstance(body, dict):
        raise _stranger(answer.status)
    return body


def _read(body: Any) -> Queried:
    if not isinstance(body, dict) or body.get("status") not in ("success", "error"):
        raise _stranger(200)
    if body["status"] == "error":
        raise _refused(body)
    try:
        data = body["data"]
        kind, result = data["resultType"], data["result"]
        if kind == "matrix":
            lines = [Line(entry["metric"], _points(entry.get("values") or ())) for entry in result]
        elif kind == "vector":
            lines = [Line(entry["metric"], _points([entry["value"]])) for entry in result if "value" in entry]
        elif kind == "scalar":
            lines = [Line({}, _points([result]))]
        else:
            raise Invalid(f"The expression gives a {kind}, which is no figure.", "Ask for numbers.", field="promql")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _stranger(200) from error
    warnings = tuple(str(text) for text in body.get("warnings") or ())
    return Queried(tuple(lines[:MOST_SERIES]), warnings, max(0, len(lines) - MOST_SERIES))


def _points(pairs: Any) -> tuple[tuple[int, float], ...]:
    return tuple((round(float(at) * 1000), float(value)) for at, value in pairs)


def _said(text: str) -> dict[str, Any] | None:
    import json

    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("status") == "error" else None


def _refused(body: Mapping[str, Any]) -> ConsoleError:
    said = str(body.get("error", "")).rstrip(".")
    if body.get("errorType") in ("timeout", "canceled", "unavailable", "internal"):
        return Unavailable(f"Prometheus could not answer: {said}.", "Ask for less, or try again.", retryable=True)
    return Invalid(f"Prometheus does not understand it: {said}.", "Mend the expression.", field="promql")


def _stranger(status: int) -> Unavailable:
    return Unavailable(f"What answers there is no Prometheus (status {status}).", "Check its address.")
