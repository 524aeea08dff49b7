"""Networks on the command line, and which one a command means."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.support import options, run, show, table
from app.core.errors import NotFound

if TYPE_CHECKING:
    from app.chain import Network
    from app.console import Console

NO_NETWORK = "Name one with --network, or: azora network select ID. A chain of your own: azora chain create NAME"

networks = typer.Typer(help="Networks: list, select, status, fees.", no_args_is_help=True)


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
