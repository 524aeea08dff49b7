"""Writing checked blocks into the store and taking them out again, each in one transaction with the cursor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.core.errors import Conflict
from app.ledger.decode import ZERO, BlockRows
from app.ledger.rows import MONEY, RowKind
from app.ledger.tables import BY_BLOCK, balances, blocks, entries, networks, proofs, supply, transactions


def insert(connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Driver-level tuples in the order of the table's columns: a tenth of the time that bound parameters take."""
    if rows:
        sign = "%s" if connection.dialect.name == "postgresql" else "?"
        signs = ", ".join([sign] * len(table.columns))
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({names}) VALUES ({signs})', list(rows))


def word(connection: Connection, value: int) -> Any:
    """A uint256 as the driver takes it (see ``Uint256``)."""
    return Decimal(value) if connection.dialect.name == "postgresql" else value.to_bytes(32, "big")


def write(connection: Connection, network: int, chunk: Sequence[BlockRows], head: int) -> None:
    """Append blocks that follow the cursor, with everything that can be derived from them.

    Raises:
        Conflict: somebody else moved the cursor meanwhile, or an account would spend more than it has.
    """
    first, last = chunk[0].block, chunk[-1].block
    moved = connection.execute(
        networks.update().where(networks.c.id == network, networks.c.last == first.number - 1).values(last=last.number, head=head)
    )
    if moved.rowcount != 1:
        raise Conflict("Another console indexes this network at the same time. Nothing was written.", retryable=True)
    digest = connection.execute(
        sa.select(blocks.c.digest).where(blocks.c.network == network, blocks.c.number == first.number - 1)
    ).scalar()
    digest = bytes(digest) if digest is not None else bytes(32)
    block_rows, tx_rows, entry_rows, proof_rows = [], [], [], []
    for rows in chunk:
        block = rows.block
        txs = [(network, block.number, t.position, t.hash, t.sender, t.recipient, t.value, t.succeeded) for t in rows.transactions]
        found = [
            (network, block.number, e.log_index, e.tx_hash, e.kind.value, e.sender, e.recipient, e.amount, e.proof, e.reference)
            for e in rows.entries
        ]
        accepted = [
            (network, block.number, p.log_index, p.tx_hash, p.digest, p.contributor, p.reward, p.burned, p.evidence)
            for p in rows.proofs
        ]
        content = repr(([row[1:] for row in txs], [row[1:] for row in found], [row[1:] for row in accepted])).encode()
        digest = hashlib.sha256(digest + block.hash + block.timestamp.to_bytes(8, "big") + content).digest()
        block_rows.append((network, block.number, block.hash, block.timestamp, digest))
        tx_rows += [(*row[:6], word(connection, row[6]), row[7]) for row in txs]
        entry_rows += [(*row[:7], word(connection, row[7]), *row[8:]) for row in found]
        proof_rows += [(*row[:6], word(connection, row[6]), word(connection, row[7]), row[8]) for row in accepted]
    insert(connection, blocks, block_rows)
    insert(connection, transactions, tx_rows)
    insert(connection, entries, entry_rows)
    insert(connection, proofs, proof_rows)
    _derive(connection, network, chunk)


def _derive(connection: Connection, network: int, chunk: Sequence[BlockRows]) -> None:
    touched = {
        account
        for rows in chunk
        for entry in rows.entries
        if entry.kind in MONEY
        for account in (entry.sender, entry.recipient)
        if account != ZERO
    }
    held = latest_balances(connection, network, touched)
    minted, burned = totals(connection, network)
    balance_rows, supply_rows = [], []
    for rows in chunk:
        received: dict[bytes, int] = {}
        sent: dict[bytes, int] = {}
        before = (minted, burned)
        for entry in rows.entries:
            if entry.kind not in MONEY:
                continue
            if entry.kind is RowKind.MINT:
                minted += entry.amount
            else:
                sent[entry.sender] = sent.get(entry.sender, 0) + entry.amount
            if entry.kind is RowKind.BURN:
                burned += entry.amount
            else:
                received[entry.recipient] = received.get(entry.recipient, 0) + entry.amount
        number = rows.block.number
        for account in sorted({*received, *sent}):
            plus, minus = received.get(account, 0), sent.get(account, 0)
            balance = held.get(account, 0) + plus - minus
            if balance < 0:
                raise Conflict(
                    f"In block {number:,} the account 0x{account.hex()} spends more than its events gave it. Nothing was written.",
                    "The token moved without events, or the economy's first block is wrong.",
                )
            held[account] = balance
            balance_rows.append((network, account, number, *(word(connection, value) for value in (plus, minus, balance))))
        if (minted, burned) != before:
            supply_rows.append((network, number, word(connection, minted), word(connection, burned)))
    insert(connection, balances, balance_rows)
    insert(connection, supply, supply_rows)


def latest_balances(connection: Connection, network: int, accounts: Iterable[bytes]) -> dict[bytes, int]:
    """The newest balance of each account that ever moved."""
    found: dict[bytes, int] = {}
    for account in accounts:
        row = connection.execute(
            sa.select(balances.c.balance)
            .where(balances.c.network == network, balances.c.account == account)
            .order_by(balances.c.block.desc())
            .limit(1)
        ).scalar()
        if row is not None:
            found[account] = row
    return found


def totals(connection: Connection, network: int, block: int | None = None) -> tuple[int, int]:
    """Minted and burned so far, or up to ``block``."""
    query = sa.select(supply.c.minted, supply.c.burned).where(supply.c.network == network)
    if block is not None:
        query = query.where(supply.c.block <= block)
    row = connection.execute(query.order_by(supply.c.block.desc()).limit(1)).first()
    return (row.minted, row.burned) if row else (0, 0)


def rewind(connection: Connection, network: int, ancestor: int) -> None:
    """Take out every block above ``ancestor``; what was derived goes with it."""
    for table, column in BY_BLOCK:
        connection.execute(table.delete().where(table.c.network == network, table.c[column] > ancestor))
    connection.execute(networks.update().where(networks.c.id == network).values(last=ancestor))


def digest_of_rows(connection: Connection, network: int) -> str:
    """SHA-256 over every row of every table, read back from the store, derived ones included."""
    total = hashlib.sha256()
    for table, _ in BY_BLOCK:
        keys = list(table.primary_key.columns)[1:]
        columns = [column for column in table.columns if column.name != "network"]
        for row in connection.execute(sa.select(*columns).where(table.c.network == network).order_by(*keys)):
            total.update(repr((table.name, *row)).encode())
    return total.hexdigest()
