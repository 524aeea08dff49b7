"""A transaction by lines of source: each of the node's instructions at the place that the compiler's source map names.

"Source Mappings" of the Solidity documentation: one entry ``s:l:f:j:m`` per instruction, an empty field repeats the one before;
``s`` and ``l`` count bytes. A node names an address in the code and the source map the number of an instruction, so the code is
read once to number them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.contracts.artifacts import Parts
from app.contracts.inspector.calls import CREATES, CallNode

PUSH1, PUSH32 = 0x60, 0x7F
_CALLING = ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL", "CREATE", "CREATE2")


@dataclass(frozen=True, slots=True)
class SourceStep:
    """Instructions in a row that stand for one line of source, within one call.

    Attributes:
        depth: of the call, 0 for the outermost.
        contract: whose code runs.
        file, line: where it stands; ``line`` counts from 1. ``text`` is that line without the blanks around it.
        gas: of these instructions, without the calls that they make.
        first, count: number of the first instruction of the transaction that is meant, and of how many.
        failed: the call ended here with a revert or an exception.
    """

    depth: int
    contract: str
    file: str
    line: int
    text: str
    gas: int
    first: int
    count: int
    failed: bool = False


class Lines:
    """Lines of source by address in a contract's code.

    Args:
        code: as it runs; ``created``: it is creation code.
        sources: texts by the compiler's names for them.
    """

    def __init__(self, name: str, parts: Parts, sources: Mapping[str, str], code: bytes, *, created: bool) -> None:
        self.name = name
        self._places = list(_entries(parts.source_map if created else parts.runtime_source_map))
        self._ids = parts.source_ids
        self._instructions = _numbered(code)
        self._texts = {file: text.encode() for file, text in sources.items()}
        self._known: dict[int, tuple[str, int, str] | None] = {}

    def at(self, pc: int) -> tuple[str, int, str] | None:
        """File, line and its text, or None for what the compiler made by itself."""
        if pc not in self._known:
            self._known[pc] = self._look(pc)
        return self._known[pc]

    def _look(self, pc: int) -> tuple[str, int, str] | None:
        number = self._instructions.get(pc)
        if number is None or number >= len(self._places):
            return None
        start, file_id = self._places[number]
        file = self._ids.get(file_id)
        if file is None or file not in self._texts:
            return None
        raw = self._texts[file]
        begin, end = raw.rfind(b"\n", 0, start) + 1, raw.find(b"\n", start)
        text = raw[begin : end if end >= 0 else len(raw)].decode("utf-8", "replace").strip()
        return file, raw.count(b"\n", 0, start) + 1, text


def _entries(source_map: str) -> Iterator[tuple[int, int]]:
    """Start and file of each instruction."""
    start, file = 0, -1
    for entry in source_map.split(";"):
        fields = entry.split(":")
        start = int(fields[0]) if fields[0] else start
        file = int(fields[2]) if len(fields) > 2 and fields[2] else file
        yield start, file


def _numbered(code: bytes) -> dict[int, int]:
    """The number of the instruction at each address; what a PUSH carries is none."""
    found: dict[int, int] = {}
    pc = 0
    while pc < len(code):
        found[pc] = len(found)
        pc += 1 + (code[pc] - PUSH1 + 1 if PUSH1 <= code[pc] <= PUSH32 else 0)
    return found


@dataclass(slots=True)
class _Frame:
    call: CallNode
    lines: Lines | None
    below: int = 0  # calls that it has made


def steps(root: CallNode, logs: Sequence[Mapping[str, Any]], lines: Mapping[tuple[str, bool], Lines]) -> list[SourceStep]:
    """Walk the instructions along the tree of calls.

    Args:
        logs: ``structLogs``, in order.
        lines: of known code, by address and whether it is creation code.

    Raises:
        KeyError, TypeError, ValueError: the answer is not of instructions, or of another transaction than the tree.
    """
    frames = [_frame(root, lines)]
    found: list[SourceStep] = []
    base = int(logs[0]["depth"]) if logs else 1
    for number, log in enumerate(logs):
        depth = int(log["depth"]) - base
        while depth < len(frames) - 1:
            frames.pop()
        if depth == len(frames):  # the last instruction entered a call; those without code, and precompiles, have no steps
            parent = frames[-1]
            frames.append(_frame(parent.call.calls[parent.below - 1], lines))
        elif depth > len(frames):
            raise ValueError("a call begins twice")
        frame = frames[-1]
        place = frame.lines.at(int(log["pc"])) if frame.lines is not None else None
        calling = log["op"] in _CALLING
        if calling:
            frame.below += 1
        gas = 0 if calling else int(log.get("gasCost") or 0)  # what a call costs is mostly what is spent below it
        failed = bool(log.get("error")) or log["op"] in ("REVERT", "INVALID")
        name = frame.lines.name if frame.lines is not None else frame.call.contract
        last = found[-1] if found else None
        if place is None and last is not None and (last.depth, last.contract) == (depth, name):
            place = last.file, last.line, last.text  # the compiler's own code belongs to the line that needed it
        file, line, text = place or ("", 0, "")
        if last is not None and (last.depth, last.contract, last.file, last.line) == (depth, name, file, line) and not last.failed:
            last = SourceStep(depth, name, file, line, text, last.gas + gas, last.first, last.count + 1, failed)
            found[-1] = last
        else:
            found.append(SourceStep(depth, name, file, line, text, gas, number, 1, failed))
    return found


def _frame(call: CallNode, lines: Mapping[tuple[str, bool], Lines]) -> _Frame:
    return _Frame(call, lines.get((call.to, call.kind in CREATES)))


def failure(root: CallNode, found: Sequence[SourceStep]) -> SourceStep | None:
    """Where a transaction failed first: in the call whose revert was only handed up by those above. None when it did not fail.

    The optimizer lets equal code be shared, and then its place is that of another line: a line that names the error goes before it.
    """
    if not root.error:
        return None
    depth, call = 0, root
    while call.calls and call.calls[-1].error and call.calls[-1].output == call.output:
        depth, call = depth + 1, call.calls[-1]
    end = next((at for at in range(len(found) - 1, -1, -1) if found[at].failed and found[at].depth == depth), -1)
    ran = [step for step in reversed(found[: end + 1]) if step.depth == depth and step.file]
    error = call.reason.partition("(")[0]
    naming = [step for step in ran if f"revert {error}(" in step.text] if "(" in call.reason else []
    return next(iter([*naming, *ran]), found[end] if end >= 0 else None)
