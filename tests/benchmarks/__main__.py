"""``make bench``: each figure beside a peer measured in the same run; printed as JSON. No time is asserted anywhere."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def timed(work: Callable[[], object], times: int) -> float:
    """Median seconds of some runs."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def signing() -> dict[str, Any]:
    """Our serialisation and signature against eth-account's, of the same transaction."""
    from eth_account import Account

    from app.chain.signer import UnsignedTransaction
    from app.wallets import keys

    key = bytes(range(1, 33))
    body = {"chainId": 195, "nonce": 1, "to": "0x" + "11" * 20, "value": 1, "data": b"", "gas": 21000}
    fees = {"maxFeePerGas": 10, "maxPriorityFeePerGas": 1}
    unsigned = UnsignedTransaction(195, 1, body["to"], 1, b"", 21000, 10, 1)  # type: ignore[arg-type]

    def ours() -> bytes:
        return unsigned.signed(*keys.sign(key, keys.keccak(unsigned.payload())))

    def theirs() -> bytes:
        return bytes(Account.sign_transaction({**body, **fees}, key).raw_transaction)

    assert ours() == theirs()
    mine, other = timed(lambda: [ours() for _ in range(200)], 5), timed(lambda: [theirs() for _ in range(200)], 5)
    return {"per_second": 200 / mine, "peer": "eth-account", "peer_per_second": 200 / other, "ratio": other / mine}


def startup() -> dict[str, Any]:
    """Window shown, from outside: ours against a bare QMainWindow, interleaved."""
    bare = (
        "import sys; from PySide6.QtWidgets import QApplication, QMainWindow; from PySide6.QtCore import QTimer;"
        "a=QApplication([]); w=QMainWindow(); w.resize(1440,900); w.show(); QTimer.singleShot(0,a.quit); a.exec()"
    )
    with tempfile.TemporaryDirectory() as home:
        ours = [sys.executable, str(ROOT / "main.py"), "--home", home, "run", "--exit-when-shown"]
        peer = [sys.executable, "-c", bare]
        subprocess.run(ours, check=True)
        pairs = [
            (timed(lambda: subprocess.run(ours, check=True), 1), timed(lambda: subprocess.run(peer, check=True), 1))
            for _ in range(7)
        ]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return {"seconds": mine, "peer": "bare QMainWindow", "peer_seconds": theirs, "ratio": mine / theirs}


def main() -> None:
    """Measure and print."""
    from tests.benchmarks import cluster, compiling, interface, mining, minting, previewing, responding, sending

    told = {"compile_warm": compiling.warm(), "sign": signing(), "startup": startup(), "keccak_search": mining.search()}
    told["preview"] = previewing.latency()
    told["send"] = sending.sending()
    told["mint"] = minting.minting()
    told["cluster_watch"] = cluster.compare()
    told["interface"] = interface.interface()
    told["cluster_page"] = responding.responding()
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
