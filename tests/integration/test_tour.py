"""The tour through the real windows comes to its end, what it says holds, and it leaves no secret in anything it wrote."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path

from eth_account import Account

from app.access import Vault
from app.core.paths import Home
from tests.integration.arguments import arguments_of_all

ROOT = Path(__file__).resolve().parents[2]
TOUR = [sys.executable, str(ROOT / "main.py"), "tour", "--themes", "dark", "--out"]


def traces(secrets: list[str]) -> dict[str, bytes]:
    """What must not be found, by what it is: each secret, runs of three words of a phrase, its first keys."""
    Account.enable_unaudited_hdwallet_features()
    found: dict[str, bytes] = {}
    for number, secret in enumerate(secrets):
        found[f"secret {number}"] = secret.encode()
        found[f"secret {number} in base64"] = base64.b64encode(secret.encode())[:-4]
        words = secret.split()
        if len(words) < 12:
            continue
        for start in range(len(words) - 2):
            found[f"secret {number}, words {start}–{start + 2}"] = " ".join(words[start : start + 3]).encode()
        for index in range(4):
            key = bytes(Account.from_mnemonic(secret, account_path=f"m/44'/60'/0'/0/{index}").key)
            for how, form in (("", key), (" in hex", key.hex().encode()), (" in base64", base64.b64encode(key)[:-2])):
                found[f"secret {number}, key {index}{how}"] = form
                found[f"secret {number}, key {index}{how}, capitals"] = form.upper() if how == " in hex" else form
    return found


async def kept(home: Path) -> list[str]:
    """The secrets that the keyring holds for a home."""
    vault = Vault(Home(home))
    return [(await vault.get(name)).reveal() for name in await vault.names() if not name.startswith("journal")]


def test_the_tour_proves_an_economy_and_leaves_no_secret(tmp_path: Path) -> None:
    with arguments_of_all() as arguments:
        done = subprocess.run([*TOUR, str(tmp_path)], capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "tour.json").read_text(encoding="utf-8"))
    checks = {check["name"]: check for check in report["checks"]}
    assert all(check["ok"] for check in checks.values()) and report["demo"] is True
    assert {"verifier: state proofs", "verifier: supply", "verifier: value proofs", "verifier: journal"} <= set(checks)
    assert "labelled demo" in checks["verifier: manifest"]["detail"]
    assert len(report["pictures"]) >= 40 and all((tmp_path / name).stat().st_size > 5_000 for name in report["pictures"])
    assert {"beats", "stalls_over_50_ms", "p99_ms", "max_ms", "worst_stack"} == set(report["measurements"]["event_loop"])

    home = Path(report["home"])
    secrets = asyncio.run(kept(home))
    assert any(len(secret.split()) >= 12 for secret in secrets)
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"console.db", "tour.json"} <= {path.name for path in written}
    said = (done.stdout + done.stderr).encode()
    for name, trace in traces(secrets).items():
        for path, content in written.items():
            assert trace not in content, f"{name} is in {path.relative_to(tmp_path)}"
        assert trace not in said, f"{name} was printed"
        assert not any(trace in line for line in arguments), f"{name} was an argument of a process"
