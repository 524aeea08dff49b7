"""The ledger and its proofs on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import CHECK_FAILED, leave, progress, run, show, table, tell_rest
from app.core.events import Notice
from app.core.money import exact_units

if TYPE_CHECKING:
    from app.console import Console
    from app.ledger import IndexState, Page

ledger = typer.Typer(help="Index, read, reconcile and prove.", no_args_is_help=True)


@ledger.command("index")
def index() -> None:
    """Read every block up to the head, recompute its roots, and keep what concerns AZR."""

    async def work(console: Console) -> tuple[IndexState, list[str]]:
        said: list[str] = []
        end = console.bus.subscribe(Notice, lambda notice: said.append(notice.text) if notice.link == "azora://ledger" else None)
        try:
            return await console.ledger.index(network_of(console).id), said
        finally:
            end()

    state, said = run(work)
    for text in said:
        progress(text)
    show(
        state,
        people=lambda: (
            f"Indexed blocks {state.first:,}–{state.last:,}; roots recomputed: {'all' if state.complete else 'NOT all'}."
        ),
    )


@ledger.command("list")
def list_rows(
    account: str = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Rows of one page")] = 50,
    before: Annotated[str, typer.Option(help="Where the page begins: what the page before named")] = "",
) -> None:
    """Ledger rows, newest first, and how many there are in all."""

    async def work(console: Console) -> tuple[Page, int]:
        from app.ledger import LedgerFilter

        network = network_of(console).id
        wanted = LedgerFilter(account=await console.wallets.resolve(account) if account else "")
        page = await console.ledger.transactions(network, wanted, before or None, limit)
        return page, await console.ledger.count(network, wanted)

    page, total = run(work)
    show(
        page,
        people=lambda: table(
            ("Block", "Kind", "From", "To", "AZR", "Transaction"),
            [(r.block, str(r.kind), r.sender, r.recipient, exact_units(r.amount, 18), r.tx_hash) for r in page.rows],
            empty="Nothing is further down." if total else "The ledger is empty. Fill it: azora ledger index",
        ),
    )
    tell_rest(len(page.rows), total, f"--before {page.next}" if page.next else "")


@ledger.command("reconcile")
def reconcile() -> None:
    """Sum of balances = total supply = minted − burned ≤ cap, one proof per mint. Exit code 9 when it does not hold."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.ledger.reconcile(network_of(console).id)

    result = run(work)
    show(
        result,
        people=lambda: table(
            ("", "Check", "Detail"),
            [("ok" if c.ok else "FAILED", c.name, c.detail) for c in result.checks],
            empty="Nothing to reconcile.",
        ),
    )
    leave(0 if result.ok else CHECK_FAILED)


@ledger.command("prove")
def prove(account: Annotated[str, typer.Argument(help="Account label or address; empty proves the total supply")] = "") -> None:
    """Prove a balance or the supply by eth_getProof against a header."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        if account:
            return await console.ledger.prove_balance(network.id, await console.wallets.resolve(account))
        return await console.ledger.prove_supply(network.id)

    figure = run(work)
    evidence = figure.evidence[0] if figure.evidence else None
    show(
        figure,
        people=lambda: (
            f"{exact_units(int(figure.value), figure.decimals)} {figure.unit}: "
            + (f"{evidence.words} at block {evidence.ref}, trust: {evidence.trust.value}" if evidence else "no evidence")
        ),
    )
    leave(0 if evidence is not None and evidence.status.value == "included" else CHECK_FAILED)


@ledger.command("bundle")
def bundle(path: Path, accounts: Annotated[list[str] | None, typer.Argument(help="Accounts to include")] = None) -> None:
    """Write an evidence bundle that anyone can verify offline with app/audit/verifier.py."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        found = [await console.wallets.resolve(name) for name in accounts or []]
        return await console.ledger.export_bundle(network_of(console).id, path, found)

    written = run(work)
    show({"bundle": str(written)}, people=f"Written: {written}\nVerify it: python app/audit/verifier.py {written}")
