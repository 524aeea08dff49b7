"""Long lists on the command line: a page at a time, which says how much there is and how to go on, and the pages join."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.core.paths import Home
from app.database import Database
from app.mining.tables import value_proofs
from tests.contracts.test_contract_commands import known
from tests.mining.many import rows_of

MANY = 250


def fill(home: Path, key: str) -> None:
    async def write() -> None:
        database = Database.at(Home(home).database)
        await database.open()
        try:
            await database.write(lambda connection: connection.execute(value_proofs.insert(), rows_of(key, MANY)) and None)
        finally:
            await database.close()

    asyncio.run(write())


@pytest.mark.node
def test_the_queue_says_how_long_it_is_and_its_pages_join(azora, home, node):
    known(home, node)
    azora("network", "status")
    genesis = node("eth_getBlockByNumber", "0x0", False)["hash"]
    fill(home, f"1337:{genesis}")
    first = azora("mint", "queue", "--json")  # without options it is cut at 200, and says so
    assert first.err.strip().splitlines()[-1] == "200 of 250; more: --before 51"
    second = azora("mint", "queue", "--before", "51", "--json")
    assert second.err.strip().splitlines()[-1] == "50 of 250"
    assert [row["number"] for row in (*first.json, *second.json)] == list(range(MANY, 0, -1))
    assert azora("mint", "queue", "--limit", "1").out.splitlines()[-1] == "1 of 250; more: --before 250"
    assert azora("mint", "queue", "--before", "1").out.splitlines()[0] == "No proof has a number below 1."


def test_plans_and_journal_are_read_to_their_beginning(azora):
    for role in ("auditor", "administrator"):
        azora("access", "role", role)
    whole = [entry["sequence"] for entry in azora("journal", "list", "--json").json]
    assert len(whole) > 1 and not azora("journal", "list", "--json").err.strip()
    newest = azora("journal", "list", "--limit", "1")
    assert newest.out.splitlines()[-1] == f"1 of {len(whole)}; more: --before {whole[0]}"
    rest = azora("journal", "list", "--before", str(whole[0]), "--json").json
    assert [entry["sequence"] for entry in rest] == whole[1:]
    assert azora("plan", "list").out.strip() == "No plans yet."
