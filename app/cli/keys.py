"""Phrases, keys and accounts on the command line. Secrets come from files or standard input, never from arguments."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import CHECK_FAILED, KEYS, carry_out, leave, options, passphrase, read_secret, report, run, show, table
from app.cli.wallets import wallets
from app.core.errors import Conflict, ConsoleError, Denied, Invalid
from app.core.money import exact_units
from app.core.secret import Secret

if TYPE_CHECKING:
    from app.console import Console
    from app.wallets import BackupCheck

__all__ = ["read_file", "wallets", "write_new"]

LARGEST_FILE = 2**20  # bytes of a keystore file; more is none
PathOption = Annotated[str, typer.Option("--path", help="bip44, ledger-live, ledger-legacy, or a path with {index}")]
SaltOption = Annotated[
    str, typer.Option("--phrase-passphrase", help="File with the BIP-39 passphrase of the phrase; - is standard input.")
]


def write_new(path: str, text: str, what: str) -> None:
    """Write a new file that only its owner may read; an existing one is never touched.

    Raises:
        Conflict: there is such a file.
        Invalid: it cannot be written there.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict(f"{path} exists already. {what} was not written.", "Name a new file.") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be written ({error.strerror}). {what} was not written.", "Name another file.") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _from_file(check: BackupCheck, path: str) -> None:
    """Answer the check with what the backup really holds, read again."""
    words = Path(path).read_text(encoding="utf-8").split()
    check.answer([Secret(words[place - 1] if place <= len(words) else "") for place in check.places])


def _from_person(check: BackupCheck, phrase: Secret) -> None:
    """Show the words once, take them off the screen, and ask for some of them."""
    words = phrase.reveal().split()
    print("Write these words on paper, in this order. They are shown once.\n")
    for number, word in enumerate(words, 1):
        print(f"{number:4}. {word}")
    input("\nPress Enter when they are written down; the screen is cleared then. ")
    print("\x1b[2J\x1b[3J\x1b[H", end="", flush=True)  # screen, scroll-back, cursor home (ECMA-48 and xterm)
    for _ in range(3):
        try:
            check.answer([Secret(input(f"Word {place}: ")) for place in check.places])
            return
        except Invalid as error:
            print(f"{error.message} {error.remedy}")
    raise Invalid("Three answers were wrong. Nothing was created; this phrase is forgotten.", "Create a new one.")


@wallets.command("create")
def create(
    label: str,
    accounts: Annotated[int, typer.Option(help="How many addresses to derive")] = 1,
    words: Annotated[int, typer.Option(help="12, 15, 18, 21 or 24")] = 12,
    phrase_file: Annotated[
        str, typer.Option("--restore", help="File with a recovery phrase to restore; - is standard input.")
    ] = "",
    backup_file: Annotated[
        str, typer.Option("--write-phrase", help="New file (mode 600) that gets the new phrase: the backup.")
    ] = "",
    salt_file: SaltOption = "",
    path: PathOption = "bip44",
    index: Annotated[list[int] | None, typer.Option(help="Index of an account; may be repeated. Default: 0 and on.")] = None,
) -> None:
    """Create or restore an HD wallet. A new phrase is written where --write-phrase says, or shown once and asked back."""
    asking = not phrase_file and not backup_file
    if asking and (options.json or not sys.stdin.isatty() or not sys.stdout.isatty()):
        raise Invalid(
            "A new recovery phrase needs a place for its backup, and nobody is there to write it down. Nothing was created.",
            "Add --write-phrase FILE, or --restore FILE for a phrase that you have.",
        )

    async def work(console: Console):  # type: ignore[no-untyped-def]
        salt = read_secret(salt_file, "passphrase of the phrase", strip=False) if salt_file else None
        check = None
        if phrase_file:
            phrase = read_secret(phrase_file, "recovery phrase")
        else:
            phrase = await console.wallets.new_phrase(words)
            check = console.wallets.backup_check(phrase)
            if backup_file:
                write_new(backup_file, phrase.reveal(), "The phrase")
                _from_file(check, backup_file)
            else:
                _from_person(check, phrase)
        try:
            plan = await console.wallets.plan_create(
                label, phrase, accounts=accounts, passphrase=salt, path=path, indexes=index or None, backup=check
            )
        except ConsoleError:
            if backup_file and not phrase_file:  # the phrase of a wallet that was never made, in a file of our own
                Path(backup_file).unlink(missing_ok=True)
            raise
        return await carry_out(console, plan)

    options.yes = True
    report(run(work))


@wallets.command("import")
def import_key(
    label: str,
    key_file: Annotated[str, typer.Option("--key", help="File with the private key in hex; - is standard input.")] = "",
    keystore_file: Annotated[str, typer.Option("--keystore", help="Keystore file, version 3.")] = "",
    password_file: Annotated[str, typer.Option("--password", help="File with the keystore's password; - is standard input.")] = "",
    watched: Annotated[str, typer.Option("--watch", help="An address, to be looked at only.")] = "",
) -> None:
    """Import a private key, a keystore file, or an address to watch."""
    if [bool(key_file), bool(keystore_file), bool(watched)].count(True) != 1 or bool(keystore_file) != bool(password_file):
        raise Invalid(
            "Nothing was imported: one of --key, --keystore and --watch is needed, and --password goes with --keystore.",
            "azora wallet import LABEL --keystore FILE --password FILE",
        )
    if watched:
        watch(label, watched)
        return

    async def work(console: Console):  # type: ignore[no-untyped-def]
        if key_file:
            plan = await console.wallets.plan_import_key(label, read_secret(key_file, "private key"))
        else:
            password = read_secret(password_file, "password", strip=False)
            plan = await console.wallets.plan_import_keystore(label, read_file(keystore_file), password)
        return await carry_out(console, plan)

    options.yes = True
    report(run(work))


def read_file(path: str, most: int = LARGEST_FILE) -> bytes:
    """A file of somebody else's, whole.

    Raises:
        Invalid: it cannot be read, or has more than ``most`` bytes.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}). Nothing was done.", "Name a readable file.") from error
    if len(data) > most:
        raise Invalid(f"{path} has more than {most:,} bytes. Nothing was done.", "Choose the right file.")
    return data


@wallets.command("watch")
def watch(label: str, address: str) -> None:
    """Watch an address without a key."""
    account = run(lambda console: console.wallets.watch(label, address))
    show(account, people=lambda: f"{account.label} {account.address} is watched.")


@wallets.command("list")
def list_accounts() -> None:
    """Accounts and where their keys are."""
    accounts = run(lambda console: console.wallets.list())
    rows = [(a.label, a.address, a.kind.value, a.path, KEYS.get(a.key_state, a.key_state), a.group) for a in accounts]
    show(
        accounts,
        people=lambda: table(
            ("Label", "Address", "Kind", "Path", "Key", "Group"), rows, empty="No accounts. Make one: azora wallet create LABEL"
        ),
    )


@wallets.command("add")
def add(
    wallet: Annotated[str, typer.Argument(help="Label of the wallet or of one of its accounts")],
    index: Annotated[list[int], typer.Option(help="Index of the account in the wallet's path; may be repeated")],
    label: Annotated[list[str] | None, typer.Option(help="Label of the account; may be repeated")] = None,
) -> None:
    """List more accounts of a phrase that is here."""
    options.yes = True

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await carry_out(console, await console.wallets.plan_add_accounts(wallet, index, label or ()))

    report(run(work))


@wallets.command("discover")
def discover(
    wallet: Annotated[str, typer.Argument(help="Label of a wallet that is here; empty with --phrase")] = "",
    phrase_file: Annotated[str, typer.Option("--phrase", help="File with a recovery phrase; nothing of it is kept.")] = "",
    salt_file: SaltOption = "",
    path: PathOption = "bip44",
    gap: Annotated[int, typer.Option(min=1, max=200, help="Unused accounts in a row that end the search")] = 20,
) -> None:
    """Which accounts of a phrase the network knows: transactions sent, balances of the native coin and of AZR."""
    if bool(wallet) == bool(phrase_file):
        raise Invalid("Name a wallet, or a file with --phrase. Nothing was looked for.")

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        if wallet:
            return network, await console.wallets.discover_more(network.id, wallet, gap)
        salt = read_secret(salt_file, "passphrase of the phrase", strip=False) if salt_file else None
        phrase = read_secret(phrase_file, "recovery phrase")
        return network, await console.wallets.discover(network.id, phrase, salt, path, gap)

    network, found = run(work)
    rows = [
        (
            d.index,
            d.path,
            d.address,
            "used" if d.used else "unused",
            *(exact_units(n, 18) for n in (d.native, d.azr)),
            d.nonce,
            d.label,
        )
        for d in found
    ]
    headings = ("Index", "Path", "Address", "State", network.symbol, "AZR", "Sent", "Label")
    show({"network": network.id, "accounts": found}, people=lambda: table(headings, rows, empty="None."))


@wallets.command("drill")
def drill(
    wallet: Annotated[str, typer.Argument(help="Label of the wallet or of one of its accounts")],
    backup_file: Annotated[str, typer.Option("--backup", help="File with the phrase or key of the backup; - is standard input.")],
    salt_file: SaltOption = "",
) -> None:
    """Prove that a backup gives the accounts listed here. Nothing of it is stored; exit code 9 when it does not."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        salt = read_secret(salt_file, "passphrase of the phrase", strip=False) if salt_file else None
        return await console.wallets.drill(wallet, read_secret(backup_file, "backup"), salt)

    drilled = run(work)
    lines = [drilled.text]
    lines += [
        f"  {row.label} {row.path} {row.expected} " + ("=" if row.expected == row.derived else "≠ " + row.derived)
        for row in drilled.rows
    ]
    show(drilled, people="\n".join(lines))
    leave(0 if drilled.matches else CHECK_FAILED)


@wallets.command("label")
def rename(account: str, label: str) -> None:
    """Give an account another label."""
    changed = run(lambda console: _edited(console, account, "label", label))
    show(changed, people=lambda: f"{changed.address} is called {changed.label}.")


@wallets.command("group")
def group(account: str, name: Annotated[str, typer.Argument(help="Name of the group; empty takes it out")] = "") -> None:
    """Put an account into a group."""
    changed = run(lambda console: _edited(console, account, "set_group", name))
    where = f"in the group {changed.group}" if changed.group else "in no group"
    show(changed, people=lambda: f"{changed.label} stands {where}.")


@wallets.command("note")
def note(account: str, text: str) -> None:
    """Keep a note with an account; it is no place for secrets."""
    changed = run(lambda console: _edited(console, account, "set_note", text))
    show(changed, people=lambda: f"Noted with {changed.label}.")


@wallets.command("move")
def move(account: str, position: Annotated[int, typer.Argument(min=1, help="1 is the first place of the list")]) -> None:
    """Put an account at another place of the list."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.wallets.move((await console.wallets.get(account)).id, position - 1)

    moved = run(work)
    show(moved, people=lambda: "\n".join(each.label for each in moved))


async def _edited(console: Console, account: str, verb: str, value: str):  # type: ignore[no-untyped-def]
    found = await console.wallets.get(account)
    return await getattr(console.wallets, verb)(found.id, value)


@wallets.command("export")
def export(
    account: str,
    keystore_file: Annotated[str, typer.Option("--keystore", help="New file (mode 600) that gets a keystore, version 3.")] = "",
    password_file: Annotated[str, typer.Option("--password", help="File with the password of the keystore.")] = "",
    key_file: Annotated[str, typer.Option("--key", help="New file (mode 600) that gets the bare private key.")] = "",
    phrase_file: Annotated[str, typer.Option("--phrase", help="New file (mode 600) that gets the recovery phrase.")] = "",
    salt_file: Annotated[
        str, typer.Option("--phrase-passphrase", help="New file (mode 600) that gets its BIP-39 passphrase.")
    ] = "",
) -> None:
    """Write a secret of an account to a new file, and journal it. Needs --passphrase-file where one is set, else --yes."""
    from app.wallets import Part

    chosen = {Part.KEY: key_file, Part.PHRASE: phrase_file, Part.PASSPHRASE: salt_file}
    wanted = [(part, file) for part, file in chosen.items() if file]
    if len(wanted) + bool(keystore_file) != 1 or bool(keystore_file) != bool(password_file):
        raise Invalid(
            "Nothing was exported: one of --keystore (with --password), --key, --phrase and --phrase-passphrase is needed.",
            "azora wallet export ACCOUNT --keystore FILE --password FILE",
        )
    target = keystore_file or wanted[0][1]
    if os.path.lexists(target):
        raise Conflict(f"{target} exists already. Nothing was exported.", "Name a new file.")
    given = passphrase()

    async def work(console: Console):  # type: ignore[no-untyped-def]
        if given is None and not options.yes and not console.access.passphrase_set:
            raise Denied(
                "No console passphrase is set, so nothing but a confirmation stands before a secret. Nothing was exported.",
                "Confirm it with --yes, or set a passphrase first: azora access passphrase --new FILE",
            )
        if keystore_file:
            password = read_secret(password_file, "password", strip=False)
            return Secret(await console.wallets.export_keystore(account, password, given, confirmed=options.yes))
        return await console.wallets.reveal(account, given, part=wanted[0][0], confirmed=options.yes)

    write_new(target, run(work).reveal(), "The secret")
    show({"file": target}, people=f"Written to {target}, readable by its owner only.")


@wallets.command("delete")
def delete(account: str, name: Annotated[str, typer.Option("--name", help="The account's label, typed once more")]) -> None:
    """Take an account off the list; its key goes for good when no other account hangs on it."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await carry_out(console, await console.wallets.plan_delete(account, name))

    report(run(work))


@wallets.command("adopt")
def adopt(
    wallet_id: Annotated[str, typer.Argument(help="Id of a secret without accounts; empty lists them")] = "",
    label: Annotated[str, typer.Argument()] = "",
    accounts: Annotated[int, typer.Option(help="How many addresses to list")] = 1,
    path: PathOption = "bip44",
) -> None:
    """After the store was lost: list the accounts of secrets that are still in the keyring."""
    if not wallet_id:
        found = run(lambda console: console.wallets.strays())
        show(found, people=lambda: "\n".join(found) or "Every secret in the keyring belongs to an account.")
        return
    options.yes = True

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await carry_out(console, await console.wallets.plan_adopt(wallet_id, label, accounts, path=path))

    report(run(work))
