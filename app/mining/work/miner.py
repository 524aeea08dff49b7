"""Threads that search on this machine: started, paused, throttled and stopped at once, at the lowest priority.

A search releases the interpreter's lock, and each thread asks the system for its lowest priority, so the interface and everything
else come first. Work is done in pieces of about 20 ms: a new challenge, a pause or a stop is noticed after the piece at hand.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.mining.kernel import Job, Kernel, Solution, best_kernel, cores

log = logging.getLogger(__name__)
PIECE_SECONDS = 0.02
LOWEST = 19  # of nice(2)
WINDOW_SECONDS = 5.0  # over which the hash rate is taken

Found = Callable[[Job, Solution], None]


@dataclass(frozen=True, slots=True)
class MinerState:
    """How a miner stands.

    Attributes:
        running: it has threads.
        paused: they wait.
        threads: how many.
        throttle: share of the time in which they search, percent.
        instruction_set: what the kernel uses.
        hash_rate: hashes per second over the last seconds, all threads together.
        hashes: since the start.
        seconds: searching, since the start, all threads together.
    """

    running: bool
    paused: bool
    threads: int
    throttle: int
    instruction_set: str
    hash_rate: float
    hashes: int
    seconds: float


class Miner:
    """Searches for one solution of one job at a time.

    The first solution ends the search for it: an easy challenge has thousands a second, and one is all that anybody pays for.
    Whoever finds that it does not count sets the job again.

    Args:
        found: called in a searching thread with the checked solution and the job that it belongs to.
        kernel: default: the fastest that agrees with the plain one, compiled by :meth:`start`.
    """

    def __init__(self, found: Found, kernel: Kernel | None = None) -> None:
        self._found = found
        self._kernel = kernel
        self._changed = threading.Condition()
        self._job: Job | None = None
        self._version = 0  # of the job: a thread that sees another one drops its piece
        self._paused = False
        self._throttle = 100
        self._ending = False
        self._threads: list[threading.Thread] = []
        self._counted: list[_Count] = []

    def start(self, threads: int = 0, throttle: int = 100) -> None:
        """Make the threads; they wait for a job. Compiles the kernel when that is still to be done: up to a second.

        Args:
            threads: 0 for one per core that this process may use.
            throttle: share of the time in which they search, 1 to 100 percent.
        """
        if self._threads:
            raise RuntimeError("the miner runs already")
        if self._kernel is None:
            self._kernel = best_kernel()
        self.set_throttle(throttle)
        self._ending = False
        self._counted = [_Count() for _ in range(threads or cores())]
        self._threads = [
            threading.Thread(target=self._work, args=(count,), name=f"azora-miner-{number}", daemon=True)
            for number, count in enumerate(self._counted)
        ]
        for thread in self._threads:
            thread.start()

    def set_job(self, job: Job | None) -> None:
        """Search for this from now on; None waits. What belongs to the job before is dropped, its solution too."""
        with self._changed:
            if job != self._job:
                self._job, self._version = job, self._version + 1
                self._changed.notify_all()

    def _solved(self, version: int) -> bool:
        """Whether this thread is the first with a solution of the job; the job is over then, for all threads."""
        with self._changed:
            if version != self._version or self._ending:
                return False
            self._job, self._version = None, self._version + 1
            return True

    def pause(self, paused: bool = True) -> None:
        """Rest, or go on."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def set_throttle(self, percent: int) -> None:
        """Search in this share of the time, 1 to 100 percent."""
        if not 1 <= percent <= 100:
            raise ValueError("a throttle is 1 to 100 percent")
        self._throttle = percent

    def stop(self) -> None:
        """End the threads; returns when the last piece is done."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads = []

    @property
    def state(self) -> MinerState:
        """How it stands now."""
        now = time.monotonic()
        return MinerState(
            bool(self._threads),
            self._paused,
            len(self._threads),
            self._throttle,
            self._kernel.name if self._kernel else "",
            sum(count.rate(now) for count in self._counted) if self._threads and not self._paused else 0.0,
            sum(count.hashes for count in self._counted),
            sum(count.seconds for count in self._counted),
        )

    # In the threads

    def _work(self, count: _Count) -> None:
        lower_priority()
        assert self._kernel is not None
        kernel, piece, version, job, lane = self._kernel, self._kernel.width, -1, None, 0
        while True:
            with self._changed:
                while not self._ending and (self._paused or self._job is None):
                    self._changed.wait()
                if self._ending:
                    return
                if version != self._version and self._job is not None:
                    # A prefix of its own per thread and job: no two threads, machines or restarts try the same nonces.
                    version, job, lane = self._version, _own(self._job), 0
            assert job is not None
            began = time.perf_counter()
            try:
                solutions = kernel.search(job, lane, piece)
            except Exception:
                log.exception("a search failed; this thread ends")
                return
            spent = time.perf_counter() - began
            count.add(piece, spent)
            lane += piece
            if solutions and self._solved(version):
                self._found(job, solutions[0])
            if spent < PIECE_SECONDS / 2:
                piece *= 2
            elif spent > PIECE_SECONDS * 2 and piece > kernel.width:
                piece //= 2
            if self._throttle < 100:
                with self._changed:
                    self._changed.wait(spent * (100 - self._throttle) / self._throttle)


class _Count:
    """What one thread did: written by it alone."""

    def __init__(self) -> None:
        self.hashes = 0
        self.seconds = 0.0
        self._marks: list[tuple[float, int]] = []

    def add(self, hashes: int, seconds: float) -> None:
        self.hashes += hashes
        self.seconds += seconds
        now = time.monotonic()
        marks = [mark for mark in self._marks if mark[0] > now - WINDOW_SECONDS]
        marks.append((now, self.hashes))
        self._marks = marks

    def rate(self, now: float) -> float:
        """Hashes per second over the window."""
        marks = [mark for mark in self._marks if mark[0] > now - WINDOW_SECONDS]
        if len(marks) < 2:
            return 0.0
        return (marks[-1][1] - marks[0][1]) / max(now - marks[0][0], 1e-9)


def _own(job: Job) -> Job:
    return Job(job.challenge, job.miner, job.target, secrets.token_bytes(32))


def lower_priority() -> None:
    """Give this thread the system's lowest priority, where threads have one of their own.

    On Linux nice belongs to the thread; Windows has idle threads (not verified); on macOS the thread keeps its priority.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
    elif sys.platform == "win32":
        import ctypes

        ctypes.windll.kernel32.SetThreadPriority(ctypes.windll.kernel32.GetCurrentThread(), -15)  # THREAD_PRIORITY_IDLE
