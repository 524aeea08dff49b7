"""Accounts that sign elsewhere, on the command line: JSON-RPC signers, and transactions carried by hand."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.keys import read_file, wallets, write_new
from app.cli.support import options, report, run, say, show
from app.core.errors import Cancelled, Invalid

if TYPE_CHECKING:
    from app.console import Console
    from app.wallets import HandRequest

__all__ = ["sign_request", "wallets"]


@wallets.command("signer")
def signer(url: Annotated[str, typer.Argument(help="Such as http://127.0.0.1:8550")]) -> None:
    """What a JSON-RPC signer is, and which accounts it offers."""
    found = run(lambda console: console.wallets.look_at_signer(url))
    lines = [f"{found.name} {found.version} at {found.url}", *(f"  {address}" for address in found.accounts)]
    show(found, people="\n".join(lines))


@wallets.command("external")
def external(
    label: str,
    address: str,
    url: Annotated[str, typer.Option("--signer", help="Address of the Web3Signer, Clef or Frame that has the key")],
) -> None:
    """List an account whose key is in a JSON-RPC signer."""
    account = run(lambda console: console.wallets.add_external(label, address, url))
    show(account, people=lambda: f"{account.label} {account.address} signs at {account.signer}.")


@wallets.command("request")
def request(
    plan: Annotated[str, typer.Argument(help="A plan that waits for a signature from another console")],
    out: Annotated[str, typer.Option("--out", help="New file to carry over; default: standard output.")] = "",
) -> None:
    """The transaction of a waiting plan, as a text to carry to the console that has the key."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        text = await console.wallets.hand_request((await console.operations.get(plan)).id)
        return text, await console.wallets.read_request(text)

    text, asked = run(work)
    _carry(text, asked, out)


def sign_request(file: str, account: str, out: str) -> None:
    """Sign a request of another console: shown first, confirmed by its digest, written to a file to carry back."""
    text = _given(file)

    async def work(console: Console):  # type: ignore[no-untyped-def]
        asked = await console.wallets.read_request(text)
        if not options.yes:
            for line in (*asked.words, f"Digest: {asked.digest}"):
                say(line)
            if options.json or not sys.stdin.isatty():
                raise Invalid("Nobody was there to confirm. Nothing was signed.", "Add --yes.")
            if (await asyncio.to_thread(input, "Type the last four digits of the digest to sign: ")).strip() != asked.digest[-4:]:
                raise Cancelled("Not confirmed. Nothing was signed.")
        return await console.wallets.sign_request(text, account), asked

    signed, asked = run(work)
    _carry(signed, asked, out)


def _carry(text: str, asked: HandRequest, out: str) -> None:
    if not out:
        print(text, end="")
        return
    write_new(out, text.rstrip("\n"), "It")
    lines = [f"Written to {out}.", *(f"  {line}" for line in asked.words), f"  Digest to compare: {asked.digest}"]
    show({"file": out, "digest": asked.digest, "words": asked.words}, people="\n".join(lines))


@wallets.command("offer")
def offer(
    plan: Annotated[str, typer.Argument(help="The plan that waits for it")],
    file: Annotated[str, typer.Argument(help="File with the signed transaction (ours, or 0x…); - is standard input.")],
) -> None:
    """Bring the signature that a plan waits for; it is compared with what was asked, then the plan goes on."""
    text = _given(file)

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.wallets.offer_signed((await console.operations.get(plan)).id, text)

    report(run(work))


def _given(file: str) -> str:
    from app.wallets.byhand import LONGEST_LIST

    return sys.stdin.read() if file == "-" else read_file(file, LONGEST_LIST).decode("utf-8", "replace")
