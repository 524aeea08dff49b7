"""What every way of trying calls has in common: the calls, the block they stand on, and what came out of each."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from app.audit import verifier
from app.chain.hashing import checksum_address
from app.chain.rpc import RpcFailure

if TYPE_CHECKING:
    from app.chain.networks import Block, Chain

GAS = 30_000_000
VIEW_GAS = 1_000_000
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
READER = "0x000000000000000000000000000000000000dEaD"  # who asks views
View = tuple[str, str]  # contract and call data


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call to try. ``to`` is None for a creation; ``data`` is ``0x…``; ``value`` in wei."""

    sender: str
    to: str | None
    data: str = "0x"
    value: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one call did.

    ``data`` is what it returned or reverted with; ``said`` what the node says of a failure; ``logs`` as nodes give them, with
    address, topics and data; ``created`` the address of a new contract.
    """

    ok: bool
    gas: int = 0
    data: str = "0x"
    said: str = ""
    logs: tuple[dict[str, Any], ...] = ()
    created: str = ""

    @property
    def vague(self) -> bool:
        """It failed, and neither data nor text tell why."""
        return not self.ok and self.data in ("", "0x") and self.said.lower() in ("", "execution failed")


@dataclass(frozen=True, slots=True)
class Standing:
    """The block that calls stand on, and the time and height of the one that they would be in."""

    number: int
    hash: str
    timestamp: int
    gas_limit: int
    base_fee: int
    coinbase: str
    prevrandao: bytes
    state_root: bytes = b""  # of the block, when its header gives the hash that it claims; else empty
    floor: bool = False  # call data has a least price (EIP-7623, since Prague)

    @property
    def tag(self) -> str:
        """The block as RPC methods take it."""
        return hex(self.number)

    @property
    def gas(self) -> int:
        """What a call may use."""
        return min(GAS, self.gas_limit)


class Session(Protocol):
    """One way of trying a sequence of calls."""

    name: str
    moved: set[str]  # accounts whose native coin may have changed; known after ``run``

    @property
    def told(self) -> str:
        """The name, with what else a reader should know of it."""
        ...

    async def run(self) -> list[CallResult]:
        """Try the calls, one after the other.

        Raises:
            RpcFailure: the node cannot do it this way.
        """
        ...

    async def after(self, views: Sequence[View], accounts: Sequence[str]) -> tuple[list[str], Mapping[str, int]]:
        """Answers of views (``0x`` from what does not answer), and native balances in wei, after the calls.

        Accounts whose balance stayed may be left out.
        """
        ...


async def stand(chain: Chain) -> Standing:
    """The newest block, and the time that a block after it would have.

    Development chains run on clocks of their own, which only the node knows: so its pending block is asked first.
    """
    head = await chain.head()
    soonest = max(head.timestamp + 1, int(time.time()))
    try:
        pending = await chain.rpc.call("eth_getBlockByNumber", "pending", False)
        soonest = max(head.timestamp + 1, int(pending["timestamp"], 16))
    except (RpcFailure, TypeError, KeyError, ValueError):
        pass
    return _standing(head, soonest)


def standing_before(parent: Block, raw: Mapping[str, Any]) -> Standing:
    """Where the transactions of a block (``raw``, as the node gives it) stood: on its parent's state, at the block's own time."""
    mix = str(raw.get("mixHash") or "0x")[2:]
    return replace(
        _standing(parent, int(raw["timestamp"], 16)),
        gas_limit=int(raw["gasLimit"], 16),
        base_fee=int(raw.get("baseFeePerGas") or "0x0", 16),
        coinbase=str(raw.get("miner") or "0x" + "00" * 20),
        prevrandao=bytes.fromhex(mix) if len(mix) == 64 else bytes(32),
    )


def _standing(head: Block, soonest: int) -> Standing:
    mix = str(head.raw.get("mixHash") or "0x")[2:]
    return Standing(
        number=head.number,
        hash=head.hash,
        timestamp=soonest,
        gas_limit=int(str(head.raw.get("gasLimit") or hex(GAS)), 16),
        base_fee=head.base_fee or 0,
        coinbase=str(head.raw.get("miner") or "0x" + "00" * 20),
        prevrandao=bytes.fromhex(mix) if len(mix) == 64 else bytes(32),
        state_root=_state_root(head),
        floor=head.raw.get("requestsHash") is not None,
    )


def body_of(call: CallRequest, gas: int) -> dict[str, str]:
    """The call as RPC methods take it."""
    body = {"from": call.sender, "input": call.data, "value": hex(call.value), "gas": hex(gas)}
    if call.to is not None:
        body["to"] = call.to
    return body


def _state_root(head: Block) -> bytes:
    """The root that proofs of state are held against; empty where the header is of a kind that cannot be recomputed."""
    try:
        fits = "0x" + verifier.header_hash(head.raw).hex() == head.hash.lower()
        return verifier.hex_bytes(head.raw["stateRoot"], 32) if fits else b""
    except (verifier.Refused, KeyError, TypeError, ValueError):
        return b""


def hexadecimal(method: str, value: object, size: int | None = None) -> str:
    """``0x…`` as a node must give it, of ``size`` bytes when that is said; None counts as empty.

    Raises:
        RpcFailure: it is something else.
    """
    text = "0x" if value is None else value
    if isinstance(text, str) and _HEX.fullmatch(text) and (size is None or len(text) == 2 + 2 * size):
        return text.lower()
    raise RpcFailure(method, 0, "its answer is not as it should be")


def quantity(method: str, value: object) -> int:
    """A number as a node gives it; missing is 0. Raises RpcFailure for what is no number."""
    if value is None:
        return 0
    if isinstance(value, int) and value >= 0:
        return value
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    raise RpcFailure(method, 0, "its answer is not as it should be")


def plain_log(method: str, raw: object) -> dict[str, Any]:
    """Address, topics and data of a log, and its place among calls where a tracer tells it. Raises RpcFailure for what is none."""
    if not isinstance(raw, dict) or not isinstance(raw.get("topics"), list | tuple) or len(raw["topics"]) > 4:
        raise RpcFailure(method, 0, "its answer is not as it should be")
    return {
        "address": hexadecimal(method, raw.get("address"), 20),
        "topics": [hexadecimal(method, topic, 32) for topic in raw["topics"]],
        "data": hexadecimal(method, raw.get("data")),
        "position": quantity(method, raw.get("position")),
    }


def word(value: str | int) -> str:
    """One ABI word as 64 hex digits: an address or an integer."""
    return f"{value:064x}" if isinstance(value, int) else value.removeprefix("0x").lower().rjust(64, "0")


def address_of(text: str) -> str:
    """The address in the last 20 bytes of a word, with its checksum."""
    return checksum_address(bytes.fromhex(text.removeprefix("0x")[-40:].rjust(40, "0")))


@dataclass(slots=True)
class Overrides:
    """State as nodes take it in ``stateOverrides``: what a sequence has changed so far."""

    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, difference: Mapping[str, Any]) -> set[str]:
        """Add what a ``prestateTracer`` in ``diffMode`` tells; returns the accounts whose balance changed."""
        before, after = difference.get("pre") or {}, difference.get("post") or {}
        moved = set()
        for address in {*before, *after}:
            old, new = before.get(address) or {}, after.get(address)
            entry = self.accounts.setdefault(address_of(address), {})
            if new is None:  # it destroyed itself
                entry |= {"balance": "0x0", "nonce": "0x0", "code": "0x"}
                moved.add(address_of(address))
                continue
            if "balance" in new:
                entry["balance"] = hex(quantity("debug_traceCall", new["balance"]))
                moved.add(address_of(address))
            if "nonce" in new:
                entry["nonce"] = hex(quantity("debug_traceCall", new["nonce"]))
            if "code" in new:
                entry["code"] = new["code"]
            slots = entry.setdefault("stateDiff", {})
            slots.update(
                dict.fromkeys(old.get("storage") or {}, "0x" + "00" * 32)
            )  # a slot that is cleared is left out of ``post``
            slots.update(new.get("storage") or {})
            if not slots:
                del entry["stateDiff"]
        return moved
