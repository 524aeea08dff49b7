"""How fast this machine searches: what ``azora mint bench`` prints."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass

from app.mining.kernel.machine import cores
from app.mining.kernel.search import Job, Kernel, best_kernel, kernels

PIECE_SECONDS = 0.02  # a worker looks up this often


@dataclass(frozen=True, slots=True)
class Rate:
    """One kernel measured.

    Attributes:
        instruction_set: its name.
        mh_per_second_per_core: million hashes per second of one thread's processor time.
        start_up_seconds: compiling it.
    """

    instruction_set: str
    mh_per_second_per_core: float
    start_up_seconds: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The whole machine measured.

    Attributes:
        instruction_set: the fastest that this processor runs.
        mh_per_second_per_core: million hashes per second of one thread's processor time, with that.
        mh_per_second: million hashes per second of all threads together, by the clock on the wall.
        threads: how many searched.
        seconds: for how long.
        start_up_seconds: from nothing to the first hash: import, code, compiler, check against the plain kernel.
        memory_bytes: what the process grew by meanwhile.
        kernels: every kernel that works here, each on one thread.
    """

    instruction_set: str
    mh_per_second_per_core: float
    mh_per_second: float
    threads: int
    seconds: float
    start_up_seconds: float
    memory_bytes: int
    kernels: tuple[Rate, ...]


def bench(seconds: float = 3.0, threads: int = 0) -> Bench:
    """Measure every kernel for a while, then the fastest on all threads.

    Args:
        seconds: for the fastest on all threads; each kernel alone takes a fifth of it.
        threads: 0 for one per core that this process may use.
    """
    count = threads or cores()
    before, began = _memory(), time.perf_counter()
    best_kernel()
    start_up, grown = time.perf_counter() - began, _memory() - before
    working = kernels()
    alone = [_together(kernel, seconds / 5, 1) for kernel in working]
    rates = tuple(Rate(kernel.name, each.per_core, kernel.start_up) for kernel, each in zip(working, alone, strict=True))
    all_threads = _together(working[0], seconds, count)
    return Bench(
        working[0].name,
        all_threads.per_core,
        all_threads.together,
        count,
        all_threads.seconds,
        start_up,
        max(0, grown),
        rates,
    )


@dataclass(slots=True)
class _Measured:
    per_core: float
    together: float
    seconds: float


def _together(kernel: Kernel, seconds: float, threads: int) -> _Measured:
    """Million hashes per processor second, and per second on the wall."""
    spent: list[tuple[int, float]] = []
    start = threading.Barrier(threads + 1)

    def work(number: int) -> None:
        # The target of a real chain is so low that hits are rare; none is expected here.
        job = Job(os.urandom(32), os.urandom(20), 0, number.to_bytes(32, "big"))
        piece, lane, hashes = kernel.width, 0, 0
        kernel.search(job, 0, piece)
        start.wait()
        end, processor = time.perf_counter() + seconds, time.thread_time()
        while (now := time.perf_counter()) < end:
            kernel.search(job, lane, piece)
            lane, hashes = lane + piece, hashes + piece
            if time.perf_counter() - now < PIECE_SECONDS:
                piece *= 2
        spent.append((hashes, time.thread_time() - processor))

    workers = [threading.Thread(target=work, args=(number,), name=f"azora-bench-{number}") for number in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    wall = time.perf_counter() - began
    hashes, processor = (sum(part) for part in zip(*spent, strict=True))
    return _Measured(hashes / max(processor, 1e-9) / 1e6, hashes / wall / 1e6, wall)


def _memory() -> int:
    """Bytes that this process holds in memory now; 0 where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
