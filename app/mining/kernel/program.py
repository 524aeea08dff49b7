"""Keccak-f[1600] as a straight line of operations in which only one lane is unknown.

The state is 25 lanes of 64 bits (FIPS 202, section 3). Here each lane is a symbol: a :class:`Known` depends on the job alone and is
an expression that is evaluated once a job; a :class:`Varying` depends on the nonce and is the result of an operation. An operation
on known lanes makes a known lane and costs nothing in the search; an operation with a varying lane is written down. Most of the
first round and of the last one fall away so: 2,049 operations remain of 24 × 90.

Operations on varying lanes:

* ``xor2 a b``, ``xor3 a b c``: the θ step. Three inputs are one instruction on AVX-512 (VPTERNLOG).
* ``rol a n``: the ρ step, and half of θ.
* ``chi a b c`` = a ⊕ (¬b ∧ c): the χ step. One instruction on AVX-512, two elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce

MASK = (1 << 64) - 1
ROUNDS = 24
LANE = 9  # bytes 72 to 79 of the message; of the nonce's three whole lanes it leaves the fewest operations
RATE = 136  # bytes of a block of keccak-256

# ι: FIPS 202, section 3.2.5.
ROUND_CONSTANTS = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
# ρ: by x, then y (FIPS 202, section 3.2.2).
ROTATIONS = (
    (0, 36, 3, 41, 18),
    (1, 44, 10, 45, 2),
    (62, 6, 43, 15, 61),
    (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)


@dataclass(frozen=True, slots=True)
class Known:
    """A lane that depends on the job alone: an expression over the lanes of the first state.

    ``kind`` is ``lane`` (arguments: its index), ``const`` (its value), ``xor`` (known lanes), ``rol`` (a known lane and a number)
    or ``chi`` (three known lanes). Equal expressions are equal values, so each is worked out and stored once.
    """

    kind: str
    arguments: tuple[object, ...]

    def value(self, state: Sequence[int], memory: dict[Known, int]) -> int:
        """The 64-bit value for a first state of 25 lanes; ``memory`` keeps what was worked out already."""
        if self not in memory:
            memory[self] = self._work_out(state, memory)
        return memory[self]

    def _work_out(self, state: Sequence[int], memory: dict[Known, int]) -> int:
        if self.kind == "lane":
            return state[int(str(self.arguments[0]))]
        if self.kind == "const":
            return int(str(self.arguments[0]))
        values = [part.value(state, memory) for part in self.arguments if isinstance(part, Known)]
        if self.kind == "xor":
            return reduce(int.__xor__, values, 0)
        if self.kind == "rol":
            return rotate(values[0], int(str(self.arguments[1])))
        a, b, c = values
        return a ^ (~b & MASK & c)


@dataclass(frozen=True, slots=True)
class Varying:
    """A lane that depends on the nonce: the result of operation ``number``; 0 is the nonce's lane itself."""

    number: int


Lane = Known | Varying


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of the straight line. ``arguments`` are lanes, of a rotation a lane and the number of bits."""

    result: int
    kind: str
    arguments: tuple[Lane, ...]
    bits: int = 0


@dataclass(slots=True)
class Program:
    """The straight line: what the search does for each nonce.

    Attributes:
        operations: in order; operation ``result`` numbers are 1, 2, 3 …
        known: the known lanes that the operations read, in the order of the job's table.
        result: the operation that holds lane 0 of the digest.
    """

    operations: list[Operation] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    result: int = 0

    def table(self, state: Sequence[int]) -> list[int]:
        """The values of the known lanes for a job's first state."""
        memory: dict[Known, int] = {}
        return [lane.value(state, memory) for lane in self.known]

    def counts(self) -> Mapping[str, int]:
        """How many operations there are of each kind."""
        kinds = [operation.kind for operation in self.operations]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def rotate(value: int, bits: int) -> int:
    """A 64-bit value rotated to the left."""
    return ((value << bits) | (value >> (64 - bits))) & MASK if bits else value


def first_state(message: bytes) -> list[int]:
    """The 25 lanes before the permutation, of a message shorter than one block, padded as keccak-256 does (0x01 … 0x80)."""
    if len(message) >= RATE:
        raise ValueError("a message of one block has fewer than 136 bytes")
    block = bytearray(200)
    block[: len(message)] = message
    block[len(message)] ^= 0x01
    block[RATE - 1] ^= 0x80
    return [int.from_bytes(block[8 * i : 8 * i + 8], "little") for i in range(25)]


class _Writer:
    """Applies operations to lanes: known ones are folded, the others written down."""

    def __init__(self) -> None:
        self.program = Program()
        self._places: dict[Known, int] = {}

    def xor(self, *lanes: Lane) -> Lane:
        """All known lanes make one; the varying ones follow in threes."""
        known = [lane for lane in lanes if isinstance(lane, Known)]
        varying: list[Lane] = [lane for lane in lanes if isinstance(lane, Varying)]
        if known:
            together = known[0] if len(known) == 1 else Known("xor", tuple(sorted(known, key=repr)))
            if not varying:
                return together
            varying.append(together)
        total, rest = varying[0], varying[1:]
        while rest:
            total = self._write("xor3" if len(rest) > 1 else "xor2", (total, *rest[:2]))
            rest = rest[2:]
        return total

    def rol(self, lane: Lane, bits: int) -> Lane:
        if not bits:
            return lane
        return Known("rol", (lane, bits)) if isinstance(lane, Known) else self._write("rol", (lane,), bits)

    def chi(self, a: Lane, b: Lane, c: Lane) -> Lane:
        if isinstance(a, Known) and isinstance(b, Known) and isinstance(c, Known):
            return Known("chi", (a, b, c))
        return self._write("chi", (a, b, c))

    def _write(self, kind: str, arguments: tuple[Lane, ...], bits: int = 0) -> Varying:
        for lane in arguments:
            if isinstance(lane, Known) and lane not in self._places:
                self._places[lane] = len(self.program.known)
                self.program.known.append(lane)
        operation = Operation(len(self.program.operations) + 1, kind, arguments, bits)
        self.program.operations.append(operation)
        return Varying(operation.result)


@cache
def search_program(lane: int = LANE) -> Program:
    """The straight line that leads from the varying ``lane`` to lane 0 of the digest."""
    writer = _Writer()
    state: list[Lane] = [Varying(0) if i == lane else Known("lane", (i,)) for i in range(25)]
    for number in range(ROUNDS):
        last = number == ROUNDS - 1
        columns = [writer.xor(*(state[x + 5 * y] for y in range(5))) for x in range(5)]
        turned: dict[int, Lane] = {}

        def theta(i: int, state: list[Lane] = state, columns: list[Lane] = columns, turned: dict[int, Lane] = turned) -> Lane:
            x = i % 5
            if x not in turned:
                turned[x] = writer.rol(columns[(x + 1) % 5], 1)
            return writer.xor(state[i], columns[(x + 4) % 5], turned[x])

        # θ, then ρ and π: lane (x, y) moves to (y, 2x + 3y). The digest's first lane needs three of them in the last round.
        moved: dict[int, Lane] = {}
        for i in (0, 6, 12) if last else range(25):
            x, y = i % 5, i // 5
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = writer.rol(theta(i), ROTATIONS[x][y])
        constant = Known("const", (ROUND_CONSTANTS[number],))
        if last:
            end = writer.xor(writer.chi(moved[0], moved[1], moved[2]), constant)
            assert isinstance(end, Varying)
            writer.program.result = end.number
            return writer.program
        state = [writer.chi(moved[i], moved[i // 5 * 5 + (i + 1) % 5], moved[i // 5 * 5 + (i + 2) % 5]) for i in range(25)]
        state[0] = writer.xor(state[0], constant)
    raise AssertionError("the last round returns")


def run(program: Program, state: Sequence[int], nonce_lane: int) -> int:
    """The program in plain Python, for one nonce: lane 0 of the digest. The meaning that compiled code must have."""
    table = dict(zip(program.known, program.table(state), strict=True))
    results = {0: nonce_lane}

    def value(lane: Lane) -> int:
        return table[lane] if isinstance(lane, Known) else results[lane.number]

    for operation in program.operations:
        values = [value(lane) for lane in operation.arguments]
        if operation.kind == "rol":
            results[operation.result] = rotate(values[0], operation.bits)
        elif operation.kind == "chi":
            results[operation.result] = values[0] ^ (~values[1] & MASK & values[2])
        else:
            results[operation.result] = reduce(int.__xor__, values)
    return results[program.result]
