"""What the compiler made, as values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """An error or a warning in the compiler's own words. ``line`` counts from 1; 0 when it names no place."""

    severity: str
    code: str
    text: str
    file: str = ""
    line: int = 0
    excerpt: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        return f"{place}{self.severity} {self.code}: {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract. ``bytecode`` and ``runtime`` are ``0x…`` hex; immutables are ``(start, length)`` in ``runtime``."""

    name: str
    source: str
    abi: tuple[Mapping[str, Any], ...]
    bytecode: str
    runtime: str
    storage_layout: Mapping[str, Any]
    immutables: tuple[tuple[int, int], ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the creation code."""
        return hashlib.sha256(bytes.fromhex(self.bytecode[2:])).hexdigest()

    def slot(self, variable: str) -> int:
        """Storage slot of a state variable.

        Raises:
            KeyError: there is no such variable.
        """
        for entry in self.storage_layout.get("storage", ()):
            if entry["label"] == variable:
                return int(entry["slot"])
        raise KeyError(variable)

    def runtime_matches(self, code: str) -> bool:
        """True when ``code`` (``0x…``) is this runtime code, immutables and nothing else apart."""
        ours, theirs = bytearray.fromhex(self.runtime[2:]), bytearray.fromhex(code[2:])
        if len(ours) != len(theirs):
            return False
        for start, length in self.immutables:
            ours[start : start + length] = theirs[start : start + length] = bytes(length)
        return ours == theirs


@dataclass(frozen=True, slots=True)
class Compilation:
    """One answer of the compiler. ``seconds`` is what it took, ``cached`` that nothing had to be done."""

    contracts: tuple[Artifact, ...]
    warnings: tuple[Message, ...]
    errors: tuple[Message, ...]
    seconds: float
    cached: bool
    solc: str

    def get(self, name: str) -> Artifact:
        """The contract of that name.

        Raises:
            KeyError: there is none.
        """
        for artifact in self.contracts:
            if artifact.name == name:
                return artifact
        raise KeyError(name)


def read_answer(
    answer: Mapping[str, Any], sources: Mapping[str, str]
) -> tuple[tuple[Artifact, ...], tuple[Message, ...], tuple[Message, ...]]:
    """Contracts, warnings and errors of a standard JSON answer; contracts of libraries and interfaces without code are left out."""
    messages = [_message(entry, sources) for entry in answer.get("errors", ())]
    artifacts = []
    for source, contracts in answer.get("contracts", {}).items():
        if source.startswith("@"):
            continue
        for name, contract in contracts.items():
            code = contract["evm"]["bytecode"]["object"]
            if not code:
                continue
            deployed = contract["evm"]["deployedBytecode"]
            references = deployed.get("immutableReferences") or {}
            artifacts.append(
                Artifact(
                    name=name,
                    source=source,
                    abi=tuple(contract["abi"]),
                    bytecode="0x" + code,
                    runtime="0x" + deployed["object"],
                    storage_layout=contract.get("storageLayout") or {},
                    immutables=tuple(sorted((ref["start"], ref["length"]) for refs in references.values() for ref in refs)),
                    warnings=tuple(str(m) for m in messages if m.file == source and m.severity != "error"),
                )
            )
    artifacts.sort(key=lambda artifact: (artifact.source, artifact.name))
    warnings = tuple(m for m in messages if m.severity != "error")
    return tuple(artifacts), warnings, tuple(m for m in messages if m.severity == "error")


def _message(entry: Mapping[str, Any], sources: Mapping[str, str]) -> Message:
    place = entry.get("sourceLocation") or {}
    file, start = place.get("file", ""), place.get("start", -1)
    line, excerpt = 0, ""
    text = sources.get(file)
    if text is not None and start >= 0:
        before = text.encode()[:start].decode("utf-8", "replace")
        line = before.count("\n") + 1
        excerpt = text.splitlines()[line - 1].strip() if line <= len(text.splitlines()) else ""
    return Message(entry["severity"], str(entry.get("errorCode", "")), entry["message"], file, line, excerpt)
