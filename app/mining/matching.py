"""Which payments of bank statements belong to which redemptions: by reference, amount and date. Nothing of it is ever proven."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.mining.redemption import RedemptionRow, RedemptionStatus
from app.mining.statements import BankEntry, Statement, plain

SHORTEST = 4  # a reference of fewer letters and digits would be found everywhere
CENT = Decimal("0.01")


class Finding(StrEnum):
    """What the statements say of a redemption."""

    PAID = "paid"  # completed, and one payment fits
    TO_COMPLETE = "to complete"  # still open, and one payment fits: the officer may state it
    MISSING = "missing"  # completed on the chain, and no payment in the period
    DUPLICATE = "duplicate"  # more than one payment carries its reference
    WRONG_AMOUNT = "wrong amount"
    TOO_EARLY = "too early"  # paid before it was asked for
    NOT_OWED = "not owed"  # a payment for a request that was cancelled or refunded
    SHARED = "shared"  # its payment carries the reference of another redemption as well
    OPEN = "open"  # nothing was paid yet, and nothing says it should have been
    OUTSIDE = "outside"  # completed on a day that no statement covers


@dataclass(frozen=True, slots=True)
class Match:
    """One redemption against the statements.

    Attributes:
        owed: in ``currency``; None without a rate.
        days: from request to payment.
        asked, closed: Unix seconds of the blocks; None where the chain did not say.
    """

    redemption: int
    finding: Finding
    text: str
    payments: tuple[BankEntry, ...]
    owed: Decimal | None
    currency: str
    days: int | None
    evidence: tuple[Evidence, ...]
    asked: int | None = None
    closed: int | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that left, and the redemptions whose reference it carries: none, one, or more than there should be."""

    entry: BankEntry
    statement: str
    redemptions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Matching:
    """Everything that was found. ``payments`` left the account; ``unknown`` are those that no redemption names."""

    matches: tuple[Match, ...]
    unknown: tuple[BankEntry, ...]
    period: tuple[date, date] | None
    rate: Decimal | None
    payments: tuple[Payment, ...] = ()

    @property
    def problems(self) -> tuple[Match, ...]:
        """What a person must look at."""
        fine = (Finding.PAID, Finding.OPEN, Finding.TO_COMPLETE, Finding.OUTSIDE)
        return tuple(match for match in self.matches if match.finding not in fine)


def match_payments(
    redemptions: Sequence[RedemptionRow],
    statements: Sequence[Statement],
    times: Mapping[int, int],
    rate: Decimal | None,
    currency: str,
    decimals: int = 18,
) -> Matching:
    """Compare redemptions with statements.

    Args:
        times: seconds since 1970 of the blocks in which requests were made and closed, by height.
        rate: what one AZR is paid, in ``currency``; None: amounts are not compared.
    """
    entries = _distinct(statements)
    days = [entry.booked for entry, _ in entries]
    period = (min(days), max(days)) if days else None
    out = [_Text.of(entry, name) for entry, name in entries if entry.amount < 0]
    carried = _carried(redemptions, out)
    owners: dict[int, list[int]] = {}
    for number, places in carried.items():
        for place in places:
            owners.setdefault(place, []).append(number)
    matches = []
    for row in redemptions:
        paid = [out[place] for place in carried[row.id]]
        others = sorted({number for place in carried[row.id] for number in owners[place]} - {row.id})
        matches.append(_judge(row, paid, others, times, rate, currency, decimals, period))
    payments = tuple(Payment(text.entry, text.name, tuple(owners.get(place, ()))) for place, text in enumerate(out))
    unknown = tuple(payment.entry for payment in payments if not payment.redemptions)
    return Matching(tuple(matches), unknown, period, rate, payments)


@dataclass(frozen=True, slots=True)
class _Text:
    """A payment with its words as they are compared."""

    entry: BankEntry
    name: str
    words: str
    plain: str

    @classmethod
    def of(cls, entry: BankEntry, name: str) -> _Text:
        words = f"{entry.reference} {entry.id}".upper()
        return cls(entry, name, words, plain(words))


def _carried(redemptions: Sequence[RedemptionRow], out: Sequence[_Text]) -> dict[int, list[int]]:
    """The places in ``out`` of the payments that carry each redemption's reference.

    “INVOICE-1” is not in “INVOICE-10”: a digit at its end is not followed by one. Where one reference is a part of another,
    as “PAY 17” of “PAY 17 B”, the payment belongs to the longer one alone.
    """
    named: dict[int, dict[int, list[str]]] = {row.id: {} for row in redemptions}
    keys_at: dict[int, set[str]] = {}
    for row in redemptions:
        for key in {plain(text) for text in (row.bank_reference, row.reference)}:
            if len(key) < SHORTEST or key.startswith("0X"):
                continue
            spelled = _spelled(key)
            for place, text in enumerate(out):
                if key in text.plain and spelled.search(text.words):
                    named[row.id].setdefault(place, []).append(key)
                    keys_at.setdefault(place, set()).add(key)
    whole = {
        place: {key for key in keys if not any(key != other and key in other for other in keys)} for place, keys in keys_at.items()
    }
    return {
        number: sorted(place for place, keys in places.items() if whole[place].intersection(keys))
        for number, places in named.items()
    }


def _spelled(key: str) -> re.Pattern[str]:
    """A reference however a bank breaks it."""
    before = r"(?<![0-9])" if key[0].isdigit() else ""
    after = r"(?![0-9])" if key[-1].isdigit() else ""
    return re.compile(before + "[^0-9A-Z]*".join(key) + after)


def _judge(
    row: RedemptionRow,
    paid: Sequence[_Text],
    others: Sequence[int],
    times: Mapping[int, int],
    rate: Decimal | None,
    currency: str,
    decimals: int,
    period: tuple[date, date] | None,
) -> Match:
    owed = None if rate is None else (Decimal(row.amount) / 10**decimals * rate).quantize(CENT, ROUND_HALF_EVEN)
    asked = _day(times.get(row.requested_block))
    finding, text, days = Finding.OPEN, "No payment carries its reference yet.", None
    if paid and asked:
        days = (paid[0].entry.booked - asked).days
    if len(paid) > 1:
        finding, text = Finding.DUPLICATE, f"{len(paid)} payments carry its reference."
    elif others:
        named = ", ".join(f"R-{number}" for number in others)
        finding, text = Finding.SHARED, f"Its payment carries the reference of {named} too; one payment completes one request."
    elif paid:
        entry = paid[0].entry
        other = entry.currency and entry.currency != currency
        if row.status in (RedemptionStatus.CANCELLED, RedemptionStatus.REFUNDED):
            finding, text = (
                Finding.NOT_OWED,
                f"It was {row.status.value}, and {-entry.amount:,} {entry.currency} were paid all the same.",
            )
        elif owed is not None and (-entry.amount != owed or other):
            finding, text = Finding.WRONG_AMOUNT, f"{-entry.amount:,} {entry.currency} were paid, {owed:,} {currency} are owed."
        elif days is not None and days < 0:
            finding, text = Finding.TOO_EARLY, f"It was paid {-days} days before it was asked for."
        elif row.status is RedemptionStatus.COMPLETED:
            finding, text = (
                Finding.PAID,
                "One payment fits." if owed is not None else "One payment carries its reference; no rate is entered.",
            )
        else:
            finding, text = Finding.TO_COMPLETE, "One payment fits; the redemption is still open."
    elif row.status is RedemptionStatus.COMPLETED:
        closed = _day(times.get(row.closed_block))
        covered = period is not None and (closed is None or period[0] <= closed <= period[1])
        if covered:
            finding, text = Finding.MISSING, "It was completed on the chain, and no payment carries its reference."
        else:
            finding, text = Finding.OUTSIDE, "It was completed on a day that no statement covers."
    elif row.status is not RedemptionStatus.REQUESTED:
        text = f"It was {row.status.value}; nothing is owed and nothing was paid."
    evidence = tuple(_evidence(one.entry, one.name) for one in paid)
    return Match(
        row.id,
        finding,
        text,
        tuple(one.entry for one in paid),
        owed,
        currency,
        days,
        evidence,
        times.get(row.requested_block),
        times.get(row.closed_block),
    )


def _evidence(entry: BankEntry, name: str) -> Evidence:
    return Evidence(
        EvidenceKind.FILE,
        f"{name}:{entry.line}",
        status=EvidenceStatus.ASSERTED,
        check="external document: a line of a bank statement that somebody imported",
        trust=Trust.OPERATOR,
    )


def _distinct(statements: Sequence[Statement]) -> list[tuple[BankEntry, str]]:
    """Statements of overlapping periods hold the same payments: those that the bank numbered count once."""
    found: list[tuple[BankEntry, str]] = []
    seen: set[tuple[str, date, Decimal]] = set()
    for statement in statements:
        for entry in statement.entries:
            key = (entry.id, entry.booked, entry.amount)
            if entry.id and key in seen:
                continue
            seen.add(key)
            found.append((entry, statement.name or statement.digest[:12]))
    return found


def _day(seconds: int | None) -> date | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date()
