"""Balances and transfers on the command line; ``app.cli.keys`` adds what concerns keys to the same command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from app.cli.chains import network_of
from app.cli.signing import sign, verify
from app.cli.support import run, show
from app.core.money import exact_units

if TYPE_CHECKING:
    from app.console import Console

wallets = typer.Typer(help="Accounts whose keys live in the OS keyring; transfers.", no_args_is_help=True)
wallets.command("sign")(sign)
wallets.command("verify")(verify)


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
