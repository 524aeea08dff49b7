"""Artifacts that another tool built: Foundry's ``out/NAME.sol/NAME.json`` and Hardhat's ``artifacts/…/NAME.json`` (2 and 3)."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.contracts.artifacts import Artifact, artifact_of
from app.core.errors import Invalid

_SKIPPED = ("build-info", "cache")


def read_built(folder: Path) -> list[Artifact]:
    """The contracts with code under one folder of builds, in order of source and name. What is no artifact is passed over."""
    found = []
    for file in sorted(folder.rglob("*.json")):
        if file.name.endswith(".dbg.json") or any(part in _SKIPPED for part in file.relative_to(folder).parts[:-1]):
            continue
        found += list(_artifacts(file))
    return sorted(found, key=lambda artifact: (artifact.source, artifact.name))


def read_artifact(file: Path) -> Artifact:
    """One artifact; its code may be empty, when only its ABI is wanted.

    Raises:
        Invalid: the file is no artifact of Foundry or Hardhat; ``field`` is ``file``.
    """
    for artifact in _artifacts(file, empty=True):
        return artifact
    raise Invalid(f"{file.name} is no artifact of Foundry or Hardhat. Nothing was read.", "Name a file with an abi.", field="file")


def _artifacts(file: Path, *, empty: bool = False) -> Iterator[Artifact]:
    body = _json(file)
    if not isinstance(body.get("abi"), list) or "bytecode" not in body:
        return
    try:
        name, source, contract = _hardhat(file, body) if isinstance(body["bytecode"], str) else _foundry(file, body)
        if empty or contract["evm"]["bytecode"]["object"] not in ("", "0x"):
            yield artifact_of(source, name, contract)
    except (KeyError, TypeError, AttributeError, ValueError):
        return  # some other tool's file


def _foundry(file: Path, body: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    metadata = body.get("metadata") or {}
    target = metadata.get("settings", {}).get("compilationTarget", {})
    source, name = next(iter(target.items()), (file.parent.name, file.stem))
    evm = {"bytecode": body["bytecode"], "deployedBytecode": body["deployedBytecode"]}
    return name, source, {"abi": body["abi"], "storageLayout": body.get("storageLayout"), "evm": evm}


def _hardhat(file: Path, body: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    name, source = str(body["contractName"]), str(body["sourceName"])
    told = _build_info(file, body, source, name)
    if told is not None:
        return name, source, told
    runtime = {
        "object": body["deployedBytecode"],
        "linkReferences": body.get("deployedLinkReferences"),
        "immutableReferences": body.get("immutableReferences"),
    }
    evm = {"bytecode": {"object": body["bytecode"], "linkReferences": body.get("linkReferences")}, "deployedBytecode": runtime}
    return name, source, {"abi": body["abi"], "evm": evm}


def _build_info(file: Path, body: Mapping[str, Any], source: str, name: str) -> Mapping[str, Any] | None:
    """The compiler's whole answer, which Hardhat keeps beside: only it has storage layout and immutables in Hardhat 2."""
    said = _json(file.with_name(f"{file.stem}.dbg.json")).get("buildInfo")
    if isinstance(said, str):
        info = (file.parent / said).resolve()
        input_name = source
    elif isinstance(body.get("buildInfoId"), str):
        root = next((place for place in file.parents if (place / "build-info").is_dir()), None)
        if root is None:
            return None
        info = root / "build-info" / f"{body['buildInfoId']}.output.json"
        input_name = str(body.get("inputSourceName", source))
    else:
        return None
    if not info.is_file():
        return None
    mark = info.stat()
    contract = _answer(info, mark.st_mtime_ns).get("output", {}).get("contracts", {}).get(input_name, {}).get(name)
    # A build-info of another run has other code than the artifact, which is the one that counts.
    if isinstance(contract, dict) and contract["evm"]["bytecode"]["object"] == body["bytecode"].removeprefix("0x"):
        return contract
    return None


@functools.lru_cache(4)
def _answer(file: Path, changed: int) -> dict[str, Any]:
    return _json(file)


def _json(file: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}
