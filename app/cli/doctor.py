"""What is installed, reachable and pinned, and what to do about each gap."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.cli.support import CHECK_FAILED, leave, run, show, table

if TYPE_CHECKING:
    from app.console import Console


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. ``needed`` findings that are not ok make the exit code 9."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = True


def _python() -> list[Finding]:
    good = sys.version_info >= (3, 11)
    found = [Finding("Python", good, sys.version.split()[0], "" if good else "Install Python 3.11 or newer.")]
    for package in ("PySide6-Essentials", "qasync", "web3", "SQLAlchemy", "keyring", "mini-racer"):
        try:
            found.append(Finding(package, True, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding(package, False, "not installed", "Run make run: it installs what is pinned."))
    return found


def _fonts() -> list[Finding]:
    if sys.platform != "linux" or not shutil.which("fc-list"):
        return []
    import subprocess

    listed = subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True, check=False).stdout
    fonts = (("Inter", "fonts-inter"), ("JetBrains Mono", "fonts-jetbrains-mono"))
    return [
        Finding(f"Font {name}", True, "found")
        if name in listed
        else Finding(f"Font {name}", False, "not found", f"Install {package}.", needed=False)
        for name, package in fonts
    ]


async def examine(console: Console) -> list[Finding]:
    """Every finding, in the order in which a person would fix them."""
    found = [*_python(), *_fonts()]
    for tool in console.contracts.toolchain.status():
        found.append(
            Finding(
                f"{tool.name} {tool.version}", tool.ok, str(tool.path) if tool.ok else tool.why, "" if tool.ok else "Run make run."
            )
        )
    why = console.nodes.available()
    found.append(
        Finding("Native node", not why, why or "available", "Connect to a node by URL instead." if why else "", needed=False)
    )
    store = await console.database.status()
    found.append(Finding("Store", True, f"{store.dialect}, schema {store.revision}, {store.latency_ms:.1f} ms"))
    keyring = await console.vault.state()
    usable = keyring.state.value == "available"
    found.append(
        Finding(
            "Keyring",
            usable,
            f"{keyring.backend} {keyring.state.value}. {keyring.why}".strip(),
            "" if usable else "Unlock or install it.",
        )
    )
    verdict = await console.journal.verify()
    found.append(
        Finding(
            "Journal",
            verdict.ok,
            f"{verdict.entries} entries" if verdict.ok else verdict.problem,
            "" if verdict.ok else "azora journal verify",
        )
    )
    for network in console.networks.list():
        if not network.rpc_url:
            remedy = "Set AZORA_RPC_URL." if network.chain_id == 195 else "Set its RPC address in Settings."
            found.append(Finding(f"Network {network.name}", False, "no RPC address", remedy, needed=False))
            continue
        state = await console.networks.status(network.id)
        detail = f"block {state.block:,}, {state.latency_ms:.0f} ms" if state.reachable and not state.problem else state.problem
        found.append(Finding(f"Network {network.name}", state.reachable and not state.problem, detail, needed=False))
        collision = console.networks.collisions(network.chain_id)
        if collision:
            found.append(Finding(f"Chain id {network.chain_id}", True, collision, needed=False))
    return found


def doctor() -> None:
    """Say what is installed, reachable and pinned. Exit code 9 when something needed is missing."""
    found = run(examine)
    rows = [("ok" if f.ok else ("MISSING" if f.needed else "–"), f.name, f.detail, f.remedy) for f in found]
    show(found, people=lambda: table(("", "What", "State", "What to do"), rows, empty=""))
    leave(0 if all(f.ok for f in found if f.needed) else CHECK_FAILED)
