"""Money on the command line: sending it, asking for it, and who gets it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import carry_out, leave, report, run, show, table
from app.cli.wallets import wallets

if TYPE_CHECKING:
    from app.console import Console
    from app.wallets import ImportReport

contacts = typer.Typer(help="Names for addresses that money goes to.", no_args_is_help=True)

GWEI_DECIMALS = 9
BAD_ROWS = 2  # exit code: the file has lines that cannot be taken

Token = Annotated[str, typer.Option(help="AZR, native, or a token's address")]
Level = Annotated[str, typer.Option("--fee", help="slow, normal or fast")]
MaxFee = Annotated[str, typer.Option(help="Most to pay per gas, in gwei, instead of a level")]
Tip = Annotated[str, typer.Option(help="Tip per gas in gwei, with --max-fee")]


def fee_choice(level: str, max_fee: str, tip: str) -> dict[str, str]:
    """The fee of a draft from the options of a command.

    Raises:
        Invalid: both a level and a price, or no amount.
    """
    from app.core.errors import Invalid
    from app.core.money import parse_units

    if max_fee:
        if level:
            raise Invalid("A level and a price were given. Nothing was planned.", "Give one of --fee and --max-fee.", field="fee")
        most, extra = (parse_units(text or "0", GWEI_DECIMALS, unit="gwei", field="fee") for text in (max_fee, tip))
        return {"max_fee": str(most), "tip": str(extra)}
    return {"level": level} if level else {}


def read_file(path: str) -> bytes:
    """A file, or standard input for ``-``.

    Raises:
        Invalid: it cannot be read.
    """
    from app.core.errors import Invalid

    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}). Nothing was done.", "Name a readable file, or -.") from error


def write_file(path: str, text: str) -> None:
    """A new file for the user's eyes only.

    Raises:
        Invalid: it exists already, or cannot be written.
    """
    import os

    from app.core.errors import Invalid

    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Invalid(f"{path} cannot be written ({error.strerror}). Nothing was exported.", "Name a new file.") from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)


@wallets.command("send")
def send(
    sender: Annotated[str, typer.Option("--from", help="Account label or address")],
    to: Annotated[str, typer.Option("--to", help="Recipient's address, or label of a contact or account")],
    amount: Annotated[str, typer.Argument(help="Amount in whole units, such as 12.5, or max")],
    token: Token = "AZR",
    note: str = "",
    level: Level = "",
    max_fee: MaxFee = "",
    tip: Tip = "",
    compared: Annotated[str, typer.Option(help="The recipient's whole address again, when it looks like a known one")] = "",
) -> None:
    """Transfer AZR, the native coin or any ERC-20 token."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        from app.wallets import TransferDraft

        network, fee = network_of(console), fee_choice(level, max_fee, tip)
        payer = (await console.wallets.get(sender)).address
        payee, contract = await console.wallets.resolve(to), await console.token_address(network, token)
        if amount.casefold() == "max":
            most = await console.wallets.max_amount(network.id, payer, contract, payee, fee)
            units, fee = most.amount, dict(most.fee)
        else:
            units = await console.wallets.parse_amount(network.id, contract, amount)
        draft = TransferDraft(network.id, payer, payee, units, contract, note, compared, fee)
        return await carry_out(console, await console.wallets.plan_transfer(draft))

    report(run(work))


@wallets.command("receive")
def receive(
    account: str,
    amount: Annotated[str, typer.Option(help="Amount in whole units; without it the payer chooses")] = "",
    token: Token = "native",
    code: Annotated[bool, typer.Option("--qr", help="Draw the QR code")] = False,
) -> None:
    """Ask for a payment: an EIP-681 address to send or to show as a QR code."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        contract = await console.token_address(network, token)
        units = await console.wallets.parse_amount(network.id, contract, amount) if amount else None
        uri = console.wallets.receive_uri(await console.wallets.resolve(account), network.id, contract, units)
        return uri, console.wallets.receive_qr(uri)

    uri, matrix = run(work)
    show({"uri": uri, "qr": ["".join("#" if dark else "." for dark in row) for row in matrix]}, people=lambda: uri)
    if code:
        from app.cli.support import say

        say(draw(matrix))


def draw(matrix: list[list[bool]]) -> str:
    """A QR code for a terminal: two rows a line, dark on light, with its quiet zone."""
    size = len(matrix)

    def dark(row: int, column: int) -> bool:
        return 0 <= row < size and 0 <= column < size and matrix[row][column]

    blocks = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    return "\n".join(
        "".join(blocks[dark(row, column), dark(row + 1, column)] for column in range(-4, size + 4))
        for row in range(-4, size + 4, 2)
    )


@contacts.command("list")
def list_contacts() -> None:
    """All contacts."""
    found = run(lambda console: console.wallets.contacts())
    rows = [(contact.label, contact.address, contact.network, contact.note.replace("\n", " ")) for contact in found]
    show(found, people=lambda: table(("Label", "Address", "Network", "Note"), rows, empty="No contacts yet."))


@contacts.command("add")
def add_contact(
    label: str,
    address: str,
    note: str = "",
    only_on: Annotated[str, typer.Option(help="Id of the only network on which the address is meant")] = "",
) -> None:
    """Keep a contact."""
    made = run(lambda console: console.wallets.add_contact(label, address, note, only_on))
    show(made, people=lambda: f"{made.label} {made.address} is a contact.")


@contacts.command("remove")
def remove_contact(contact: str) -> None:
    """Forget a contact."""
    gone = run(lambda console: console.wallets.remove_contact(contact))
    show(gone, people=lambda: f"{gone.label} {gone.address} is no contact any more.")


@contacts.command("import")
def import_contacts(
    file: Annotated[str, typer.Argument(help="CSV with the headings label and address; - is standard input")],
    leave_out: Annotated[bool, typer.Option("--leave-out", help="Leave out the lines that cannot be taken")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what importing would do")] = False,
) -> None:
    """Add the contacts of a CSV file: all or none. Exit code 2 when lines cannot be taken."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        found = await console.wallets.check_contacts(read_file(file))
        wanted = found.without_problems() if leave_out else found
        taken = not check and not wanted.problems
        return found, taken, await console.wallets.import_contacts(wanted) if taken else []

    found, taken, added = run(work)
    told = {"rows": found.rows, "new": len(found.new), "problems": len(found.problems), "added": len(added)}
    show(told, people=lambda: _imported(found, len(added), taken))
    leave(BAD_ROWS if found.problems and not leave_out else 0)


def _imported(found: ImportReport, added: int, taken: bool) -> str:
    lines = [f"line {row.line}: {row.problem}" for row in found.problems]
    known = sum(row.known for row in found.rows)
    done = f"{added:,} contacts added" if taken else f"{len(found.new):,} contacts could be added, none was"
    return "\n".join([*lines, f"{done}; {known:,} were here already, {len(found.problems):,} lines cannot be taken."])


@contacts.command("export")
def export_contacts(file: Annotated[str, typer.Argument(help="New CSV file; - is standard output")] = "-") -> None:
    """Write all contacts as CSV."""
    text = run(lambda console: console.wallets.export_contacts())
    if file == "-":
        show({"csv": text}, people=lambda: text.rstrip("\r\n"))
    else:
        write_file(file, text)
        show({"file": file}, people=f"Written to {file}.")
