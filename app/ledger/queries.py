"""Reading the ledger: filters, sorting and pages in the store, by key and never by offset."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.audit.verifier import checksum_address
from app.core.errors import Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.ledger.indexer import Cursor
from app.ledger.rows import BurnRow, LedgerFilter, LedgerRow, MintRow, Order, Page, RowKind, SupplyPoint
from app.ledger.tables import balances, blocks, entries, proofs, supply

LIMIT = 1_000
ROW_CHECK = "header hash, transactions root and receipts root of the block recomputed"
_QUIET = (RowKind.APPROVAL.value, RowKind.ROLE_GRANTED.value, RowKind.ROLE_REVOKED.value)
_ZERO = bytes(20)


def page(
    connection: Connection, cursor: Cursor, wanted: LedgerFilter, before: str | None, limit: int, key: str, trust: Trust
) -> Page:
    """One page of rows in the order asked for.

    Raises:
        Invalid: the filter or the place cannot be read.
    """
    limit = max(1, min(limit, LIMIT))
    query = (
        sa.select(entries, blocks.c.timestamp, blocks.c.hash.label("block_hash"))
        .join(blocks, (blocks.c.network == entries.c.network) & (blocks.c.number == entries.c.block))
        .where(entries.c.network == cursor.id, *_conditions(wanted))
    )
    place = [entries.c.block, entries.c.log_index]
    if wanted.order is Order.LARGEST:
        place = [entries.c.amount, *place]
    rising = wanted.order is Order.OLDEST
    if before is not None:
        values = _place(before, len(place))
        typed = [sa.literal(value, column.type) for value, column in zip(values, place, strict=True)]
        here, there = sa.tuple_(*place), sa.tuple_(*typed)
        query = query.where(here > there if rising else here < there)
    query = query.order_by(*(column.asc() if rising else column.desc() for column in place)).limit(limit + 1)
    found = connection.execute(query).all()
    shown = found[:limit]
    after = None
    if len(found) > limit:
        last = shown[-1]
        parts = [last.block, last.log_index]
        after = ":".join(str(part) for part in ([last.amount, *parts] if wanted.order is Order.LARGEST else parts))
    return Page(tuple(_row(row, key, trust) for row in shown), after)


def count(connection: Connection, cursor: Cursor, wanted: LedgerFilter) -> int:
    """How many rows a filter lets through, all pages together.

    Raises:
        Invalid: the filter cannot be read.
    """
    query = sa.select(sa.func.count()).select_from(entries).where(entries.c.network == cursor.id, *_conditions(wanted))
    return int(connection.execute(query).scalar_one())


def _place(text: str, size: int) -> list[int]:
    parts = text.split(":")
    if len(parts) != size or not all(part.isdigit() for part in parts):
        raise Invalid(f"“{text}” is no place in this list. Nothing was read.", "Begin with the first page.")
    return [int(part) for part in parts]


def _conditions(wanted: LedgerFilter) -> list[Any]:
    found: list[Any] = []
    if wanted.kind:
        if wanted.kind not in {kind.value for kind in RowKind}:
            raise Invalid(f"“{wanted.kind}” is no kind of row. Nothing was read.", field="kind")
        found.append(entries.c.kind == str(wanted.kind))
    else:
        found.append(entries.c.kind.not_in(_QUIET))
    if wanted.account:
        account = _hex(wanted.account, "account")
        if len(account) != 40:
            raise Invalid(f"“{wanted.account}” is not an address. Nothing was read.", "Write 0x and 40 digits.", field="account")
        raw = bytes.fromhex(account)
        found.append(sa.or_(entries.c.sender == raw, entries.c.recipient == raw))
    if wanted.text.strip():
        digits = _hex(wanted.text, "text")
        parts = [_begins(column, digits, 20) for column in (entries.c.sender, entries.c.recipient) if len(digits) <= 40]
        parts += [_begins(column, digits, 32) for column in (entries.c.tx_hash, entries.c.proof)]
        found.append(sa.or_(*parts))
    if wanted.from_block is not None:
        found.append(entries.c.block >= wanted.from_block)
    if wanted.to_block is not None:
        found.append(entries.c.block <= wanted.to_block)
    return found


def _hex(text: str, field: str) -> str:
    digits = text.strip().lower().removeprefix("0x")
    if len(digits) > 64 or not all(letter in "0123456789abcdef" for letter in digits):
        raise Invalid(
            f"“{text[:80]}” is neither an address nor a hash, nor the beginning of one. Nothing was read.",
            "Write the first digits, as in 0x12ab.",
            field=field,
        )
    return digits


def _begins(column: Any, digits: str, size: int) -> Any:
    low, high = (bytes.fromhex(digits.ljust(2 * size, filler)) for filler in "0f")
    return column.between(low, high)


def _row(row: Any, key: str, trust: Trust) -> LedgerRow:
    evidence = Evidence(
        kind=EvidenceKind.LOG,
        ref="0x" + row.tx_hash.hex(),
        network=key,
        block_hash="0x" + row.block_hash.hex(),
        status=EvidenceStatus.INCLUDED,
        check=ROW_CHECK,
        trust=trust,
    )
    return LedgerRow(
        id=f"{row.block}:{row.log_index}",
        block=row.block,
        index=row.log_index,
        tx_hash="0x" + row.tx_hash.hex(),
        time=row.timestamp,
        kind=RowKind(row.kind),
        sender=checksum_address(row.sender),
        recipient=checksum_address(row.recipient),
        amount=row.amount,
        proof="0x" + row.proof.hex() if row.proof else "",
        reference="0x" + row.reference.hex() if row.reference else "",
        evidence=evidence,
    )


def block_hash(connection: Connection, cursor: Cursor, number: int) -> str:
    """Hash of an indexed block, ``0x…``, or empty."""
    found = connection.execute(sa.select(blocks.c.hash).where(blocks.c.network == cursor.id, blocks.c.number == number)).scalar()
    return "0x" + bytes(found).hex() if found is not None else ""


def balance_at(connection: Connection, cursor: Cursor, account: bytes, block: int) -> int:
    """What an account held after ``block``."""
    query = (
        sa.select(balances.c.balance)
        .where(balances.c.network == cursor.id, balances.c.account == account, balances.c.block <= block)
        .order_by(balances.c.block.desc())
        .limit(1)
    )
    return connection.execute(query).scalar() or 0


def holders(connection: Connection, cursor: Cursor, limit: int | None) -> list[tuple[bytes, int]]:
    """Accounts that hold something now, the largest first."""
    newest = (
        sa.select(balances.c.account, sa.func.max(balances.c.block).label("block"))
        .where(balances.c.network == cursor.id)
        .group_by(balances.c.account)
        .subquery()
    )
    query = (
        sa.select(balances.c.account, balances.c.balance)
        .join(newest, (newest.c.account == balances.c.account) & (newest.c.block == balances.c.block))
        .where(balances.c.network == cursor.id, balances.c.balance > sa.literal(0, balances.c.balance.type))
        .order_by(balances.c.balance.desc(), balances.c.account)
    )
    rows = connection.execute(query.limit(limit) if limit is not None else query)
    return [(row.account, row.balance) for row in rows]


def supply_points(connection: Connection, cursor: Cursor, most: int) -> list[SupplyPoint]:
    """Supply over time, thinned to at most ``most`` points; the first and the last are always among them."""
    count = connection.execute(sa.select(sa.func.count()).where(supply.c.network == cursor.id)).scalar() or 0
    every = max(1, -(-count // max(1, most - 1)))
    numbered = (
        sa.select(supply, sa.func.row_number().over(order_by=supply.c.block).label("nth"))
        .where(supply.c.network == cursor.id)
        .subquery()
    )
    query = (
        sa.select(numbered.c.block, numbered.c.minted, numbered.c.burned, blocks.c.timestamp)
        .join(blocks, (blocks.c.network == cursor.id) & (blocks.c.number == numbered.c.block))
        .where(sa.or_((numbered.c.nth - 1) % every == 0, numbered.c.nth == count))
        .order_by(numbered.c.block)
    )
    return [SupplyPoint(row.block, row.timestamp, row.minted, row.burned) for row in connection.execute(query)]


def mints(connection: Connection, cursor: Cursor) -> list[MintRow]:
    """Every mint, oldest first, with the proof that it names.

    A solution of proof of work is its own evidence; a proof of value commits to its evidence and can never be equal to it.
    """
    same = (proofs.c.network == entries.c.network) & (proofs.c.tx_hash == entries.c.tx_hash) & (proofs.c.digest == entries.c.proof)
    query = (
        sa.select(
            entries.c.block, blocks.c.timestamp, entries.c.recipient, entries.c.amount,
            entries.c.proof, proofs.c.contributor, proofs.c.burned, proofs.c.evidence,
        )
        .join(blocks, (blocks.c.network == entries.c.network) & (blocks.c.number == entries.c.block))
        .outerjoin(proofs, same)
        .where(entries.c.network == cursor.id, entries.c.kind == RowKind.MINT.value)
        .order_by(entries.c.block, entries.c.log_index)
    )  # fmt: skip
    found = []
    for row in connection.execute(query):
        source = "other" if row.contributor is None else "work" if row.evidence == row.proof else "value"
        who = checksum_address(row.recipient if row.contributor is None else row.contributor)
        proof = "0x" + row.proof.hex() if row.proof else ""
        found.append(MintRow(row.block, row.timestamp, source, who, row.amount, row.burned or 0, proof))
    return found


def burns(connection: Connection, cursor: Cursor) -> list[BurnRow]:
    """Every burn, oldest first."""
    query = (
        sa.select(entries.c.block, blocks.c.timestamp, entries.c.sender, entries.c.amount)
        .join(blocks, (blocks.c.network == entries.c.network) & (blocks.c.number == entries.c.block))
        .where(entries.c.network == cursor.id, entries.c.kind == RowKind.BURN.value)
        .order_by(entries.c.block, entries.c.log_index)
    )
    return [BurnRow(row.block, row.timestamp, checksum_address(row.sender), row.amount) for row in connection.execute(query)]
