"""Search for nonces whose keccak-256 lies below a target, at the speed of the hardware.

The digest is EIP-918's: ``keccak256(challenge ‖ miner ‖ nonce)`` over 32 + 20 + 32 bytes, which is one permutation of keccak. Three
ideas make it fast, each in a file of its own:

* ``program.py``: only one 64-bit lane of the message changes from nonce to nonce. Whatever does not depend on it is worked out once
  a job, and whatever the first word of the digest does not need is never worked out.
* ``code.py``: what remains is one straight line of xors, rotations and one three-input function, written as LLVM IR for 8, 4 or 2
  nonces side by side.
* ``machine.py``: LLVM compiles it for this processor when it is first needed. The compiled search is called without Python's
  interpreter lock, so the interface goes on.

``search.py`` is the door: a kernel offers candidates, and every one is hashed again by an independent keccak before anybody hears
of it. Without LLVM, or where the compiled code does not agree with that keccak, a plain loop does the same work slowly.
"""

from app.mining.kernel.machine import cores
from app.mining.kernel.search import Job, Kernel, Solution, best_kernel, kernels, solution_digest

__all__ = ["Job", "Kernel", "Solution", "best_kernel", "cores", "kernels", "solution_digest"]
