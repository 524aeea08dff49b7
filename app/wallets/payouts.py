"""A file of payments (address, amount, memo), read strictly and checked row by row before anything is planned.

Nothing is guessed: a decimal comma that could be a thousands separator, a label that is nobody's, an address whose checksum is
wrong each make their row a problem, and a file with problems is not planned.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.core.canonical import digest
from app.core.errors import Invalid
from app.core.evidence import Evidence
from app.core.money import UINT256_MAX, parse_units, without_unit
from app.wallets import csvfile
from app.wallets.accounts import Account
from app.wallets.keys import parse_address
from app.wallets.recipients import BURNED, PRECOMPILES, ZERO, Book
from app.wallets.tokens import TokenInfo

MOST_ROWS = 10_000
MEMO_LENGTH = 500
COLUMNS: Mapping[str, Sequence[str]] = {
    "address": ("address", "recipient", "to", "account", "wallet", "payee", "contact"),
    "amount": ("amount", "value", "sum"),
    "memo": ("memo", "note", "reference", "comment", "purpose"),
    "compared": ("compared", "addressagain", "address again", "address_again"),
}
_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+\.[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """One row of the file.

    Attributes:
        line: of the file, from 1.
        address: EIP-55, or what the file says when there is a problem with it.
        label: the account or contact that the address is, or empty.
        amount: in the token's smallest unit; 0 when there is a problem with it.
        memo: kept with the plan, never on chain.
        problem: why it cannot be paid, a sentence; empty when it can.
        warning: what to look at, sentences; empty when there is nothing.
        known: who the address is here: an account, a contact, or the plan that paid it first; empty: nobody has seen it before.
        compared: the address was entered a second time from its source, which is asked for when it looks like a known one.
        sent: hash of the transaction, signed by an earlier payout, that is sent again instead of signing another; or empty.
    """

    line: int
    address: str
    label: str
    amount: int
    memo: str
    problem: str = ""
    warning: str = ""
    sent: str = ""
    known: str = ""
    compared: bool = False

    def to_json(self) -> dict[str, object]:
        """As a plan's parameters carry it."""
        row: dict[str, object] = {"line": self.line, "address": self.address, "label": self.label, "amount": str(self.amount)}
        more = {"sent": self.sent, "warning": self.warning, "known": self.known, "compared": self.compared}
        return row | {"memo": self.memo} | {name: value for name, value in more.items() if value}

    @classmethod
    def from_json(cls, row: Mapping[str, object]) -> PayoutLine:
        """Inverse of :meth:`to_json`."""
        words = {name: str(row[name]) for name in ("address", "label", "memo")}
        words |= {name: str(row.get(name) or "") for name in ("sent", "warning", "known")}
        return cls(line=int(str(row["line"])), amount=int(str(row["amount"])), compared=row.get("compared") is True, **words)

    def warned(self, text: str) -> PayoutLine:
        """With one more thing to look at."""
        return replace(self, warning=f"{self.warning} {text}".strip())


class RowState(StrEnum):
    """Where one payment is."""

    PLANNED = "planned"  # nothing was signed
    SIGNED = "signed"
    SENT = "sent"
    SEEN = "seen"
    MINED = "mined"
    PAID = "paid"  # in a block, with its confirmations
    FAILED = "failed"  # in a block, and it reverted: nothing was paid
    REPLACED = "replaced"  # another transaction took its nonce
    UNPAID = "unpaid"  # nothing was signed that could still happen
    LOOSE = "loose"  # signed, in no block, and no longer sent by a plan: what a node may have of it could still happen


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """One payment and what became of it.

    ``amount`` in the smallest unit, ``fee`` in wei, ``error`` a sentence or empty; ``warning`` and ``known`` as the check said.
    """

    line: int
    address: str
    label: str
    amount: int
    memo: str
    state: RowState
    tx_hash: str = ""
    block: int = 0
    fee: int = 0
    error: str = ""
    evidence: tuple[Evidence, ...] = ()
    warning: str = ""
    known: str = ""


@dataclass(frozen=True, slots=True)
class PayoutCheck:
    """What a file asks for. ``total`` is the sum of the rows without problems; ``problems`` are sentences with their lines."""

    network_id: str
    sender: str
    token: TokenInfo
    rows: tuple[PayoutLine, ...]
    total: int
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over rows, token and sender: the same file for the same purse has the same."""
        return rows_digest(self.sender, self.token.address, self.rows)


def rows_digest(sender: str, token: str, rows: Sequence[PayoutLine]) -> str:
    """See :attr:`PayoutCheck.digest`."""
    return digest({"sender": sender, "token": token, "rows": [[row.line, row.address, str(row.amount), row.memo] for row in rows]})


def check(
    data: bytes | str,
    network_id: str,
    sender: str,
    token: TokenInfo,
    book: Book,
    accounts: Sequence[Account],
    compared: Collection[str] = (),
    contracts: Mapping[str, str] | None = None,
) -> PayoutCheck:
    """Read a file and check every row.

    Args:
        contracts: what each address that holds code is, as a sentence; see :func:`addresses`.
        compared: addresses that the operator entered a second time from their source, which lifts the problem of a look-alike.

    Raises:
        Invalid: the file cannot be read for sure, or has no rows.
    """
    table = csvfile.read(data, COLUMNS, ("address", "amount"), MOST_ROWS)
    if not table.rows:
        raise Invalid("The file has no rows. Nothing was planned.", "Put a payment under the headings.", field="file")
    # A file that writes decimals with a comma somewhere may mean thousands by a point elsewhere.
    commas = any("," in row.cells["amount"] for row in table.rows if not _GROUPED.fullmatch(_bare(row.cells["amount"], token)))
    named = _names(book, accounts, network_id)
    lines = [_line(row, token, named, commas) for row in table.rows]
    lines = [_recipient(line, sender, token, book, network_id, frozenset(compared)) for line in lines]
    lines = [_coded(line, contracts or {}) for line in _twice(_alike_within(lines))]
    total = sum(line.amount for line in lines if not line.problem)
    problems = [f"Line {line.line}: {line.problem}" for line in lines if line.problem]
    if total > UINT256_MAX:
        problems.append("The sum is larger than a chain can hold.")
    warnings = [f"Line {line.line}: {line.warning}" for line in lines if line.warning and not line.problem]
    return PayoutCheck(network_id, sender, token, tuple(lines), total, tuple(problems), tuple(warnings))


def addresses(data: bytes | str, book: Book, accounts: Sequence[Account], network_id: str, token: TokenInfo) -> list[str]:
    """The recipients of a file, each once, as far as its rows can be read. Raises as :func:`check`."""
    table = csvfile.read(data, COLUMNS, ("address", "amount"), MOST_ROWS)
    named = _names(book, accounts, network_id)
    lines = [_line(row, token, named, commas=False) for row in table.rows]
    return list(dict.fromkeys(line.address for line in lines if _ADDRESS.fullmatch(line.address)))


def _names(book: Book, accounts: Sequence[Account], network_id: str) -> dict[str, tuple[str, str]]:
    """Address and problem by label."""
    found: dict[str, tuple[str, str]] = {}
    for contact in (one for contacts in book.contacts.values() for one in contacts):
        elsewhere = contact.network not in ("", network_id)
        problem = f"“{contact.label}” is a contact on {contact.network} only." if elsewhere else ""
        found[contact.label.casefold()] = (contact.address, problem)
    return found | {account.label.casefold(): (account.address, "") for account in accounts}


def _line(row: csvfile.Row, token: TokenInfo, named: Mapping[str, tuple[str, str]], commas: bool) -> PayoutLine:
    cells = row.cells
    who, memo = cells["address"], cells.get("memo", "")
    line = PayoutLine(row.line, who, "", 0, memo)
    if row.problem:
        return replace(line, problem=f"It {row.problem}.")
    if len(memo) > MEMO_LENGTH or not all(letter.isprintable() or letter == "\n" for letter in memo):
        return replace(line, problem=f"The memo has more than {MEMO_LENGTH} characters, or some that cannot be shown.")
    problem = ""
    try:
        if who.casefold() in named:
            address, problem = named[who.casefold()]
            line = replace(line, address=address)
        elif who[:2].lower() == "0x":
            line = replace(line, address=parse_address(who))
        else:
            problem = f"“{who[:60]}” is neither an address nor the label of an account or contact."
        line = _again(line, cells.get("compared", ""))
        amount = _amount(cells["amount"], token, commas)
    except Invalid as error:
        return replace(line, problem=error.message.split(" Nothing was")[0])
    return replace(line, amount=amount, problem=problem)


def _again(line: PayoutLine, entered: str) -> PayoutLine:
    """The second entry of an address, beside it in the file."""
    if not entered:
        return line
    if parse_address(entered, "compared") != line.address:
        raise Invalid(f"The address that was entered again, {entered[:60]}, is another one.")
    return replace(line, compared=True)


def _coded(line: PayoutLine, contracts: Mapping[str, str]) -> PayoutLine:
    return line.warned(contracts[line.address]) if not line.problem and line.address in contracts else line


def _bare(text: str, token: TokenInfo) -> str:
    """The amount without a unit behind it and without blanks."""
    clean = text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    return without_unit(clean, token.symbol)


def _amount(text: str, token: TokenInfo, commas: bool) -> int:
    clean = _bare(text, token)
    if _GROUPED.fullmatch(clean):
        clean = clean.replace(",", "")
    elif "," in clean or (commas and "." in clean):
        raise Invalid(f"“{text[:40]}” can be read in two ways. Write decimals after a point, and no thousands separators.")
    if not _AMOUNT.fullmatch(clean):
        raise Invalid(f"“{text[:40]}” is not an amount.")
    amount = parse_units(clean, token.decimals, unit=token.symbol)
    if not amount:
        raise Invalid("The amount is zero.")
    return amount


def _recipient(
    line: PayoutLine, sender: str, token: TokenInfo, book: Book, network_id: str, compared: frozenset[str]
) -> PayoutLine:
    if line.problem:
        return line
    line = replace(line, label=book.name(line.address, network_id), compared=line.compared or line.address in compared)
    if book.knows(line.address):
        line = replace(line, known=book.words(line.address))
    if line.address == ZERO or (int(line.address, 16) < PRECOMPILES and line.address not in BURNED):
        return replace(line, problem="Whatever is sent to this address is lost.")
    if line.address == token.address:
        return replace(line, problem=f"This is the {token.symbol} contract itself: tokens sent there stay there.")
    if line.address in BURNED:
        return line.warned("This is an address for burning: whatever is sent there is lost.")
    if line.address == sender:
        return line.warned("The recipient is the sender.")
    contact = book.contact(line.address, network_id)
    if contact is not None and contact.network not in ("", network_id) and line.address not in book.own:
        line = line.warned(f"The address is the contact “{contact.label}” on {contact.network} only.")
    alike = () if line.address in book.own else book.look_alikes(line.address)
    if alike and alike[0].close and not book.knows(line.address) and not line.compared:
        text = f"It looks like {alike[0].name} ({alike[0].address}), but is another address."
        return replace(line, problem=f"{text} Enter the whole address again from its source.")
    again = "; it was entered a second time from its source" if line.compared else ""
    return line.warned(f"It looks like {alike[0].name}, but is another address{again}.") if alike else line


def _alike_within(lines: Sequence[PayoutLine]) -> list[PayoutLine]:
    """Rows whose addresses could be taken for each other."""
    lines = list(lines)
    seen: dict[str, PayoutLine] = {}
    for at, line in enumerate(lines):
        if line.problem:
            continue
        ends = line.address[2:6].lower() + line.address[-4:].lower()
        other = seen.setdefault(ends, line)
        if other.address != line.address:
            lines[at] = line.warned(f"Its address looks like that of line {other.line}, but is another.")
    return lines


def _twice(lines: Sequence[PayoutLine]) -> list[PayoutLine]:
    lines = list(lines)
    paid: dict[str, PayoutLine] = {}
    same: dict[tuple[str, int, str], PayoutLine] = {}
    for at, line in enumerate(lines):
        if line.problem:
            continue
        first, equal = paid.setdefault(line.address, line), same.setdefault((line.address, line.amount, line.memo), line)
        if first is line:
            continue
        text = (
            f"The same payment stands in line {equal.line}." if equal is not line else f"Line {first.line} pays the same address."
        )
        lines[at] = line.warned(text)
    return lines
