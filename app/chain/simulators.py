"""Trying calls where a node can do it: ``eth_simulateV1``, and ``debug_traceCall`` with the changes of earlier calls laid over.

Block hashes that such simulations return are made up; nothing here hands them on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.chain.rpc import RpcFailure
from app.chain.runs import (
    READER,
    VIEW_GAS,
    CallRequest,
    CallResult,
    Overrides,
    Standing,
    View,
    address_of,
    body_of,
    hexadecimal,
    plain_log,
    quantity,
    word,
)

if TYPE_CHECKING:
    from app.chain.networks import Chain

# CREATE with the call data as creation code; returns the address, or reverts with the constructor's reason.
_CREATOR = "0x363d3d37363d34f080601657" + "3d600060003e3d6000fd" + "5b60005260206000f3"
# The balance of the account in the call data: PUSH1 0 CALLDATALOAD BALANCE PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN.
_BALANCE = "0x60003531600052" + "60206000f3"
_PURSE = "0x00000000000000000000000000000000000ba1a5"
COIN = "0x" + "ee" * 20  # whose logs tell moves of the native coin (``traceTransfers``)
_BLOCK_GAS = 10**10  # of a simulated block: the limit that counts is that of each call
TRACED = 32  # calls: beyond, laying earlier changes over each call costs more than it is worth


class SimulateV1:
    """``eth_simulateV1``: the whole sequence in one request, whoever its senders are."""

    name = told = "eth_simulateV1"

    def __init__(self, chain: Chain, standing: Standing, calls: Sequence[CallRequest]) -> None:
        self._chain, self._standing, self._calls = chain, standing, calls
        self.moved: set[str] = set()

    async def run(self) -> list[CallResult]:
        """Try the calls."""
        if any(call.to is None and call.value for call in self._calls):  # see ``_blocks``: another account does the creating
            raise RpcFailure(self.name, 0, "a creation that takes coin cannot be tried this way")
        raw = await self._ask([])
        results = []
        for call, one in zip(self._calls, raw, strict=True):
            logs = [plain_log(self.name, log) for log in one.get("logs") or ()]
            self.moved |= {address_of(topic) for log in logs if log["address"] == COIN for topic in log["topics"][1:3]}
            results.append(_result(call, one, [log for log in logs if log["address"] != COIN]))
        return results

    async def after(self, views: Sequence[View], accounts: Sequence[str]) -> tuple[list[str], Mapping[str, int]]:
        """Ask in the same run, after the calls."""
        asked = [_view(to, data) for to, data in views] + [_view(_PURSE, "0x" + word(account)) for account in accounts]
        raw = (await self._ask(asked))[len(self._calls) :]
        answers = [hexadecimal(self.name, one.get("returnData")) if quantity(self.name, one["status"]) else "0x" for one in raw]
        balances = {
            account: int(hexadecimal(self.name, answer, 32), 16)
            for account, answer in zip(accounts, answers[len(views) :], strict=True)
        }
        return answers[: len(views)], balances

    async def _ask(self, asked: list[dict[str, str]]) -> list[dict[str, Any]]:
        # Nobody pays for a simulation, and roles are what is tested, not who has coins for gas.
        request = {
            "blockStateCalls": _blocks(self._calls, asked, self._standing),
            "traceTransfers": not asked,
            "validation": False,
        }
        answer = await self._chain.rpc.call(self.name, request, self._standing.tag)
        try:
            results = [result for part in answer for result in part["calls"] if result["status"] in ("0x0", "0x1")]
            if len(results) != len(self._calls) + len(asked):
                raise ValueError("another number of results")
        except (TypeError, KeyError, ValueError) as error:
            raise RpcFailure(self.name, 0, f"its answer is not as it should be ({error})") from None
        return results


def _result(call: CallRequest, one: Mapping[str, Any], logs: Sequence[dict[str, Any]]) -> CallResult:
    gas = quantity(SimulateV1.name, one.get("gasUsed"))
    data = hexadecimal(SimulateV1.name, one.get("returnData"))
    if one["status"] == "0x1":
        return CallResult(True, gas, data, logs=tuple(logs), created=address_of(data) if call.to is None else "")
    failure = one.get("error") or {}
    found = failure.get("data")
    if isinstance(found, str) and len(found) > 2:
        data = hexadecimal(SimulateV1.name, found)
    return CallResult(False, gas, data, str(failure.get("message") or ""))


def _view(to: str, data: str) -> dict[str, str]:
    return {"from": READER, "to": to, "input": data, "gas": hex(VIEW_GAS)}


def _blocks(calls: Sequence[CallRequest], asked: list[dict[str, str]], standing: Standing) -> list[dict[str, Any]]:
    """The calls in one simulated block, or in several when contracts are created.

    anvil's ``eth_simulateV1`` cannot create contracts. So the sender gets code for the length of a block that does the creating:
    the creator and its nonce are the same, so the addresses are those of the real transactions.
    """
    blocks: list[dict[str, Any]] = []
    acting = ""  # whose code is overridden in the block being filled

    def begin(overrides: dict[str, Any]) -> None:
        blocks.append({"stateOverrides": overrides, "calls": []})

    begin({})
    for call in calls:
        wanted = call.sender if call.to is None else ""
        if wanted != acting:
            begin(({acting: {"code": "0x"}} if acting else {}) | ({wanted: {"code": _CREATOR}} if wanted else {}))
            acting = wanted
        body = body_of(call, standing.gas)
        blocks[-1]["calls"].append(body if call.to is not None else {**body, "from": READER, "to": call.sender})
    if asked:
        begin({_PURSE: {"code": _BALANCE}})
        blocks[-1]["calls"] = asked
    filled = [block for block in blocks if block["calls"]]
    for at, block in enumerate(filled):  # a later block must have a later time
        place = {"number": standing.number + 1 + at, "time": standing.timestamp + at, "gasLimit": _BLOCK_GAS}
        block["blockOverrides"] = {name: hex(value) for name, value in place.items()}
    return filled


class TraceCall:
    """``debug_traceCall``: one call at a time, each on the changes of those before."""

    name = told = "debug_traceCall"

    def __init__(self, chain: Chain, standing: Standing, calls: Sequence[CallRequest]) -> None:
        self._chain, self._standing, self._calls = chain, standing, calls
        self._overrides = Overrides()
        self.moved: set[str] = set()

    async def run(self) -> list[CallResult]:
        """Try the calls."""
        if len(self._calls) > TRACED:
            raise RpcFailure(self.name, 0, f"{len(self._calls)} calls are too many for it")
        return [await self._one(call) for call in self._calls]

    async def _one(self, call: CallRequest) -> CallResult:
        body, tag = body_of(call, self._standing.gas), self._standing.tag
        place = {"number": hex(self._standing.number + 1), "time": hex(self._standing.timestamp)}
        common = {"stateOverrides": self._overrides.accounts, "blockOverrides": place}
        asked = [
            (self.name, [body, tag, {"tracer": "callTracer", "tracerConfig": {"withLog": True}, **common}]),
            (self.name, [body, tag, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}, **common}]),
        ]
        frame, difference = await self._chain.rpc.each(asked)
        if isinstance(frame, RpcFailure):
            # What can never be in a block is no failure of the tracer: too little coin for the value, too little gas to begin.
            if any(words in frame.text.lower() for words in ("insufficient", "intrinsic", "lackoffund")):
                return CallResult(False, said=frame.text)
            raise frame
        if isinstance(difference, RpcFailure):
            raise difference
        if not isinstance(frame, dict) or not isinstance(difference, dict):
            raise RpcFailure(self.name, 0, "its answer is not as it should be")
        try:
            self.moved |= self._overrides.take(difference)
            logs = tuple(_logs(frame))
        except (AttributeError, TypeError, KeyError, ValueError):
            raise RpcFailure(self.name, 0, "its answer is not as it should be") from None
        gas, output = quantity(self.name, frame.get("gasUsed")), hexadecimal(self.name, frame.get("output"))
        if frame.get("error"):
            return CallResult(False, gas, output, str(frame["error"]))
        created = address_of(hexadecimal(self.name, frame.get("to"), 20)) if call.to is None else ""
        return CallResult(True, gas, output, logs=logs, created=created)

    async def after(self, views: Sequence[View], accounts: Sequence[str]) -> tuple[list[str], Mapping[str, int]]:
        """Ask with all changes laid over."""
        tag, over = self._standing.tag, self._overrides.accounts
        answers = await self._chain.rpc.each([("eth_call", [_view(to, data), tag, over]) for to, data in views])
        balances = {account: int(over[account]["balance"], 16) for account in accounts if "balance" in over.get(account, {})}
        return ["0x" if isinstance(answer, RpcFailure) else hexadecimal("eth_call", answer) for answer in answers], balances


def _logs(frame: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The logs of a call and of what it called, in the order in which they were written; those of failed calls never were."""
    if frame.get("error"):
        return []
    calls = frame.get("calls") or []
    logs = [plain_log(TraceCall.name, log) for log in frame.get("logs") or []]
    found: list[dict[str, Any]] = []
    for at in range(len(calls) + 1):
        last = at == len(calls)
        found += [log for log in logs if log["position"] == at or (last and log["position"] > at)]
        if not last:
            found += _logs(calls[at])
    return found
