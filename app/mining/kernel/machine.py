"""The search compiled for this processor, at run time.

LLVM through llvmlite: no compiler has to be installed, and the code fits the processor it runs on. Compiling takes a fraction of a
second and happens once a process and instruction set.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.core.errors import Unavailable
from app.mining.kernel.code import NAME, SETS, InstructionSet, llvm_ir
from app.mining.kernel.program import search_program

_turn = threading.Lock()  # LLVM's engine is built by one thread at a time
ROOM = 4096  # hits of one call that are kept; the last place is scratch


@dataclass(frozen=True, slots=True)
class Compiled:
    """A search in machine code.

    Attributes:
        instructions: what it was compiled for.
        seconds: how long that took.
    """

    instructions: InstructionSet
    seconds: float
    address: int
    engine: Any  # keeps the code in memory

    def search(self, table: ctypes.Array[ctypes.c_uint64], first: int, batches: int, limit: int) -> list[int]:
        """The nonce lanes among ``first … first + batches × width − 1`` whose digest begins with at most ``limit``.

        Runs without the interpreter's lock.

        Raises:
            OverflowError: there are more than 4,095; ask for smaller pieces.
        """
        found = (ctypes.c_uint64 * ROOM)()
        count = _function(self.address)(table, first, batches, limit, found, ROOM)
        if count >= ROOM:
            raise OverflowError(f"{count} hits in one piece")
        return list(found[:count])


@cache
def _function(address: int) -> Any:
    shape = ctypes.CFUNCTYPE(
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_uint64),
        ctypes.c_uint64,
        ctypes.c_uint64,
        ctypes.c_uint64,
        ctypes.POINTER(ctypes.c_uint64),
        ctypes.c_int64,
    )
    return shape(address)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available() -> list[InstructionSet]:
    """The instruction sets of this processor, the fastest first; empty where LLVM is not installed."""
    try:
        import llvmlite.binding as llvm
    except ImportError:
        return []
    features = llvm.get_host_cpu_features()
    return [each for each in SETS if all(features.get(name) for name in each.features)]


@cache
def compiled(instructions: InstructionSet) -> Compiled:
    """Machine code for one instruction set.

    Raises:
        Unavailable: LLVM is not installed, or it refuses the code.
    """
    with _turn:
        began = time.perf_counter()
        try:
            import llvmlite.binding as llvm

            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            module = llvm.parse_assembly(llvm_ir(search_program(), instructions))
            module.verify()
            machine = llvm.Target.from_default_triple().create_target_machine(
                cpu=llvm.get_host_cpu_name(), features=instructions.switches, opt=2, jit=True
            )
            engine = llvm.create_mcjit_compiler(module, machine)
            engine.finalize_object()
            address = engine.get_function_address(NAME)
        except (ImportError, OSError, RuntimeError) as error:
            raise Unavailable(
                f"The search could not be compiled for {instructions.name} ({type(error).__name__}). Nothing is mined.",
                "Install llvmlite in the console's environment, or mine with the plain kernel.",
            ) from error
        return Compiled(instructions, time.perf_counter() - began, address, engine)
