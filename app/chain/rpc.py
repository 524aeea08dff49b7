"""JSON-RPC 2.0 over HTTP, in batches, with the errors told apart.

Our own because web3.py refuses ``eth_sendRawTransaction`` in batches and costs 20 to 45 times the CPU. A node may run the calls of
one batch side by side: calls that depend on each other go in two requests.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec

from app.core.errors import ConsoleError, Unavailable

BATCH = 200
TIMEOUT = 30.0  # seconds for one request
_ids = itertools.count(1)


class RpcFailure(ConsoleError):
    """The node answered with an error. ``code`` is JSON-RPC's, ``data`` its ``0x…`` revert data or empty."""

    exit_code = 7

    def __init__(self, method: str, code: int, text: str, data: object = None) -> None:
        super().__init__(f"The node refused {method}: {text}", retryable=False, details={"code": code, "data": data})
        self.method, self.code, self.text = method, code, text
        self.data = _revert_data(data)

    @property
    def unknown_method(self) -> bool:
        """The node does not have this method."""
        return self.code in (-32601, -32004) or "not found" in self.text.lower() or "not supported" in self.text.lower()


def _revert_data(data: object) -> str:
    while isinstance(data, dict):
        data = data.get("data") or data.get("result")
    return data if isinstance(data, str) and data.startswith("0x") else ""


class Rpc:
    """One endpoint. Safe for concurrent use on one loop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, *params: object) -> Any:
        """One call.

        Raises:
            RpcFailure: the node says no.
            Unavailable: it did not answer.
        """
        answer = await self._post({"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": list(params)})
        if not isinstance(answer, dict):
            raise Unavailable(f"{self.url} does not speak JSON-RPC. Nothing was done.", "Check the address of the network.")
        return _result(method, answer)

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """Many calls; results in the order of the calls. The first that failed raises.

        Raises: as :meth:`call`.
        """
        results: list[Any] = []
        for start in range(0, len(calls), BATCH):
            part = calls[start : start + BATCH]
            first = next(_ids)
            body = [{"jsonrpc": "2.0", "id": f"{first}.{i}", "method": m, "params": list(p)} for i, (m, p) in enumerate(part)]
            answer = await self._post(body)
            if isinstance(answer, dict) and "error" in answer:
                _result(part[0][0], answer)
            if not isinstance(answer, list):
                raise Unavailable(f"{self.url} does not answer batches. Nothing was done.", "Use an endpoint that does.")
            by_id = {entry.get("id"): entry for entry in answer if isinstance(entry, dict)}
            for i, (method, _) in enumerate(part):
                entry = by_id.get(f"{first}.{i}")
                if entry is None:
                    raise Unavailable(
                        f"{self.url} left out the answer to {method}. Nothing was done.", "Try again.", retryable=True
                    )
                results.append(_result(method, entry))
        return results

    async def _post(self, body: object) -> Any:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT), headers={"content-type": "application/json"}
            )
        try:
            async with self._session.post(self.url, data=msgspec.json.encode(body)) as response:
                raw = await response.read()
                if response.status >= 400 and not raw.lstrip().startswith((b"{", b"[")):
                    raise Unavailable(
                        f"{self.url} answered HTTP {response.status}. Nothing was done.", "Check the address.", retryable=True
                    )
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            why = "in time" if isinstance(error, asyncio.TimeoutError) else f"({type(error).__name__})"
            raise Unavailable(
                f"{self.url} did not answer {why}. Nothing was done.",
                "Check that the node runs and the address is right.",
                retryable=True,
            ) from error
        try:
            return msgspec.json.decode(raw)
        except msgspec.DecodeError as error:
            raise Unavailable(
                f"{self.url} does not speak JSON-RPC. Nothing was done.", "Check the address of the network."
            ) from error

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _result(method: str, entry: dict[str, Any]) -> Any:
    error = entry.get("error")
    if error:
        error = error if isinstance(error, dict) else {"message": str(error)}
        raise RpcFailure(method, int(error.get("code") or 0), str(error.get("message") or "no reason given"), error.get("data"))
    return entry.get("result")
