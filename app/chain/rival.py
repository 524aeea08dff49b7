"""The other transaction: who took a nonce, what it did, and whether it was the same payment.

It is found by the sender's count at past blocks, which needs a node that keeps their state; where it does not, that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.chain.hashing import checksum_address
from app.chain.nonces import next_free
from app.chain.nonces import told as told_nonces
from app.chain.queue import HOLDING, IN_BLOCK, QueuedTransaction, TransactionState
from app.chain.rpc import RpcFailure
from app.chain.standing import Standing, look
from app.core.errors import ConsoleError, Unavailable
from app.core.money import UINT256_MAX, exact_units, plain_units
from app.operations.plans import Call, Plan

if TYPE_CHECKING:
    from app.chain.networks import Chain
    from app.chain.sending import Sending
    from app.operations import Operations

TRANSFER = "0xa9059cbb"  # transfer(address,uint256) of ERC-20
SYMBOL, DECIMALS = "0x95d89b41", "0x313ce567"
PARTS = 16  # a range of blocks is cut into so many at once
STRIDE = 64  # blocks; how far back the first look goes


@dataclass(frozen=True, slots=True)
class Rival:
    """The transaction that took the nonce of one of ours.

    ``value`` in wei, ``data`` is ``0x…``; ``decoded`` is its call; ``same_payment``: equal recipient and amount, and it succeeded.
    ``text`` tells all that in sentences; ``plan_id`` is of our own plan that sent it, else empty.
    """

    hash: str
    nonce: int
    to: str | None
    value: int
    data: str
    decoded: Call
    block: int
    same_payment: bool
    text: str
    plan_id: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """What a transaction pays: ``token`` is empty for the native coin; ``amount`` in its smallest unit."""

    token: str
    recipient: str
    amount: int


def payment_of(to: str | None, value: int, data: str) -> Payment | None:
    """The payment that a transaction makes; None when it does something else, or more.

    Only the native coin without call data and ERC-20's ``transfer`` in its one canonical encoding are payments.
    """
    if to is None:
        return None
    if data in ("0x", ""):
        return Payment("", checksum_address(to), value) if value else None
    body = data[len(TRANSFER) :]
    if value or not data.startswith(TRANSFER) or len(body) != 128 or int(body[:24], 16):
        return None
    return Payment(checksum_address(to), checksum_address(body[24:64]), int(body[64:], 16))


class Rivals:
    """Finds and reads rivals."""

    def __init__(self, sending: Sending, operations: Operations) -> None:
        self._sending = sending
        self._operations = operations

    async def of_plan(self, plan_id: str) -> Rival | None:
        """The transaction that took the nonce of a plan's transaction; None when none did.

        Raises:
            Unavailable: the network does not answer, or keeps no history.
        """
        plan = await self._operations.get(plan_id)
        for row in [standing.row for standing in await self._looked(plan)]:
            if row.state is TransactionState.REPLACED:
                found = await self.of_row(await self._sending.connect(row.network), row)
                if found is not None:
                    return found
        return None

    async def repeats(self, plan: Plan, to: str = "") -> str:
        """Why doing a plan again would be done a second time, in sentences; empty when nothing of it has happened.

        Args:
            to: only transactions to this address count, in EIP-55 spelling; empty: all of the plan.

        Raises:
            Unavailable: that cannot be told now.
        """
        standings = [standing for standing in await self._looked(plan) if not to or standing.row.to == to]
        rows = [standing.row for standing in standings]
        done = [row for row in rows if row.state in (*IN_BLOCK, TransactionState.SEEN) and row.succeeded is not False]
        if done:
            where = f"is in block {done[0].block:,}" if done[0].block else "waits in the node's pool"
            more = f" So it is with {len(done) - 1:,} more." if len(done) > 1 else ""
            return f"“{done[0].description}” of {plan.name} {where}.{more}"
        for row in rows:
            if row.state is not TransactionState.REPLACED:
                continue
            rival = await self.of_row(await self._sending.connect(row.network), row)
            if rival is not None and rival.same_payment:
                return f"{rival.text} {_same(row)}"
        return await self._may_still_come(plan, standings)

    async def _may_still_come(self, plan: Plan, standings: Sequence[Standing]) -> str:
        """Of bytes that a node was given and that no node shows now: only whoever gets their nonce excludes them."""
        ghosts = [s for s in standings if s.row.sent_at and s.row.state in (TransactionState.SENT, TransactionState.DROPPED)]
        ghosts = [standing for standing in ghosts if standing.row.nonce >= standing.counts.latest]
        if not ghosts:
            return ""
        row, counts = ghosts[0].row, ghosts[0].counts
        others = await self._sending.queue.rows(row.network, row.sender, HOLDING, from_nonce=counts.latest)
        held = {other.nonce for other in others if other.plan_id != plan.id}
        if len(ghosts) == 1 and next_free(counts.latest, counts.pending, held) == row.nonce:
            return ""  # the new one gets this very nonce, so a chain can take only one of the two
        numbers = told_nonces({standing.row.nonce for standing in ghosts})
        return f"What {plan.name} sent with {numbers} was given to a node and may still come into a block."

    async def _looked(self, plan: Plan) -> Sequence[Standing]:
        """The plan's rows as the chain has them now."""
        rows = await self._sending.queue.rows(plan.target.ref, plan_id=plan.id)
        rows = [row for row in rows if row.state is not TransactionState.SIGNED]
        if not rows:
            return ()
        chain = await self._sending.connect(plan.target.ref)
        return (await look(chain, self._sending.queue, rows)).rows

    async def of_row(self, chain: Chain, row: QueuedTransaction) -> Rival | None:
        """The transaction in a block that has the row's sender and nonce and is another one.

        Raises:
            Unavailable: the node keeps no history of accounts.
        """
        transaction = await self._find(chain, row)
        if transaction is None or transaction["hash"] == row.hash:
            return None
        receipt = await chain.rpc.call("eth_getTransactionReceipt", transaction["hash"])
        succeeded = receipt is None or int(receipt.get("status", "0x1"), 16) == 1
        to = checksum_address(transaction["to"]) if transaction.get("to") else None
        value, data = int(transaction["value"], 16), str(transaction.get("input") or transaction.get("data") or "0x")
        own = await self._sending.queue.get(row.network, transaction["hash"])
        if own is not None and own.replaces:
            return None  # our own replacement is no rival; the plan that asked for it tells of it
        mine, theirs = payment_of(row.to, row.value, row.data), payment_of(to, value, data)
        same = succeeded and ((mine is not None and mine == theirs) or (row.to, row.value, row.data) == (to, value, data))
        decoded, did = await self._words(chain, to, value, data, theirs)
        did = did if succeeded else f"{did}, and failed"
        text = f"Nonce {row.nonce:,} was used elsewhere. This plan sent nothing. The other transaction {did}."
        block = int(transaction["blockNumber"], 16)
        return Rival(
            transaction["hash"], row.nonce, to, value, data, decoded, block, same, text, own.plan_id if own is not None else ""
        )

    async def _find(self, chain: Chain, row: QueuedTransaction) -> Mapping[str, Any] | None:
        if row.replaced_by:
            found: Mapping[str, Any] | None = await chain.rpc.call("eth_getTransactionByHash", row.replaced_by)
            if found is not None and found.get("blockNumber"):
                return found
        height = await self._block_of_nonce(chain, row.sender, row.nonce)
        if height is None:
            return None
        block = await chain.rpc.call("eth_getBlockByNumber", hex(height), True)
        transactions: list[Mapping[str, Any]] = (block or {}).get("transactions", [])
        for transaction in transactions:
            if checksum_address(transaction["from"]) == row.sender and int(transaction["nonce"], 16) == row.nonce:
                return transaction
        return None

    async def _block_of_nonce(self, chain: Chain, sender: str, nonce: int) -> int | None:
        """The block after which the sender's count first exceeds ``nonce``; None when it does not yet."""
        high = (await chain.head()).number
        (used,) = await self._counts(chain, sender, [high])
        if used <= nonce:
            return None
        low, stride = high, STRIDE  # leaps back first: old state is what nodes prune
        while low > 0:
            low = max(high - stride, 0)
            if (await self._counts(chain, sender, [low]))[0] <= nonce:
                break
            high, stride = low, stride * 4
            if low == 0:
                return 0
        while high - low > 1:
            step = max((high - low) // PARTS, 1)
            heights = list(range(low + step, high, step))
            counts = await self._counts(chain, sender, heights)
            after = next((at for at, count in zip(heights, counts, strict=True) if count > nonce), high)
            low = max((at for at in heights if at < after), default=low)
            high = after
        return high

    async def _counts(self, chain: Chain, sender: str, heights: list[int]) -> list[int]:
        answers = await chain.rpc.each([("eth_getTransactionCount", [sender, hex(height)]) for height in heights])
        if any(isinstance(answer, RpcFailure) for answer in answers):
            raise Unavailable(
                f"The node of {chain.network.name} keeps no history of accounts, so the other transaction cannot be found.",
                "Look it up where history is kept: an archive node or an explorer.",
            )
        return [int(str(answer), 16) for answer in answers]

    # words

    async def _words(self, chain: Chain, to: str | None, value: int, data: str, paid: Payment | None) -> tuple[Call, str]:
        """The decoded call, and what it did in words."""
        if to is None:
            return Call("", "", "create"), "created a contract"
        if paid is None:
            coin = f" with {_plain(value, 18)} {chain.network.symbol}" if value else ""
            if data in ("0x", ""):
                return Call("", to, "transfer", (("to", to), ("value", "0"))), f"sent nothing to {await self._name(chain, to)}"
            return Call("", to, data[:10], (("data", data),)), f"called {data[:10]} of {await self._name(chain, to)}{coin}"
        symbol, decimals = await self._token(chain, paid.token)
        arguments = (("to", paid.recipient), ("value", exact_units(paid.amount, decimals)))
        amount = f"{_plain(paid.amount, decimals)} {symbol}"
        return Call(symbol, to, "transfer", arguments), f"sent {amount} to {await self._name(chain, paid.recipient)}"

    async def _token(self, chain: Chain, token: str) -> tuple[str, int]:
        """Symbol and decimals as the token's contract states them; the address and 0 when it does not."""
        if not token:
            return chain.network.symbol, 18
        asked = [("eth_call", [{"to": token, "data": data}, "latest"]) for data in (SYMBOL, DECIMALS)]
        symbol, decimals = await chain.rpc.each(asked)
        try:
            text = bytes.fromhex(str(symbol)[2:])
            name = (text[64 : 64 + int.from_bytes(text[32:64])] if len(text) >= 64 else text.rstrip(b"\0")).decode()
            shown = "".join(letter for letter in name if letter.isprintable())[:24]
            places = int(str(decimals), 16)
            if shown and places <= 77:
                return (f"{shown} token" if shown == chain.network.symbol else shown), places
        except ValueError:
            pass
        return f"of token {token}", 0

    async def _name(self, chain: Chain, address: str) -> str:
        """What people call it, or the address."""
        names = await self._sending.names_of(chain.network) if self._sending.names_of is not None else {}
        return names.get(address) or address


async def told(rivals: Rivals, chain: Chain, row: QueuedTransaction) -> str:
    """How a plan says that its nonce is gone."""
    try:
        rival = await rivals.of_row(chain, row)
    except ConsoleError as error:
        return f"Nonce {row.nonce:,} was used elsewhere. This plan sent nothing. {error}"
    if rival is None:
        return f"Nonce {row.nonce:,} was used elsewhere. This plan sent nothing. The other transaction was not found."
    return f"{rival.text} {_same(row)[:-1]}: compare before you do it again." if rival.same_payment else rival.text


def _same(row: QueuedTransaction) -> str:
    """What two transactions with the same effect have in common."""
    payment = payment_of(row.to, row.value, row.data) is not None
    return "Recipient and amount are the same." if payment else "It is the same call, with the same arguments."


def _plain(amount: int, decimals: int) -> str:
    """Exact and grouped, without needless zeros."""
    if amount == UINT256_MAX:
        return "an unlimited amount of"
    return plain_units(amount, decimals)


__all__ = ["Payment", "Rival", "Rivals", "payment_of", "told"]
