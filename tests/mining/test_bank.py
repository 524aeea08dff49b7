"""Statements are read in one way or not at all; each finding has a case, and nothing from a bank is called proven."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.core.evidence import EvidenceStatus
from app.mining.comparing import bank_reference_of, compare
from app.mining.matching import Finding, match_payments
from app.mining.redemption import RedemptionRow, RedemptionStatus
from app.mining.statements import BankEntry, Statement, amount_of, read_statement

AZR = 10**18
DAY = 86_400
NOON = 1_772_366_400  # 1 March 2026, 12:00 UTC
HEAD = b"date,amount,currency,reference,name,id\n"


def camt(*entries: str, account: str = "DE89370400440532013000") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        f"<Stmt><Acct><Id><IBAN>{account}</IBAN></Id></Acct>{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def entry(amount="12.50", side="DBIT", day="2026-03-02", text="AZR R-1", status="<Sts><Cd>BOOK</Cd></Sts>", details=None, ref="B1"):
    body = details if details is not None else f"<NtryDtls><TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls>"
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{status}<BookgDt><Dt>{day}</Dt></BookgDt>'
        f"<AcctSvcrRef>{ref}</AcctSvcrRef>{body}</Ntry>"
    )


def payment(amount: str, text: str) -> str:
    return f'<TxDtls><Amt Ccy="EUR">{amount}</Amt><RmtInf><Strd><CdtrRefInf><Ref>{text}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>'


def test_a_csv_of_a_bank_is_read_line_by_line():
    data = HEAD + b'2026-03-02,-12.50,EUR,AZR  redemption 1,Ada,B1\n02.03.2026,"1,000.00",eur,In,,\n'
    read = read_statement(data, "march.csv")
    assert read.kind == "CSV" and read.period == (date(2026, 3, 2), date(2026, 3, 2))
    assert read.entries == (
        BankEntry(2, date(2026, 3, 2), Decimal("-12.50"), "EUR", "AZR redemption 1", "Ada", "B1"),
        BankEntry(3, date(2026, 3, 2), Decimal("1000.00"), "EUR", "In"),
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.56", "1234.56"), ("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("-12,00", "-12.00"), ("12.00-", "-12.00"),
        ("+3", "3"), ("1.234.567", "1234567"), ("0.125", "0.125"), ("−5,5", "-5.5"), ("1 234,5", "1234.5"),
    ],
)  # fmt: skip
def test_amounts_are_read_as_banks_write_them(text, value):
    assert amount_of(text) == Decimal(value)


@pytest.mark.parametrize("text", ["1,234", "1.234", "12,34,5", "1.2.3", "", "abc", "1,23.456,7", "--5x", "1e5", "NaN"])
def test_an_amount_that_can_be_read_in_two_ways_is_refused(text):
    with pytest.raises(Invalid, match="Nothing was imported"):
        amount_of(text)


@given(st.decimals(min_value=Decimal("-999999999"), max_value=Decimal("999999999"), places=2))
def test_both_spellings_of_an_amount_mean_the_same(value):
    english = f"{value:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert amount_of(english) == amount_of(german) == value


@pytest.mark.parametrize(
    "row",
    [
        b"03/04/2026,-1.00,EUR,x,,\n", b"2026-02-30,-1.00,EUR,x,,\n", b"2026-03-02,much,EUR,x,,\n", b"2026-03-02,-1.00,EURO,x,,\n",
        b"2026-03-02,-1.00\n", b"2026-03-02,-1.00,EUR,\xff,,\n",
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_nothing_is_taken_in(row):
    with pytest.raises(Invalid, match="[Ll]ine 2"):
        read_statement(HEAD + row)


def test_camt_053_is_read_with_batches_and_without_pending_entries():
    batch = entry("30.00", details=f"<NtryDtls>{payment('10.00', 'RF1')}{payment('20.00', 'RF2')}</NtryDtls>", ref="B2")
    read = read_statement(
        camt(entry(), batch, entry(status="<Sts>PDNG</Sts>"), entry("5.00", "CRDT", text="in", ref="B3")), "m.xml"
    )
    assert (read.kind, read.account, read.pending) == ("camt.053", "DE89370400440532013000", 1)
    assert [(e.amount, e.reference) for e in read.entries] == [
        (Decimal("-12.50"), "AZR R-1"), (Decimal("-10.00"), "RF1"), (Decimal("-20.00"), "RF2"), (Decimal("5.00"), "in"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        camt(entry("30.00", details=f"<NtryDtls>{payment('10.00', 'a')}{payment('19.00', 'b')}</NtryDtls>")),
        camt(entry(side="SIDE")),
        camt(entry(amount="1e3")),
        camt(entry(day="yesterday")),
        b"<Document/>",
        b"<html></html>",
        camt(entry())[:-20],
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>' + camt(entry())[38:],
        camt(entry()).replace(b"</Stmt>", b"</Stmt><Stmt><Acct><Id><IBAN>GB1</IBAN></Id></Acct></Stmt>"),
    ],
)
def test_xml_that_contradicts_itself_is_no_statement(data):
    with pytest.raises(Invalid, match="Nothing was imported"):
        read_statement(data)


OPEN = RedemptionRow(1, "0x" + "11" * 20, 100 * AZR, "Invoice 2026-17", RedemptionStatus.REQUESTED, 10, 0, "0x01")
DONE = replace(OPEN, status=RedemptionStatus.COMPLETED, bank_reference="PAY-2026-17", closed_block=20)
TIMES = {10: NOON, 20: NOON + 2 * DAY}


def found(row, *rows, rate=Decimal("0.5")):
    statement = Statement("s.csv", "ab" * 32, "CSV", "", tuple(rows))
    (match,) = match_payments([row], [statement], TIMES, rate, "EUR").matches
    return match


def paid(amount="-50.00", day=3, text="pay 2026/17 thanks", currency="EUR", number=""):
    return BankEntry(2, date(2026, 3, day), Decimal(amount), currency, text, id=number)


OTHER = paid("-1.00", text="rent")


@pytest.mark.parametrize(
    ("row", "payments", "finding"),
    [
        (DONE, [paid()], Finding.PAID),
        (OPEN, [paid(text="INVOICE 2026 17")], Finding.TO_COMPLETE),
        (OPEN, [OTHER], Finding.OPEN),
        (DONE, [OTHER], Finding.MISSING),
        (DONE, [paid(day=20, text="x")], Finding.OUTSIDE),
        (DONE, [paid(), paid(day=4)], Finding.DUPLICATE),
        (DONE, [paid("-49.99")], Finding.WRONG_AMOUNT),
        (DONE, [paid(currency="USD")], Finding.WRONG_AMOUNT),
        (replace(DONE), [replace(paid(), booked=date(2026, 2, 27))], Finding.TOO_EARLY),
        (replace(OPEN, status=RedemptionStatus.CANCELLED), [paid(text="Invoice 2026-17")], Finding.NOT_OWED),
        (replace(OPEN, status=RedemptionStatus.REFUNDED), [OTHER], Finding.OPEN),
        (DONE, [replace(paid(), amount=Decimal("50.00"))], Finding.MISSING),  # money that came in pays nobody
        (replace(DONE, bank_reference="0x" + "ab" * 32, reference="7"), [paid(text="7")], Finding.MISSING),
    ],
)
def test_each_finding_has_its_case(row, payments, finding):
    assert found(row, *payments).finding is finding


def test_a_match_is_an_external_document_and_names_its_line():
    match = found(DONE, paid())
    assert [(e.ref, e.status) for e in match.evidence] == [("s.csv:2", EvidenceStatus.ASSERTED)]
    assert "external document" in match.evidence[0].check and match.days == 2 and match.owed == Decimal("50.00")


def test_without_a_rate_amounts_are_not_compared_and_it_says_so():
    match = found(DONE, paid("-1.00"), rate=None)
    assert match.finding is Finding.PAID and match.owed is None and "no rate" in match.text


def test_overlapping_statements_hold_a_numbered_payment_once_and_unknown_payments_are_listed():
    one, two = (Statement(name, name, "CSV", "", (paid(number="B7"), OTHER)) for name in ("a", "b"))
    told = match_payments([DONE], [one, two], TIMES, Decimal("0.5"), "EUR")
    assert told.matches[0].finding is Finding.PAID
    assert told.unknown == (OTHER, OTHER) and told.problems == ()


@pytest.mark.parametrize(
    ("mine", "text", "carried"),
    [
        ("INVOICE-1", "Invoice 1", True),
        ("INVOICE-1", "INVOICE-10", False),  # another request's
        ("INVOICE-1", "EREF+INVO ICE-1SVWZ+", True),
        ("2026-17", "12026-17", False),
        ("2026-17", "No. 2026/17, thanks", True),
    ],
)
def test_a_reference_is_found_however_a_bank_breaks_it_and_never_inside_a_longer_number(mine, text, carried):
    match = found(replace(OPEN, reference=mine), paid(text=text))
    assert bool(match.payments) is carried


def test_a_payment_belongs_to_the_longest_reference_and_one_that_two_requests_name_is_to_be_looked_at():
    short, long = replace(OPEN, reference="PAY 17"), replace(OPEN, id=2, reference="PAY 17 B")
    statement = Statement("s.csv", "ab" * 32, "CSV", "", (paid(text="pay 17 b"),))
    told = match_payments([short, long], [statement], TIMES, Decimal("0.5"), "EUR")
    assert [match.finding for match in told.matches] == [Finding.OPEN, Finding.TO_COMPLETE]
    assert [payment.redemptions for payment in told.payments] == [(2,)]
    twice = match_payments([long, replace(long, id=3)], [statement], TIMES, Decimal("0.5"), "EUR")
    assert [match.finding for match in twice.problems] == [Finding.SHARED, Finding.SHARED]
    assert "R-3 too" in twice.matches[0].text and twice.payments[0].redemptions == (2, 3)


def test_request_and_bank_entry_are_compared_field_by_field():
    fields = {line.field: line for line in compare(OPEN, found(OPEN, paid("-49.99", text="invoice 2026-17")), "Ada")}
    said = ("100.0000 AZR, 50.00 EUR", "49.99 EUR", False)
    assert (fields["Amount"].chain, fields["Amount"].bank, fields["Amount"].agrees) == said
    assert (fields["Rate"].chain, fields["Rate"].bank) == ("0.5000 EUR", "0.4999 EUR")
    assert fields["Booked"].agrees and fields["Reference"].agrees and fields["Payee"].agrees is None  # names are for a person
    rateless = {line.field: line for line in compare(OPEN, found(OPEN, paid(text="invoice 2026-17"), rate=None))}
    assert rateless["Amount"].agrees is None and rateless["Payee"].chain == OPEN.account
    assert all(line.agrees is None and line.bank == "–" for line in compare(OPEN, found(OPEN, OTHER)))


@pytest.mark.parametrize(
    ("number", "text", "named"),
    [
        ("BANK-77", "invoice 2026-17", "BANK-77"),
        ("B7", "invoice 2026-17", "invoice 2026-17"),
        ("", "invoice 2026-17 " * 20, OPEN.reference),
    ],
)
def test_a_completion_names_what_no_other_payment_has(number, text, named):
    assert bank_reference_of(OPEN, found(OPEN, paid(text=text, number=number))) == named
