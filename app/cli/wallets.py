"""Balances and transfers on the command line; ``app.cli.keys`` adds what concerns keys to the same command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import carry_out, report, run, show
from app.core.money import exact_units, parse_units

if TYPE_CHECKING:
    from app.console import Console

wallets = typer.Typer(help="Accounts whose keys live in the OS keyring; transfers.", no_args_is_help=True)


@wallets.command("show")
def show_account(account: str) -> None:
    """Balances of one account on the network."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        found = await console.wallets.get(account)
        return found, network, (await console.wallets.balances(network.id, [found.address]))[found.address]

    found, network, held = run(work)
    show(
        {"account": found, "network": network.id, "balances": held},
        people=lambda: "\n".join(
            (
                f"{found.label} {found.address} on {network.name}, block {held.block:,}",
                f"  {exact_units(held.native, 18)} {network.symbol}",
                f"  {exact_units(held.azr, 18)} AZR" if held.azr is not None else "  no AZR contract known here",
            )
        ),
    )


@wallets.command("send")
def send(
    sender: Annotated[str, typer.Option("--from", help="Account label or address")],
    to: Annotated[str, typer.Option("--to", help="Recipient's address or account label")],
    amount: Annotated[str, typer.Argument(help="Amount in whole units, such as 12.5")],
    token: Annotated[str, typer.Option(help="AZR, native, or a token's address")] = "AZR",
    note: str = "",
) -> None:
    """Transfer AZR, the native coin or any ERC-20 token."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        from app.wallets import TransferDraft

        network = network_of(console)
        return await carry_out(
            console,
            await console.wallets.plan_transfer(
                TransferDraft(
                    network_id=network.id,
                    sender=(await console.wallets.get(sender)).address,
                    recipient=await console.wallets.resolve(to),
                    amount=parse_units(amount, 18),
                    token=await console.token_address(network, token),
                    note=note,
                )
            ),
        )

    report(run(work))
