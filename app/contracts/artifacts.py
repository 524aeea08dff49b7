"""What the compiler made, as values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.errors import Invalid

_HOLE = re.compile(r"__\$[0-9a-f]{34}\$__")  # where the address of a library belongs


@dataclass(frozen=True, slots=True)
class Message:
    """An error or a warning in the compiler's own words.

    ``line`` and ``column`` count from 1 (characters, not bytes); 0 when it names no place. ``excerpt`` is that line without the
    blanks around it, ``length`` how many characters of the source are meant, ``said`` all that the compiler prints, its arrows too.
    """

    severity: str
    code: str
    text: str
    file: str = ""
    line: int = 0
    excerpt: str = ""
    column: int = 0
    length: int = 0
    said: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.severity} {self.code}: {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Link:
    """Where the address of a library (``file:Name``) belongs: 20 bytes from ``start``."""

    start: int
    library: str

    @property
    def name(self) -> str:
        """The library's name alone."""
        return self.library.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract.

    ``bytecode`` and ``runtime`` are ``0x…`` hex, with the compiler's ``__$…$__`` where a library's address belongs. Immutables
    are ``(start, length)`` in ``runtime``. ``key`` names the compiler's answer, in which the parts lie that are not held here
    (``Compiler.parts``); it is empty for what another tool built.
    """

    name: str
    source: str
    abi: tuple[Mapping[str, Any], ...]
    bytecode: str
    runtime: str
    storage_layout: Mapping[str, Any]
    immutables: tuple[tuple[int, int], ...] = ()
    warnings: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    runtime_links: tuple[Link, ...] = ()
    key: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the creation code; addresses of libraries count as zeros."""
        return hashlib.sha256(filled(self.bytecode)).hexdigest()

    @property
    def parameters(self) -> Sequence[Mapping[str, Any]]:
        """The constructor's parameters as the ABI has them."""
        return next((list(entry["inputs"]) for entry in self.abi if entry.get("type") == "constructor"), [])

    @property
    def libraries(self) -> tuple[str, ...]:
        """The libraries that it must be linked with, as ``file:Name``."""
        return tuple(sorted({link.library for link in (*self.links, *self.runtime_links)}))

    def creation_code(self, libraries: Mapping[str, str] | None = None) -> bytes:
        """The creation code, linked.

        Args:
            libraries: addresses (``0x…``) by ``file:Name`` or by name.

        Raises:
            Invalid: a library has no address.
        """
        return self._linked(self.bytecode, self.links, libraries or {})

    def runtime_code(self, libraries: Mapping[str, str] | None = None) -> bytes:
        """The runtime code, linked; immutables are zeros. Raises as :meth:`creation_code`."""
        return self._linked(self.runtime, self.runtime_links, libraries or {})

    def _linked(self, text: str, links: tuple[Link, ...], libraries: Mapping[str, str]) -> bytes:
        code = bytearray(filled(text))
        for link in links:
            address = libraries.get(link.library) or libraries.get(link.name)
            if address is None:
                raise Invalid(
                    f"{self.name} needs the address of the library {link.name}. Nothing was done.",
                    f"Give it as {link.name}=0x…",
                    field="libraries",
                )
            code[link.start : link.start + 20] = bytes.fromhex(address[2:])
        return bytes(code)

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
        """True when ``code`` (``0x…``) is this runtime code, immutables and addresses of libraries apart, and nothing else."""
        ours, theirs = bytearray(filled(self.runtime)), bytearray.fromhex(code[2:])
        if len(ours) != len(theirs):
            return False
        # A library begins with its own address, so that it knows when it is called directly: PUSH20, ADDRESS, EQ.
        guard = [(1, 20)] if ours.startswith(b"\x73" + bytes(20) + b"\x30\x14") else []
        for start, length in (*guard, *self.immutables, *((link.start, 20) for link in self.runtime_links)):
            ours[start : start + length] = theirs[start : start + length] = bytes(length)
        return ours == theirs


@dataclass(frozen=True, slots=True)
class Compilation:
    """One answer of the compiler. ``seconds`` is what it took, ``cached`` that nothing had to be done.

    ``places`` has the file of each source by the compiler's name for it; ``key`` names the answer in the cache.
    """

    contracts: tuple[Artifact, ...]
    warnings: tuple[Message, ...]
    errors: tuple[Message, ...]
    seconds: float
    cached: bool
    solc: str
    key: str = ""
    places: Mapping[str, Path] = field(default_factory=dict)

    def get(self, name: str) -> Artifact:
        """The contract of that name.

        Raises:
            KeyError: there is none.
        """
        for artifact in self.contracts:
            if artifact.name == name:
                return artifact
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the compiler tells of one contract beside its code, read from the cache when somebody asks.

    Source maps are in the compiler's compressed notation and refer to ``source_ids``; a source that the compiler generated is in
    ``generated`` (of the runtime code) under its own id. ``immutables`` has the places in the runtime code by the id of the
    variable's declaration in the syntax tree (``Compiler.tree``).
    """

    metadata: str
    methods: Mapping[str, str]
    storage_layout: Mapping[str, Any]
    source_map: str
    runtime_source_map: str
    generated: tuple[Mapping[str, Any], ...]
    immutables: Mapping[str, tuple[tuple[int, int], ...]]
    source_ids: Mapping[int, str]


def parts_of(answer: Mapping[str, Any], source: str, name: str) -> Parts:
    """The parts of one contract of an answer. Raises KeyError when it is not in it."""
    contract = answer["contracts"][source][name]
    creation, runtime = contract["evm"]["bytecode"], contract["evm"]["deployedBytecode"]
    return Parts(
        metadata=contract.get("metadata", ""),
        methods=contract["evm"].get("methodIdentifiers") or {},
        storage_layout=contract.get("storageLayout") or {},
        source_map=creation.get("sourceMap", ""),
        runtime_source_map=runtime.get("sourceMap", ""),
        generated=tuple(runtime.get("generatedSources") or ()),
        immutables={
            key: tuple((ref["start"], ref["length"]) for ref in refs)
            for key, refs in (runtime.get("immutableReferences") or {}).items()
        },
        source_ids={int(entry["id"]): at for at, entry in (answer.get("sources") or {}).items()},
    )


def read_answer(
    answer: Mapping[str, Any], sources: Mapping[str, str], own: Collection[str] | None = None, key: str = ""
) -> tuple[tuple[Artifact, ...], tuple[Message, ...], tuple[Message, ...]]:
    """Contracts, warnings and errors of a standard JSON answer; libraries and interfaces without code are left out.

    Args:
        own: names of the sources whose contracts are wanted; default: all that do not come from a package (``@…``).
    """
    messages = [_message(entry, sources) for entry in answer.get("errors", ())]
    artifacts = []
    for source, contracts in answer.get("contracts", {}).items():
        if source.startswith("@") if own is None else source not in own:
            continue
        for name, contract in contracts.items():
            # Newer compilers leave out what interfaces and abstract contracts do not have.
            if contract.get("evm", {}).get("bytecode", {}).get("object"):
                said = tuple(str(m) for m in messages if m.file == source and m.severity != "error")
                artifacts.append(artifact_of(source, name, contract, key, said))
    artifacts.sort(key=lambda artifact: (artifact.source, artifact.name))
    warnings = tuple(m for m in messages if m.severity != "error")
    return tuple(artifacts), warnings, tuple(m for m in messages if m.severity == "error")


def artifact_of(source: str, name: str, contract: Mapping[str, Any], key: str = "", warnings: tuple[str, ...] = ()) -> Artifact:
    """A contract of the compiler's answer (or of a file of the same shape)."""
    creation, runtime = contract["evm"]["bytecode"], contract["evm"]["deployedBytecode"]
    references = runtime.get("immutableReferences") or {}
    return Artifact(
        name=name,
        source=source,
        abi=tuple(contract["abi"]),
        bytecode="0x" + creation["object"].removeprefix("0x"),
        runtime="0x" + runtime["object"].removeprefix("0x"),
        storage_layout=contract.get("storageLayout") or {},
        immutables=tuple(sorted((ref["start"], ref["length"]) for refs in references.values() for ref in refs)),
        warnings=warnings,
        links=_links(creation.get("linkReferences") or {}),
        runtime_links=_links(runtime.get("linkReferences") or {}),
        key=key,
    )


def _links(references: Mapping[str, Any]) -> tuple[Link, ...]:
    found = [
        Link(ref["start"], f"{file}:{name}") for file, names in references.items() for name, refs in names.items() for ref in refs
    ]
    return tuple(sorted(found, key=lambda link: link.start))


def filled(text: str) -> bytes:
    """Code of the compiler's ``0x…``; addresses of libraries that it still lacks are zeros."""
    return bytes.fromhex(_HOLE.sub("0" * 40, text[2:]))


def _message(entry: Mapping[str, Any], sources: Mapping[str, str]) -> Message:
    place = entry.get("sourceLocation") or {}
    file, start, end = place.get("file", ""), place.get("start", -1), place.get("end", -1)
    line = column = length = 0
    excerpt = ""
    text = sources.get(file)
    if text is not None and start >= 0:
        raw = text.encode()  # the compiler counts bytes
        before = raw[:start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        excerpt = text.split("\n")[line - 1].strip()
        length = len(raw[start:end].decode("utf-8", "replace")) if end > start else 0
    return Message(
        entry["severity"],
        str(entry.get("errorCode", "")),
        entry["message"],
        file,
        line,
        excerpt,
        column,
        length,
        str(entry.get("formattedMessage", "")).rstrip(),
    )
