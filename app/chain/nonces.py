"""What to do about a signed transaction, given what the chain says. Pure, so that every case can be tried.

The table follows Hardhat Ignition's nonce reconciliation (three counts per sender: newest block, pool, and the block that has the
confirmations asked for) and goes further: nothing here remembers a higher nonce than the chain does, so it also comes down again
when a reorganisation, a killed node or a dropped transaction takes something back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Do(StrEnum):
    """What to do about one signed transaction."""

    WAIT = "wait"
    RESEND = "resend"  # the same bytes again: the node does not have them and nothing else took the nonce
    REPLACED = "replaced"  # another transaction of this nonce has its confirmations: these bytes can never happen
    GAP = "gap"  # a lower nonce is held by nobody, so no node can ever put this one into a block
    DONE = "done"  # in a block of the canonical chain, with the confirmations asked for


@dataclass(frozen=True, slots=True)
class Counts:
    """``eth_getTransactionCount`` of one sender: at the newest block, with the pool, and at the newest confirmed block."""

    latest: int
    pending: int
    safe: int


def decide(
    nonce: int, counts: Counts, *, confirmations: int, needed: int, known: bool, held: Collection[int], outbids: bool = False
) -> Do:
    """What to do about the transaction with this nonce.

    Args:
        confirmations: of its receipt, when that is in a block of the canonical chain; 0 without.
        needed: how many the network asks for, at least 1.
        known: the node has exactly these bytes, in its pool or in a block.
        held: nonces of this sender that signed transactions of this console hold.
        outbids: these bytes were signed to take the place of what the pool holds at this nonce.
    """
    if confirmations >= needed:
        return Do.DONE
    if confirmations > 0:
        return Do.WAIT
    if nonce < counts.latest:  # a block used the nonce, and not for these bytes as far as the node tells
        return Do.REPLACED if nonce < counts.safe and not known else Do.WAIT
    if not known:
        # Below the pool's count the pool holds another transaction of this nonce; which of them wins is not known yet.
        return Do.WAIT if nonce < counts.pending and not outbids else Do.RESEND
    return Do.GAP if any(hole < nonce for hole in holes(counts.latest, counts.pending, held)) else Do.WAIT


def next_free(latest: int, pending: int, held: Collection[int]) -> int:
    """The lowest nonce that no block, no pool and no signed transaction uses."""
    nonce = max(latest, pending)
    while nonce in held:
        nonce += 1
    return nonce


def free_run(latest: int, pending: int, held: Collection[int], count: int) -> list[int]:
    """The ``count`` lowest free nonces, in order."""
    found: list[int] = []
    nonce = max(latest, pending)
    while len(found) < count:
        if nonce not in held:
            found.append(nonce)
        nonce += 1
    return found


def holes(latest: int, pending: int, held: Collection[int]) -> tuple[int, ...]:
    """Nonces below a held one that nobody holds: whatever comes after them waits for ever."""
    waiting = [nonce for nonce in held if nonce >= latest]
    if not waiting:
        return ()
    return tuple(nonce for nonce in range(max(latest, pending), max(waiting)) if nonce not in held)


def told(numbers: Collection[int]) -> str:
    """Nonces in words: ``nonce 5``, ``nonces 5 to 9``, ``nonces 5, 7 and 9``."""
    found = sorted(numbers)
    if len(found) == 1:
        return f"nonce {found[0]:,}"
    if found[-1] - found[0] == len(found) - 1 and len(found) > 2:
        return f"nonces {found[0]:,} to {found[-1]:,}"
    *some, last = (f"{nonce:,}" for nonce in found)
    return f"nonces {', '.join(some)} and {last}"


def bumped(old: int, quote: int) -> int:
    """The least price that replaces ``old``: ten percent more, rounded up, never less than what the network asks now.

    geth and anvil want at least 110 % of both prices and more than before.
    """
    return max(-(-old * 110 // 100), old + 1, quote)
