"""Accounts and transfers on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import carry_out, options, read_secret, report, run, show, table
from app.core.money import exact_units, parse_units

if TYPE_CHECKING:
    from app.console import Console

wallets = typer.Typer(help="Accounts whose keys live in the OS keyring; transfers.", no_args_is_help=True)


@wallets.command("create")
def create(
    label: str,
    accounts: Annotated[int, typer.Option(help="How many addresses to derive, m/44'/60'/0'/0/n")] = 1,
    words: Annotated[int, typer.Option(help="12, 15, 18, 21 or 24")] = 12,
    phrase_file: Annotated[
        str, typer.Option("--restore", help="File with a recovery phrase to restore; - is standard input.")
    ] = "",
    backup_file: Annotated[
        str, typer.Option("--write-phrase", help="New file (mode 600) that gets the new phrase: the backup.")
    ] = "",
) -> None:
    """Create or restore an HD wallet. A new phrase is written where --write-phrase says, and nowhere else."""
    import os

    from app.core.errors import Invalid

    if not phrase_file and not backup_file:
        raise Invalid(
            "A new recovery phrase needs a place for its backup. Nothing was created.",
            "Add --write-phrase FILE, or --restore FILE for a phrase that you have.",
        )

    async def work(console: Console):  # type: ignore[no-untyped-def]
        phrase = read_secret(phrase_file, "recovery phrase") if phrase_file else await console.wallets.new_phrase(words)
        if backup_file and not phrase_file:
            handle = os.open(backup_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(phrase.reveal() + "\n")
        return await carry_out(console, await console.wallets.plan_create(label, phrase, accounts=accounts))

    options.yes = True
    report(run(work))


@wallets.command("import")
def import_key(
    label: str, key_file: Annotated[str, typer.Option("--key", help="File with the private key in hex; - is standard input.")]
) -> None:
    """Import one private key."""
    options.yes = True

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await carry_out(console, await console.wallets.plan_import_key(label, read_secret(key_file, "private key")))

    report(run(work))


@wallets.command("watch")
def watch(label: str, address: str) -> None:
    """Watch an address without a key."""
    account = run(lambda console: console.wallets.watch(label, address))
    show(account, people=lambda: f"{account.label} {account.address} is watched.")


@wallets.command("list")
def list_accounts() -> None:
    """Accounts and where their keys are."""
    accounts = run(lambda console: console.wallets.list())
    rows = [(a.label, a.address, a.kind.value, a.path, a.key_state) for a in accounts]
    show(
        accounts,
        people=lambda: table(
            ("Label", "Address", "Kind", "Path", "Key"), rows, empty="No accounts. Make one: azora wallet create LABEL"
        ),
    )


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
