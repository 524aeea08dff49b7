"""Kernels: a job goes in, checked solutions come out."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.chain.hashing import keccak256
from app.core.errors import ConsoleError
from app.mining.kernel import machine
from app.mining.kernel.code import InstructionSet
from app.mining.kernel.program import LANE, first_state, search_program

log = logging.getLogger(__name__)
LANES = 1 << 64
EXPECTED = 256  # hits of one call of the machine code, on average at most
_AT = 8 * LANE - 52  # where the varying lane lies in the nonce: 32 bytes of challenge and 20 of address come before it


@dataclass(frozen=True, slots=True)
class Job:
    """What to search for (EIP-918).

    Attributes:
        challenge: 32 bytes from the contract.
        miner: 20 bytes, the address that will send the solution; it is part of the digest, so nobody else can use it.
        target: the digest, read as a big-endian number, must not be above it.
        prefix: 32 bytes that fill the part of the nonce that the search does not vary. Workers on one job each have their own.
    """

    challenge: bytes
    miner: bytes
    target: int
    prefix: bytes = bytes(32)

    def __post_init__(self) -> None:
        if len(self.challenge) != 32 or len(self.miner) != 20 or len(self.prefix) != 32 or not 0 <= self.target < 1 << 256:
            raise ValueError("a job has 32 bytes of challenge, 20 of address, 32 of prefix and a target below 2²⁵⁶")

    def nonce(self, lane: int) -> bytes:
        """The 32-byte nonce with this varying lane."""
        return self.prefix[:_AT] + lane.to_bytes(8, "little") + self.prefix[_AT + 8 :]

    def message(self, lane: int) -> bytes:
        """The 84 bytes that are hashed."""
        return self.challenge + self.miner + self.nonce(lane)


@dataclass(frozen=True, slots=True)
class Solution:
    """A nonce whose digest is not above the job's target; 32 bytes each."""

    nonce: bytes
    digest: bytes


def solution_digest(challenge: bytes, miner: bytes, nonce: bytes) -> bytes:
    """EIP-918: keccak-256 over challenge, the sender's address and the nonce, packed. By pycryptodome, not by a kernel."""
    return keccak256(challenge + miner + nonce)


class Kernel(Protocol):
    """Searches a stretch of nonces.

    Attributes:
        name: the instruction set, or ``plain``.
        width: ``count`` of a search is rounded up to a multiple of it.
        start_up: seconds until it was ready.
    """

    name: str
    width: int
    start_up: float

    def search(self, job: Job, first: int, count: int) -> Sequence[Solution]:
        """The solutions with a varying lane in ``first … first + count − 1`` (modulo 2⁶⁴)."""


class Plain:
    """A loop over pycryptodome's keccak: slow, the same everywhere, and the judge of the others."""

    name, width, start_up = "plain", 1, 0.0

    def search(self, job: Job, first: int, count: int) -> Sequence[Solution]:
        """One after the other."""
        return _checked(job, ((first + step) % LANES for step in range(count)))


class Vector:
    """The compiled search: the first 64 bits of the digest pick candidates, :class:`Plain`'s keccak decides."""

    def __init__(self, instructions: InstructionSet) -> None:
        self._code = machine.compiled(instructions)
        self.name, self.width, self.start_up = instructions.name, instructions.width, self._code.seconds
        self._table: tuple[tuple[bytes, bytes, bytes], ctypes.Array[ctypes.c_uint64]] | None = None

    def search(self, job: Job, first: int, count: int) -> Sequence[Solution]:
        """In pieces that cannot hold more hits than the machine code keeps."""
        table, limit = self._table_of(job), job.target >> 192
        found: list[int] = []
        batches = -(-count // self.width)
        # At most a few hundred hits are expected of a piece; only of the smallest ones may be as many as it has nonces.
        piece = max(1, min(batches, EXPECTED * LANES // ((limit + 1) * self.width)))
        for start in range(0, batches, piece):
            lane = (first + start * self.width) % LANES
            found += self._code.search(table, lane, min(piece, batches - start), limit)
        return _checked(job, found)

    def _table_of(self, job: Job) -> ctypes.Array[ctypes.c_uint64]:
        about = (job.challenge, job.miner, job.prefix)
        if self._table is None or self._table[0] != about:
            words = search_program().table(first_state(job.message(0)))
            self._table = (about, (ctypes.c_uint64 * len(words))(*words))
        return self._table[1]


def _checked(job: Job, lanes: Iterable[int]) -> list[Solution]:
    """Every candidate is hashed by an independent keccak; what is above the target is no solution."""
    solutions = []
    for lane in lanes:
        digest = keccak256(job.message(lane))
        if int.from_bytes(digest, "big") <= job.target:
            solutions.append(Solution(job.nonce(lane), digest))
    return solutions


def agrees(kernel: Kernel) -> bool:
    """Whether a kernel finds what :class:`Plain` finds, no more and no less, on a job with many solutions."""
    job = Job(keccak256(b"challenge"), keccak256(b"miner")[:20], (1 << 252) - 1, keccak256(b"prefix"))
    first, count = LANES - 256, 512  # across the lane's end
    return list(kernel.search(job, first, count)) == list(Plain().search(job, first, count))


def kernels() -> list[Kernel]:
    """Every kernel that works on this machine and agrees with the plain one, the fastest first; the plain one is the last."""
    return list(_working())


def _working() -> Iterator[Kernel]:
    for instructions in machine.available():
        try:
            kernel = Vector(instructions)
        except ConsoleError as error:
            log.warning("%s", error)
            continue
        if agrees(kernel):
            yield kernel
        else:
            log.error("the %s kernel does not agree with keccak-256 on this machine; it is not used", kernel.name)
    yield Plain()


def best_kernel() -> Kernel:
    """The fastest kernel that agrees with the plain one."""
    return next(_working())
