"""A transfer whose key is on another machine: asked for by one console, killed at that moment, signed by another, brought back."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from eth_account import Account

from tests.conftest import Azora

pytestmark = [pytest.mark.node, pytest.mark.bus]
KEY = "0x" + "42" * 32
ADDRESS = Account.from_key(KEY).address
RECIPIENT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def test_a_request_survives_a_kill_and_its_signature_is_taken_only_unchanged(azora: Azora, tmp_path: Path) -> None:
    cold = Azora(tmp_path / "cold", azora.environ)
    cold.home.mkdir()
    (tmp_path / "key").write_text(KEY)
    request, signed = tmp_path / "request.json", tmp_path / "signed.json"
    try:
        azora("chain", "create", "local")
        azora("wallet", "watch", "Cold", ADDRESS)
        azora("chain", "fund", "local", ADDRESS, "10")
        send = ("wallet", "send", "--from", "Cold", "--to", RECIPIENT, "1.5", "--token", "native", "--yes")
        azora(*send, expect=-signal.SIGKILL, env={"AZORA_FAULT": "chain.request.kept:1"})
        (taken,) = azora("plan", "recover", "--json").json
        assert (taken["state"], taken["reason"]) == ("waiting", "Waits for a signature from another console.")
        azora("wallet", "request", taken["plan"], "--out", request)
        azora("wallet", "request", taken["plan"], "--out", request, expect=4)  # never over another file
        cold("wallet", "import", "Cold", "--key", tmp_path / "key")
        assert "Nobody was there" in cold("wallet", "sign", "--request", request, expect=2).err
        cold("wallet", "sign", "--request", request, "--out", signed, "--yes")
        said = json.loads(signed.read_text())
        changed = tmp_path / "changed.json"
        changed.write_text(json.dumps({**said, "raw": said["raw"][:-2] + ("00" if said["raw"][-2:] != "00" else "01")}))
        refused = azora("wallet", "offer", taken["plan"], changed, expect=None)  # no signature, or another's
        assert refused.code in (2, 4) and ("not a signed transaction" in refused.err or "not what was asked for" in refused.err)
        done = azora("wallet", "offer", taken["plan"], signed, "--json").json
        assert done["state"] == "done" and done["steps"][0]["result"]["hash"] == said["hash"]
    finally:
        record = azora.home / "chains" / "local" / "node.json"
        if record.exists() and (pid := json.loads(record.read_text())["pid"]):
            os.kill(pid, signal.SIGTERM)
