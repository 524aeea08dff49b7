"""The verdict on a deployed contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.chain.abi import decode, encode, types_of
from app.chain.hashing import checksum_address
from app.chain.replay import replay
from app.chain.rpc import RpcFailure
from app.chain.runs import CallRequest
from app.contracts.artifacts import Artifact, Link
from app.contracts.compiler import Compiler
from app.contracts.verification.code import Difference, Kind, compare
from app.contracts.verification.creation import Creation, creation_of
from app.contracts.verification.kept import Verdicts
from app.contracts.verification.verdicts import STATEMENTS, Answer, Check, Verdict, Verified
from app.core.clock import now_ms
from app.core.errors import ConsoleError, Invalid, NotFound
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus

if TYPE_CHECKING:
    from app.chain import Chain, Networks
    from app.database import Database


@dataclass(slots=True)
class _Case:
    """A verification under way."""

    chain: Chain
    artifact: Artifact
    address: str
    code: bytes  # on the chain now
    expected: Sequence[object] | None
    wanted: Mapping[str, str]
    found: list[Difference] = field(default_factory=list)
    libraries: dict[str, str] = field(default_factory=dict)
    arguments: tuple[tuple[str, str, object], ...] = ()
    tail: bytes = b""  # the arguments as they stand behind the creation code


class Verification:
    """Verifies what is on a chain."""

    def __init__(self, networks: Networks, compiler: Compiler, database: Database) -> None:
        self.verdicts = Verdicts(database)
        self._networks = networks
        self._compiler = compiler

    async def verify(
        self,
        network_id: str,
        address: str,
        artifact: Artifact,
        *,
        arguments: Sequence[object] | None = None,
        libraries: Mapping[str, str] | None = None,
        tx: str = "",
    ) -> Verified:
        """Compare the code at ``address`` with a compiled contract, run its constructor again, and keep the verdict.

        Args:
            arguments: what the constructor should have been given; default: what it was given is taken and shown.
            libraries: addresses that should be linked, by ``file:Name`` or name; default: those that are.
            tx: the creating transaction, where it is known.

        Raises:
            NotFound: there is no code, or what the compiler told is no longer in the cache.
            Invalid: the arguments do not fit the constructor, or ``tx`` created something else; ``field`` names it.
            Unavailable: the network does not answer.
        """
        chain = await self._networks.connect(network_id)
        head = await chain.head()
        raw = await chain.rpc.call("eth_getCode", address, hex(head.number))
        if raw in ("0x", None):
            raise NotFound(f"There is no code at {address} on {chain.network.name}. Nothing was compared.", "Check the network.")
        parameters = artifact.parameters
        if arguments is not None and len(arguments) != len(parameters):
            raise Invalid(
                f"The constructor of {artifact.name} takes {len(parameters)} arguments, not {len(arguments)}. Nothing was done.",
                field="arguments",
            )
        said = libraries or {}
        wanted = {name: at for name in artifact.libraries if (at := said.get(name) or said.get(name.rpartition(":")[2]))}
        if unknown := set(said) - {name for full in artifact.libraries for name in (full, full.rpartition(":")[2])}:
            raise Invalid(
                f"{artifact.name} is not linked with {sorted(unknown)[0]}. Nothing was compared.",
                f"It is linked with {', '.join(artifact.libraries) or 'no library'}.",
                field="libraries",
            )
        case = _Case(chain, artifact, address, bytes.fromhex(raw[2:]), arguments, wanted)
        created = await creation_of(chain, address, head.number, tx)
        self._link(case, created if isinstance(created, Creation) else None)
        creation = self._creation(case, created)
        immutables = await self._immutables(artifact)
        runtime = self._runtime(case)
        replayed = await self._replay(case, created, creation, immutables)
        for library, at in case.libraries.items():
            await self._library(case, library, at, head.number)
        checks = (creation, runtime, replayed)
        verdict = _verdict(checks, case.found)
        verified = Verified(
            name=artifact.name,
            source=artifact.source,
            address=checksum_address(bytes.fromhex(address[2:])),
            verdict=verdict,
            statement=STATEMENTS[verdict],
            creation=creation,
            runtime=runtime,
            replay=replayed,
            differences=tuple(dict.fromkeys(case.found)),
            arguments=case.arguments,
            immutables=tuple((name, "0x" + case.code[start : start + length].hex()) for start, length, name in immutables),
            libraries=dict(case.libraries),
            tx=created.tx if isinstance(created, Creation) else "",
            evidence=_evidence(case, head.number, head.hash, created, replayed),
        )
        await self.verdicts.keep(chain.network.key.text, verified, case.code)
        return verified

    def _link(self, case: _Case, created: Creation | None) -> None:
        """Addresses of libraries as the codes have them; every place must have the same."""
        places: list[tuple[Link, bytes, str]] = [(link, case.code, "runtime code") for link in case.artifact.runtime_links]
        if created is not None:
            places += [(link, created.code, "creation code") for link in case.artifact.links]
        for link, code, what in places:
            there = checksum_address(code[link.start : link.start + 20].rjust(20, b"\0"))
            wanted = case.wanted.get(link.library) or case.libraries.get(link.library)
            case.libraries.setdefault(link.library, there)
            if wanted is not None and wanted.lower() != there.lower():
                case.found.append(Difference(Kind.LIBRARY, f"{link.library} in the {what}", wanted, there))

    def _creation(self, case: _Case, created: Creation | str) -> Check:
        if isinstance(created, str):
            return Check(Answer.UNKNOWN, f"The creating transaction cannot be had: {created}.")
        links = [(link.start, link.start + 20) for link in case.artifact.links]  # compared on their own
        ours = case.artifact.creation_code(case.libraries)
        differences = compare(ours, created.code[: len(ours)], "creation code", links)
        case.tail = created.code[len(ours) :]
        answer = _answer(differences)
        if answer is not Answer.DIFFERS:
            differences += self._arguments(case)
            answer = _answer(differences)
        case.found += differences
        if answer is Answer.DIFFERS:
            return Check(answer, "The transaction ran other code, or was given other arguments.")
        return Check(answer, f"The transaction ran this creation code with {len(case.tail):,} bytes of arguments behind it.")

    def _arguments(self, case: _Case) -> list[Difference]:
        """What stands behind the creation code must be the arguments, all of them, and nothing else."""
        parameters = case.artifact.parameters
        types = types_of(parameters)
        try:
            values = decode(types, case.tail) if types else ()
            again = encode(types, values) if types else b""
        except Invalid as error:
            return [
                Difference(Kind.TRAILING, "behind the creation code", ", ".join(types), f"0x{case.tail.hex()} ({error.message})")
            ]
        names = [str(each.get("name") or f"#{at}") for at, each in enumerate(parameters)]
        case.arguments = tuple(zip(names, types, values, strict=True))
        if again != case.tail:
            said = f"{len(case.tail) - len(again):,} bytes more" if len(case.tail) > len(again) else "another encoding"
            return [Difference(Kind.TRAILING, "behind the creation code", f"{len(again):,} bytes of arguments", said)]
        if case.expected is None:
            return []
        wanted = decode(types, encode(types, case.expected)) if types else ()
        return [
            Difference(Kind.ARGUMENT, name, _shown(mine), _shown(theirs))
            for name, mine, theirs in zip(names, wanted, values, strict=True)
            if mine != theirs
        ]

    def _runtime(self, case: _Case) -> Check:
        artifact = case.artifact
        aside = [(start, start + length) for start, length in artifact.immutables]
        aside += [(link.start, link.start + 20) for link in artifact.runtime_links]
        if (itself := _own_address(artifact)) is not None:
            aside.append(itself)
            start, end = itself
            if case.code[start:end] != bytes.fromhex(case.address[2:]):
                case.found.append(Difference(Kind.CODE, "a library's own address", case.address, "0x" + case.code[start:end].hex()))
        differences = compare(artifact.runtime_code(case.libraries), case.code, "runtime code", aside)
        case.found += differences
        answer = _answer(differences)
        words = f"{len(case.code):,} bytes, of which {sum(end - start for start, end in aside):,} are set when it is created."
        return Check(answer, words)

    async def _replay(
        self, case: _Case, created: Creation | str, creation: Check, immutables: Sequence[tuple[int, int, str]]
    ) -> Check:
        if isinstance(created, str):
            return Check(Answer.UNKNOWN, "Without the creating transaction the constructor cannot be run as it was.")
        tail = case.tail
        if case.expected is not None:
            types = types_of(case.artifact.parameters)
            tail = encode(types, case.expected) if types else b""
        if created.direct:
            ours = "0x" + (case.artifact.creation_code({**case.libraries, **case.wanted}) + tail).hex()
            call = CallRequest(created.sender, None, ours, created.value)
        elif creation.answer is not Answer.MATCHES:
            return Check(Answer.UNKNOWN, "Another contract created it with code that is not exactly this; that cannot be run anew.")
        else:
            outer = created.outer
            call = CallRequest(outer["from"], outer["to"], outer["input"], int(outer["value"], 16))
        try:
            done = await replay(case.chain, created.block, created.index, call, "" if created.direct else case.address)
        except (RpcFailure, ConsoleError) as error:
            said = error.text if isinstance(error, RpcFailure) else error.message
            return Check(Answer.UNKNOWN, f"The constructor could not be run again: {said}.")
        if not done.result.ok:
            case.found.append(Difference(Kind.CODE, "constructor", "it returns code", f"it fails ({done.result.said})"))
            return Check(Answer.DIFFERS, f"The constructor fails when it is run again on {done.on}.")
        if done.code == case.code:
            return Check(Answer.MATCHES, f"All {len(case.code):,} bytes, run again on {done.on} before block {created.block:,}.")
        differences = list(_named(done.code, case.code, immutables))
        aside = [(start, start + length) for start, length, _ in immutables]
        aside += [(link.start, link.start + 20) for link in case.artifact.runtime_links]  # told by ``_link``
        linked = _other_links(done.code, case.code, case.artifact.runtime_links)
        differences += compare(done.code, case.code, "code after the constructor", aside)
        case.found += differences
        answer = Answer.DIFFERS if linked else _answer(differences)
        return Check(answer, f"Run again on {done.on} before block {created.block:,}.")

    async def _library(self, case: _Case, library: str, address: str, head: int) -> None:
        """The library that is linked must be ours too."""
        source, _, name = library.rpartition(":")
        artifact = await self._compiler.sibling(case.artifact, source, name)
        raw = await case.chain.rpc.call("eth_getCode", address, hex(head))
        code = bytes.fromhex(str(raw or "0x")[2:])
        aside = [(start, start + length) for start, length in artifact.immutables]
        aside += [(link.start, link.start + 20) for link in artifact.runtime_links]
        if (itself := _own_address(artifact)) is not None:
            aside.append(itself)
        zeros = dict.fromkeys(artifact.libraries, "0x" + "00" * 20)
        differences = compare(artifact.runtime_code(zeros), code, f"library {library} at {address}", aside)
        if any(each.kind is not Kind.METADATA for each in differences):
            said = "other code" if code else "no code"
            case.found.append(Difference(Kind.LIBRARY, f"{library} at {address}", "the code of the source", said))
        case.found += [each for each in differences if each.kind is Kind.METADATA]

    async def _immutables(self, artifact: Artifact) -> list[tuple[int, int, str]]:
        """Start, length and name of each place of an immutable in the runtime code."""
        if not artifact.immutables:
            return []
        parts, names = await self._compiler.parts(artifact), {}
        try:
            tree = await self._compiler.tree(artifact)
        except NotFound:  # compiled by a console that did not keep what it compiled from
            tree = {}
        for node in _nodes(tree):
            if node.get("nodeType") == "VariableDeclaration" and node.get("mutability") == "immutable":
                names[str(node["id"])] = str(node["name"])
        found = [(start, length, names.get(key, f"#{key}")) for key, places in parts.immutables.items() for start, length in places]
        return sorted(found)


def _other_links(ours: bytes, theirs: bytes, links: Sequence[Link]) -> bool:
    """Whether an address of a library differs."""
    return any(ours[link.start : link.start + 20] != theirs[link.start : link.start + 20] for link in links)


def _named(ours: bytes, theirs: bytes, immutables: Sequence[tuple[int, int, str]]) -> Iterator[Difference]:
    for start, length, name in immutables:
        mine, other = ours[start : start + length], theirs[start : start + length]
        if mine != other:
            yield Difference(Kind.IMMUTABLE, name, "0x" + mine.hex(), "0x" + other.hex())


def _own_address(artifact: Artifact) -> tuple[int, int] | None:
    """Where a library keeps its own address, put in when it is deployed (Solidity: “Call Protection For Libraries”)."""
    return (1, 21) if artifact.runtime.startswith("0x73" + "00" * 20 + "3014") else None


def _answer(differences: Sequence[Difference]) -> Answer:
    if not differences:
        return Answer.MATCHES
    return Answer.METADATA if all(each.kind is Kind.METADATA for each in differences) else Answer.DIFFERS


def _verdict(checks: Sequence[Check], differences: Sequence[Difference]) -> Verdict:
    answers = [check.answer for check in checks]
    if Answer.DIFFERS in answers or any(each.kind is not Kind.METADATA for each in differences):
        return Verdict.DIFFERS
    if Answer.METADATA in answers or differences:
        return Verdict.PARTIAL
    return Verdict.EXACT if all(answer is Answer.MATCHES for answer in answers) else Verdict.RUNTIME


def _nodes(tree: object) -> Iterator[Mapping[str, Any]]:
    waiting = [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _shown(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _evidence(case: _Case, number: int, block_hash: str, created: Creation | str, replayed: Check) -> tuple[Evidence, ...]:
    network, at = case.chain.network.key.text, now_ms()
    found = [
        Evidence(
            EvidenceKind.BLOCK,
            str(number),
            network,
            block_hash,
            at,
            EvidenceStatus.CLAIMED,
            "eth_getCode, compared with what the compiler made of the source",
        )
    ]
    if isinstance(created, Creation):
        words = "its input, compared with the creation code"
        found.append(Evidence(EvidenceKind.TRANSACTION, created.tx, network, created.block_hash, at, EvidenceStatus.CLAIMED, words))
        if replayed.answer is not Answer.UNKNOWN:
            found.append(
                Evidence(
                    EvidenceKind.SIMULATION,
                    str(created.block - 1),
                    network,
                    "",
                    at,
                    EvidenceStatus.CLAIMED if replayed.answer is not Answer.DIFFERS else EvidenceStatus.MISMATCH,
                    replayed.text,
                )
            )
    return tuple(found)
