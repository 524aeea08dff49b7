"""Transactions that wait for a signature from elsewhere: a person at a signer, another console.

What is asked for is stored before anybody sees it, with its nonce: after a restart exactly the same bytes are asked for again, and
no other transaction of the account takes the nonce meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.chain.hashing import checksum_address
from app.chain.signer import SigningTask, UnsignedTransaction
from app.core.clock import now_ms

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from app.database import Database


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """One transaction that waits. ``raw`` is empty until its signature was brought; ``created_at`` is UTC milliseconds."""

    task: SigningTask
    sender: str
    unsigned: UnsignedTransaction
    raw: bytes
    created_at: int


class SigningRequests:
    """Keeps what waits for a signature from elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, sender: str, asked: Sequence[tuple[SigningTask, UnsignedTransaction]]) -> None:
        """Store what is asked for, all of one step; asking for the same step again changes nothing."""
        from app.chain.tables import signing_requests as table

        rows = [
            {
                "plan_id": task.plan_id,
                "step_index": task.index,
                "item": task.item,
                "network": task.network,
                "sender": bytes.fromhex(sender[2:]),
                "nonce": unsigned.nonce,
                "title": task.title[:200],
                "unsigned": to_json(unsigned),
                "raw": b"",
                "created_at": now_ms(),
            }
            for task, unsigned in asked
        ]

        def write(connection: Connection) -> None:
            first = asked[0][0]
            mine = (table.c.plan_id == first.plan_id, table.c.step_index == first.index)
            if connection.execute(table.select().where(*mine)).first() is None:
                connection.execute(table.insert(), rows)

        await self._database.write(write)

    async def of_step(self, plan_id: str, index: int) -> list[SigningRequest]:
        """What waits for one step, item by item."""
        return [request for request in await self.of_plan(plan_id) if request.task.index == index]

    async def of_plan(self, plan_id: str) -> list[SigningRequest]:
        """What waits for a plan, in the order of its steps."""
        from app.chain.tables import signing_requests as table

        query = table.select().where(table.c.plan_id == plan_id).order_by(table.c.step_index, table.c.item)
        return await self._database.read(lambda connection: [_request(row) for row in connection.execute(query)])

    async def of_sender(self, network: str, sender: str) -> list[SigningRequest]:
        """What waits for an account on a network, by nonce."""
        from app.chain.tables import signing_requests as table

        mine = (table.c.network == network, table.c.sender == bytes.fromhex(sender[2:]))
        query = table.select().where(*mine).order_by(table.c.nonce)
        return await self._database.read(lambda connection: [_request(row) for row in connection.execute(query)])

    async def answer(self, answers: Sequence[tuple[SigningTask, bytes]]) -> None:
        """Keep signed bytes that were brought, all or none; whoever brings them has compared them."""
        from app.chain.tables import signing_requests as table

        def write(connection: Connection) -> None:
            for task, raw in answers:
                mine = (table.c.plan_id == task.plan_id, table.c.step_index == task.index, table.c.item == task.item)
                connection.execute(table.update().where(*mine).values(raw=raw))

        await self._database.write(write)

    async def drop(self, plan_id: str, index: int | None = None) -> None:
        """Forget what waited for a step (or for all of a plan): it is signed, or nobody wants it any more."""
        from app.chain.tables import signing_requests as table

        query = table.delete().where(table.c.plan_id == plan_id)
        if index is not None:
            query = query.where(table.c.step_index == index)
        await self._database.write(lambda connection: connection.execute(query))


def to_json(unsigned: UnsignedTransaction) -> dict[str, object]:
    """All that is signed, as JSON: integers as decimal text, bytes as ``0x…``."""
    return {
        "chainId": str(unsigned.chain_id),
        "nonce": str(unsigned.nonce),
        "to": unsigned.to or "",
        "value": str(unsigned.value),
        "data": "0x" + unsigned.data.hex(),
        "gas": str(unsigned.gas_limit),
        "maxFeePerGas": str(unsigned.max_fee_per_gas),
        "maxPriorityFeePerGas": str(unsigned.max_priority_fee_per_gas),
        "legacy": unsigned.legacy,
    }


def from_json(body: Mapping[str, Any]) -> UnsignedTransaction:
    """Back from :func:`to_json`.

    Raises:
        KeyError, ValueError: a field is missing or is no number; a stranger's text is checked before.
    """
    return UnsignedTransaction(
        chain_id=int(body["chainId"]),
        nonce=int(body["nonce"]),
        to=str(body["to"]) or None,
        value=int(body["value"]),
        data=bytes.fromhex(str(body["data"])[2:]),
        gas_limit=int(body["gas"]),
        max_fee_per_gas=int(body["maxFeePerGas"]),
        max_priority_fee_per_gas=int(body["maxPriorityFeePerGas"]),
        legacy=body["legacy"] is True,
    )


def _request(row: Any) -> SigningRequest:
    return SigningRequest(
        SigningTask(row.network, row.plan_id, int(row.step_index), row.title, int(row.item)),
        checksum_address(bytes(row.sender)),
        from_json(row.unsigned),
        bytes(row.raw),
        int(row.created_at),
    )
