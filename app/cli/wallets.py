"""The command for accounts; ``keys``, ``money`` and ``holdings`` of this room add what they are about to it."""

from __future__ import annotations

import typer

from app.cli.signing import sign, verify

wallets = typer.Typer(help="Accounts whose keys live in the OS keyring; transfers.", no_args_is_help=True)
wallets.command("sign")(sign)
wallets.command("verify")(verify)
