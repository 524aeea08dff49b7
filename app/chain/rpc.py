"""JSON-RPC 2.0 over HTTP, in batches, with the errors told apart.

Our own because web3.py refuses ``eth_sendRawTransaction`` in batches and costs 20 to 45 times the CPU. A node may run the calls of
one batch side by side: calls that depend on each other go in two requests.

Reads are asked again when a node is busy, limits or drops the connection, all within one time limit. What sends or changes anything
is asked once: whoever sent it looks what became of it.
"""

from __future__ import annotations

import asyncio
import email.utils
import itertools
import logging
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec

from app.core.errors import ConsoleError, Unavailable
from app.core.urls import shown_url, without_url

log = logging.getLogger(__name__)

DEEPEST = 3_000  # calls of Python within each other, and with them brackets of JSON
BATCH = 200
TIMEOUT = 30.0  # seconds for one call or one part of a batch, with everything that is asked again
CONNECT = 10.0  # seconds
AGAIN = 3  # times a read is asked again
PAUSE = 0.1  # seconds before the first of them; doubled each time, five times as long for a node that says it is busy
SIDE_BY_SIDE = 8  # calls at a time where a node takes no batches
Calls = Sequence[tuple[str, Sequence[object]]]
_ids = itertools.count(1)

_READS = (
    "eth_get", "eth_call", "eth_estimateGas", "eth_block", "eth_chainId", "eth_gasPrice", "eth_maxPriorityFeePerGas",
    "eth_feeHistory", "eth_syncing", "eth_simulateV1", "eth_createAccessList", "eth_accounts", "net_", "web3_", "txpool_",
    "debug_trace", "debug_get",
)  # fmt: skip
_STATEFUL = ("eth_getFilterChanges", "eth_getWork")  # reading them changes what is read next
_BUSY = (429, 502, 503, 504)
EXECUTION = 3  # the code with which geth and its kin answer a call that reverts


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
        text = self.text.lower()
        missing = ("not found", "not supported", "not available", "does not exist", "unsupported", "not allowed", "disabled")
        return self.code in (-32601, -32004) or (
            not self.data and ("method" in text or self.method.lower() in text) and any(words in text for words in missing)
        )

    @property
    def executed(self) -> bool:
        """The call was carried out and failed: that is what the contract says, not that the node cannot tell."""
        text = self.text.lower()
        said = ("revert", "evm error", "invalid opcode", "out of gas", "invalid jump", "stack")
        return self.code == EXECUTION or bool(self.data) or any(words in text for words in said)

    @property
    def busy(self) -> bool:
        """The node, or who stands before it, limits how much may be asked."""
        # -32005 alone does not say it: providers use it for a range of logs that is too long as well.
        text = self.text.lower()
        said = ("rate limit", "too many requests", "request rate", "rate exceeded", "capacity exceeded", "units per second")
        return self.code == 429 or (self.code != EXECUTION and not self.data and any(words in text for words in said))

    @property
    def batch_limited(self) -> bool:
        """A batch as a whole was too much, or batches are not taken at all."""
        text = self.text.lower()
        if self.code == EXECUTION or self.data:
            return False
        return "batch" in text or ("too large" in text and any(word in text for word in ("response", "request", "payload", "body")))


def _revert_data(data: object) -> str:
    while isinstance(data, dict):
        data = data.get("data") or data.get("result")
    return data if isinstance(data, str) and data.startswith("0x") else ""


class _Busy(Exception):
    """Asked again it may work: what happened, how long to wait at least, and whether the request may have been acted on."""

    def __init__(self, what: str, *, wait: float = 0.0, arrived: bool = False, slow: bool = False) -> None:
        self.what, self.wait, self.arrived, self.slow = what, wait, arrived, slow


class _TooLarge(Exception):
    """The batch as a whole was refused; nothing of it was done."""


class Rpc:
    """One endpoint. Safe for concurrent use on one loop.

    Args:
        url: ``http://`` or ``https://``; may carry a key, which no error, log or repr shows.
        limit: seconds for one call, or one part of a batch.
    """

    def __init__(self, url: str, *, limit: float = TIMEOUT) -> None:
        self.url = url
        self.shown = shown_url(url)
        self._limit = limit
        self._batch = BATCH  # how many calls at once this node takes, as far as is known
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Rpc({self.shown})"

    async def call(self, method: str, *params: object) -> Any:
        """One call.

        Raises:
            RpcFailure: the node says no.
            Unavailable: it did not answer.
        """
        asked = next(_ids)
        deadline = time.monotonic() + self._limit
        pause = _Pauses(self, method, deadline, repeatable(method))
        while True:
            try:
                answer = await self._post({"jsonrpc": "2.0", "id": asked, "method": method, "params": list(params)}, deadline)
                if isinstance(answer, list) and len(answer) == 1:
                    answer = answer[0]
                if not isinstance(answer, dict) or (answer.get("id") not in (None, asked) and "error" not in answer):
                    raise self._no_rpc()
                return self._result(method, answer)
            except _TooLarge:
                raise Unavailable(
                    f"{self.shown} refuses {method}: the request is too large for it. Nothing was done.", "Use another endpoint."
                ) from None
            except RpcFailure as failure:
                if not failure.busy or not pause.repeatable:
                    raise
                await pause.wait(_Busy(f"limits requests ({failure.text})", slow=True))
            except _Busy as busy:
                await pause.wait(busy)

    async def batch(self, calls: Calls) -> list[Any]:
        """Many calls; results in the order of the calls. The first that failed raises.

        Raises: as :meth:`call`.
        """
        results = await self.each(calls)
        for result in results:
            if isinstance(result, RpcFailure):
                raise result
        return results

    async def each(self, calls: Calls) -> list[Any]:
        """Many calls; results in their order, with an :class:`RpcFailure` as the result of each that the node refuses.

        A node that takes fewer at once gets fewer, one that takes no batches gets them one by one.

        Raises:
            Unavailable: it did not answer. Of calls that change something, some may have been done.
        """
        results: list[Any] = []
        while len(results) < len(calls):
            part = calls[len(results) : len(results) + self._batch]
            if self._batch == 1:
                part = calls[len(results) : len(results) + SIDE_BY_SIDE]
                results += await asyncio.gather(*(self._one(method, params) for method, params in part))
                continue
            try:
                results += await self._part(part)
            except _TooLarge:
                self._batch = max(1, len(part) // 2)
                log.debug("%s takes batches of fewer than %d calls", self.shown, len(part))
        return results

    async def _one(self, method: str, params: Sequence[object]) -> Any:
        try:
            return await self.call(method, *params)
        except RpcFailure as failure:
            return failure

    async def _part(self, calls: Calls) -> list[Any]:
        """One batch, and again what of it was left out or limited, where that may be asked again."""
        results: dict[int, Any] = {}
        deadline = time.monotonic() + self._limit
        safe = all(repeatable(method) for method, _ in calls)
        pause = _Pauses(self, f"{len(calls)} calls", deadline, safe)
        while left := [at for at in range(len(calls)) if at not in results]:
            first = next(_ids)
            body = [{"jsonrpc": "2.0", "id": f"{first}.{at}", "method": calls[at][0], "params": list(calls[at][1])} for at in left]
            try:
                answer = await self._post(body, deadline)
                problem = self._sort(calls, left, first, answer, results, safe=safe)
            except _Busy as busy:
                problem = busy
            if problem is not None:
                await pause.wait(problem)
        return [results[at] for at in range(len(calls))]

    def _sort(
        self, calls: Calls, left: Sequence[int], first: int, answer: Any, results: dict[int, Any], *, safe: bool
    ) -> _Busy | None:
        """Put the answers of a batch where they belong; what must be asked again is told by the outcome."""
        if isinstance(answer, list) and len(answer) == 1 < len(left) and isinstance(answer[0], dict) and answer[0].get("error"):
            answer = answer[0]  # geth answers a batch that is too long with one entry
        if isinstance(answer, dict) and answer.get("error"):
            failure = self._failure(calls[left[0]][0], answer["error"])
            if failure.busy and not failure.batch_limited:
                return _Busy(f"limits requests ({failure.text})", slow=True)
            raise _TooLarge  # one answer to a whole batch: whatever it says, nothing of the batch was done
        if not isinstance(answer, list):
            raise self._no_rpc()
        by_id = {entry.get("id"): entry for entry in answer if isinstance(entry, dict)}
        found = {at: by_id[f"{first}.{at}"] for at in left if f"{first}.{at}" in by_id}
        failures = {at: self._failure(calls[at][0], entry["error"]) for at, entry in found.items() if entry.get("error")}
        if safe and len(left) > 1 and any(failure.batch_limited for failure in failures.values()):
            raise _TooLarge  # geth ends a batch in the middle when its answer is too long
        problem: _Busy | None = None
        for at in left:
            failed = failures.get(at)
            if at not in found:
                problem = _Busy(f"left out the answer to {calls[at][0]}", arrived=True)
            elif failed is not None and failed.busy and safe:
                problem = _Busy(f"limits requests ({failed.text})", slow=True)
            else:
                results[at] = failed if failed is not None else self._result(calls[at][0], found[at])
        return problem

    async def _post(self, body: object, deadline: float) -> Any:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _Busy("did not answer in time", arrived=True)
        try:
            async with self._open().post(
                self.url,
                data=msgspec.json.encode(body),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=left, sock_connect=CONNECT),
            ) as response:
                raw = await response.read()
                status, headers = response.status, response.headers
        except aiohttp.ClientConnectorError as error:
            refused = isinstance(error.os_error, ConnectionRefusedError)
            raise _Busy(f"did not answer ({'the connection was refused' if refused else type(error).__name__})") from None
        except aiohttp.ConnectionTimeoutError:
            raise _Busy("did not answer in time") from None
        except TimeoutError:
            raise _Busy("did not answer in time", arrived=True) from None
        except (aiohttp.InvalidURL, ValueError):
            raise Unavailable(
                f"{self.shown} is no address of a node. Nothing was done.", "Correct the address of the network."
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _Busy(f"broke the connection off ({type(error).__name__})", arrived=True) from None
        if status in _BUSY:
            # A gateway that timed out may have passed the request on.
            wait = _seconds(headers.get("Retry-After", ""))
            raise _Busy(f"is busy (HTTP {status})", wait=wait, arrived=status in (502, 504), slow=True)
        if status == 413:
            raise _TooLarge
        if status >= 300 and not raw.lstrip().startswith((b"{", b"[")):
            raise self._refused(status)
        # py_ecc, behind web3 and eth_account, lets Python call itself 100,000 deep; nested brackets of a hostile node would then
        # run over the end of the stack instead of being refused.
        if sys.getrecursionlimit() > DEEPEST:
            sys.setrecursionlimit(DEEPEST)
        try:
            return msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise self._no_rpc() from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(headers={"content-type": "application/json"})
        return self._session

    def _refused(self, status: int) -> Unavailable:
        if status in (401, 403):
            return Unavailable(
                f"{self.shown} refuses this console (HTTP {status}). Nothing was done.", "Check the key in the network's address."
            )
        return Unavailable(f"{self.shown} answered HTTP {status}. Nothing was done.", "Check the address.", retryable=status >= 500)

    def _no_rpc(self) -> Unavailable:
        return Unavailable(f"{self.shown} does not speak JSON-RPC. Nothing was done.", "Check the address of the network.")

    def _result(self, method: str, entry: dict[str, Any]) -> Any:
        if entry.get("error"):
            raise self._failure(method, entry["error"])
        if "result" not in entry:
            raise self._no_rpc()
        return entry["result"]

    def _failure(self, method: str, error: object) -> RpcFailure:
        said = error if isinstance(error, dict) else {"message": str(error)}
        code = said.get("code")
        text = without_url(str(said.get("message") or "no reason given"), self.url)
        return RpcFailure(method, code if isinstance(code, int) else 0, text, said.get("data"))

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Pauses:
    """How long to wait before a read is asked again, and when to stop asking."""

    def __init__(self, rpc: Rpc, what: str, deadline: float, repeatable: bool) -> None:
        self._rpc, self._what, self._deadline, self.repeatable = rpc, what, deadline, repeatable
        self._times = 0

    async def wait(self, busy: _Busy) -> None:
        """Wait, or give up.

        Raises:
            Unavailable: it may not be asked again, was asked often enough, or there is no time left.
        """
        pause = PAUSE * 2**self._times * (5 if busy.slow else 1) * random.uniform(0.5, 1)  # not all at once again
        pause = max(pause, busy.wait)
        if not self.repeatable or self._times >= AGAIN or time.monotonic() + pause >= self._deadline:
            raise Unavailable(f"{self._rpc.shown} {busy.what}. {self._done(busy)}", _remedy(busy), retryable=True)
        self._times += 1
        log.debug("%s %s; %s is asked again in %.1f s", self._rpc.shown, busy.what, self._what, pause)
        await asyncio.sleep(pause)

    def _done(self, busy: _Busy) -> str:
        if self.repeatable or not busy.arrived:
            return "Nothing was done."
        return "Whether it took what was sent is not known."


def _remedy(busy: _Busy) -> str:
    if busy.wait:
        return f"It asks to wait {busy.wait:.0f} s."
    return "Try again later." if busy.slow else "Check that the node runs and the address is right."


def repeatable(method: str) -> bool:
    """Whether asking twice is the same as asking once."""
    return method.startswith(_READS) and method not in _STATEFUL


def _seconds(text: str) -> float:
    """The value of a ``Retry-After`` header in seconds: a number, or a date (RFC 9110); 0 when it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, at.timestamp() - time.time())
