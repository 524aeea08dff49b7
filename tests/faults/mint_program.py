"""A console that mints in batches, as another process: ``python -m tests.faults.mint_program HOME build|work|told [LIST] [MOST]``.

``build`` makes the demo economy and queues the proofs of LIST (a CSV file); ``work`` takes up what a kill left, then mints what
is ready in batches of at most MOST proofs, saying each on a line; ``told`` says, as JSON, what queue and ledger hold after
reconciling.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from app import demo
from app.console import Console
from app.demo import CHAIN

NETWORK = f"local-{CHAIN}"


async def build(console: Console, given: Path) -> None:
    """The economy, and what became of the list."""
    demo.EPOCH_BUDGET = 10**27  # the whole list fits into one epoch
    await console.demo.run(lambda _text, _share: None)
    report = await console.mining.submit_list(NETWORK, given.read_bytes(), given.name, given.parent)
    economy = await console.contracts.economy(console.networks.get(NETWORK).key.text)
    assert economy is not None
    node = console.nodes.get(CHAIN)
    outcomes = {outcome.line: outcome.status for outcome in report.outcomes}
    told = {"outcomes": outcomes, "url": node.url, "pid": node.pid, "token": economy.token, "mint_mine": economy.mint_mine}
    print(json.dumps(told), flush=True)


async def work(console: Console, most: int) -> None:
    """Batch after batch until nothing is left."""
    submitter, attester = [(await console.wallets.get(label)).address for label in ("Demo treasury", "Demo attester")]
    while (batch := await console.mining.next_batch(NETWORK, submitter, attester, most=most)).rows:
        plan = await console.mining.plan_mint(NETWORK, [row.id for row in batch.rows], submitter, attester)
        ended = await console.operations.execute(plan.id)
        print(f"{ended.name} {ended.state.value} {len(batch.rows)} {ended.reason}", flush=True)


async def told(console: Console) -> None:
    """Queue, contract and ledger, held against each other."""
    await console.ledger.index(NETWORK)
    found = await console.mining.reconcile(NETWORK)
    ledger = await console.ledger.reconcile(NETWORK)
    plans = await console.operations.page(limit=1_000)
    told_ = {
        "counts": {status.value: count for status, count in (await console.mining.counts(NETWORK)).items()},
        "in_ledger": found.ledger,
        "problems": found.problems,
        "ledger_ok": ledger.ok,
        "url": console.nodes.get(CHAIN).url,
        "journal": (await console.journal.verify()).problem,
        "plans": Counter(plan.state.value for plan in plans if plan.kind == "mining.mint"),
    }
    print(json.dumps(told_), flush=True)


async def main() -> None:
    """One verb."""
    home, verb, *rest = sys.argv[1:]
    console = await Console.open(Path(home))
    try:
        if verb == "build":
            await build(console, Path(rest[0]))
            return
        await console.nodes.start(CHAIN)  # a running one is left alone
        await console.recovered()
        await console.transactions.rebroadcast(console.networks.get(NETWORK).key.text)  # what a killed node forgot
        await (work(console, int(rest[0])) if verb == "work" else told(console))
    finally:
        await console.close()


if __name__ == "__main__":
    asyncio.run(main())
