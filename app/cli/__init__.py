"""The same services without a window. ``azora --help`` lists all; every command takes ``--json`` and answers with an exit code.

This room parses and prints. What a command does is done by the service it names; nothing is decided here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app import __version__
from app.cli.chains import networks
from app.cli.cluster import cluster
from app.cli.contracts import contracts
from app.cli.demo import demo
from app.cli.doctor import doctor
from app.cli.elsewhere import wallets
from app.cli.holdings import tokens
from app.cli.ledger import ledger
from app.cli.local_chains import chains
from app.cli.mint import mint, redeem
from app.cli.money import contacts
from app.cli.operate import access, journal, plans, settings
from app.cli.payouts import payout, payout_rows
from app.cli.support import fail, options
from app.core.errors import ConsoleError

azora = typer.Typer(
    name="azora",
    help="Run an EVM token economy: keys, contracts, minting, ledger and its proofs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="azora run opens the window; azora tour drives it through a whole economy and leaves pictures and a report.",
)
azora.command("doctor")(doctor)
azora.command("demo")(demo)
azora.add_typer(chains, name="chain")
azora.add_typer(networks, name="network")
azora.add_typer(wallets, name="wallet")
wallets.add_typer(contacts, name="contacts")
wallets.add_typer(tokens, name="tokens")
wallets.command("payout")(payout)
wallets.command("payout-rows")(payout_rows)
importlib.import_module("app.cli.signing")  # adds its commands to wallet
azora.add_typer(contracts, name="contract")
importlib.import_module("app.cli.contract_tests")  # adds its command to contract
importlib.import_module("app.cli.contract_gas")  # adds its command to contract
importlib.import_module("app.cli.contract_calls")  # adds its commands to contract
importlib.import_module("app.cli.contract_roles")  # the same
importlib.import_module("app.cli.queue")  # adds its commands to wallet
importlib.import_module("app.cli.attest")  # adds its commands to mint
importlib.import_module("app.cli.policy")  # the same
importlib.import_module("app.cli.inspect")  # adds its command to contract
importlib.import_module("app.cli.work")  # adds its commands to mint
importlib.import_module("app.cli.cluster_act")  # adds its commands to cluster
importlib.import_module("app.cli.cluster_argo")  # the same
importlib.import_module("app.cli.cluster_tunnels")  # the same
importlib.import_module("app.cli.cluster_exec")  # the same
importlib.import_module("app.cli.cluster_query")  # the same
importlib.import_module("app.cli.cluster_usage")  # the same
azora.add_typer(mint, name="mint")
azora.add_typer(redeem, name="redeem")
azora.add_typer(ledger, name="ledger")
azora.add_typer(cluster, name="cluster")
azora.add_typer(plans, name="plan")
azora.add_typer(journal, name="journal")
azora.add_typer(access, name="access")
azora.add_typer(settings, name="settings")


@azora.command("run")
def run_window() -> None:
    """Open the console's window. [--exit-when-shown] leaves as soon as it is painted; a deep link may follow."""
    raise typer.BadParameter("The window is opened by `azora run` itself: put run before any other option but --home.")


@azora.command("tour")
def tour_window() -> None:
    """Drive a whole economy through the real windows: tour --out DIR [--json]."""
    raise typer.BadParameter("The tour is started by `azora tour` itself: put tour before any other option but --home.")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"azora {__version__}")
        raise typer.Exit


@azora.callback()
def common(
    home: Annotated[Path | None, typer.Option(help="Folder of settings, store, chains and logs.", envvar="AZORA_HOME")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Carry plans out without asking.")] = False,
    passphrase_file: Annotated[str, typer.Option(help="File with the console passphrase; - is standard input.")] = "",
    statement: Annotated[
        str, typer.Option(help="With --yes in production, or where something is lost for good: the name of the target, typed out.")
    ] = "",
    network: Annotated[str, typer.Option(help="Network to work on; default: the current one.")] = "",
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options before the command hold for every command."""
    options.home = home
    options.json = options.json or json
    options.yes = options.yes or yes
    options.passphrase_file = passphrase_file
    options.statement = statement
    options.network = network


def _hoist(arguments: Sequence[str]) -> list[str]:
    """``--json`` and ``--yes`` are understood anywhere, since people type them last."""
    everywhere = [word for word in arguments if word in ("--json", "--yes", "-y")]
    return [*dict.fromkeys(everywhere), *(word for word in arguments if word not in everywhere)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, run, and end the process with the exit code of ``app.cli.support``."""
    try:
        azora(args=_hoist(sys.argv[1:] if arguments is None else arguments), prog_name="azora")
    except ConsoleError as error:
        fail(error)
