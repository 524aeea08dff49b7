"""The command for accounts; ``keys``, ``money``, ``signing`` and others of this room add what they are about to it."""

from __future__ import annotations

import typer

wallets = typer.Typer(help="Accounts whose keys live in the OS keyring; transfers, payouts, signatures.", no_args_is_help=True)
