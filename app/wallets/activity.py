"""What happened to an account: what waits, then what is in blocks, newest first, each with where it was read.

Four sources, told apart by their evidence: the ledger's index for AZR (a room that this one does not know; the console brings it),
the transfer events of the other tokens, the transactions signed here, and what blocks and balances say of the native coin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.core.errors import Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.wallets.coins import Coins, Reading
from app.wallets.holdings import moved
from app.wallets.keys import parse_address
from app.wallets.logs import Kind, LogRow, Logs, Range
from app.wallets.movements import NO_HASH, Movement, Origin
from app.wallets.recipients import ZERO, Book, contract_names
from app.wallets.tokens import NATIVE_DECIMALS, TokenInfo

if TYPE_CHECKING:
    from app.chain import Chain, QueuedTransaction
    from app.wallets.money import Means
    from app.wallets.recipients import Recipients
    from app.wallets.tokens import Tokens

MOST_OPEN = 200  # rows without a block on a first page
APPROVE = "095ea7b3"
EVENT, QUEUED, COIN = 2, 1, 0  # in one block events come first, then what was signed here, then what blocks say of the coin
Place = tuple[int, int, int]  # block; which of these; index of the event, nonce and sender, or place of the movement
DIFFERENCES = {
    Origin.REWARD: "Reward of a block, or a contract's call in it",
    Origin.GENESIS: "Held since the first block",
    Origin.WITHDRAWAL: "Withdrawal of a validator",
}


@dataclass(frozen=True, slots=True)
class AzrEntry:
    """A row of the ledger that concerns an account. ``kind`` is the ledger's word; ``time`` in seconds."""

    block: int
    index: int
    time: int
    kind: str
    sender: str
    recipient: str
    amount: int
    tx_hash: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class AzrHistory:
    """Some rows of the ledger, newest first, and the blocks that are indexed."""

    entries: tuple[AzrEntry, ...]
    first: int
    last: int


# Network id, account, (block, index) before which to begin or None, and how many; None: nothing is indexed there.
AzrSource = Callable[[str, str, "tuple[int, int] | None", int], Awaitable["AzrHistory | None"]]


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One thing that happened, or is about to.

    Attributes:
        time: UTC milliseconds of the block, or of the signature while it is in none; 0 when unknown.
        kind: transfer, mint, burn, approval, call, create, internal (coin moved by a contract's call), withdrawal, reward, genesis,
            unexplained (a balance that differs without a sign of why), or a word of the ledger such as redemption_request.
        direction: in, out, self, or empty when nothing moves.
        counterparty: EIP-55 address of the other side, and ``label``: who that is here, or empty.
        amount: in the smallest unit of ``unit``; ``token`` is its contract, empty for the native coin.
        state: signed, sent, seen, mined, final, failed, replaced or dropped.
        fee: what the account paid for the transaction, in wei; 0 when somebody else paid, or it is not read yet.
        plan: id of the plan that did it, or empty; ``description`` says what that was.
        warning: a sentence when somebody may try to mislead, as with a payment of nothing from a look-alike.
    """

    id: str
    time: int
    kind: str
    direction: str
    counterparty: str
    label: str
    amount: int
    unit: str
    decimals: int
    token: str
    state: str
    tx_hash: str
    block: int
    evidence: tuple[Evidence, ...]
    plan: str = ""
    description: str = ""
    warning: str = ""
    fee: int = 0

    @property
    def pending(self) -> bool:
        """It is in no block yet and may still get into one."""
        return self.state in ("signed", "sent", "seen")


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """Some rows, where the next page begins (None: there is none), and sentences about what the list covers.

    ``reading`` is the id of the job that still reads blocks for the native coin, or empty.
    """

    rows: tuple[ActivityRow, ...]
    next: str | None
    coverage: tuple[str, ...]
    reading: str = ""


class Activity:
    """Merges what is known of an account."""

    def __init__(self, means: Means, recipients: Recipients, tokens: Tokens, logs: Logs, coins: Coins) -> None:
        self._means = means
        self._recipients = recipients
        self._tokens = tokens
        self._logs = logs
        self._coins = coins
        self.azr_source: AzrSource | None = None  # set by the console: the ledger is another room

    async def page(self, network_id: str, account: str, before: str | None, limit: int, further: int) -> ActivityPage:
        """See :meth:`~app.wallets.money.Money.activity`."""
        wanted, place = parse_address(account, "account"), _parsed(before)
        chain = await self._means.networks.connect(network_id)
        tokens = [token for token in await self._tokens.list(network_id) if token.address]
        economy = await self._means.economy_of(chain.network.key.text)
        azr = next((token for token in tokens if economy is not None and token.address == parse_address(economy.token)), None)
        coverage: list[str] = []
        history = await self._azr(network_id, wanted, place, limit) if azr is not None else None
        if history is not None:
            coverage.append(f"AZR: indexed and checked over blocks {history.first:,}–{history.last:,}.")
        if place is None or further:
            for token, covered in zip(tokens, await self._catch_up(chain, wanted, tokens, further), strict=True):
                if history is None or token != azr:
                    coverage.append(_covers(token, covered))
        coin = await self._coins.freshen(chain, wanted, further) if place is None or further else None
        known = {token.address: token for token in tokens}
        book, head = await self._recipients.book(), await chain.head()
        look = _Look(chain, wanted, network_id, book, head.number, known, contract_names(economy))
        found = {row.id: row for row in await self._events(look, place, limit)}
        if history is not None and azr is not None:
            found |= {row.id: row for row in (_of_ledger(look, entry, azr) for entry in history.entries)}
        queued = await self._queued(chain, wanted)
        found |= {row.id: row for row in _of_queue(look, queued, place)}
        found |= {row.id: row for row in await self._moved(look, {row.hash for row in queued}, place, limit)}
        rows = sorted(found.values(), key=lambda row: _parsed(row.id) or (0, 0, 0), reverse=True)
        shown = await self._told(look, rows[:limit])
        if coin is not None:
            coverage.append(_read(chain.network.symbol, coin))
        if place is None:
            shown = [*_open(look, queued), *shown]
        reading = coin.job.id if coin is not None and coin.job is not None else ""
        return ActivityPage(tuple(shown), rows[limit - 1].id if len(rows) > limit else None, tuple(coverage), reading)

    async def _azr(self, network_id: str, account: str, place: Place | None, limit: int) -> AzrHistory | None:
        if self.azr_source is None:
            return None
        return await self.azr_source(network_id, account, _before(place, EVENT), limit + 1)

    async def _catch_up(self, chain: Chain, account: str, tokens: Sequence[TokenInfo], further: int) -> list[Range]:
        return [await self._logs.catch_up(chain, Kind.TRANSFER, account, token.address, further=further) for token in tokens]

    async def _events(self, look: _Look, place: Place | None, limit: int) -> list[ActivityRow]:
        kept = await self._logs.rows(
            look.chain.network.key.text,
            Kind.TRANSFER,
            look.account,
            tuple(look.known),
            before=_before(place, EVENT),
            limit=limit + 1,
        )
        return [_of_event(look, row, look.known[row.token]) for row in await self._logs.dated(look.chain, kept)]

    async def _moved(self, look: _Look, queued: set[str], place: Place | None, limit: int) -> list[ActivityRow]:
        """What blocks and balances say of the coin, without what another source tells."""
        found: list[ActivityRow] = []
        before = None if place is None else _before(place, COIN)
        while len(found) <= limit:
            kept = await self._coins.rows(look.chain.network.key.text, look.account, before, limit + 1)
            found += [_of_blocks(look, row) for row in kept if row.tx_hash not in queued and not _has_event(look, row)]
            if len(kept) <= limit:
                break
            before = kept[-1].block, kept[-1].place
        return found[: limit + 1]

    async def _queued(self, chain: Chain, account: str) -> list[QueuedTransaction]:
        """What was signed here and is from or to the account."""
        rows = await self._means.transactions.list(chain.network.key.text)
        return [row for row in rows if account in (row.sender, row.to)]

    async def _told(self, look: _Look, rows: Sequence[ActivityRow]) -> list[ActivityRow]:
        """The rows with the plans behind them and the times of their blocks."""
        network = look.chain.network.key.text
        own = await self._means.transactions.queue.many(network, [row.tx_hash for row in rows if row.tx_hash and not row.plan])
        times = await self._logs.times(look.chain, sorted({row.block for row in rows if not row.time}))
        fees = await self._coins.fees(network, look.account, sorted({row.tx_hash for row in rows if row.tx_hash}))
        told = []
        for row in rows:
            row = replace(row, fee=_fee(row, fees.get(row.tx_hash)))
            signed = own.get(row.tx_hash)
            if signed is not None and not row.plan:
                row = replace(row, plan=signed.plan_id, description=signed.description)
            told.append(row if row.time else replace(row, time=times.get(row.block, 0) * 1000))
        return told


@dataclass(frozen=True, slots=True)
class _Look:
    """Whose activity is looked at, and with what knowledge."""

    chain: Chain
    account: str
    network_id: str
    book: Book
    head: int
    known: Mapping[str, TokenInfo]
    contracts: Mapping[str, str]

    def name(self, address: str) -> str:
        """Who an address is here, or empty."""
        return self.book.name(address, self.network_id) or self.contracts.get(address, "")

    def sides(self, sender: str, recipient: str) -> tuple[str, str]:
        """Direction and counterparty."""
        if sender == recipient:
            return "self", recipient
        return ("out", recipient) if sender == self.account else ("in", sender)

    def state(self, block: int) -> str:
        """Final once the block has the confirmations of the network."""
        return "final" if self.head - block + 1 >= self.chain.network.confirmations else "mined"

    def warning(self, direction: str, other: str, amount: int) -> str:
        """Address poisoning: a payment (often of nothing) from an address that looks like a known one."""
        if direction != "in" or other == ZERO or self.book.knows(other):
            return ""
        alike = [one for one in self.book.look_alikes(other) if one.close]
        if alike:
            return f"The other side looks like {alike[0].name}, but is another address. Never copy an address from this row."
        return "A payment of nothing from somebody unknown. Never copy an address from this row." if not amount else ""

    def evidence(self, tx_hash: str, block_hash: str, check: str, kind: EvidenceKind) -> Evidence:
        """That a node said so."""
        network = self.chain.network
        trust = Trust.OWN_NODE if network.own else Trust.OPERATOR
        return Evidence(kind, tx_hash, network.key.text, block_hash, status=EvidenceStatus.CLAIMED, check=check, trust=trust)


def _parsed(text: str | None) -> Place | None:
    if text is None:
        return None
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise Invalid(f"“{text[:40]}” is no place in this list. Nothing was read.", "Begin with the first page.")
    return int(parts[0]), int(parts[1]), int(parts[2])


def _fee(row: ActivityRow, paid: Movement | None) -> int:
    """What the account paid for a row's transaction; of rows of one transaction only one shows it."""
    if paid is None or row.id.endswith(f":{COIN}:{paid.place}"):
        return row.fee if paid is None else paid.fee
    source = 0 if row.pending else (_parsed(row.id) or (0, 0, 0))[1]
    return paid.fee if source == QUEUED or (source == EVENT and paid.origin is Origin.TOKEN) else 0


def _before(place: Place | None, source: int) -> tuple[int, int] | None:
    """Block and index before which a source's rows are behind a place."""
    if place is None or place[1] == source:
        return None if place is None else (place[0], place[2])
    return (place[0], 0) if place[1] < source else (place[0] + 1, 0)


def _read(symbol: str, coin: Reading) -> str:
    """What the list covers of the coin."""
    scan = coin.scan
    if scan is None:
        told = f"{symbol}: not read yet."
    elif scan.checked <= scan.first:
        older = "" if scan.first == 0 else " Older ones may be missing: look further back."
        told = f"{symbol}: every change of the balance over blocks {scan.first:,}–{scan.last:,}.{older}"
    else:
        told = (
            f"{symbol}: transactions of blocks {scan.first:,}–{scan.last:,}; the node no longer tells balances before block"
            f" {scan.checked:,}, so what contracts paid may be missing there."
        )
    if coin.stopped:
        return f"{told} Reading was stopped: look further back to go on."
    return f"{told} Reading on: {coin.job.text or 'begun'}." if coin.job is not None else told


def _covers(token: TokenInfo, covered: Range) -> str:
    older = "" if covered.first == 0 else " Older ones may be missing: look further back."
    return f"{token.symbol}: complete over blocks {covered.first:,}–{covered.last:,}.{older}"


def _of_event(look: _Look, row: LogRow, token: TokenInfo) -> ActivityRow:
    kind = "mint" if row.sender == ZERO else "burn" if row.recipient == ZERO else "transfer"
    said = look.evidence(row.tx_hash, row.block_hash, "Transfer event read from the node", EvidenceKind.LOG)
    return _of_token(look, row, token, kind, said)


def _of_ledger(look: _Look, entry: AzrEntry, token: TokenInfo) -> ActivityRow:
    return _of_token(look, entry, token, entry.kind, entry.evidence)


def _of_token(look: _Look, row: LogRow | AzrEntry, token: TokenInfo, kind: str, evidence: Evidence) -> ActivityRow:
    direction, other = look.sides(row.sender, row.recipient)
    return ActivityRow(
        id=f"{row.block}:{EVENT}:{row.index}",
        time=row.time * 1000,
        kind=kind,
        direction=direction,
        counterparty=other,
        label=look.name(other),
        amount=row.amount,
        unit=token.symbol,
        decimals=token.decimals,
        token=token.address,
        state=look.state(row.block),
        tx_hash=row.tx_hash,
        block=row.block,
        evidence=(evidence,),
        warning=look.warning(direction, other, row.amount),
    )


def _has_event(look: _Look, row: Movement) -> bool:
    """A listed token's own event tells of this call."""
    return row.origin is Origin.TOKEN and row.succeeded and row.recipient in look.known


def _of_blocks(look: _Look, row: Movement) -> ActivityRow:
    direction, other = look.sides(row.sender, row.recipient)
    kind = "call" if row.origin is Origin.TOKEN else row.origin.value
    description = ""
    evidence = look.evidence(row.tx_hash, row.block_hash, "block and receipt read from the node", EvidenceKind.TRANSACTION)
    if row.origin in (Origin.CALL, Origin.TOKEN, Origin.APPROVAL, Origin.CREATE) and not row.amount:
        direction = ""
    elif row.origin is Origin.INTERNAL:
        evidence = replace(evidence, check="trace of the call read from the node")
    elif row.origin is Origin.TRANSFER and other == ZERO and direction == "out":
        kind = "burn"
    elif row.tx_hash == NO_HASH:
        where = f"block {row.block:,}" if row.since == row.block else f"blocks {row.since:,}–{row.block:,}"
        other, description = "", DIFFERENCES.get(row.origin, "") or _unexplained(look, direction, where)
        read = (
            "withdrawals of the block, read from the node"
            if row.origin is Origin.WITHDRAWAL
            else (f"balance before and after {where}, read from the node; no transaction of the account explains the difference")
        )
        evidence = replace(evidence, kind=EvidenceKind.BLOCK, ref=str(row.block), check=read)
    return ActivityRow(
        id=f"{row.block}:{COIN}:{row.place}",
        time=row.time * 1000,
        kind=kind,
        direction=direction,
        counterparty=other,
        label=look.name(other) if other else "",
        amount=row.amount,
        unit=look.chain.network.symbol,
        decimals=NATIVE_DECIMALS,
        token="",
        state=look.state(row.block) if row.succeeded else "failed",
        tx_hash="" if row.tx_hash == NO_HASH else row.tx_hash,
        block=row.block,
        evidence=(evidence,),
        description=description,
        warning=look.warning(direction, other, row.amount) if other else "",
    )


def _unexplained(look: _Look, direction: str, where: str) -> str:
    moved = "Received" if direction == "in" else "Left"
    local = ", or a balance that was set on this local chain" if look.chain.network.own else ""
    return f"{moved} through a contract's call or a block reward in {where}{local}"


def _of_queue(look: _Look, queued: Sequence[QueuedTransaction], place: Place | None) -> list[ActivityRow]:
    """What is in blocks and has no event of a listed token to stand for it."""
    rows = []
    for row in queued:
        told = row.succeeded and row.to in look.known and any(at for _, at, _ in moved(row.sender, row.to or "", 0, row.data))
        if row.block and not told and (place is None or _place_of(row) < place):
            rows.append(_signed(look, row, "failed" if row.succeeded is False else look.state(row.block)))
    return rows


def _open(look: _Look, queued: Sequence[QueuedTransaction]) -> list[ActivityRow]:
    """What is in no block: what waits first, then what was given up or replaced."""
    without = [row for row in queued if not row.block][:MOST_OPEN]
    rows = [_signed(look, row, row.state.value) for row in without]
    return sorted(rows, key=lambda row: (not row.pending, -row.time))


def _signed(look: _Look, row: QueuedTransaction, state: str) -> ActivityRow:
    kind, other, amount, token = _what(row)
    direction = "" if kind in ("call", "approval", "create") else look.sides(row.sender, other)[0]
    if direction == "in":
        other = row.sender
    read = "receipt read from the node" if row.block else "signed by this console; in no block"
    said = look.evidence(row.hash, row.block_hash, read, EvidenceKind.TRANSACTION if row.block else EvidenceKind.ROW)
    info = look.known.get(token) if token else TokenInfo("", look.chain.network.symbol, NATIVE_DECIMALS)
    return ActivityRow(
        id=":".join(map(str, _place_of(row))) if row.block else f"open:{row.hash}",
        time=0 if row.block else row.created_at,
        kind=kind,
        direction=direction,
        counterparty=other,
        label=look.name(other) if other else "",
        amount=amount,
        unit=info.symbol if info is not None else "",
        decimals=info.decimals if info is not None else 0,
        token=token,
        state=state,
        tx_hash=row.hash,
        block=row.block,
        evidence=(said,),
        plan=row.plan_id,
        description=row.description,
    )


def _place_of(row: QueuedTransaction) -> Place:
    """Two accounts of this console may use the same nonce in one block."""
    return row.block, QUEUED, row.nonce << 20 | int(row.sender[-5:], 16)


def _what(row: QueuedTransaction) -> tuple[str, str, int, str]:
    """Kind, counterparty, amount and token of a transaction, as far as its call says."""
    if row.to is None:
        return "create", "", row.value, ""
    token_moves = [(account, change) for account, token, change in moved(row.sender, row.to, 0, row.data) if token and change > 0]
    if token_moves:
        return "transfer", token_moves[0][0], token_moves[0][1], row.to
    if row.data.removeprefix("0x")[:8] == APPROVE:
        return "approval", row.to, 0, ""
    if row.value or row.data == "0x":
        return "transfer", row.to, row.value, ""
    return "call", row.to, 0, ""
