"""What calls would do, computed on the newest block before anything is signed.

With ``eth_simulateV1`` the calls run one after the other on one state, whoever their senders are, and balances are read in the same
run before and after. A node without it answers the first call only, by ``eth_call``; the method is named in the result. The block
hashes that a simulation returns are made up: the block named here was read by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.chain import abi
from app.chain.hashing import checksum_address
from app.chain.rpc import RpcFailure
from app.operations.plans import Effect

if TYPE_CHECKING:
    from app.chain.networks import Chain, Networks

GAS = 30_000_000
READER = "0x000000000000000000000000000000000000dEaD"
# CREATE with the call data as creation code; returns the address, or reverts with the constructor's reason.
_CREATOR = "0x363d3d37363d34f080601657" + "3d600060003e3d6000fd" + "5b60005260206000f3"


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call to try. ``to`` is None for a creation; ``data`` is ``0x…``; ``value`` in wei."""

    sender: str
    to: str | None
    data: str = "0x"
    value: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Erc20:
    """A token to watch."""

    address: str
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Whose balances to compare, in which tokens. ``created`` tokens cannot be watched: they are not there before."""

    tokens: Sequence[Erc20] = ()
    accounts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came out.

    ``effects`` are changed balances and supplies; gas, return data, logs and created addresses are per call; ``error`` is the
    reason of the first call that failed, decoded, with its label.
    """

    effects: tuple[Effect, ...] = ()
    gas: tuple[int, ...] = ()
    return_data: tuple[str, ...] = ()
    logs: tuple[tuple[dict[str, Any], ...], ...] = ()
    created: tuple[str, ...] = ()
    error: str = ""
    block: int = 0
    block_hash: str = ""
    method: str = ""
    reads: tuple[str, ...] = field(default=())


class Simulation:
    """Tries calls on a network, with no third party."""

    def __init__(self, *, networks: Networks) -> None:
        self._networks = networks
        self._abis: dict[str, Sequence[Any]] = {}

    def register_abi(self, contract_abi: Sequence[Any], name: str) -> None:
        """Let a room's custom errors be told by name."""
        self._abis[name] = [entry for entry in contract_abi if entry.get("type") == "error"]

    def reason(self, data: str, otherwise: str = "") -> str:
        """A revert's reason in words, from its data or from what the node said."""
        if data and data != "0x":
            return (
                abi.decode_error([entry for entries in self._abis.values() for entry in entries], data)
                or f"unknown error {data[:74]}"
            )
        return otherwise or "it reverts without a reason"

    async def preview(
        self, network_id: str, calls: Sequence[CallRequest], *, watch: Watch | None = None, reads: Sequence[CallRequest] = ()
    ) -> Simulated:
        """Run ``calls`` in order on the newest block.

        Args:
            watch: balances and supplies to compare.
            reads: views to ask after the calls; their answers are in ``reads``.

        Raises:
            Unavailable: the network does not answer.
        """
        chain = await self._networks.connect(network_id)
        head = await chain.head()
        wanted = watch or Watch()
        try:
            return await self._simulate(chain, calls, wanted, reads, head.number, head.hash)
        except RpcFailure as failure:
            if not failure.unknown_method:
                raise
        return await self._call(chain, calls, head.number, head.hash)

    async def _simulate(
        self, chain: Chain, calls: Sequence[CallRequest], watch: Watch, reads: Sequence[CallRequest], block: int, block_hash: str
    ) -> Simulated:
        views = _views(watch)
        # Nobody pays for a simulation, and roles are what is tested, not who has coins for gas.
        request = {
            "blockStateCalls": _blocks(views, calls, [*views, *(_body(call) for call in reads)]),
            "traceTransfers": False,
            "validation": False,
        }
        answer = await chain.rpc.call("eth_simulateV1", request, hex(block))
        results = [result for part in answer for result in part["calls"]]
        middle = results[len(views) : len(views) + len(calls)]
        before, after = results[: len(views)], results[len(views) + len(calls) : 2 * len(views) + len(calls)]
        error = ""
        for call, result in zip(calls, middle, strict=True):
            if int(result["status"], 16) == 0:
                failure = result.get("error") or {}
                data = failure.get("data") or result.get("returnData") or ""
                error = (
                    f"{call.label}: {self.reason(data, failure.get('message', ''))}"
                    if call.label
                    else self.reason(data, failure.get("message", ""))
                )
                break
        native = await self._native(chain, calls, middle, watch, block)
        return Simulated(
            effects=(*_effects(watch, before, after), *native),
            gas=tuple(int(result["gasUsed"], 16) for result in middle),
            return_data=tuple(result.get("returnData", "0x") for result in middle),
            logs=tuple(tuple(result.get("logs") or ()) for result in middle),
            error=error,
            block=block,
            block_hash=block_hash,
            method="eth_simulateV1",
            reads=tuple(result.get("returnData", "0x") for result in results[2 * len(views) + len(calls) :]),
        )

    async def _native(
        self, chain: Chain, calls: Sequence[CallRequest], results: list[Any], watch: Watch, block: int
    ) -> list[Effect]:
        """Coin that the calls themselves carry between watched accounts; what contracts pass on is not seen here."""
        moved: dict[str, int] = {}
        for call, result in zip(calls, results, strict=True):
            if call.value and int(result["status"], 16):
                moved[call.sender] = moved.get(call.sender, 0) - call.value
                if call.to:
                    moved[call.to] = moved.get(call.to, 0) + call.value
        touched = [account for account in watch.accounts if moved.get(account)]
        balances = await chain.rpc.batch([("eth_getBalance", [account, hex(block)]) for account in touched]) if touched else []
        return [
            Effect("balance", account, str(int(held, 16)), str(int(held, 16) + moved[account]), chain.network.symbol, 18)
            for account, held in zip(touched, balances, strict=True)
        ]

    async def _call(self, chain: Chain, calls: Sequence[CallRequest], block: int, block_hash: str) -> Simulated:
        first = calls[0]
        named = {"block": block, "block_hash": block_hash}
        label = f"{first.label}: " if first.label else ""
        try:
            answer = await chain.rpc.call("eth_call", _body(first), hex(block))
            gas = int(str(await chain.rpc.call("eth_estimateGas", _body(first))), 16)
        except RpcFailure as failure:
            return Simulated(error=label + self.reason(failure.data, failure.text), method="eth_call", **named)  # type: ignore[arg-type]
        how = "eth_call" if len(calls) == 1 else "eth_call (first of several calls only: this node cannot simulate a sequence)"
        return Simulated(gas=(gas,) + (0,) * (len(calls) - 1), return_data=(str(answer),), method=how, **named)  # type: ignore[arg-type]


def _blocks(before: list[dict[str, str]], calls: Sequence[CallRequest], after: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The calls in one simulated block, or in several when contracts are created.

    anvil's ``eth_simulateV1`` cannot create contracts. So the sender gets code for the length of a block that does the creating:
    the creator and its nonce are the same, so the addresses are those of the real transactions.
    """
    blocks: list[dict[str, Any]] = [{"calls": list(before)}]
    acting = ""  # whose code is overridden in the block being filled
    for call in calls:
        wanted = call.sender if call.to is None else ""
        if wanted != acting:
            overrides = {acting: {"code": "0x"}} if acting else {}
            if wanted:
                overrides[wanted] = {"code": _CREATOR}
            blocks.append({"calls": [], "stateOverrides": overrides})
            acting = wanted
        body = _body(call) if call.to is not None else {**_body(call), "from": READER, "to": call.sender}
        blocks[-1]["calls"].append(body)
    blocks[-1]["calls"].extend(after)
    return blocks


def _body(call: CallRequest) -> dict[str, str]:
    body = {"from": call.sender, "input": call.data, "value": hex(call.value), "gas": hex(GAS)}
    if call.to is not None:
        body["to"] = call.to
    return body


def _views(watch: Watch) -> list[dict[str, str]]:
    calls = []
    for token in watch.tokens:
        calls += [
            {
                "from": READER,
                "to": token.address,
                "input": abi.encode_call(abi.ERC20, "balanceOf", [account]),
                "gas": hex(1_000_000),
            }
            for account in watch.accounts
        ]
        calls.append(
            {"from": READER, "to": token.address, "input": abi.encode_call(abi.ERC20, "totalSupply", []), "gas": hex(1_000_000)}
        )
    return calls


def _effects(watch: Watch, before: list[Any], after: list[Any]) -> list[Effect]:
    found, at = [], 0
    for token in watch.tokens:
        for subject in (*watch.accounts, ""):
            old, new = (_word(results[at]) for results in (before, after))
            at += 1
            if old != new:
                kind = "balance" if subject else "supply"
                found.append(
                    Effect(kind, checksum_address(subject or token.address), str(old), str(new), token.symbol, token.decimals)
                )
    return found


def _word(result: dict[str, Any]) -> int:
    data = result.get("returnData") or "0x"
    return int(data[:66], 16) if int(result["status"], 16) and len(data) >= 66 else 0
