"""A console that pays out, over a node: ``python -m tests.wallets.pay_program HOME URL pay|recover FILE [TOKEN]``.

Its vault is filled with anvil's published phrase; everything else is the console's own. ``pay`` plans a payout of the file, when
there is none yet, and carries it out; ``recover`` goes on with it. It says, as JSON, what became of every row.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from app.core.errors import Conflict
from app.core.secret import Secret
from app.wallets.creation import final_name
from tests.wallets.conftest import HARDHAT
from tests.wallets.purse import NETWORK, Purse


async def opened(home: Path, url: str) -> Purse:
    """The console of a home, which may have been killed before."""
    purse = Purse(home, url)
    await purse.open(fresh=not (home / "console.db").exists())
    for wallet in await purse.wallets.sources():
        await purse.vault.put(final_name(wallet.id), HARDHAT)
    if not await purse.wallets.list():  # killed before there was an account
        await purse.operations.recover()
        await purse.done(await purse.wallets.plan_create("Purse", Secret(HARDHAT.reveal()), accounts=3))
    purse.accounts = [account.address for account in await purse.wallets.list()]
    return purse


async def main() -> None:
    """One verb."""
    home, url, verb, file, *token = sys.argv[1:]
    purse = await opened(Path(home), url)
    try:
        check = await purse.wallets.check_payout(NETWORK, purse.accounts[0], Path(file).read_bytes(), token[0] if token else "")
        await purse.transactions.rebroadcast(purse.networks.get(NETWORK).key.text)
        await purse.operations.recover()
        plan = await purse.wallets.payout_of(check)
        if verb == "pay" and plan is None:
            plan = await purse.wallets.plan_payout(check)
            try:
                plan = await purse.operations.execute(plan.id)
            except Conflict as error:  # the node moved on between the preview and its confirmation
                if not error.retryable:
                    raise
                plan = await purse.operations.execute(plan.id)
        elif plan is not None and plan.state.value in ("draft", "previewed"):  # killed before it was confirmed
            plan = await purse.operations.execute(plan.id)
        assert plan is not None
        rows = await purse.wallets.payout_rows(plan.id)
        states = [row.state.value for row in rows]
        told = {
            "state": plan.state.value,
            "reason": plan.reason,
            "rows": states,
            "matches": bool(plan.receipt and plan.receipt.matches),
        }
        sys.stdout.write(json.dumps(told))
    finally:
        await purse.close()


if __name__ == "__main__":
    asyncio.run(main())
