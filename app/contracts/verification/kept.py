"""Verdicts that were reached, kept with the code that they were reached on: of other code at the same address they say nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.chain.hashing import keccak256
from app.contracts.verification.verdicts import SOURCE_KNOWN, Verdict, Verified
from app.core.clock import now_ms

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from app.chain import Chain
    from app.database import Database


class Verdicts:
    """Keeps the newest verdict on each contract of each network."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, network: str, found: Verified, code: bytes) -> None:
        """Write a verdict down. ``network`` is the key text; ``code`` what was at the address when it was reached."""
        from app.contracts.tables import verdicts as table

        address = bytes.fromhex(found.address[2:])
        row = {"name": found.name, "source": found.source, "verdict": found.verdict.value, "code_hash": keccak256(code)}

        def write(connection: Connection) -> None:
            connection.execute(table.delete().where(table.c.network == network, table.c.address == address))
            connection.execute(table.insert().values(network=network, address=address, at=now_ms(), **row))

        await self._database.write(write)

    async def known(self, chain: Chain, addresses: Sequence[str]) -> dict[str, Verdict]:
        """Verdicts by address, of those whose code is still the one that was verified.

        Raises:
            Unavailable: the network does not answer.
        """
        from app.contracts.tables import verdicts as table

        raw = {bytes.fromhex(address[2:]): address for address in addresses}
        query = table.select().where(table.c.network == chain.network.key.text, table.c.address.in_(list(raw)))

        def read(connection: Connection) -> Mapping[str, tuple[Verdict, bytes]]:
            rows = connection.execute(query)
            return {raw[bytes(row.address)]: (Verdict(row.verdict), bytes(row.code_hash)) for row in rows}

        kept = await self._database.read(read)
        codes = await chain.rpc.batch([("eth_getCode", [address, "latest"]) for address in kept]) if kept else []
        return {
            address: verdict
            for (address, (verdict, code_hash)), code in zip(kept.items(), codes, strict=True)
            if keccak256(bytes.fromhex(str(code or "0x")[2:])) == code_hash
        }

    async def sources_known(self, chain: Chain, addresses: Sequence[str]) -> bool:
        """Whether the source of the code at each of these addresses was proven, names and comments included. Raises as `known`."""
        found = await self.known(chain, addresses)
        return bool(addresses) and all(found.get(address) in SOURCE_KNOWN for address in addresses)
