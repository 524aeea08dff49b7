"""Calls, events and interfaces of contracts on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.contracts import contracts
from app.cli.support import carry_out, report, run, show, table
from app.core.errors import Invalid
from app.core.money import parse_units

if TYPE_CHECKING:
    from app.console import Console
    from app.contracts.books import Imported
    from app.contracts.calls import Answer
    from app.contracts.events import EventPage
    from app.operations import Plan

Contract = Annotated[str, typer.Argument(help="Address, or name in the address book (Name#2: its second version)")]
Function = Annotated[str, typer.Argument(help="name, name(type,…) where several have it, or selector 0x…")]
Arguments = Annotated[list[str] | None, typer.Argument(help="As text; arrays and structs as JSON; accounts also by label")]
Sender = Annotated[str, typer.Option("--from", help="Account that pays and signs")]


async def _given(console: Console, contract: str, function: str, written: Sequence[str]) -> list[str]:
    """The arguments with labels of accounts and contacts as their addresses."""
    interface = await console.contracts.calls.interfaces.get(network_of(console).id, contract)
    inputs = interface.function(function)["inputs"]
    given = list(written)
    for at, parameter in enumerate(inputs[: len(given)]):
        if parameter["type"] == "address" and not given[at].startswith("0x"):
            given[at] = await console.wallets.resolve(given[at])
    return given


@contracts.command("call", context_settings={"ignore_unknown_options": True})
def call(
    contract: Contract,
    function: Function,
    arguments: Arguments = None,
    block: Annotated[int | None, typer.Option(help="Block height; default: the newest")] = None,
    sender: Annotated[str, typer.Option("--from", help="Whom the contract sees as the caller")] = "",
) -> None:
    """Read from a contract at a block; nothing is sent."""

    async def work(console: Console) -> Answer:
        given = await _given(console, contract, function, arguments or [])
        caller = await console.wallets.resolve(sender) if sender else ""
        return await console.contracts.calls.read(network_of(console).id, contract, function, given, block, caller)

    answer = run(work)
    show(
        {
            "function": answer.function,
            "block": answer.block,
            "values": [{"name": name, "type": kind, "value": value} for name, kind, value in answer.values],
            "evidence": answer.evidence.to_json(),
        },
        people=lambda: "\n".join(_lines(answer)),
    )


def _lines(answer: Answer) -> list[str]:
    from app.contracts.values import as_text

    values = [f"{name or kind}: {as_text(value)}" for name, kind, value in answer.values] or ["no value"]
    return [*values, f"at block {answer.block:,}, {answer.evidence.words.lower()}"]


@contracts.command("send", context_settings={"ignore_unknown_options": True})
def send(
    contract: Contract,
    function: Function,
    sender: Sender,
    arguments: Arguments = None,
    value: Annotated[str, typer.Option(help="Native coin that goes with it, in whole units")] = "0",
) -> None:
    """Call a function that changes something: a plan, previewed by simulation."""

    async def work(console: Console) -> Plan:
        network = network_of(console)
        given = await _given(console, contract, function, arguments or [])
        payer = (await console.wallets.get(sender)).address
        wei = parse_units(value, 18, unit=network.symbol, field="value") if value.strip("0.") else 0
        plan = await console.contracts.calls.plan_call(network.id, contract, function, given, payer, wei)
        return await carry_out(console, plan)

    report(run(work))


@contracts.command("events")
def events(
    contract: Contract,
    event: Annotated[str, typer.Argument(help="Only these; default: all")] = "",
    where: Annotated[list[str] | None, typer.Option(help="Value of an indexed argument: name=value, as often as needed")] = None,
    first: Annotated[int | None, typer.Option(help="Block height; default: the contract's creation")] = None,
    last: Annotated[int | None, typer.Option(help="Block height; default: the newest")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Newest so many")] = 100,
) -> None:
    """Events of a contract, newest first, decoded."""
    indexed = {}
    for text in where or []:
        name, sign, value = text.partition("=")
        if not sign:
            raise Invalid(f"“{text}” is not written as name=value. Nothing was read.", "Write --where from=0x…")
        indexed[name] = value

    async def work(console: Console) -> EventPage:
        given = {
            name: value if value.startswith("0x") or value[:1].isdigit() else await console.wallets.resolve(value)
            for name, value in indexed.items()
        }
        return await console.contracts.events.page(network_of(console).id, contract, event, given, first, last, limit)

    from app.contracts.values import as_text

    page = run(work)
    rows = [
        (row.block, row.event or "unknown", ", ".join(f"{name} {as_text(value)}" for name, value in row.values), row.tx_hash)
        for row in page.rows
    ]
    show(
        {
            "rows": [
                {
                    "event": row.event,
                    "values": dict(row.values),
                    "block": row.block,
                    "index": row.index,
                    "tx_hash": row.tx_hash,
                    "evidence": row.evidence.to_json(),
                }
                for row in page.rows
            ],
            "first": page.first,
            "last": page.last,
            "next": page.next,
        },
        people=lambda: (
            table(("Block", "Event", "Values", "Transaction"), rows, empty="No events.")
            + f"\nblocks {page.first:,} to {page.last:,}"
            + (f"; earlier ones: --last {page.next}" if page.next >= 0 else "")
        ),
    )


@contracts.command("import")
def import_contract(
    address: Annotated[str, typer.Argument(help="Address of a contract of somebody else")] = "",
    name: Annotated[str, typer.Option(help="What to call it")] = "",
    abi: Annotated[Path | None, typer.Option(help="File: a plain ABI, an artifact, or an explorer's answer")] = None,
    deployments: Annotated[
        Path | None, typer.Option(help="deployed_addresses.json of Ignition, or a folder of hardhat-deploy")
    ] = None,
) -> None:
    """Keep the interface of a contract that this console did not deploy, or all that another tool deployed."""

    async def work(console: Console) -> Sequence[Imported]:
        from app.contracts.books import read_abi_file, read_deployments

        books, key = console.contracts.books, network_of(console).key.text
        if deployments is not None:
            found = read_deployments(deployments)
            await books.keep_all(key, found)
            return found
        if not address or abi is None:
            raise Invalid("An address and --abi are needed, or --deployments. Nothing was kept.", "Name them.")
        return [await books.keep(key, address, name or abi.stem, read_abi_file(abi))]

    kept = run(work)
    show(
        [{"name": each.name, "address": each.address, "entries": len(each.abi), "origin": each.origin} for each in kept],
        people=lambda: table(
            ("Contract", "Address", "Entries", "Origin"),
            [(each.name, each.address, len(each.abi), each.origin) for each in kept],
            empty="Nothing was kept.",
        ),
    )


@contracts.command("forget")
def forget(address: Annotated[str, typer.Argument(help="Address of an imported contract")]) -> None:
    """Take an imported interface out of the address book. The contract stays where it is."""

    async def work(console: Console) -> str:
        await console.contracts.books.forget(network_of(console).key.text, address)
        return address

    gone = run(work)
    show({"forgotten": gone}, people=f"{gone} is no longer in the address book.")
