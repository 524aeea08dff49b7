"""The search program as LLVM IR, for one set of vector instructions.

The function that comes out has this shape (C notation)::

    int64_t search(const uint64_t *table, uint64_t first, uint64_t batches, uint64_t limit, uint64_t *found, int64_t room);

It tries the nonce lanes ``first … first + batches × width − 1``, ``width`` of them side by side, and writes to ``found`` those
whose digest begins with 64 bits (read as a big-endian number) of at most ``limit``. It returns how many there were; what does not
fit into ``room`` is counted and not written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.mining.kernel.program import Known, Lane, Operation, Program

NAME = "search"


@dataclass(frozen=True, slots=True)
class InstructionSet:
    """One way to compile the search.

    Attributes:
        name: as miners and processors call it.
        width: nonces side by side.
        features: LLVM's names of what the processor must have.
        switches: LLVM features to set, so that it uses just these instructions.
    """

    name: str
    width: int
    features: tuple[str, ...]
    switches: str

    @property
    def vector(self) -> str:
        """LLVM's type of a batch."""
        return f"<{self.width} x i64>"


AVX512 = InstructionSet("AVX-512", 8, ("avx512f", "avx512bw"), "+avx512f,+avx512bw,-prefer-256-bit")
AVX2 = InstructionSet("AVX2", 4, ("avx2",), "+avx2,-avx512f")
SSE = InstructionSet("SSE", 2, ("sse4.2",), "+sse4.2,-avx")
NEON = InstructionSet("NEON", 2, ("neon",), "+neon")
# From the fastest to the slowest; scalar code runs everywhere.
SETS = (AVX512, AVX2, NEON, SSE)

# VPTERNLOG's truth tables for its operands a, b, c (Intel SDM, volume 2): bit number a·4 + b·2 + c of each.
XOR3 = 0b10010110
CHI = 0b11010010


def llvm_ir(program: Program, instructions: InstructionSet) -> str:
    """The module's text."""
    return "\n".join(_module(program, instructions)) + "\n"


def _module(program: Program, instructions: InstructionSet) -> Iterator[str]:
    vector, width = instructions.vector, instructions.width
    ternary = f"@llvm.x86.avx512.pternlog.q.{width * 64}"
    yield f"declare {vector} @llvm.fshl.v{width}i64({vector}, {vector}, {vector})"
    yield f"declare {vector} @llvm.bswap.v{width}i64({vector})"
    if instructions is AVX512:
        yield f"declare {vector} {ternary}({vector}, {vector}, {vector}, i32)"
    yield f"define i64 @{NAME}(ptr noalias %table, i64 %first, i64 %batches, i64 %limit, ptr noalias %found, i64 %room) {{"
    yield "start:"
    for number in range(len(program.known)):
        yield f"  %place{number} = getelementptr i64, ptr %table, i64 {number}"
        yield f"  %word{number} = load i64, ptr %place{number}, align 8"
        yield from _splat(f"known{number}", f"%word{number}", vector, width)
    yield from _splat("limits", "%limit", vector, width)
    yield from _splat("firsts", "%first", vector, width)
    steps = ", ".join(f"i64 {number}" for number in range(width))
    yield f"  %lanes0 = add {vector} %firsts, <{steps}>"
    yield "  %none = icmp eq i64 %batches, 0"
    yield "  br i1 %none, label %end, label %batch"
    yield "batch:"
    yield "  %left = phi i64 [ %batches, %start ], [ %left.next, %next ]"
    yield f"  %r0 = phi {vector} [ %lanes0, %start ], [ %lanes.next, %next ]"
    yield "  %count = phi i64 [ 0, %start ], [ %count.next, %next ]"
    names = {lane: f"%known{number}" for number, lane in enumerate(program.known)}
    for operation in program.operations:
        yield from _operation(operation, names, instructions, ternary)
    yield f"  %digest = call {vector} @llvm.bswap.v{width}i64({vector} %r{program.result})"
    yield f"  %hits = icmp ule {vector} %digest, %limits"
    yield f"  %mask = bitcast <{width} x i1> %hits to i{width}"
    yield f"  %any = icmp ne i{width} %mask, 0"
    yield "  br i1 %any, label %keep, label %next, !prof !0"
    yield "keep:"
    yield from _keep(vector, width)
    yield "next:"
    yield f"  %count.next = phi i64 [ %count, %batch ], [ %count{width}, %keep ]"
    yield from _splat("steps", str(width), vector, width)
    yield f"  %lanes.next = add {vector} %r0, %steps"
    yield "  %left.next = sub i64 %left, 1"
    yield "  %done = icmp eq i64 %left.next, 0"
    yield "  br i1 %done, label %end, label %batch"
    yield "end:"
    yield "  %total = phi i64 [ 0, %start ], [ %count.next, %next ]"
    yield "  ret i64 %total"
    yield "}"
    yield '!0 = !{!"branch_weights", i32 1, i32 1000000}'


def _splat(name: str, value: str, vector: str, width: int) -> Iterator[str]:
    yield f"  %{name}.one = insertelement {vector} poison, i64 {value}, i32 0"
    yield f"  %{name} = shufflevector {vector} %{name}.one, {vector} poison, <{width} x i32> zeroinitializer"


def _operation(operation: Operation, names: dict[Known, str], instructions: InstructionSet, ternary: str) -> Iterator[str]:
    vector, width = instructions.vector, instructions.width

    def name(lane: Lane) -> str:
        return names[lane] if isinstance(lane, Known) else f"%r{lane.number}"

    result, values = f"%r{operation.result}", [name(lane) for lane in operation.arguments]
    if operation.kind == "rol":
        bits = "<" + ", ".join([f"i64 {operation.bits}"] * width) + ">"
        yield f"  {result} = call {vector} @llvm.fshl.v{width}i64({vector} {values[0]}, {vector} {values[0]}, {vector} {bits})"
    elif operation.kind == "xor2":
        yield f"  {result} = xor {vector} {values[0]}, {values[1]}"
    elif instructions is AVX512:
        table = XOR3 if operation.kind == "xor3" else CHI
        given = ", ".join(f"{vector} {value}" for value in values)
        yield f"  {result} = call {vector} {ternary}({given}, i32 {table})"
    elif operation.kind == "xor3":
        yield f"  {result}.a = xor {vector} {values[0]}, {values[1]}"
        yield f"  {result} = xor {vector} {result}.a, {values[2]}"
    else:
        ones = "<" + ", ".join(["i64 -1"] * width) + ">"
        yield f"  {result}.a = xor {vector} {values[1]}, {ones}"
        yield f"  {result}.b = and {vector} {result}.a, {values[2]}"
        yield f"  {result} = xor {vector} {values[0]}, {result}.b"


def _keep(vector: str, width: int) -> Iterator[str]:
    """Write the lanes that hit, without a branch: what is no hit, or has no room, is written over by the next one."""
    yield "  %last = sub i64 %room, 1"
    for number in range(width):
        before = "%count" if number == 0 else f"%count{number}"
        yield f"  %fits{number} = icmp ult i64 {before}, %last"
        yield f"  %at{number} = select i1 %fits{number}, i64 {before}, i64 %last"
        yield f"  %to{number} = getelementptr i64, ptr %found, i64 %at{number}"
        yield f"  %nonce{number} = extractelement {vector} %r0, i32 {number}"
        yield f"  store i64 %nonce{number}, ptr %to{number}, align 8"
        yield f"  %hit{number} = extractelement <{width} x i1> %hits, i32 {number}"
        yield f"  %one{number} = zext i1 %hit{number} to i64"
        yield f"  %count{number + 1} = add i64 {before}, %one{number}"
    yield "  br label %next"
