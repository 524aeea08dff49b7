"""The keccak search beside the same search by hand in C."""

from __future__ import annotations

import ctypes
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("keccak_reference.c")
# AVX2 alone: on a processor with AVX-512, -march=native would use its instructions on short vectors.
FLAGS = {"AVX-512": ["-march=native", "-DWIDTH=8"], "AVX2": ["-mavx2", "-mtune=native", "-DWIDTH=4"]}
NONCES = 1 << 18
ROUNDS = 15


def search() -> dict[str, Any]:
    """Each instruction set of this processor against gcc -O3 with intrinsics, interleaved, by processor time of the thread."""
    if shutil.which("gcc") is None:
        return {"left_out": "no gcc on this machine"}
    from app.mining.kernel import Job, kernels
    from app.mining.kernel.program import first_state
    from app.mining.kernel.search import Plain

    job = Job(bytes(range(32)), bytes(range(20)), (1 << 252) - 1, bytes(32))
    state = (ctypes.c_uint64 * 25)(*first_state(job.message(0)))
    found = (ctypes.c_uint64 * 4096)()
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kernel in kernels():
            if kernel.name not in FLAGS:
                continue
            built = Path(folder) / f"{kernel.name}.so"
            subprocess.run(["gcc", "-O3", *FLAGS[kernel.name], "-shared", "-fPIC", "-o", built, SOURCE], check=True)
            reference = ctypes.CDLL(str(built)).search
            reference.restype = ctypes.c_int64
            words = ctypes.POINTER(ctypes.c_uint64)
            reference.argtypes = [words, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, words, ctypes.c_int64]
            hits = reference(state, 0, 4096 // kernel.width, job.target >> 192, found, 4096)
            assert [job.nonce(lane) for lane in found[:hits]] == [each.nonce for each in Plain().search(job, 0, 4096)]
            rare = Job(job.challenge, job.miner, 0, job.prefix)
            ours, theirs = _interleaved(
                lambda kernel=kernel, rare=rare: kernel.search(rare, 0, NONCES),
                lambda reference=reference, width=kernel.width: reference(state, 0, NONCES // width, 0, found, 4096),
            )
            told[kernel.name] = {
                "mh_per_second_per_core": NONCES / statistics.median(ours) / 1e6,
                "peer": f"C with intrinsics, gcc -O3 {' '.join(FLAGS[kernel.name])}",
                "peer_mh_per_second_per_core": NONCES / statistics.median(theirs) / 1e6,
                "ratio": statistics.median(other / mine for mine, other in zip(ours, theirs, strict=True)),
            }
    return told


def _interleaved(*works: Callable[[], object]) -> tuple[list[float], ...]:
    """Seconds of processor time of each, turn by turn, in a thread as a worker's."""
    spent: tuple[list[float], ...] = tuple([] for _ in works)

    def measure() -> None:
        for _ in range(ROUNDS):
            for times, work in zip(spent, works, strict=True):
                began = time.thread_time()
                work()
                times.append(time.thread_time() - began)

    thread = threading.Thread(target=measure)
    thread.start()
    thread.join()
    return spent
