"""Bundles as Sourcify keeps them: ``full_match/CHAIN/ADDRESS/metadata.json`` and ``sources/``; anybody can compile them again.

Beside Sourcify's files lies ``manifest.json``: verdict, evidence and the SHA-256 of every file. Sources are found by the keccak-256
that the metadata has of them, not by their paths, so a bundle of Sourcify itself is read the same way.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from app.chain.hashing import keccak256
from app.contracts.artifacts import Artifact
from app.contracts.compiler import Compiler
from app.contracts.projects import CompilerSettings
from app.contracts.verification.verdicts import Verdict, Verified
from app.core.clock import iso, now_ms
from app.core.errors import Conflict, Invalid, Unavailable

FORMAT = 1
_FOLDERS = {Verdict.EXACT: "full_match", Verdict.RUNTIME: "full_match", Verdict.PARTIAL: "partial_match"}
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle has: enough to compile. ``address``, ``chain_id`` and ``tx``: what it says of itself, or nothing."""

    source: str
    name: str
    settings: CompilerSettings
    sources: Mapping[str, str]
    address: str = ""
    chain_id: int = 0
    tx: str = ""

    async def compile(self, compiler: Compiler) -> Artifact:
        """The contract, compiled again.

        Raises:
            Conflict: its sources do not compile.
            Unavailable: the compiler of that version is not here.
        """
        built = await compiler.compile_input(self.settings, self.sources)
        if built.errors:
            raise Conflict(f"The sources of the bundle do not compile: {built.errors[0]}", "Is the bundle whole?")
        for artifact in built.contracts:
            if (artifact.source, artifact.name) == (self.source, self.name):
                return artifact
        raise Conflict(f"The bundle has no contract {self.name} in {self.source}. Nothing was compared.")


async def write_bundle(verified: Verified, artifact: Artifact, compiler: Compiler, chain_id: int, folder: Path) -> Path:
    """Write the bundle of a verified contract below ``folder``; returns its own folder.

    Raises:
        Conflict: the code differs: a bundle would say what is not so; nothing was written.
        NotFound: what the compiler told is no longer in the cache.
        Unavailable: the folder cannot be written.
    """
    if verified.verdict not in _FOLDERS:
        raise Conflict(f"The code at {verified.address} is not that of {verified.name}. No bundle was written.")
    parts = await compiler.parts(artifact)
    _, sources = await compiler.sources(artifact)
    wanted = json.loads(parts.metadata)["sources"]
    files = {"metadata.json": parts.metadata} | {f"sources/{safe(name)}": sources[name] for name in wanted}
    if verified.tx:
        files["creator-tx-hash.txt"] = verified.tx
    if verified.libraries:
        files["library-map.json"] = json.dumps(dict(verified.libraries), indent=2)
    if parts.immutables:
        places = {key: [{"start": start, "length": length} for start, length in at] for key, at in parts.immutables.items()}
        files["immutable-references.json"] = json.dumps(places, indent=2)
    manifest = {
        "format": FORMAT,
        "contract": f"{verified.source}:{verified.name}",
        "address": verified.address,
        "chain_id": chain_id,
        "verdict": verified.verdict.value,
        "statement": verified.statement,
        "checks": {
            name: {"answer": check.answer.value, "text": check.text}
            for name, check in (("creation", verified.creation), ("runtime", verified.runtime), ("replay", verified.replay))
        },
        "arguments": [{"name": name, "type": kind, "value": _plain(value)} for name, kind, value in verified.arguments],
        "immutables": [{"name": name, "value": value} for name, value in verified.immutables],
        "evidence": [{"kind": each.kind.value, "ref": each.ref, "block_hash": each.block_hash} for each in verified.evidence],
        "written": iso(now_ms()),
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(files.items())},
    }
    place = folder / _FOLDERS[verified.verdict] / str(chain_id) / verified.address
    try:
        for name, text in {**files, "manifest.json": json.dumps(manifest, indent=2)}.items():
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
    except OSError as error:
        raise Unavailable(f"The bundle cannot be written to {place} ({error.strerror}). It is not complete.") from error
    return place


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle, ours or Sourcify's. Every source must have the hash that the metadata says.

    Raises:
        Invalid: a file is missing, or is not what the metadata or the manifest says; nothing of it is used.
    """
    metadata = _json(folder / "metadata.json")
    manifest = _json(folder / "manifest.json") if (folder / "manifest.json").is_file() else {}
    for name, digest in manifest.get("files", {}).items():
        file = folder / safe(str(name))
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise Invalid(f"{name} of the bundle is not the file that its manifest names. Nothing was compared.", field="bundle")
    try:
        ((source, name),) = metadata["settings"]["compilationTarget"].items()
        settings = CompilerSettings.read(metadata["compiler"]["version"].partition("+")[0], metadata["settings"])
        wanted = {str(key): entry for key, entry in metadata["sources"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid(f"metadata.json is not that of a contract ({error}). Nothing was compared.", field="bundle") from error
    at = {keccak256(file.read_bytes()): file for file in folder.rglob("*") if file.is_file()}
    sources = {key: _source(key, entry, at) for key, entry in wanted.items()}
    tx = folder / "creator-tx-hash.txt"
    above = folder.parent.name
    return Bundle(
        source=str(source),
        name=str(name),
        settings=settings,
        sources=sources,
        address=folder.name if _ADDRESS.fullmatch(folder.name) else str(manifest.get("address", "")),
        chain_id=int(above) if above.isdecimal() else int(manifest.get("chain_id", 0)),
        tx=tx.read_text(encoding="utf-8").strip() if tx.is_file() else "",
    )


def _source(name: str, entry: Mapping[str, Any], at: Mapping[bytes, Path]) -> str:
    digest = bytes.fromhex(str(entry.get("keccak256", "")).removeprefix("0x"))
    if digest in at:
        return at[digest].read_bytes().decode("utf-8")
    content = entry.get("content")
    if isinstance(content, str) and keccak256(content.encode()) == digest:
        return content
    raise Invalid(f"No file of the bundle has the hash of {name}. Nothing was compared.", "Is the bundle whole?", field="bundle")


def safe(name: str) -> str:
    """A source's name as a path that stays within the bundle."""
    return "/".join(part if part not in ("..", ".") else "_" for part in PurePosixPath(name).parts if part != "/")


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(
            f"{file} cannot be read as JSON ({error}). Nothing was compared.", "Name a bundle's folder.", field="bundle"
        ) from error
    if not isinstance(found, dict):
        raise Invalid(f"{file} is no JSON object. Nothing was compared.", field="bundle")
    return found


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool | str) else str(value)
