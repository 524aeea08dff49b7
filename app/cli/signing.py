"""Typed data, messages and signatures on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import CHECK_FAILED, carry_out, leave, options, report, run, say, show
from app.cli.wallets import wallets
from app.core.errors import Invalid

if TYPE_CHECKING:
    from app.console import Console
    from app.operations import Plan
    from app.wallets import FieldNode, Verified

FILE = typer.Argument(help="JSON of typed data as eth_signTypedData_v4 takes it; - is standard input.")
MESSAGE = typer.Option("--message", help="File with a message instead (EIP-191, personal_sign), signed byte for byte.")
HEX = typer.Option("--hex", help="The message file holds the bytes as hex digits.")
VALIDATOR = typer.Option("--validator", help="Sign the message for this validator only (EIP-191 version 0x00).")


@wallets.command("sign")
def sign(
    account: Annotated[str, typer.Option("--from", help="Account label or address; a request names it itself")] = "",
    file: Annotated[str, FILE] = "",
    request: Annotated[str, typer.Option("--request", help="Sign the transaction in a request of another console.")] = "",
    message: Annotated[str, MESSAGE] = "",
    hex_digits: Annotated[bool, HEX] = False,
    validator: Annotated[str, VALIDATOR] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write the signature and what it is over to this JSON file.")] = None,
) -> None:
    """Sign typed data or a message; nothing goes on chain. Every field is shown and the chain is compared first."""
    if request:
        from app.cli.elsewhere import sign_request

        sign_request(request, account, str(out or ""))
        return
    if not account:
        raise Invalid("Who signs? Nothing was signed.", "Name the account with --from.", field="account")
    content = _content("sign", file, message, hex_digits)

    async def work(console: Console) -> tuple[Plan, str]:
        if isinstance(content, str):
            plan = await console.wallets.plan_sign_typed(account, content, network_of(console).id)
            say(_told(await console.wallets.parse_typed(content)))
        else:
            plan = await console.wallets.plan_sign_message(account, content, validator)
            say(_quoted(content))
        for note in plan.preview.notes if plan.preview else ():
            say(f"  {note}")
        plan = await carry_out(console, plan)
        return plan, (await console.wallets.signed(plan.id)).to_json() if plan.state == "done" else ""

    plan, signed = run(work)
    if not signed:
        report(plan)
    if out is not None:
        _write(out, signed)
    if options.json:
        print(signed, end="")
    else:
        say(f"{plan.name} done. Nothing was sent.{f' Written to {out}.' if out else ''}")
        print(plan.steps[0].result["signature"])


@wallets.command("verify")
def verify(
    file: Annotated[str, FILE] = "",
    message: Annotated[str, MESSAGE] = "",
    hex_digits: Annotated[bool, HEX] = False,
    validator: Annotated[str, VALIDATOR] = "",
    address: Annotated[str, typer.Option("--address", help="Who is said to have signed; label or address.")] = "",
    signature: Annotated[str, typer.Option("--signature", help="0x… hex: 65 bytes, 64 (EIP-2098), or what a contract takes.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask a contract on the network (EIP-1271).")] = False,
) -> None:
    """Check a signature. A file that `sign --out` wrote needs nothing else. Ends with 9 when the signature does not count."""
    if file and not message and not signature:
        content, validator, address, signature = _exported(_read(file, "file"))
    else:
        content = _content("verify", file, message, hex_digits)
        if not address or not signature:
            raise Invalid("Whose signature, and which? Nothing was checked.", "Give --address and --signature.")

    async def work(console: Console) -> Verified:
        where = "" if offline or (not options.network and console.networks.current is None) else network_of(console).id
        who = await console.wallets.resolve(address)
        if isinstance(content, str):
            return await console.wallets.verify_typed(who, content, signature, where)
        return await console.wallets.verify_message(who, content, signature, where, validator)

    found = run(work)
    show(found, people=f"{'VALID' if found.valid else 'NOT VALID'}. {found.text}\nDigest 0x{found.digest.hex()}")
    leave(0 if found.valid else CHECK_FAILED)


def _content(verb: str, file: str, message: str, hex_digits: bool) -> str | bytes:
    """Typed data as text, or a message as bytes."""
    if bool(file) == bool(message):
        raise Invalid(
            "One thing is needed: a file of typed data, or --message with a file. Nothing was done.",
            f"See: azora wallet {verb} --help",
        )
    if file:
        return _read(file, "typed data").decode("utf-8", "surrogateescape")
    data = _read(message, "message")
    if not hex_digits:
        return data
    try:
        return bytes.fromhex(data.decode("ascii").strip().removeprefix("0x"))
    except ValueError:
        raise Invalid("The message file holds no hex digits. Nothing was done.", "Leave --hex away to sign it as it is.") from None


def _exported(data: bytes) -> tuple[str | bytes, str, str, str]:
    """Content, validator, address and signature of a file that ``sign --out`` wrote."""
    from app.wallets.strict_json import read

    said = read(data.decode("utf-8", "surrogateescape"), 4_000_000, "Nothing was checked.")
    if not isinstance(said, dict) or not {"address", "signature"} <= set(said) or not {"typedData", "message"} & set(said):
        raise Invalid("This file holds no signature. Nothing was checked.", "Give --address and --signature with typed data.")
    texts = {key: str(value) for key, value in said.items()}
    if "typedData" in texts:
        return texts["typedData"], "", texts["address"], texts["signature"]
    try:
        return bytes.fromhex(texts["message"].removeprefix("0x")), texts.get("validator", ""), texts["address"], texts["signature"]
    except ValueError:
        raise Invalid("The message in this file is not hex. Nothing was checked.", "Ask for the file again.") from None


def _read(path: str, what: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"The {what} cannot be read ({error.strerror}). Nothing was done.", "Name a readable file.") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(
            f"{path} cannot be written ({error.strerror}). The signature is kept in its plan.", "azora plan show prints it."
        ) from error


def _told(data: object) -> str:
    from app.wallets.typed import TypedData

    assert isinstance(data, TypedData)
    lines = ["Domain", *_tree(data.domain_fields, 1), data.primary_type, *_tree(data.fields, 1)]
    return "\n".join(lines)


def _tree(nodes: tuple[FieldNode, ...], depth: int) -> list[str]:
    from app.wallets.consent import visible

    lines: list[str] = []
    for node in nodes:
        lines.append(f"{'  ' * depth}{node.name} ({node.type}){': ' + visible(node.value) if not node.parts else ''}")
        lines += _tree(node.parts, depth + 1)
    return lines


def _quoted(data: bytes) -> str:
    from app.wallets.consent import visible

    try:
        return "\n".join(f"  | {visible(line)}" for line in data.decode("utf-8").split("\n"))
    except UnicodeDecodeError:
        return f"  0x{data.hex()}"
