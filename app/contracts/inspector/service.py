"""Looks into one transaction: its calls, logs and changes, in the words of the contracts that are known."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.chain.hashing import checksum_address, created_address
from app.chain.rpc import RpcFailure
from app.contracts.artifacts import Artifact, filled
from app.contracts.inspector import stepping
from app.contracts.inspector.calls import BORROWS, CREATES, CallNode, Log, addresses_in, log_of, tree
from app.contracts.inspector.stepping import Lines, SourceStep
from app.contracts.inspector.storage import WORD, StorageChange, changes, word_of, words_in
from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid, NotFound, Unavailable
from app.core.evidence import Evidence, EvidenceKind

if TYPE_CHECKING:
    from app.chain import Chain, Networks, Simulation
    from app.contracts.compiler import Compiler

TRACE = "debug_traceTransaction"
_CALLS = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
_INSTRUCTIONS = {"disableStorage": True, "disableStack": True, "enableMemory": False, "enableReturnData": False}
_STATE = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
Artifacts = Callable[[str], Awaitable[Sequence[Artifact]]]
NO_TRACE = "The node has no debug_traceTransaction: only the outermost call and the logs of the receipt are shown."


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """Native coin of an account, wei. The sender's includes the fee; the block's producer is in it where the node says so."""

    address: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """One transaction.

    Attributes:
        ok: it did what it was sent for; ``reason`` says why not, decoded.
        time: of its block, seconds since 1970. ``block`` is 0 and ``block_hash`` empty while it is in none.
        value, fee, gas_price, base_fee: wei; ``gas_price`` is what was paid per gas, ``gas_limit`` and ``gas_used`` are units.
        created: address of the contract that it created, or empty.
        call: the tree, or None while it is in no block.
        storage, balances: what changed; empty where the node cannot tell, which ``missing`` says.
        contracts, builds: names, and digests of creation code, of the known code that ran, by address.
        missing: sentences: what could not be looked at, and why.
    """

    hash: str
    network: str
    ok: bool
    pending: bool
    reason: str
    sender: str
    to: str
    created: str
    value: int
    nonce: int
    type: int
    gas_limit: int
    gas_used: int
    gas_price: int
    base_fee: int
    fee: int
    block: int
    block_hash: str
    index: int
    time: int
    call: CallNode | None
    logs: tuple[Log, ...]
    storage: tuple[StorageChange, ...]
    balances: tuple[BalanceChange, ...]
    contracts: Mapping[str, str]
    builds: Mapping[str, str]
    missing: tuple[str, ...]
    evidence: tuple[Evidence, ...]


class Inspector:
    """Reads transactions of any standard node; of one with ``debug_traceTransaction``, down to each call and each variable.

    Args:
        artifacts: of a network's key: what was compiled and may be deployed there.
    """

    def __init__(self, networks: Networks, simulation: Simulation, compiler: Compiler, artifacts: Artifacts) -> None:
        self._networks = networks
        self._simulation = simulation
        self._compiler = compiler
        self._artifacts = artifacts

    async def inspect(self, network_id: str, tx_hash: str) -> Inspection:
        """Look at a transaction.

        Raises:
            Invalid: that is no hash of a transaction.
            NotFound: the network does not know it.
            Unavailable: the network does not answer, or answers what it must not.
        """
        tx_hash = tx_hash.strip().lower()
        if len(tx_hash) != 66 or not tx_hash.startswith("0x") or any(char not in "0123456789abcdef" for char in tx_hash[2:]):
            raise Invalid("A transaction's hash is 0x and 64 hex digits. Nothing was read.", "Copy the whole hash.", field="hash")
        chain = await self._networks.connect(network_id)
        sent, receipt = await chain.rpc.batch([("eth_getTransactionByHash", [tx_hash]), ("eth_getTransactionReceipt", [tx_hash])])
        if sent is None:
            raise NotFound(
                f"{chain.network.name} knows no transaction {tx_hash}.",
                "Is it of another network, or was it dropped from the pool?",
            )
        try:
            return await self._mined(chain, sent, receipt) if receipt is not None else _pending(chain, sent)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f"{chain.network.name} describes {tx_hash} in a way that cannot be read ({type(error).__name__}: {error}).",
                "Ask another endpoint.",
            ) from error

    async def steps(self, network_id: str, found: Inspection) -> tuple[SourceStep, ...]:
        """A transaction by lines of source. The node runs it again and tells each instruction: minutes for a large one.

        Code that nobody knows has steps without a file.

        Raises:
            Conflict: it is in no block, or is not in that block any more.
            Unavailable: the node has no ``debug_traceTransaction``, or what it says is not of this transaction.
        """
        chain = await self._networks.connect(network_id)
        if found.call is None:
            raise Conflict("It is in no block yet: it has not run.", "Look again when it is in one.")
        receipt = await chain.rpc.call("eth_getTransactionReceipt", found.hash)
        if receipt is None or receipt["blockHash"] != found.block_hash:
            raise Conflict("The chain was reorganised: the transaction is not in that block any more.", "Look at it again.")
        try:
            logs = await self._instructions(chain, found, found.call)
            return tuple(stepping.steps(found.call, logs, await self._lines(found.call, found.builds)))
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f"What {chain.network.name} says of its instructions cannot be read ({error}).", "Ask another endpoint."
            ) from error

    async def _instructions(self, chain: Chain, found: Inspection, root: CallNode) -> Sequence[Mapping[str, Any]]:
        """The node's ``structLogs``; of a node that keeps none (anvil without ``--steps-tracing``) those of running it again."""
        trace = await chain.rpc.each([(TRACE, [found.hash, _INSTRUCTIONS])])
        if isinstance(trace[0], RpcFailure):
            raise Unavailable(
                f"{_why(trace[0]).partition(':')[0]}: it cannot be followed by lines.", "Use a node that has the method."
            )
        if trace[0]["structLogs"]:
            return list(trace[0]["structLogs"])
        if found.to and await chain.rpc.call("eth_getCode", found.to, hex(found.block)) == "0x":
            return []  # coin for an account without code: nothing ran
        if found.index:
            raise Unavailable(
                "The node keeps no instructions, and only the first transaction of a block can be run again as it was.",
                "Use a node that keeps them (anvil: --steps-tracing).",
            )
        body = {"from": found.sender, "data": root.input, "value": hex(found.value), "gas": hex(found.gas_limit)}
        place = {"number": hex(found.block), "time": hex(found.time)}
        asked = [body | ({"to": found.to} if found.to else {}), hex(found.block - 1), {**_INSTRUCTIONS, "blockOverrides": place}]
        again = await chain.rpc.call("debug_traceCall", *asked)
        if bool(again["failed"]) is found.ok or again["returnValue"].removeprefix("0x") != root.output[2:]:
            raise Unavailable(
                "Run again on the state before its block, the transaction ended in another way. It cannot be followed."
            )
        return list(again["structLogs"])

    async def _lines(self, root: CallNode, builds: Mapping[str, str]) -> dict[tuple[str, bool], Lines]:
        lines: dict[tuple[str, bool], Lines] = {}
        for call in root.walk():
            created = call.kind in CREATES
            artifact = await self._compiler.find(builds[call.to]) if call.to in builds else None
            if artifact is None or (call.to, created) in lines:
                continue
            with contextlib.suppress(NotFound):  # another tool built it, or the cache was emptied: there are no maps
                parts, (_, sources) = await self._compiler.parts(artifact), await self._compiler.sources(artifact)
                code = filled(artifact.bytecode if created else artifact.runtime)
                lines[call.to, created] = Lines(artifact.name, parts, sources, code, created=created)
        return lines

    async def _mined(self, chain: Chain, sent: Mapping[str, Any], receipt: Mapping[str, Any]) -> Inspection:
        number = str(receipt["blockNumber"])
        frame, difference, block = await chain.rpc.each(
            [(TRACE, [sent["hash"], _CALLS]), (TRACE, [sent["hash"], _STATE]), ("eth_getBlockByNumber", [number, False])]
        )
        missing = []
        if not isinstance(frame, dict):
            missing.append(_why(frame))
            frame = _outermost(sent, receipt)
        known = await self._known(chain, frame, receipt, number)
        call = tree(frame, known, self._simulation.reason)
        storage: tuple[StorageChange, ...] = ()
        balances: tuple[BalanceChange, ...] = ()
        if isinstance(difference, dict) and not missing:
            storage = tuple(_storage(difference, call, receipt, known))
            balances = tuple(_balances(difference))
        elif not missing:
            missing.append("The node tells no changes of storage (prestateTracer with diffMode).")
        about = block if isinstance(block, dict) and block.get("hash") == receipt["blockHash"] else {}
        gas_used, price = (int(str(each or "0x0"), 16) for each in (receipt["gasUsed"], receipt.get("effectiveGasPrice")))
        ok = int(str(receipt.get("status", "0x1")), 16) == 1
        voices = _voices(call, known)
        return Inspection(
            **_sent(chain, sent),
            ok=ok,
            pending=False,
            reason="" if ok else _reason(call) or "it failed, and the node does not say why",
            created=checksum_address(receipt["contractAddress"]) if receipt.get("contractAddress") else "",
            gas_used=gas_used,
            gas_price=price,
            base_fee=int(str(about.get("baseFeePerGas") or "0x0"), 16),
            fee=gas_used * price,
            block=int(number, 16),
            block_hash=str(receipt["blockHash"]),
            index=int(receipt["transactionIndex"], 16),
            time=int(str(about.get("timestamp") or "0x0"), 16),
            call=call,
            logs=tuple(log_of(log, voices.get(checksum_address(log["address"]), ())) for log in receipt["logs"]),
            storage=storage,
            balances=balances,
            contracts={address: artifact.name for address, artifact in known.items()},
            builds={address: artifact.digest for address, artifact in known.items()},
            missing=tuple(missing),
            evidence=tuple(_evidence(chain, sent, receipt, traced=not missing)),
        )

    async def _known(
        self, chain: Chain, frame: Mapping[str, Any], receipt: Mapping[str, Any], number: str
    ) -> Mapping[str, Artifact]:
        """What ran, by address: the code there at that block is compared with everything that was compiled."""
        addresses = list(dict.fromkeys([*addresses_in(frame), *(checksum_address(log["address"]) for log in receipt["logs"])]))
        artifacts = await self._artifacts(chain.network.key.text)
        codes = await chain.rpc.each([("eth_getCode", [address, number]) for address in addresses])
        if any(isinstance(code, RpcFailure) for code in codes):  # the state of that block is pruned
            codes = await chain.rpc.each([("eth_getCode", [address, "latest"]) for address in addresses])
        found = {}
        for address, code in zip(addresses, codes, strict=True):
            fitting = isinstance(code, str) and len(code) > 2
            match = next((each for each in artifacts if each.runtime_matches(code)), None) if fitting else None
            if match is not None:
                found[address] = match
        for made in _frames(frame):
            if made["type"] in CREATES and made.get("to") and checksum_address(made["to"]) not in found:
                begins = (each for each in artifacts if str(made.get("input", "")).startswith(each.bytecode))
                match = next(begins, None)  # one that failed, or ended itself, left no code
                if match is not None:
                    found[checksum_address(made["to"])] = match
        return found


def _frames(frame: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield frame
    for call in frame.get("calls") or ():
        yield from _frames(call)


def _why(failure: object) -> str:
    if isinstance(failure, RpcFailure) and not failure.unknown_method:
        return f"The node could not trace it ({failure.text}): only the outermost call and the logs of the receipt are shown."
    return NO_TRACE


def _outermost(sent: Mapping[str, Any], receipt: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the call without a trace."""
    failed = int(str(receipt.get("status", "0x1")), 16) == 0
    return {
        "type": "CALL" if sent.get("to") else "CREATE",
        "from": sent["from"],
        "to": sent.get("to") or receipt.get("contractAddress"),
        "input": sent.get("input") or sent.get("data") or "0x",
        "value": sent.get("value"),
        "gas": sent.get("gas"),
        "gasUsed": receipt["gasUsed"],
        **({"error": "execution reverted"} if failed else {}),
    }


def _reason(call: CallNode) -> str:
    return call.reason or next((below.reason for below in call.walk() if below.reason), "")


def _voices(call: CallNode, known: Mapping[str, Artifact]) -> dict[str, tuple[Artifact, ...]]:
    """Whose words an address speaks: its own code's, and those of the code that it borrows (a proxy's implementation)."""
    found: dict[str, tuple[Artifact, ...]] = {address: (artifact,) for address, artifact in known.items()}
    for node in call.walk():
        for below in node.calls:
            lent = known.get(below.to)
            if below.kind in BORROWS and lent is not None and lent not in found.get(below.sender, ()):
                found[below.sender] = (*found.get(below.sender, ()), lent)
    return found


def _storage(
    difference: Mapping[str, Any], call: CallNode, receipt: Mapping[str, Any], known: Mapping[str, Artifact]
) -> Iterator[StorageChange]:
    before, after = difference["pre"], difference["post"]
    words = list(_words(call, receipt))
    voices = _voices(call, known)
    for raw in sorted(before.keys() | after.keys()):
        old, new = (side.get(raw, {}).get("storage") or {} for side in (before, after))
        slots = {}
        for slot in old.keys() | new.keys():
            pair = _word(old.get(slot)), _word(new.get(slot))
            if pair[0] != pair[1]:
                slots[int(slot, 16)] = pair
        if slots:
            address = checksum_address(raw)
            artifacts = voices.get(address, ())
            name = artifacts[0].name if artifacts else ""
            yield from changes(address, name, [artifact.storage_layout for artifact in artifacts], words, slots)


def _words(call: CallNode, receipt: Mapping[str, Any]) -> Iterator[bytes]:
    """What may be the key of a mapping: parties, and the words of calls, answers and logs; then small numbers."""
    for node in call.walk():
        yield word_of(node.sender)
        if node.to:
            yield word_of(node.to)
    for log in receipt["logs"]:
        yield from (bytes.fromhex(topic[2:]) for topic in log["topics"])
        yield from words_in(log["data"])
    for node in call.walk():
        if node.kind not in CREATES:  # code is no argument
            yield from words_in(node.input)
        yield from words_in(node.output)
    for number in range(32):
        yield number.to_bytes(WORD, "big")


def _balances(difference: Mapping[str, Any]) -> Iterator[BalanceChange]:
    before, after = difference["pre"], difference["post"]
    for raw in sorted(after):
        new = after[raw].get("balance")
        old = before.get(raw, {}).get("balance", "0x0")
        if new is not None and int(str(new), 16) != int(str(old), 16):
            yield BalanceChange(checksum_address(raw), int(str(old), 16), int(str(new), 16))


def _word(text: object) -> bytes:
    return bytes.fromhex(str(text or "0x")[2:].rjust(2 * WORD, "0"))


def _sent(chain: Chain, sent: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "hash": str(sent["hash"]),
        "network": chain.network.key.text,
        "sender": checksum_address(sent["from"]),
        "to": checksum_address(sent["to"]) if sent.get("to") else "",
        "value": int(sent["value"], 16),
        "nonce": int(sent["nonce"], 16),
        "type": int(str(sent.get("type") or "0x0"), 16),
        "gas_limit": int(sent["gas"], 16),
    }


def _pending(chain: Chain, sent: Mapping[str, Any]) -> Inspection:
    return Inspection(
        **_sent(chain, sent),
        ok=False,
        pending=True,
        reason="",
        created="" if sent.get("to") else created_address(checksum_address(sent["from"]), int(sent["nonce"], 16)),
        gas_used=0,
        gas_price=int(str(sent.get("maxFeePerGas") or sent.get("gasPrice") or "0x0"), 16),
        base_fee=0,
        fee=0,
        block=0,
        block_hash="",
        index=0,
        time=0,
        call=None,
        logs=(),
        storage=(),
        balances=(),
        contracts={},
        builds={},
        missing=("It is in no block yet: what it will do is not known.",),
        evidence=(_seen(chain, sent, "", "read from the pool"),),
    )


def _evidence(chain: Chain, sent: Mapping[str, Any], receipt: Mapping[str, Any], *, traced: bool) -> Iterator[Evidence]:
    block = str(receipt["blockHash"])
    yield _seen(chain, sent, block, "receipt read, not proven")
    if traced:
        check = f"traced by the node ({TRACE}): its own execution, which no root commits to"
        yield replace(_seen(chain, sent, block, check), kind=EvidenceKind.SIMULATION)


def _seen(chain: Chain, sent: Mapping[str, Any], block_hash: str, check: str) -> Evidence:
    about = EvidenceKind.TRANSACTION, str(sent["hash"]), chain.network.key.text
    return Evidence(*about, block_hash=block_hash, read_at=now_ms(), check=check)
