"""Reading from a node how an account's native coin moved: a node has no index of that, so blocks and balances are read.

Between two blocks with the same balance and nonce nothing of an account without code moved: only its own transactions and
authorizations (EIP-7702) take coin away, and each raises the nonce. So ranges are halved until only the blocks remain in which
something happened; those are read whole. What their transactions, withdrawals (EIP-4895) and fees do not explain of the balance
was moved by a contract's call or is a block reward: traces say which where the node has them, else the difference stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.core.errors import Unavailable
from app.wallets.keys import checksum, parse_address
from app.wallets.tracing import traced

if TYPE_CHECKING:
    from app.chain import Chain

AT_ONCE = 16  # whole blocks asked for in one request
GWEI = 10**9
ZERO = "0x" + "00" * 20
NO_HASH = "0x" + "00" * 32
APPROVE, TOKEN_CALLS = "095ea7b3", ("a9059cbb", "23b872dd")
# Places in a block behind its transactions, so that each row has one of its own.
TRACED, WITHDRAWN, REST = 1 << 20, 1 << 21, 1 << 22
Said = Callable[[int], None]  # how many blocks are behind us


class Origin(StrEnum):
    """What moved the coin."""

    TRANSFER = "transfer"
    CALL = "call"
    TOKEN = "token"  # a call of transfer or transferFrom: the token's own event tells of it
    APPROVAL = "approval"
    CREATE = "create"
    INTERNAL = "internal"  # a contract's call, seen in a trace
    WITHDRAWAL = "withdrawal"  # of a validator, EIP-4895
    REWARD = "reward"  # of a block that names the account as its beneficiary
    GENESIS = "genesis"
    UNEXPLAINED = "unexplained"  # the balance differs, and nothing that was read says why


@dataclass(frozen=True, slots=True)
class Probe:
    """What a block's state says of an account: coin in wei, nonce, and whether code is there."""

    balance: int
    nonce: int
    code: bool


NOTHING = Probe(0, 0, False)  # before the genesis block


@dataclass(frozen=True, slots=True)
class Movement:
    """One thing that changed, or paid a fee from, an account's coin. Amounts in wei, ``time`` in seconds.

    Attributes:
        place: where in its block, and with it the row's number there.
        sender, recipient: EIP-55; the zero address where there is none.
        fee: what the account itself paid for the transaction.
        since: the first block in which it may have happened: ``block``, or an earlier one where the node keeps no state between.
    """

    block: int
    place: int
    origin: Origin
    sender: str
    recipient: str
    amount: int
    fee: int
    succeeded: bool
    tx_hash: str
    block_hash: str
    time: int
    since: int

    def change(self, account: str) -> int:
        """What it did to the account's balance."""
        moved = self.amount if self.succeeded else 0
        return (moved if self.recipient == account else 0) - (moved if self.sender == account else 0) - self.fee


class Reader:
    """Reads one account on one chain."""

    def __init__(self, chain: Chain, account: str, said: Said = lambda _: None) -> None:
        self._chain = chain
        self._account = account
        self._said = said

    async def probes(self, heights: Sequence[int]) -> list[Probe | None]:
        """The account at some blocks; None where the node no longer has the state."""
        names = ("eth_getBalance", "eth_getTransactionCount", "eth_getCode")
        answers = await self._chain.rpc.each([(name, [self._account, hex(height)]) for height in heights for name in names])
        found: list[Probe | None] = []
        for balance, nonce, code in zip(answers[::3], answers[1::3], answers[2::3], strict=True):
            known = all(isinstance(answer, str) for answer in (balance, nonce, code))
            found.append(Probe(int(balance, 16), int(nonce, 16), len(code) > 2) if known else None)
        return found

    async def between(self, low: int, before: Probe, high: int, after: Probe) -> list[Movement]:
        """What happened in the blocks ``low`` + 1 to ``high``, given the account at both; every difference is in it."""
        found: list[Movement] = []
        for start, old, end, new in await self._eventful(low, before, high, after):
            found += await self._explained(start, old, end, new)
        return found

    async def listed(self, first: int, last: int) -> list[Movement]:
        """What transactions and withdrawals of some blocks say, without the balances: contracts' calls are not in it."""
        found: list[Movement] = []
        for start in range(first, last + 1, AT_ONCE):
            heights = range(start, min(last, start + AT_ONCE - 1) + 1)
            for block in await self._blocks(heights):
                found += await self._of_block(block)
            self._said(len(heights))
        return found

    def rest(self, since: int, block: Mapping[str, Any], amount: int, origin: Origin = Origin.UNEXPLAINED) -> Movement:
        """A difference that nothing explains, as a row of its own."""
        sides = (ZERO, self._account) if amount > 0 else (self._account, ZERO)
        return _row(block, REST, origin, *sides, abs(amount), since=since)

    async def block(self, height: int) -> Mapping[str, Any]:
        """One block without its transactions.

        Raises:
            Unavailable: the node does not have it.
        """
        (found,) = await self._blocks([height], whole=False)
        return found

    # Inside

    async def _eventful(self, low: int, before: Probe, high: int, after: Probe) -> list[tuple[int, Probe, int, Probe]]:
        """The single blocks that are not quiet; longer stretches where the node has no state to halve them by."""
        open_, found = [(low, before, high, after)], []
        while open_:
            open_ = [span for span in open_ if not self._quiet(span)]
            found += [span for span in open_ if span[2] - span[0] == 1]
            longer = [span for span in open_ if span[2] - span[0] > 1]
            middles = [(span[0] + span[2]) // 2 for span in longer]
            open_ = []
            for (start, old, end, new), middle, probe in zip(longer, middles, await self.probes(middles), strict=True):
                if probe is None:
                    found.append((start, old, end, new))
                    self._said(end - start)
                else:
                    open_ += [(start, old, middle, probe), (middle, probe, end, new)]
        return sorted(found, key=lambda span: span[0])

    def _quiet(self, span: tuple[int, Probe, int, Probe]) -> bool:
        """Whether nothing moved there; code, even if delegated, may move coin without a sign in both numbers."""
        start, old, end, new = span
        quiet = old == new and not old.code
        if quiet or end - start == 1:
            self._said(end - start)
        return quiet

    async def _explained(self, low: int, before: Probe, high: int, after: Probe) -> list[Movement]:
        silent = Reader(self._chain, self._account)  # these blocks are counted already
        found = await silent.listed(low + 1, high)
        rest = after.balance - before.balance - sum(row.change(self._account) for row in found)
        if high - low > 1:
            return [*found, self.rest(low + 1, await self.block(high), rest)] if rest else found
        if not rest and not (before.code or after.code):
            return found
        block = await self.block(high)
        inner = await self._inner(block) if high else []
        rest -= sum(row.change(self._account) for row in inner)
        if rest:
            paid = rest > 0 and checksum(bytes.fromhex(str(block.get("miner") or ZERO)[2:])) == self._account
            origin = Origin.GENESIS if not high else Origin.REWARD if paid else Origin.UNEXPLAINED
            inner.append(self.rest(high, block, rest, origin))
        return [*found, *inner]

    async def _inner(self, block: Mapping[str, Any]) -> list[Movement]:
        """What contracts' calls moved, by the node's traces; nothing where it has none."""
        calls = await traced(self._chain, str(block["number"]), self._account)
        return [
            _row(block, TRACED + at, Origin.INTERNAL, call.sender, call.recipient, call.amount, tx_hash=call.tx_hash)
            for at, call in enumerate(calls)
        ]

    async def _blocks(self, heights: Sequence[int], *, whole: bool = True) -> list[Mapping[str, Any]]:
        blocks = await self._chain.rpc.batch([("eth_getBlockByNumber", [hex(height), whole]) for height in heights])
        if None in blocks:
            missing, name = heights[blocks.index(None)], self._chain.network.name
            raise Unavailable(
                f"The node of {name} does not have block {missing:,}. Nothing of it was kept.",
                "Try again; for old blocks use a node that keeps them.",
                retryable=True,
            )
        return blocks

    async def _of_block(self, block: Mapping[str, Any]) -> list[Movement]:
        mine = [transaction for transaction in block["transactions"] if self._concerned(transaction)]
        receipts = await self._chain.rpc.batch([("eth_getTransactionReceipt", [each["hash"]]) for each in mine]) if mine else []
        found = []
        for transaction, receipt in zip(mine, receipts, strict=True):
            if receipt is None or receipt["blockHash"] != block["hash"]:
                raise Unavailable(
                    f"{self._chain.network.name} was reorganised while blocks were read. Nothing was kept.",
                    "Try again.",
                    retryable=True,
                )
            row = _of_transaction(block, transaction, receipt)
            found.append(row if row.sender == self._account else replace(row, fee=0))
        account = self._account.lower()
        for at, withdrawal in enumerate(block.get("withdrawals") or ()):
            if str(withdrawal["address"]).lower() == account:
                amount = int(withdrawal["amount"], 16) * GWEI
                found.append(_row(block, WITHDRAWN + at, Origin.WITHDRAWAL, ZERO, self._account, amount))
        return found

    def _concerned(self, transaction: Mapping[str, Any]) -> bool:
        """What it sent, and what it got; a call of nothing by others moves nothing."""
        account = self._account.lower()
        got = str(transaction.get("to") or "").lower() == account and int(transaction["value"], 16) > 0
        return got or str(transaction["from"]).lower() == account


def _of_transaction(block: Mapping[str, Any], transaction: Mapping[str, Any], receipt: Mapping[str, Any]) -> Movement:
    data = str(transaction.get("input") or transaction.get("data") or "0x")[2:]
    to = transaction.get("to")
    value = int(transaction["value"], 16)
    origin = Origin.CREATE if not to else Origin.TRANSFER if value or not data else Origin.CALL
    if origin is Origin.CALL and data[:8] == APPROVE:
        origin = Origin.APPROVAL
    if origin is Origin.CALL and data[:8] in TOKEN_CALLS:
        origin = Origin.TOKEN
    return _row(
        block,
        int(transaction["transactionIndex"], 16),
        origin,
        parse_address(transaction["from"].lower()),
        parse_address((to or receipt.get("contractAddress") or ZERO).lower()),
        value,
        fee=_fee(transaction, receipt),
        succeeded=int(receipt.get("status") or "0x1", 16) == 1,
        tx_hash=transaction["hash"],
    )


def _fee(transaction: Mapping[str, Any], receipt: Mapping[str, Any]) -> int:
    """Gas at its price, blobs (EIP-4844), and what a rollup takes for the chain below it; wei."""

    def number(name: str) -> int:
        return int(str(receipt.get(name) or "0x0"), 16)

    price = number("effectiveGasPrice") if "effectiveGasPrice" in receipt else int(str(transaction.get("gasPrice") or "0x0"), 16)
    return number("gasUsed") * price + number("blobGasUsed") * number("blobGasPrice") + number("l1Fee")


def _row(
    block: Mapping[str, Any],
    place: int,
    origin: Origin,
    sender: str,
    recipient: str,
    amount: int,
    *,
    fee: int = 0,
    succeeded: bool = True,
    tx_hash: str = NO_HASH,
    since: int | None = None,
) -> Movement:
    height = int(block["number"], 16)
    return Movement(
        height,
        place,
        origin,
        sender,
        recipient,
        amount,
        fee,
        succeeded,
        tx_hash,
        str(block["hash"]),
        int(block["timestamp"], 16),
        height if since is None else since,
    )
