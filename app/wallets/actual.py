"""What really happened: the effects of a preview, read again from the chain at the blocks in which the plan was mined.

``before`` is read at the parent of the first block, ``after`` at the last. A native balance is compared without the network fee,
as the preview shows it: the fee has its own line there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.operations.plans import Effect, Plan
from app.wallets.keys import parse_address

if TYPE_CHECKING:
    from app.chain import Rpc

BALANCE_OF = "0x70a08231"
ALLOWANCE = "0xdd62ed3e"


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction of a plan: hash and block height."""

    hash: str
    block: int


def mined_of(plan: Plan) -> list[Mined]:
    """The transactions that the plan's steps got into blocks, in order."""
    found = [(step.result.get("hash"), step.result.get("block")) for step in plan.steps]
    return [Mined(str(tx), int(str(block))) for tx, block in found if tx and block]


def word(value: str | int) -> str:
    """One ABI word as 64 hex digits: an address or an integer."""
    return f"{value:064x}" if isinstance(value, int) else value.removeprefix("0x").lower().rjust(64, "0")


async def read_word(rpc: Rpc, to: str, data: str, block: int) -> int:
    """The first word that a view returns at a block height; 0 when there was no such contract yet."""
    answer = str(await rpc.call("eth_call", {"to": to, "data": data}, hex(block)))
    return int(answer[:66], 16) if len(answer) > 2 else 0


async def measure(rpc: Rpc, plan: Plan, token_of: Mapping[str, str], native: str) -> tuple[Effect, ...]:
    """The plan's predicted balance, supply, allowance and role effects with their actual values; others are left out.

    Args:
        token_of: the token's address by unit, for effects that do not name their contract.
        native: the unit of the native coin.
    """
    from app.chain.effects import measured

    mined = mined_of(plan)
    predicted = plan.preview.effects if plan.preview else ()
    if not mined:
        return tuple(replace(effect, after=effect.before) for effect in predicted)
    first, last = mined[0].block - 1, mined[-1].block
    tokens = {unit: token for unit, token in token_of.items() if token}
    actual = []
    for effect in await measured(rpc, predicted, first, last, tokens, native):
        coin = effect.kind == "balance" and not effect.contract and effect.unit == native and native not in tokens
        paid = await _fees(rpc, mined, effect.subject) if coin else 0
        actual.append(replace(effect, after=str(int(effect.after) + paid)) if paid else effect)
    return tuple(actual)


async def _fees(rpc: Rpc, mined: Sequence[Mined], sender: str) -> int:
    paid = 0
    for transaction in mined:
        receipt: dict[str, Any] = await rpc.call("eth_getTransactionReceipt", transaction.hash)
        if parse_address(str(receipt["from"])) == sender:
            paid += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    return paid
