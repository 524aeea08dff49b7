"""Bank statements: CSV as banks export it, and camt.053 of ISO 20022. Read strictly; what can be read in two ways is refused.

A statement is somebody's document. What is found in it is shown as *external document*, never as proven.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

from app.core.errors import Invalid
from app.wallets import csvfile

MOST_BYTES = 16 * 2**20
MOST_ENTRIES = 100_000
COLUMNS = {
    "date": ("date", "booking date", "booked", "value date", "buchungstag", "buchungsdatum", "datum"),
    "amount": ("amount", "betrag", "umsatz"),
    "currency": ("currency", "währung", "waehrung"),
    "reference": ("reference", "remittance", "remittance information", "purpose", "verwendungszweck", "description"),
    "name": ("name", "counterparty", "payee", "beneficiary", "empfänger", "empfaenger"),
    "id": ("id", "transaction id", "bank reference", "entry reference"),
}


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One payment on a statement. ``amount`` is below zero for money that left.

    ``line`` is its line of a CSV file, or its number among the entries of a camt.053.
    """

    line: int
    booked: date
    amount: Decimal
    currency: str
    reference: str
    name: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A file as it was read.

    Attributes:
        digest: SHA-256 of the file, hex.
        kind: ``CSV`` or ``camt.053``.
        account: IBAN or number, where the file says it.
        entries: booked entries, in the order of the file.
        pending: entries that the bank has not booked; they count for nothing.
    """

    name: str
    digest: str
    kind: str
    account: str
    entries: tuple[BankEntry, ...]
    pending: int = 0

    @property
    def period(self) -> tuple[date, date] | None:
        """First and last day with an entry."""
        days = [entry.booked for entry in self.entries]
        return (min(days), max(days)) if days else None


def plain(text: str) -> str:
    """Letters and digits alone: banks break references into lines and change their case."""
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def read_statement(data: bytes, name: str = "") -> Statement:
    """A bank statement.

    Raises:
        Invalid: too large, neither CSV nor camt.053, or something in it can be read in two ways; the line is named.
    """
    if len(data) > MOST_BYTES:
        raise _refuse(f"The file is larger than {MOST_BYTES // 2**20} MiB.", "Export a shorter period.")
    digest = hashlib.sha256(data).hexdigest()
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        account, entries, pending = _camt(data)
        return Statement(name, digest, "camt.053", account, tuple(entries), pending)
    return Statement(name, digest, "CSV", "", tuple(_csv(data)))


# CSV


def _csv(data: bytes) -> Iterator[BankEntry]:
    table = csvfile.read(data, COLUMNS, ("date", "amount", "reference"), MOST_ENTRIES)
    for row in table.rows:
        if row.problem:
            raise _refuse(f"Line {row.line}: {row.problem}", "Correct the line, or export the file again.")
        cells = row.cells
        currency = cells.get("currency", "").upper()
        if currency and not re.fullmatch(r"[A-Z]{3}", currency):
            raise _refuse(f"Line {row.line}: “{cells['currency']}” is no currency.", "Write a code such as EUR.")
        yield BankEntry(
            row.line,
            _day(cells["date"], row.line),
            amount_of(cells["amount"], row.line),
            currency,
            " ".join(cells["reference"].split()),
            cells.get("name", ""),
            cells.get("id", ""),
        )


def _day(text: str, line: int) -> date:
    """ISO 8601, or day.month.year with points; slashes are read differently on both sides of an ocean."""
    iso, points = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text), re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text)
    try:
        if iso:
            return date(*(int(part) for part in iso.groups()))
        if points:
            day, month, year = (int(part) for part in points.groups())
            return date(year, month, day)
    except ValueError:
        pass
    raise _refuse(f"Line {line}: “{text}” is no date that can be read in one way.", "Write 2026-03-31 or 31.03.2026.")


def amount_of(text: str, line: int = 0) -> Decimal:
    """An amount as banks write it: ``1234.56``, ``1.234,56``, ``-12,00``, ``12.00-``; ``1,234`` is refused.

    Raises:
        Invalid: no amount, or one that can be read in two ways.
    """
    clean = text.strip().replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace("'", "").replace("−", "-")
    sign = -1 if clean.startswith("-") or clean.endswith("-") else 1
    clean = clean.strip("+-")
    if not re.fullmatch(r"[0-9][0-9.,]{0,30}", clean):
        raise _refuse(f"Line {line}: “{text}” is no amount.", "Write 1234.56.")
    marks = [mark for mark in clean if mark in ".,"]
    if len(set(marks)) == 2:
        decimal = marks[-1]
        if marks.count(decimal) > 1 or clean.rindex(decimal) < clean.rindex("," if decimal == "." else "."):
            raise _refuse(f"Line {line}: “{text}” is no amount.", "Write 1234.56.")
        whole, _, part = clean.rpartition(decimal)
        groups = whole.split("," if decimal == "." else ".")
    elif len(marks) > 1:
        groups, part = clean.split(marks[0]), ""
    else:
        whole, _, part = clean.replace(",", ".").partition(".")
        groups = [whole]
        if len(part) == 3 and len(whole) <= 3 and whole != "0":
            raise _refuse(f"Line {line}: “{text}” can be read in two ways.", "Write two decimals, as in 1234.00.")
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])):
        raise _refuse(f"Line {line}: “{text}” is no amount.", "Write 1234.56.")
    return sign * Decimal("".join(groups) + (f".{part}" if part else ""))


# camt.053


def _camt(data: bytes) -> tuple[str, list[BankEntry], int]:
    # A bank has no use for a document type; those who have one want entities to be expanded or files to be read.
    if b"<!" in data.replace(b"<![CDATA[", b"").replace(b"<!--", b""):
        raise _refuse("The XML declares a document type, which no bank statement does.", "Export it again from the bank.")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise _refuse(f"The XML cannot be read: {error}.", "Export it again from the bank.") from None
    statements = [node for node in root.iter() if _tag(node) == "Stmt"]
    if _tag(root) != "Document" or not statements:
        raise _refuse("This is XML, but no camt.053 statement of ISO 20022.", "Export “camt.053” from the bank.")
    account, entries, pending, number_of = "", list[BankEntry](), 0, 0
    for statement in statements:
        number = _text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id")
        if account and number and number != account:
            raise _refuse("The file holds statements of two accounts.", "Export each by itself.")
        account = account or number
        for entry in _children(statement, "Ntry"):
            number_of += 1
            status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
            if status != "BOOK":
                pending += 1
                continue
            entries += _entries(entry, number_of)
            if len(entries) > MOST_ENTRIES:
                raise _refuse(f"The statement has more than {MOST_ENTRIES:,} entries.", "Export a shorter period.")
    return account, entries, pending


def _entries(entry: ElementTree.Element, line: int) -> Iterator[BankEntry]:
    booked = (_text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm") or _text(entry, "ValDt/Dt"))[:10]
    day = _day(booked, line)
    details = [node for part in _children(entry, "NtryDtls") for node in _children(part, "TxDtls")]
    # A batch lists its payments; their sum must be the entry's, or the file contradicts itself.
    total, currency, direction = _amount(entry, line)
    if len(details) < 2:
        yield _entry(details[0] if details else entry, entry, line, day, total, currency)
        return
    parts = []
    for detail in details:
        found = _money(detail)
        if found is None:
            raise _refuse(f"Entry {line}: a batch lists payments without amounts.", "Export it with details.")
        parts.append((detail, direction * found[0], found[1]))
    if sum(amount for _, amount, _ in parts) != total:
        raise _refuse(f"Entry {line}: the payments of a batch do not add up to its {abs(total)}.", "Export it again from the bank.")
    for detail, amount, unit in parts:
        yield _entry(detail, entry, line, day, amount, unit)


def _entry(
    detail: ElementTree.Element, entry: ElementTree.Element, line: int, day: date, amount: Decimal, currency: str
) -> BankEntry:
    texts = [node.text or "" for node in detail.iter() if _tag(node) == "Ustrd"]
    structured = [node.text or "" for part in detail.iter() if _tag(part) == "CdtrRefInf" for node in _children(part, "Ref")]
    end_to_end = _text(detail, "Refs/EndToEndId")
    known = [*structured, *texts, "" if end_to_end == "NOTPROVIDED" else end_to_end]
    name = _text(detail, "RltdPties/Cdtr/Nm") or _text(detail, "RltdPties/Cdtr/Pty/Nm")
    place = _text(detail, "Refs/AcctSvcrRef") or _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
    return BankEntry(line, day, amount, currency, " ".join(" ".join(known).split()), name, place)


def _amount(entry: ElementTree.Element, line: int) -> tuple[Decimal, str, int]:
    found, side = _money(entry), _text(entry, "CdtDbtInd")
    if found is None or side not in ("CRDT", "DBIT"):
        raise _refuse(f"Entry {line}: it has no amount, or does not say in which direction.", "Export it again from the bank.")
    direction = -1 if side == "DBIT" else 1
    return direction * found[0], found[1], direction


def _money(node: ElementTree.Element) -> tuple[Decimal, str] | None:
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        found = _find(node, path)
        if found is not None and re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,5})?", (found.text or "").strip()):
            return Decimal((found.text or "").strip()), found.get("Ccy", "")
    return None


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def _children(node: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in node if _tag(child) == name]


def _find(node: ElementTree.Element, path: str) -> ElementTree.Element | None:
    found: Sequence[ElementTree.Element] = [node]
    for name in path.split("/"):
        found = [child for each in found[:1] for child in _children(each, name)]
    return found[0] if found else None


def _text(node: ElementTree.Element, path: str) -> str:
    found = _find(node, path)
    return (found.text or "").strip() if found is not None else ""


def _refuse(what: str, remedy: str) -> Invalid:
    return Invalid(f"{what} Nothing was imported.", remedy, field="file")
