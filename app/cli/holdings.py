"""What accounts hold and who may take it, on the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.money import Level, MaxFee, Tip, fee_choice
from app.cli.support import carry_out, moment, progress, report, run, show, table
from app.cli.wallets import wallets
from app.core.money import exact_units

if TYPE_CHECKING:
    from app.console import Console
    from app.wallets import ActivityRow, Allowance, Holding, TokenInfo

tokens = typer.Typer(help="Which tokens are looked at on the network.", no_args_is_help=True)


@tokens.command("list")
def list_tokens() -> None:
    """The native coin, AZR where there is an economy, and the added tokens."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.wallets.tokens(network_of(console).id)

    found = run(work)
    rows = [(token.symbol, token.address or "native coin", token.decimals) for token in found]
    show(found, people=lambda: table(("Symbol", "Contract", "Decimals"), rows, empty="No tokens."))


@tokens.command("add")
def add_token(address: str) -> None:
    """Look at an ERC-20 token from now on."""

    _changed(lambda console: console.wallets.add_token(network_of(console).id, address), "is looked at")


@tokens.command("remove")
def remove_token(address: str) -> None:
    """Look at an added token no longer."""

    _changed(lambda console: console.wallets.remove_token(network_of(console).id, address), "is looked at no longer")


def _changed(work: Callable[[Console], Awaitable[TokenInfo]], what: str) -> None:
    token = run(work)
    show(token, people=lambda: f"{token.symbol} {token.address} with {token.decimals} decimals {what}.")


@wallets.command("show")
def show_account(account: str) -> None:
    """What one account holds on the network: confirmed, newest, and with what waits."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        found = await console.wallets.get(account)
        held = (await console.wallets.balances(network.id, [found.address]))[found.address]
        return found, network, held, await console.wallets.assets(network.id, [found.address])

    found, network, held, holdings = run(work)
    told = [{"pending": row.pending, **{name: getattr(row, name) for name in type(row).__slots__}} for row in holdings]
    show(
        {"account": found, "network": network.id, "balances": held, "holdings": told},
        people=lambda: "\n".join(
            [
                f"{found.label} {found.address} on {network.name}, block {held.block:,}",
                *(f"  {_held(row)}" for row in holdings),
                *([] if held.azr is not None else ["  no AZR contract known here"]),
            ]
        ),
    )


def _held(row: Holding) -> str:
    def amount(value: int | None) -> str:
        return "unknown" if value is None else exact_units(value, row.token.decimals)

    words = f"{amount(row.newest)} {row.token.symbol}"
    if row.confirmed != row.newest:
        words += f"; confirmed at block {row.block:,}: {amount(row.confirmed)}"
    return words + (f"; {amount(row.pending)} once what waits has happened" if row.waiting else "")


@wallets.command("approvals")
def list_approvals(
    account: str, further: Annotated[int, typer.Option(help="Blocks to read before those that were read already")] = 0
) -> None:
    """Who may take the account's tokens."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        return await console.wallets.allowances(network.id, (await console.wallets.get(account)).address, further)

    found = run(work)
    rows = [
        (row.token.symbol, row.token.address, row.spender, row.spender_label, _allowed(row), row.last_set_block)
        for row in found.rows
    ]
    headings = ("Token", "Contract", "Spender", "Known as", "May take", "Set in block")
    show(found, people=lambda: f"{table(headings, rows, empty='Nobody may take anything.')}\n{found.text}")


def _allowed(row: Allowance) -> str:
    return "everything" if row.unlimited else exact_units(row.amount, row.token.decimals)


@wallets.command("approve")
def approve(
    account: str,
    token: Annotated[str, typer.Argument(help="AZR, or a token's address")],
    spender: Annotated[str, typer.Argument(help="Address or label")],
    amount: Annotated[str, typer.Argument(help="Amount in whole units")],
    level: Level = "",
    max_fee: MaxFee = "",
    tip: Tip = "",
) -> None:
    """Let a spender take up to an amount of the account's tokens."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        owner, payee = (await console.wallets.get(account)).address, await console.wallets.resolve(spender)
        contract = await console.token_address(network, token)
        units = await console.wallets.parse_amount(network.id, contract, amount)
        fee = fee_choice(level, max_fee, tip)
        return await carry_out(console, await console.wallets.plan_approve(network.id, owner, contract, payee, units, fee))

    report(run(work))


@wallets.command("revoke")
def revoke(
    account: str,
    token: Annotated[str, typer.Argument(help="AZR, or a token's address")],
    spender: Annotated[str, typer.Argument(help="Address or label")],
    level: Level = "",
    max_fee: MaxFee = "",
    tip: Tip = "",
) -> None:
    """Take back what a spender may take of the account's tokens."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        owner, payee = (await console.wallets.get(account)).address, await console.wallets.resolve(spender)
        contract, fee = await console.token_address(network, token), fee_choice(level, max_fee, tip)
        return await carry_out(console, await console.wallets.plan_revoke(network.id, owner, contract, payee, fee))

    report(run(work))


@wallets.command("activity")
def list_activity(
    account: str,
    limit: int = 50,
    before: Annotated[str, typer.Option(help="Where the page begins: what the page before named")] = "",
    further: Annotated[int, typer.Option(help="Blocks to read before those that were read already")] = 0,
) -> None:
    """What happened to an account on the network: what waits, then the newest first."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        address = await console.wallets.resolve(account)
        page = await console.wallets.activity(network.id, address, before or None, limit, further)
        if page.reading:
            progress("Reading blocks for the coin that others sent…")
            await console.jobs.get(page.reading).wait()
            page = await console.wallets.activity(network.id, address, before or None, limit)
        return page

    found = run(work)
    rows = [
        (moment(row.time), row.state, row.kind, row.direction, _moved(row), row.label or row.counterparty, row.tx_hash, row.warning)
        for row in found.rows
    ]
    headings = ("Time (UTC)", "State", "Kind", "", "Amount", "With", "Transaction", "")
    after = [f"More: --before {found.next}"] if found.next else []
    show(found, people=lambda: "\n".join([table(headings, rows, empty="Nothing happened yet."), *found.coverage, *after]))


def _moved(row: ActivityRow) -> str:
    return f"{exact_units(row.amount, row.decimals)} {row.unit}" if row.unit and (row.amount or row.kind == "transfer") else ""
