"""Local chains on the command line: their life, their timeline, and what only a local chain can do."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.support import carry_out, fail, moment, options, read_secret, report, run, say, show, table
from app.core.errors import Invalid
from app.core.money import exact_units, parse_units

if TYPE_CHECKING:
    from app.console import Console
    from app.operations import Plan

chains = typer.Typer(help="Local chains: their life, blocks, time, accounts, and snapshots to return to.", no_args_is_help=True)
Planned = Callable[["Console"], Awaitable["Plan"]]
Name = Annotated[str, typer.Argument(help="Name of the local chain")]


def _quick(planned: Planned) -> None:
    """Plan and run at once: on chains that the console starts, plans are quick."""
    options.yes = True

    async def work(console: Console) -> Plan:
        return await carry_out(console, await planned(console))

    report(run(work))


@chains.command("create")
def create(
    name: Name,
    chain_id: Annotated[int, typer.Option(help="EIP-155 chain id")] = 1337,
    accounts: Annotated[int, typer.Option(help="How many accounts of the test phrase get coins")] = 0,
    balance: Annotated[str, typer.Option(help="What each of them gets, in ETH")] = "10000",
    phrase_file: Annotated[str, typer.Option(help="A phrase of your own for tests (- reads standard input); it is not kept")] = "",
    block_time: Annotated[int, typer.Option(help="Seconds between blocks; 0 mines each transaction at once")] = 0,
    hard_fork: Annotated[str, typer.Option(help="paris, shanghai, cancun or prague")] = "shanghai",
    fork: Annotated[str, typer.Option(help="Id of a network whose state it goes on from")] = "",
    fork_block: Annotated[int, typer.Option(help="From which block; -1 is the newest")] = -1,
) -> None:
    """Create a local chain, start it, and make it the current network."""

    async def planned(console: Console) -> Plan:
        from app.wallets.published import addresses_of

        if not 0 <= accounts <= 100:
            raise Invalid("A chain starts with 0 to 100 accounts. Nothing was created.", "Ask for fewer.", field="accounts")
        phrase = read_secret(phrase_file, "test phrase") if phrase_file else None
        return await console.nodes.plan_create(
            name,
            chain_id,
            accounts=await addresses_of(accounts, phrase),
            balance=parse_units(balance, 18, unit="ETH", field="balance"),
            block_time=block_time,
            hard_fork=hard_fork,
            fork_of=fork,
            fork_block=None if fork_block < 0 else fork_block,
        )

    _quick(planned)


@chains.command("fork")
def fork_network(
    network: Annotated[str, typer.Argument(help="Id of the network")],
    name: Name,
    block: Annotated[int, typer.Option(help="From which block; -1 is the newest")] = -1,
    chain_id: Annotated[int, typer.Option(help="EIP-155 chain id of the fork")] = 1338,
) -> None:
    """Create a local chain that goes on from the state of another network."""
    create(name, chain_id=chain_id, fork=network, fork_block=block)


@chains.command("start")
def start(name: Name) -> None:
    """Start a stopped or crashed local chain with its state; says what a crash cost."""
    _quick(lambda console: console.nodes.plan_start(name))


@chains.command("stop")
def stop(name: Name) -> None:
    """Stop a local chain; its state is saved."""
    _quick(lambda console: console.nodes.plan_stop(name))


@chains.command("restart")
def restart(name: Name) -> None:
    """Stop a local chain and start it again where it listened."""
    _quick(lambda console: console.nodes.plan_restart(name))


@chains.command("delete")
def delete(name: Name) -> None:
    """Delete a stopped local chain with its state, history and snapshots. Asks for its name, unless --yes."""

    async def planned(console: Console) -> Plan:
        typed = name if options.yes else ""
        if not typed and sys.stdin.isatty():
            say(f"This deletes {console.nodes.lost_with(name)}. It does not come back.")
            typed = str(typer.prompt(f"Type {name} to delete it"))
        return await console.nodes.plan_delete(name, typed)

    async def work(console: Console) -> Plan:
        plan = await planned(console)
        options.yes = True
        return await carry_out(console, plan)

    report(run(work))


@chains.command("list")
def list_chains() -> None:
    """Local chains and their state."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.nodes.list(), console.nodes.available()

    nodes, why = run(work)
    rows = [(n.name, n.chain_id, str(n.state), n.url, n.pid or "") for n in nodes]
    show(
        {"chains": nodes, "native_node": why or "available"},
        people=lambda: table(
            ("Name", "Chain id", "State", "URL", "Pid"), rows, empty=why or "No local chains. Make one: azora chain create NAME"
        ),
    )


@chains.command("show")
def show_chain(name: Name) -> None:
    """One chain: how it runs, its clock, its accounts, what waits in its pool, and why it crashed."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.nodes.look(name)

    seen = run(work)
    node = seen.node

    def people() -> str:
        fork = f"\nFork of {node.fork_url} at {node.fork_block:,}." if node.fork_url else ""
        lines = [f"{node.name}: {node.state}, chain id {node.chain_id}, {node.hard_fork}, mines {seen.pace}.{fork}"]
        if node.url:
            lines.append(
                f"{node.url}, block {seen.height:,}, {moment(seen.chain_time * 1000)} UTC, base fee {seen.base_fee:,} wei per gas"
            )
        lines += [seen.explained] if seen.explained else []
        held = [(a.address, exact_units(a.wei, 18), a.nonce) for a in seen.accounts]
        lines += [table(("Test account", "ETH", "Nonce"), held, empty="")] if held else []
        waiting = [(p.hash, p.sender, p.nonce) for p in seen.pending]
        lines += [table(("Waits in the pool", "From", "Nonce"), waiting, empty="")] if waiting else []
        return "\n".join(lines)

    show(seen, people=people)


@chains.command("log")
def log(
    name: Name,
    lines: Annotated[int, typer.Option(help="How many of the last lines")] = 100,
    filter_: Annotated[str, typer.Option("--filter", help="Only lines with this text")] = "",
) -> None:
    """The last lines that a chain's node wrote."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return console.nodes.log(name, lines=max(lines, 1), containing=filter_)

    found = run(work)
    show({"lines": found}, people="\n".join(found) or "No such line.")


# the timeline


@chains.command("snapshot")
def snapshot(name: Name, snapshot: Annotated[str, typer.Argument(help="Name of the snapshot")]) -> None:
    """Keep the state of a running chain under a name."""
    _quick(lambda console: console.nodes.plan_snapshot(name, snapshot))


@chains.command("snapshots")
def snapshots(name: Name) -> None:
    """The snapshots of a chain as a tree, with their size on disk."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return console.nodes.snapshots(name), console.nodes.get(name).base

    found, base = run(work)

    def people() -> str:
        depth: dict[str, int] = {}
        rows = []
        for each in found:
            depth[each.id] = depth.get(each.parent, -1) + 1
            mark = "*" if each.id == base else ""
            kind = "automatic" if each.automatic else ""
            where = "  " * min(depth[each.id], 12) + each.name
            rows.append((mark, where, each.height, moment(each.created_at), f"{each.size / 1000:,.0f} kB", kind))
        total = sum(each.size for each in found)
        shown = table(("", "Snapshot", "Block", "Taken", "Size", ""), rows, empty="No snapshots. Take one: azora chain snapshot")
        return f"{shown}\n{total / 1e6:,.1f} MB on disk. * the present blocks descend from it" if found else shown

    show({"snapshots": found, "base": base}, people=people)


@chains.command("restore")
def restore(name: Name, snapshot: Annotated[str, typer.Argument(help="Name or id of the snapshot")]) -> None:
    """Return to a snapshot. What the console sent after it is not sent again; the state before is kept for going back."""
    _quick(lambda console: console.nodes.plan_restore(name, snapshot))


@chains.command("forget")
def forget(name: Name, snapshot: Annotated[str, typer.Argument(help="Name or id of the snapshot")]) -> None:
    """Delete a snapshot; those that descend from it stay."""
    _quick(lambda console: console.nodes.plan_forget(name, snapshot))


@chains.command("export")
def export(name: Name, snapshot: Annotated[str, typer.Argument(help="Name or id of the snapshot")], file: Path) -> None:
    """Write a snapshot as one file that another console can import."""

    found = run(lambda console: console.nodes.export_snapshot(name, snapshot, file))
    show({"snapshot": found, "file": str(file)}, people=f"{file} holds {found.name} of {name}, block {found.height:,}.")


@chains.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="What azora chain export wrote")],
    name: Name,
    snapshot: Annotated[str, typer.Option("--as", help="What the snapshot is called here; empty: as in the file")] = "",
) -> None:
    """Take a snapshot's file into a chain; where there is no chain of that name, one is made that begins with it."""
    _quick(lambda console: console.nodes.plan_import(file, name, snapshot))


# blocks, time and money


@chains.command("mine")
def mine(name: Name, blocks: int = 1) -> None:
    """Mine blocks at once."""
    _quick(lambda console: console.nodes.plan_mine(name, blocks))


@chains.command("warp")
def warp(
    name: Name,
    by: Annotated[int, typer.Option(help="Seconds ahead of the newest block")] = 0,
    to: Annotated[str, typer.Option(help="A time in UTC, such as 2027-01-31T12:00")] = "",
) -> None:
    """Move a chain's clock ahead; a block is made at that time."""
    seconds = 0
    if to:
        try:
            when = datetime.fromisoformat(to)
        except ValueError:
            fail(Invalid(f"“{to}” is not a time. Nothing was done.", "Write it as 2027-01-31T12:00, in UTC.", field="to"))
        seconds = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    _quick(lambda console: console.nodes.plan_warp(name, by=by, to=seconds))


@chains.command("pause")
def pause(name: Name) -> None:
    """Make blocks on request only. Go on with: azora chain interval NAME 0"""
    _quick(lambda console: console.nodes.plan_pace(name, paused=True))


@chains.command("interval")
def interval(name: Name, seconds: Annotated[int, typer.Argument(help="0 mines each transaction at once")]) -> None:
    """Make a block every so many seconds, or with each transaction."""
    _quick(lambda console: console.nodes.plan_pace(name, seconds=seconds))


@chains.command("basefee")
def base_fee(name: Name, gwei: Annotated[str, typer.Argument(help="Base fee of the next block, in gwei per gas")]) -> None:
    """Make a block with a base fee; the fees after it follow EIP-1559."""

    async def planned(console: Console) -> Plan:
        return await console.nodes.plan_base_fee(name, parse_units(gwei, 9, unit="gwei", field="gwei"))

    _quick(planned)


@chains.command("drop")
def drop(name: Name, tx_hash: Annotated[str, typer.Argument(help="Hash of the transaction")]) -> None:
    """Drop a transaction from the pool."""
    _quick(lambda console: console.nodes.plan_drop(name, tx_hash))


@chains.command("reorg")
def reorg(name: Name, depth: Annotated[int, typer.Argument(help="How many of the last blocks")]) -> None:
    """Replace the last blocks by empty ones. What the console had sent in them is sent again."""
    _quick(lambda console: console.nodes.plan_reorg(name, depth))


@chains.command("fund")
def fund(
    name: Name,
    account: Annotated[str, typer.Argument(help="Label of an account or contact, or an address")],
    amount: Annotated[str, typer.Argument(help="native coin, such as 10")],
    exact: Annotated[bool, typer.Option("--exact", help="Set the balance to the amount instead of adding it")] = False,
) -> None:
    """Give an account native coin, on local chains only."""

    async def planned(console: Console) -> Plan:
        who = await console.wallets.resolve(account)
        return await console.nodes.plan_fund(name, who, parse_units(amount, 18, unit="ETH"), exact=exact)

    _quick(planned)


@chains.command("impersonate")
def impersonate(
    name: Name,
    sender: Annotated[str, typer.Argument(help="In whose name: a label or an address; no key is needed")],
    to: Annotated[str, typer.Argument(help="Label or address")],
    amount: Annotated[str, typer.Option(help="native coin")] = "0",
    data: Annotated[str, typer.Option(help="Call data, 0x and hex digits")] = "0x",
) -> None:
    """Send a transaction in the name of any account, on local chains only."""

    async def planned(console: Console) -> Plan:
        who, whom = await console.wallets.resolve(sender), await console.wallets.resolve(to)
        return await console.nodes.plan_impersonate(name, who, whom, parse_units(amount, 18, unit="ETH"), data)

    _quick(planned)
