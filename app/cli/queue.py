"""The queue of signed transactions on the command line: look, speed up, cancel, repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import Limit, carry_out, moment, page_of, plain, report, run, show, table, tell_rest
from app.cli.wallets import wallets
from app.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from app.chain import NonceReport, QueuedTransaction
    from app.console import Console
    from app.operations import Plan

GWEI = 9  # decimals
TxHash = Annotated[str, typer.Argument(help="Hash of a transaction that this console signed.")]
Price = Annotated[str, typer.Option(help="In gwei per gas; default: the least that nodes take and the network asks now.")]


@wallets.command("queue")
def show_queue(
    account: Annotated[str, typer.Argument(help="Label or address; default: all accounts that ever sent.")] = "",
    limit: Limit = 50,
    before: Annotated[str, typer.Option(help="Hash of the last row of the page before.")] = "",
) -> None:
    """What was signed, and where it is: signed, sent, seen, mined, final, replaced, dropped."""
    after = _hash(before) if before else ""

    async def work(console: Console) -> tuple[list[NonceReport], list[QueuedTransaction], bool, int]:
        network = network_of(console).key.text
        sender = await console.wallets.resolve(account) if account else ""
        if after and await console.transactions.queue.get(network, after) is None:
            raise NotFound(f"{after} is no transaction of this queue. Nothing was read.", "Begin with the first page.")
        rows, more = page_of(await console.transactions.page(network, sender, before=after, limit=limit + 1), limit)
        senders = [sender] if sender else list(dict.fromkeys(row.sender for row in rows))
        reports = [await console.transactions.nonces(network, each) for each in senders]
        return reports, rows, more, await console.transactions.queue.count(network, sender)

    reports, rows, more, total = run(work)

    def people() -> str:
        cells = [(r.nonce, r.state.value, r.block or "–", moment(r.sent_at), r.hash, r.description) for r in rows]
        lines = [table(("Nonce", "State", "Block", "Sent (UTC)", "Hash", "What"), cells, empty="Nothing was signed here.")]
        for each in reports:
            lines.append(f"{each.sender}: {each.latest:,} used, next {each.next:,}. {each.advice}")
        return "\n".join(lines)

    show({"accounts": [_account(each) for each in reports], "transactions": [_row(row) for row in rows]}, people=people)
    tell_rest(len(rows), total, f"--before {rows[-1].hash}" if more else "")


@wallets.command("speed-up")
def speed_up(tx_hash: TxHash, max_fee: Price = "", tip: Price = "") -> None:
    """Send the same transaction for a higher price, at the same nonce."""

    async def work(console: Console) -> Plan:
        return await carry_out(console, await console.transactions.plan_speed_up(_hash(tx_hash), _gwei(max_fee), _gwei(tip)))

    report(run(work))


@wallets.command("cancel")
def cancel(tx_hash: TxHash) -> None:
    """Put an empty transaction in the place of one that waits. What is in a block stays there."""

    async def work(console: Console) -> Plan:
        return await carry_out(console, await console.transactions.plan_cancel(_hash(tx_hash)))

    report(run(work))


@wallets.command("repair")
def repair(account: Annotated[str, typer.Argument(help="Label or address.")]) -> None:
    """Send lost bytes again and fill the nonces that nothing holds."""

    async def work(console: Console) -> Plan:
        sender = await console.wallets.resolve(account)
        return await carry_out(console, await console.transactions.plan_repair(network_of(console).key.text, sender))

    report(run(work))


def _hash(text: str) -> str:
    clean = text.strip().lower()
    if len(clean) != 66 or not clean.startswith("0x") or any(letter not in "0123456789abcdef" for letter in clean[2:]):
        raise Invalid("A transaction's hash is 0x and 64 hex digits. Nothing was planned.", "azora wallet queue lists them.")
    return clean


def _gwei(text: str) -> int | None:
    from app.core.money import parse_units

    return parse_units(text, GWEI) if text else None


def _account(each: NonceReport) -> dict[str, object]:
    named: dict[str, object] = {"sender": each.sender, "latest": each.latest, "pending": each.pending, "next": each.next}
    return named | {"gaps": list(each.gaps), "waiting": len(each.waiting), "advice": each.advice}


def _row(row: QueuedTransaction) -> dict[str, object]:
    body = plain(row)
    assert isinstance(body, dict)
    return {name: value for name, value in body.items() if name != "raw"}
