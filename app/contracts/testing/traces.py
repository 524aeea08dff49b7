"""What ``forge test -vvvvv`` prints about tests that failed: decoded call traces and backtraces, read into values.

forge's JSON has the traces undecoded and no lines of sources; what it prints has both. Only the pinned version is read so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.contracts.testing.results import Place, TraceKind, TraceNode

MOST_LINES = 5_000  # of one test's traces; an invariant's can have hundreds of thousands
_SUITE = re.compile(r"Ran \d+ tests? for (.+)")
_FRAME = re.compile(r"  at (\S+)(?: \((.+):(\d+):\d+\))?$")
_GAS = re.compile(r"\[(\d+)\] (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Detail:
    """Traces and backtrace of one test."""

    traces: tuple[TraceNode, ...] = ()
    backtrace: tuple[Place, ...] = ()


@dataclass(slots=True)
class _Open:
    """A node that still grows."""

    depth: int
    text: str
    children: list[_Open] = field(default_factory=list)

    def closed(self) -> TraceNode:
        kind, text, gas = _kind(self.text)
        children = tuple(child.closed() for child in self.children)
        ended = next((child.text for child in reversed(children) if child.kind is TraceKind.RESULT), "")
        ok = not ended.startswith("[Revert]") if kind is TraceKind.CALL else not text.startswith("[Revert]")
        return TraceNode(kind, text, gas, ok, children)


def read_details(printed: str, failed: Mapping[str, Iterable[str]]) -> dict[tuple[str, str], Detail]:
    """By suite and name of the test, as ``failed`` has them."""
    found: dict[tuple[str, str], Detail] = {}
    suite, test, part = "", "", ""
    header: list[str] = []
    body: dict[str, list[str]] = {}

    def keep() -> None:
        if test:
            found[suite, test] = Detail(_traces(body.get("Traces:", [])), _frames(body.get("Backtrace:", [])))

    for line in printed.splitlines():
        if match := _SUITE.fullmatch(line):
            keep()
            suite, test, part = match[1], "", ""
        elif line.startswith(("Suite result:", "Failing tests:")):
            keep()
            test = part = ""
            if line.startswith("Failing"):  # the same headers once more
                break
        elif line.startswith(("[FAIL", "[PASS]", "[SKIP")):
            keep()
            test, part, header, body = "", "header", [line], {}
            test = _named(header, failed.get(suite, ()))
        elif line in ("Logs:", "Traces:", "Backtrace:") and part:
            part = line
            body[part] = []
        elif part == "header":  # a counter-example has a line for each of its calls
            header.append(line)
            test = test or _named(header, failed.get(suite, ()))
        elif part:
            body[part].append(line)
    keep()
    return found


def _named(header: list[str], names: Iterable[str]) -> str:
    said = "\n".join(header)
    return next((name for name in names if f" {name} (gas: " in said or f" {name} (runs: " in said), "")


def _frames(lines: Iterable[str]) -> tuple[Place, ...]:
    matches = (_FRAME.match(line) for line in lines)
    return tuple(Place(match[2] or "", int(match[3] or 0), match[1]) for match in matches if match)


def _traces(lines: list[str]) -> tuple[TraceNode, ...]:
    roots: list[_Open] = []
    path: list[_Open] = []
    for line in lines[:MOST_LINES]:
        if not line.strip():
            continue
        depth, text = _measured(line)
        if depth is None:
            if path:  # a value with line breaks goes on
                path[-1].text += f"\n{text}"
            continue
        node = _Open(depth, text)
        while path and path[-1].depth >= depth:
            path.pop()
        (path[-1].children if path else roots).append(node)
        path.append(node)
    found = [root.closed() for root in roots]
    if len(lines) > MOST_LINES:
        found.append(TraceNode(TraceKind.RESULT, f"{len(lines) - MOST_LINES:,} more lines are not kept."))
    return tuple(found)


def _measured(line: str) -> tuple[int | None, str]:
    """How deep a line stands (0: a call from outside), and its text; None for a line that goes on with the one before."""
    plain = line.lstrip(" │├└─")
    lead = line[: len(line) - len(plain)]
    if lead == "  " and plain.startswith("["):
        return 0, plain
    if "├─" in lead or "└─" in lead:
        mark = max(lead.rfind("├─"), lead.rfind("└─"))
        return (mark - 4) // 4 + 1, plain
    if plain.startswith("@ ") and "│" in lead:  # a slot, below “storage changes:”
        return len(lead) // 4, plain
    return None, line.strip(" │")


def _kind(text: str) -> tuple[TraceKind, str, int]:
    if match := _GAS.match(text):
        return TraceKind.CALL, match[2], int(match[1])
    if text.startswith("← "):
        return TraceKind.RESULT, text[2:], 0
    if text.startswith("emit "):
        return TraceKind.EVENT, text[5:], 0
    if text.startswith(("storage changes:", "@ ")):
        return TraceKind.STORAGE, text, 0
    return TraceKind.EVENT, text, 0
