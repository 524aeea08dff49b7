"""The calls of a transaction as a tree, from ``callTracer``'s answer: who called what with which arguments, and what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.chain import abi
from app.chain.hashing import checksum_address
from app.contracts.artifacts import Artifact
from app.contracts.inspector.values import named, text_of
from app.core.errors import Invalid

CREATES = ("CREATE", "CREATE2")
BORROWS = ("DELEGATECALL", "CALLCODE")  # run another's code on their own storage

Pairs = tuple[tuple[str, str], ...]
Known = Mapping[str, Artifact]  # by checksummed address


@dataclass(frozen=True, slots=True)
class Log:
    """A log. ``contract`` and ``event`` are empty where nobody knows them; ``arguments`` are names and exact texts."""

    address: str
    contract: str
    event: str
    arguments: Pairs
    topics: tuple[str, ...]
    data: str


@dataclass(frozen=True, slots=True)
class CallNode:
    """One call, and those that it made.

    Attributes:
        kind: ``CALL``, ``DELEGATECALL``, ``STATICCALL``, ``CREATE`` …
        contract: name of the code that ran, or empty where it is not known.
        function: ``transfer(address,uint256)``, ``constructor``, ``receive``, ``fallback``, or ``0x…`` of an unknown selector.
        value: wei; of a DELEGATECALL, which moves nothing, 0.
        gas: given to it; ``gas_used``: with everything below it.
        error: the node's word for a failure, or empty; ``reason``: the revert decoded.
    """

    kind: str
    sender: str
    to: str
    contract: str
    function: str
    arguments: Pairs
    outputs: Pairs
    value: int
    gas: int
    gas_used: int
    input: str
    output: str
    error: str
    reason: str
    logs: tuple[Log, ...]
    calls: tuple[CallNode, ...]

    def walk(self) -> Iterator[CallNode]:
        """This call and all below it, in the order in which they began."""
        yield self
        for call in self.calls:
            yield from call.walk()


Reason = Callable[[str, str], str]  # of revert data and the node's text


def addresses_in(frame: Mapping[str, Any]) -> Iterator[str]:
    """All addresses whose code ran, or whose logs are there."""
    if frame.get("to"):
        yield checksum_address(str(frame["to"]))
    for log in frame.get("logs") or ():
        yield checksum_address(str(log["address"]))
    for call in frame.get("calls") or ():
        yield from addresses_in(call)


def tree(frame: Mapping[str, Any], known: Known, reason: Reason) -> CallNode:
    """The tree of a frame.

    Raises:
        KeyError, TypeError, ValueError: the answer is not a call frame.
    """
    calls = tuple(tree(call, known, reason) for call in frame.get("calls") or ())
    kind, to = str(frame["type"]), checksum_address(str(frame["to"])) if frame.get("to") else ""
    data, output, error = str(frame.get("input") or "0x"), str(frame.get("output") or "0x"), str(frame.get("error") or "")
    artifact = known.get(to)
    function, arguments, outputs = _decoded(artifact, kind, data, output, bool(error))
    if "(" not in function and kind not in CREATES:
        lent = next((call for call in calls if call.kind in BORROWS and call.input == data and call.function), None)
        if lent is not None:  # a proxy hands on what it was asked: its implementation's words are those of the call
            function, arguments, outputs = lent.function, lent.arguments, lent.outputs
    words = [each for each in (artifact, *(known.get(call.to) for call in calls if call.kind in BORROWS)) if each is not None]
    return CallNode(
        kind=kind,
        sender=checksum_address(str(frame["from"])),
        to=to,
        contract=artifact.name if artifact else "",
        function=function,
        arguments=arguments,
        outputs=outputs,
        value=0 if kind in BORROWS else int(str(frame.get("value") or "0x0"), 16),
        gas=int(str(frame.get("gas") or "0x0"), 16),
        gas_used=int(str(frame.get("gasUsed") or "0x0"), 16),
        input=data,
        output=output,
        error=error,
        reason=reason(output, str(frame.get("revertReason") or error)) if error else "",
        logs=tuple(log_of(log, words) for log in frame.get("logs") or ()),
        calls=calls,
    )


def log_of(log: Mapping[str, Any], artifacts: Sequence[Artifact]) -> Log:
    """A log in the words of whatever of ``artifacts`` knows it; raw where none does."""
    address = checksum_address(str(log["address"]))
    for artifact in artifacts:
        try:
            decoded = abi.decode_log(artifact.abi, log)
        except Invalid:
            continue
        if decoded is not None:
            event, values = decoded
            arguments = tuple((name, text_of(value, name)) for name, value in values.items())
            return Log(address, artifact.name, event, arguments, tuple(log["topics"]), str(log["data"]))
    return Log(address, artifacts[0].name if artifacts else "", "", (), tuple(log["topics"]), str(log["data"]))


def _decoded(artifact: Artifact | None, kind: str, data: str, output: str, failed: bool) -> tuple[str, Pairs, Pairs]:
    raw = bytes.fromhex(data[2:])
    if kind in CREATES:
        return "constructor", _constructed(artifact, raw), ()
    if artifact is None:
        return ("0x" + raw[:4].hex() if len(raw) >= 4 else ""), (), ()
    for entry in artifact.abi:
        if entry.get("type") == "function" and raw[:4] == abi.selector(entry):
            outputs = () if failed else named(entry["outputs"], bytes.fromhex(output[2:])) or ()
            return abi.signature_of(entry), named(entry["inputs"], raw[4:]) or (), outputs
    has = {str(entry.get("type")) for entry in artifact.abi}
    return ("receive" if not raw and "receive" in has else "fallback"), (), ()


def _constructed(artifact: Artifact | None, raw: bytes) -> Pairs:
    """The constructor's arguments: what follows the creation code."""
    if artifact is None:
        return ()
    constructor = next((entry for entry in artifact.abi if entry.get("type") == "constructor"), {"inputs": ()})
    length = (len(artifact.bytecode) - 2) // 2
    return named(constructor["inputs"], raw[length:]) or () if constructor["inputs"] else ()
