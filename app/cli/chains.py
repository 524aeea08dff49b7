"""Networks on the command line, and which one a command means."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.support import options, read_secret, run, show, table
from app.core.errors import Invalid, NotFound
from app.core.urls import shown_url

if TYPE_CHECKING:
    from app.chain import Network
    from app.console import Console

NO_NETWORK = "Name one with --network, or: azora network select ID. A chain of your own: azora chain create NAME"

networks = typer.Typer(help="Networks: list, add, remove, select, status, fees.", no_args_is_help=True)


def network_of(console: Console) -> Network:
    """The network named by ``--network``, else the current one.

    Raises:
        NotFound: none is named and none is current.
    """
    if options.network:
        return console.networks.get(options.network)
    current = console.networks.current
    if current is None:
        raise NotFound("No network is selected. Nothing was done.", NO_NETWORK)
    return current


@networks.command("list")
def list_networks() -> None:
    """Known networks; the current one is starred."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return console.networks.list(), console.networks.current

    known, current = run(work)
    rows = [
        (
            "*" if current and n.id == current.id else "",
            n.id,
            n.name,
            n.chain_id,
            n.environment.upper(),
            n.confirmations,
            n.shown_url or "not set",
        )
        for n in known
    ]
    show(
        {"networks": [replace(n, rpc_url=n.shown_url) for n in known], "current": current.id if current else None},
        people=lambda: table(("", "Id", "Name", "Chain id", "Environment", "Confirmations", "RPC"), rows, empty="No networks."),
    )


@networks.command("select")
def select(network: str) -> None:
    """Make a network the current one."""
    run(lambda console: console.networks.select(network))
    show({"current": network}, people=f"{network} is the current network.")


@networks.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the network; of a project, as its configuration names it")],
    url: Annotated[str, typer.Option(help="http:// or https:// address; one with a key belongs into --url-file")] = "",
    url_file: Annotated[str, typer.Option(help="File with the address (- reads standard input)")] = "",
    project: Annotated[Path | None, typer.Option(help="Take it from the hardhat.config of this folder; it is not run")] = None,
    chain_id: Annotated[int, typer.Option(help="EIP-155 chain id; 0: as the project says")] = 0,
    environment: Annotated[str, typer.Option(help="local, test or production; empty: local on this computer")] = "",
) -> None:
    """Add a network after asking it for its chain id; its genesis is pinned."""

    async def work(console: Console) -> Network:
        from app.chain.adding import described, environment_of

        if sum(map(bool, (url, url_file, project))) != 1:
            raise Invalid("Give one of --url, --url-file and --project. Nothing was added.", field="rpc_url")
        if url and shown_url(url) != url:  # as for every secret: other processes see arguments
            raise Invalid("This address carries a key. Nothing was added.", "Put it into a file: --url-file FILE", field="rpc_url")
        where, known = url or (read_secret(url_file, "address").reveal() if url_file else ""), chain_id
        if project is not None:
            found = await asyncio.to_thread(console.contracts.projects.network, project, name)
            where, known = found.url, known or found.chain_id
        if not known:
            raise Invalid("The chain id is not known. Nothing was added.", "Give it with --chain-id.", field="chain_id")
        return await console.networks.add(described(name, where, known, environment or environment_of(where)))

    added = run(work)
    show(
        {"network": replace(added, rpc_url=added.shown_url)},
        people=f"{added.name} is network {added.id}, chain id {added.chain_id}, {added.environment}. Its genesis is pinned.",
    )


@networks.command("remove")
def remove(network: str) -> None:
    """Forget a network; its ledger stays."""
    run(lambda console: console.networks.remove(network))
    show({"removed": network}, people=f"{network} is no longer in the list. Its ledger stays.")


@networks.command("status")
def status() -> None:
    """Ask the network: reachable, newest block, latency, and whether it is the chain it was."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        return await console.networks.status(network.id), console.networks.collisions(network.chain_id)

    state, collision = run(work)
    show(
        {"status": state, "collision": collision},
        people=lambda: f"{state.network.name}: {state.problem or f'block {state.block:,}'}\n{collision}".strip(),
    )


@networks.command("fee-ceiling")
def fee_ceiling(
    network: str, gwei: Annotated[int | None, typer.Argument(help="gwei per gas; without it the present one is shown")] = None
) -> None:
    """Show or set the price per gas above which nothing is signed on a network."""

    async def work(console: Console) -> Network:
        return console.networks.get(network) if gwei is None else await console.networks.set_fee_ceiling(network, gwei)

    found = run(work)
    show(
        {"network": found.id, "fee_ceiling_gwei": found.fee_ceiling_gwei},
        people=f"On {found.name} nothing is offered above {found.fee_ceiling_gwei:,} gwei per gas.",
    )


@networks.command("fees")
def fees() -> None:
    """What the next block of the network costs: base fee, and three offers."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.fees.levels(await console.networks.connect(network_of(console).id))

    from app.chain.fees import gwei

    levels = run(work)
    offers = (levels.slow, levels.normal, levels.fast)
    rows = [(str(q.level), gwei(q.max_fee_per_gas), gwei(q.max_priority_fee_per_gas)) for q in offers]
    said = "This chain charges nothing." if levels.zero else "This chain has no base fee." if levels.legacy else ""
    base = "" if levels.legacy else f"The next block's base fee is {gwei(levels.base_fee)} gwei per gas."
    shown = "\n".join(filter(None, (base, said, levels.note, f"Ceiling: {gwei(levels.ceiling)} gwei per gas.")))
    show(levels, people=lambda: f"{table(('Level', 'At most, gwei', 'Tip, gwei'), rows, empty='')}\n{shown}")


@networks.command("accept-reset")
def accept_reset(network: str) -> None:
    """Accept that a local chain was reset: its new genesis gets a ledger of its own."""
    run(lambda console: console.networks.accept_reset(network))
    show({"accepted": network}, people=f"{network} is pinned to its new genesis.")
