"""A console that deletes accounts, as another process: ``python -m tests.faults.wallets_program HOME VERB``.

``delete`` lists one wallet of two accounts and one key, then deletes the key's account; ``recover`` takes up what a kill left.
Each says on standard output, as JSON, what the store and the keyring then hold.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from app.console import Console
from app.core.secret import Secret
from app.wallets.creation import final_name

PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"  # BIP-39's own test vector


async def main() -> None:
    """One verb."""
    home, verb = Path(sys.argv[1]), sys.argv[2]
    console = await Console.open(home)
    wallets, operations = console.wallets, console.operations
    try:
        if verb == "delete":
            for plan in (
                await wallets.plan_create("Savings", Secret(PHRASE), accounts=2),
                await wallets.plan_import_key("Hot", Secret("11" * 32)),
            ):
                assert (await operations.execute(plan.id)).state.value == "done"
            plan = await wallets.plan_delete("Hot", "Hot")
            await operations.execute(plan.id)
        await console.recovered()
        with closing(sqlite3.connect(home / "console.db")) as store:
            rows = store.execute("SELECT id, label, state FROM wallets ORDER BY label").fetchall()
        newest = (await operations.page(limit=1))[0]
        said = {
            "accounts": [account.label for account in await wallets.list() if account.key_state.value == "inKeyring"],
            "wallets": {label: [state, await console.vault.has(final_name(wallet))] for wallet, label, state in rows},
            "kept": len([name for name in await console.vault.names() if name.startswith(("wallet/", "pending/"))]),
            "plan": [newest.kind, newest.state.value, newest.receipt is not None and newest.receipt.matches],
            "problem": (await console.journal.verify()).problem,
        }
        sys.stdout.write(json.dumps(said))
    finally:
        await console.close()


if __name__ == "__main__":
    asyncio.run(main())
