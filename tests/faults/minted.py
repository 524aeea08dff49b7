"""A list of proofs, good and bad, a console that mints them and is killed, and what the node itself says was minted."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.wallets.keys import checksum, keccak

ROOT = Path(__file__).parents[2]
PROOF_MINTED = "0x" + keccak(b"ProofMinted(bytes32,address,uint256,bytes32,bytes32,uint256)").hex()
# Where a console is killed while it mints, and at which passing.
POINTS = (
    "mining.attest.signed",
    "mining.attest.claimed",
    "runner.step.prepared",
    "runner.step.done",
    "chain.transaction.reserved",
    "chain.transaction.signed",
    "chain.transaction.sent",
    "mining.settled",
)


@dataclass
class Proofs:
    """A CSV list with its evidence files: ``valid`` are the evidence hashes that must be minted, ``refused`` the bad lines."""

    file: Path
    rewards: dict[str, int] = field(default_factory=dict)  # of each valid evidence hash, smallest unit
    refused: dict[int, str] = field(default_factory=dict)  # line: what must become of it

    @property
    def valid(self) -> set[str]:
        """Evidence hashes, ``0x…``."""
        return set(self.rewards)


def misspelt(address: str) -> str:
    """One letter in the other case. Another digit would not do: of many addresses one fits its checksum all the same (EIP-55)."""
    wrong = (address[:at] + c.swapcase() + address[at + 1 :] for at, c in enumerate(address) if at > 1 and c.isalpha())
    return next(each for each in wrong if each[2:] not in (each[2:].lower(), each[2:].upper()))


def write_list(folder: Path, count: int, chance: random.Random) -> Proofs:
    """``count`` rows, a tenth of them duplicates, expired, malformed, or left for a reviewer who never comes."""
    folder.mkdir()
    proofs = Proofs(folder / "proofs.csv")
    contributors = [checksum(chance.randbytes(20)) for _ in range(max(3, count // 10))]
    lines = ["contributor,activity,score,evidence,deadline"]
    bad = set(chance.sample(range(2, count), count // 10))
    for number in range(count):
        line = number + 2
        name = f"work{number}.txt"
        data = f"work {number}\n".encode()
        who, activity, score, deadline = contributors[number % len(contributors)], "docs-update", "85", ""
        if number not in bad:
            proofs.rewards["0x" + hashlib.sha256(data).hexdigest()] = 9_250 * 30 * 10**14
        else:
            kind = chance.randrange(6)
            proofs.refused[line] = "refused"
            if kind == 0:
                data, proofs.refused[line] = b"work 0\n", "known"  # the evidence of the first row
            elif kind == 1:
                deadline = "2020-01-01T00:00:00Z"
            elif kind == 2:
                who = misspelt(who)
            elif kind == 3:
                score = "101"
            elif kind == 4:
                activity = "=cmd|' /C calc'!A0"
            else:
                score, proofs.refused[line] = "65", "in_review"
        if 0 in bad:
            raise AssertionError("the first row is everybody's duplicate")
        (folder / name).write_bytes(data)
        lines.append(f"{who},{activity},{score},{name},{deadline}")
    proofs.file.write_text("\n".join(lines) + "\n")
    return proofs


class Minter:
    """The console of one home, run as a process and killed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url, self.pid, self.token, self.mint_mine = "", 0, "", ""
        self.kills = 0

    def __call__(self, *words: object, fault: str = "") -> subprocess.CompletedProcess[str]:
        """Run one verb to its end."""
        environ = {**os.environ, "AZORA_FAULT": fault}
        command = [sys.executable, "-m", "tests.faults.mint_program", str(self.home), *map(str, words)]
        done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode in (0, -signal.SIGKILL) if fault else done.returncode == 0, done.stdout + done.stderr[-3000:]
        self.kills += done.returncode == -signal.SIGKILL
        return done

    def build(self, proofs: Proofs) -> dict[int, str]:
        """The economy and the queue; what became of each line."""
        said = json.loads(self("build", proofs.file).stdout)
        self.url, self.pid, self.token, self.mint_mine = said["url"], said["pid"], said["token"], said["mint_mine"]
        return {int(line): str(status) for line, status in said["outcomes"].items()}

    def killed_after(self, batches: int, most: int, chance: random.Random) -> None:
        """Mint, and SIGKILL it somewhere in the batch after so many."""
        command = [sys.executable, "-m", "tests.faults.mint_program", str(self.home), "work", str(most)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        for _ in range(batches):
            if not process.stdout.readline():
                break
        time.sleep(chance.random() * 0.5)
        process.kill()
        self.kills += process.wait() == -signal.SIGKILL

    def told(self) -> dict[str, Any]:
        """What queue and ledger say."""
        said: dict[str, Any] = json.loads(self("told").stdout)
        return said

    def ask(self, method: str, *params: object) -> Any:
        """One JSON-RPC call, past everything of ours."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        with urllib.request.urlopen(
            urllib.request.Request(self.url, body, {"content-type": "application/json"}), timeout=60
        ) as answer:
            said = json.load(answer)
        assert "error" not in said, f"{method}: {said['error']}"
        return said["result"]

    def height(self) -> int:
        """Of the chain."""
        return int(self.ask("eth_blockNumber"), 16)

    def supply(self) -> int:
        """AZR in existence, smallest unit."""
        return int(self.ask("eth_call", {"to": self.token, "data": "0x18160ddd"}, "latest"), 16)  # totalSupply()

    def reorganise(self, depth: int) -> None:
        """The last blocks are replaced by empty ones; what was in them is forgotten."""
        self.ask("anvil_reorg", min(depth, self.height() - 1), [])

    def restart_node(self) -> None:
        """It saves its state and ends; the next console starts it again, on another port perhaps."""
        pid = json.loads((self.home / "chains" / "demo" / "node.json").read_text())["pid"]
        os.kill(pid, signal.SIGTERM)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.05)
        self.url = self.told()["url"]

    def mints(self, since: int) -> Iterator[tuple[str, int]]:
        """Evidence hash and reward of every mint above a height, as the node's logs have it."""
        if self.height() <= since:
            return
        wanted = {"address": self.mint_mine, "topics": [PROOF_MINTED], "fromBlock": hex(since + 1), "toBlock": "latest"}
        for log in self.ask("eth_getLogs", wanted):
            yield log["topics"][3], int(log["data"][2:66], 16)

    def stop(self) -> None:
        """End the node of this home."""
        record = self.home / "chains" / "demo" / "node.json"
        if record.exists() and (pid := json.loads(record.read_text())["pid"]):
            os.kill(pid, signal.SIGKILL)


def minted_exactly_once(minter: Minter, proofs: Proofs, height: int, supply: int) -> None:
    """The node, the queue and the ledger tell the same, to the last unit."""
    minted = list(minter.mints(height))
    assert Counter(evidence for evidence, _ in minted) == Counter(dict.fromkeys(proofs.valid, 1))
    assert dict(minted) == proofs.rewards
    assert minter.supply() - supply == sum(proofs.rewards.values())
    told = minter.told()
    assert told["counts"].get("minted", 0) == len(proofs.valid) + 1  # and the demo's own
    assert told["counts"].get("minting", 0) == told["counts"].get("ready", 0) == 0
    assert told["counts"].get("in_review", 0) == sum(status == "in_review" for status in proofs.refused.values())
    assert told["in_ledger"] == told["counts"]["minted"] and told["problems"] == [] and told["ledger_ok"]
    assert told["journal"] == ""
    assert set(told["plans"]) <= {"done", "stopped", "failed", "disowned", "previewed", "draft"}
