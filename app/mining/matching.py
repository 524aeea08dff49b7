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
from app.mining.statements import BankEntry, Statement

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
    OPEN = "open"  # nothing was paid yet, and nothing says it should have been
    OUTSIDE = "outside"  # completed on a day that no statement covers


@dataclass(frozen=True, slots=True)
class Match:
    """One redemption against the statements. ``owed`` is in ``currency``, None without a rate; ``days`` from request to payment."""

    redemption: int
    finding: Finding
    text: str
    payments: tuple[BankEntry, ...]
    owed: Decimal | None
    currency: str
    days: int | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """Everything that was found. ``unknown`` are outgoing payments that no redemption names."""

    matches: tuple[Match, ...]
    unknown: tuple[BankEntry, ...]
    period: tuple[date, date] | None
    rate: Decimal | None

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
    out = [(entry, name) for entry, name in entries if entry.amount < 0]
    days = [entry.booked for entry, _ in entries]
    period = (min(days), max(days)) if days else None
    used: set[BankEntry] = set()
    matches = []
    for row in redemptions:
        words = [_plain(text) for text in (row.bank_reference, row.reference)]
        keys = [word for word in words if len(word) >= SHORTEST and not word.startswith("0X")]
        paid = [(entry, name) for entry, name in out if any(key in _plain(f"{entry.reference} {entry.id}") for key in keys)]
        used |= {entry for entry, _ in paid}
        matches.append(_judge(row, paid, times, rate, currency, decimals, period))
    unknown = tuple(entry for entry, _ in out if entry not in used)
    return Matching(tuple(matches), unknown, period, rate)


def _judge(
    row: RedemptionRow,
    paid: Sequence[tuple[BankEntry, str]],
    times: Mapping[int, int],
    rate: Decimal | None,
    currency: str,
    decimals: int,
    period: tuple[date, date] | None,
) -> Match:
    owed = None if rate is None else (Decimal(row.amount) / 10**decimals * rate).quantize(CENT, ROUND_HALF_EVEN)
    asked = _day(times.get(row.requested_block))
    finding, text, days = Finding.OPEN, "No payment carries its reference yet.", None
    if len(paid) > 1:
        finding, text = Finding.DUPLICATE, f"{len(paid)} payments carry its reference."
    elif paid:
        entry = paid[0][0]
        days = (entry.booked - asked).days if asked else None
        other = entry.currency and entry.currency != currency
        if row.status in (RedemptionStatus.CANCELLED, RedemptionStatus.REFUNDED):
            finding, text = (
                Finding.NOT_OWED,
                f"It was {row.status.value}, and {-entry.amount} {entry.currency} were paid all the same.",
            )
        elif owed is not None and (-entry.amount != owed or other):
            finding, text = Finding.WRONG_AMOUNT, f"{-entry.amount} {entry.currency} were paid, {owed} {currency} are owed."
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
    evidence = tuple(_evidence(entry, name) for entry, name in paid)
    return Match(row.id, finding, text, tuple(entry for entry, _ in paid), owed, currency, days, evidence)


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


def _plain(text: str) -> str:
    """Letters and digits alone: banks break references into lines and change their case."""
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def _day(seconds: int | None) -> date | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date()
