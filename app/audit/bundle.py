"""Packs evidence into one file that anyone can check with :mod:`app.audit.verifier`, and has it checked before handing it over.

A bundle is a ZIP archive whose bytes follow from its contents (stored, sorted, undated): ``manifest.json`` with the SHA-256 of
every other file, ``headers.json`` (a chain of headers from the token's first block to the anchor), ``blocks.json`` (transactions
and receipts of the blocks that may concern the token), ``proofs.json`` (``eth_getProof`` answers at the anchor),
``value_proofs.json`` and ``journal.json``. Everything in it is the node's own answer; nothing has to be believed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.audit import verifier
from app.core.errors import Conflict, ConsoleError, Unavailable

VERIFIER = Path(verifier.__file__)
TIME_LIMIT = 600  # seconds for the separate check


@dataclass(frozen=True, slots=True)
class Bundle:
    """What goes into the file. ``economy`` has token, mint_mine, start_block, slots and cap; numbers are decimal text."""

    network: str
    economy: Mapping[str, str]
    domain: Mapping[str, str]
    headers: Sequence[Mapping[str, Any]]
    blocks: Sequence[Mapping[str, Any]]
    proofs: Sequence[Mapping[str, Any]]
    value_proofs: Sequence[Mapping[str, Any]]
    journal: Sequence[Mapping[str, Any]]
    label: str = ""  # "demo" when the economy is one

    def files(self) -> dict[str, bytes]:
        """The files, manifest included."""
        files = {
            "headers.json": _json(self.headers),
            "blocks.json": _json(self.blocks),
            "proofs.json": _json(self.proofs),
            "value_proofs.json": _json(self.value_proofs),
            "journal.json": _json(self.journal),
        }
        anchor = self.headers[-1]
        manifest: dict[str, Any] = {
            "format": verifier.FORMAT,
            "network": self.network,
            "label": self.label,
            "economy": dict(self.economy),
            "domain": dict(self.domain),
            "anchor": {"number": str(int(anchor["number"], 16)), "hash": anchor["hash"]},
            "journal_head": str(self.journal[-1]["entry_hash"]) if self.journal else "",
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        manifest["digest"] = verifier.manifest_digest(manifest)
        return files | {"manifest.json": _json(manifest)}


async def write(bundle: Bundle, path: Path) -> Path:
    """Write the bundle and check it in a process of its own, as its reader will; only a bundle that holds gets its name.

    Raises:
        Conflict: it does not hold; the file was removed again.
        Unavailable: it could not be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        await asyncio.to_thread(_store, bundle, beside)
        checks = await check(beside, str(bundle.headers[-1]["hash"]))
        failed = [entry for entry in checks if not entry.ok]
        if failed:
            raise Conflict(
                f"The bundle does not hold: {failed[0].name}: {failed[0].detail}. No file was left behind.",
                "Reconcile the ledger, then try again.",
            )
        os.replace(beside, path)
    except OSError as error:
        raise Unavailable(f"The bundle could not be written to {path} ({error.strerror}). No file was left behind.") from error
    finally:
        beside.unlink(missing_ok=True)
    return path


async def check(path: Path, trust: str = "") -> list[verifier.Check]:
    """Run the verifier on a file: another process, isolated (``-I``) and without site-packages (``-S``).

    Raises:
        Unavailable: the process could not be run or did not end.
    """
    arguments = [sys.executable, "-I", "-S", str(VERIFIER), str(path), "--json", *(["--trust", trust] if trust else [])]
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(TIME_LIMIT):
            out, said = await process.communicate()
        rows = json.loads(out)["checks"]
    except (TimeoutError, ValueError, KeyError) as error:
        raise _not_run(error) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in (0, 1, 2) or said:
        raise _not_run(said)
    return [verifier.Check(row["name"], row["ok"], row["detail"]) for row in rows]


def _not_run(why: object) -> ConsoleError:
    return Unavailable(f"The verifier did not answer ({str(why)[:200]}). The bundle was not checked.")


def _store(bundle: Bundle, path: Path) -> None:
    packed = verifier.pack(bundle.files())
    with open(path, "wb") as file:
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
