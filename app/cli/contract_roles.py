"""Roles of contracts on the command line: who holds them, and plans that change that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.contract_calls import Contract, Sender
from app.cli.contracts import contracts
from app.cli.support import carry_out, report, run, show, table

if TYPE_CHECKING:
    from app.console import Console
    from app.contracts.roles import RoleRow
    from app.operations import Plan

Role = Annotated[str, typer.Argument(help="Its name as in the contract, such as MINTER_ROLE, or its hash; owner of an Ownable")]


@contracts.command("roles")
def roles(
    contract: Annotated[str, typer.Argument(help="Address or name; default: all of the address book")] = "",
) -> None:
    """Who holds each role, since which block, and where that key lives."""

    async def work(console: Console) -> list[RoleRow]:
        network = network_of(console)
        asked = [contract] if contract else [each.address for each in await console.contracts.book(network.key.text)]
        return [row for each in asked for row in await console.contracts.roles.holders(network.id, each)]

    found = run(work)
    rows = [
        (
            row.contract,
            row.role,
            row.holder,
            row.party.label or "–",
            row.party.where,
            f"block {row.since:,}" if row.since else "unknown",
            "as the contract says" if row.agrees else "EVENTS AND CONTRACT DIFFER",
        )
        for row in found
    ]
    show(
        [
            {
                "contract": row.contract,
                "address": row.address,
                "role": row.role,
                "admin": row.admin,
                "holder": row.holder,
                "label": row.party.label,
                "key": row.party.where,
                "since": row.since,
                "agrees": row.agrees,
                "evidence": [each.to_json() for each in row.evidence],
            }
            for row in found
        ],
        people=lambda: table(("Contract", "Role", "Holder", "Label", "Key", "Since", "Checked"), rows, empty="No roles here."),
    )


def _carried(planned: Callable[[Console, str, str], Awaitable[Plan]], sender: str) -> None:
    """Plan with the network and the sender's address, and carry it out."""

    async def work(console: Console) -> Plan:
        payer = (await console.wallets.get(sender)).address if sender else ""
        return await carry_out(console, await planned(console, network_of(console).id, payer))

    report(run(work))


@contracts.command("grant")
def grant(
    contract: Contract, role: Role, holder: Annotated[str, typer.Argument(help="Account, label or address")], sender: Sender
) -> None:
    """Give a role to an account."""

    async def planned(console: Console, network: str, payer: str) -> Plan:
        return await console.contracts.roles.plan_grant(network, contract, role, await console.wallets.resolve(holder), payer)

    _carried(planned, sender)


@contracts.command("revoke")
def revoke(
    contract: Contract, role: Role, holder: Annotated[str, typer.Argument(help="Account, label or address")], sender: Sender
) -> None:
    """Take a role from an account."""

    async def planned(console: Console, network: str, payer: str) -> Plan:
        return await console.contracts.roles.plan_revoke(network, contract, role, await console.wallets.resolve(holder), payer)

    _carried(planned, sender)


@contracts.command("rotate")
def rotate(
    contract: Contract,
    role: Role,
    old: Annotated[str, typer.Argument(help="Who holds it now")],
    new: Annotated[str, typer.Argument(help="Who shall hold it")],
    sender: Sender,
) -> None:
    """Hand a role over: granted to the new holder first, then taken from the old one, as one plan."""

    async def planned(console: Console, network: str, payer: str) -> Plan:
        resolve = console.wallets.resolve
        return await console.contracts.roles.plan_rotate(network, contract, role, await resolve(old), await resolve(new), payer)

    _carried(planned, sender)


@contracts.command("pause")
def pause(
    contract: Contract,
    sender: Annotated[str, typer.Option("--from", help="Default: the first account here that may do it")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="End the pause")] = False,
) -> None:
    """Pause a contract in an emergency, or let it go on; previewed before anything is signed."""

    async def planned(console: Console, network: str, payer: str) -> Plan:
        return await console.contracts.roles.plan_pause(network, contract, payer, resume=resume)

    _carried(planned, sender)
