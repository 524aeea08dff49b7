"""Contacts: names that stay unique, and files that are taken whole or not at all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Conflict, Invalid
from app.core.events import Bus
from app.database import Database
from app.wallets import csvfile
from app.wallets.contacts import Contacts
from tests.wallets.conftest import HARDHAT

FIRST, SECOND, THIRD = (
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
)


@pytest_asyncio.fixture
async def contacts(tmp_path):
    database = Database.at(tmp_path / "console.db")
    await database.open()

    async def accounts():
        return [SimpleNamespace(label="Treasury", address=FIRST)]

    yield Contacts(database, Bus(), accounts, lambda: ["azora", "localhost"], None)
    await database.close()


@pytest.mark.asyncio
async def test_labels_and_addresses_stay_unique_against_contacts_and_accounts(contacts):
    made = await contacts.add(" Payroll ", SECOND.lower(), "monthly")
    assert (made.label, made.address) == ("Payroll", SECOND)
    for label, address, error in (
        ("treasury", THIRD, "account of this console"),
        ("PAYROLL", THIRD, "another contact"),
        ("Other", SECOND, "already the contact"),
        ("Mine", FIRST, "your own account"),
    ):
        with pytest.raises(Conflict, match=error):
            await contacts.add(label, address)
    for label, address, network in (("A", SECOND[:-1] + "c", ""), ("", THIRD, ""), (THIRD, THIRD, ""), ("A", THIRD, "moon")):
        with pytest.raises(Invalid):
            await contacts.add(label, address, network=network)
    changed = await contacts.edit("payroll", label="Salaries", network="azora")
    assert await contacts.list() == [changed]
    assert await contacts.add("Elsewhere", SECOND, network="localhost"), "another network may have another name"
    again = await contacts.remove("Salaries")
    assert await contacts.add(again.label, again.address, again.note, again.network)


@pytest.mark.asyncio
async def test_an_export_is_read_back_as_it_was_and_computes_nothing(contacts):
    await contacts.add("=HYPERLINK(A1)", SECOND, "@SUM(1)\n+second, “line”", "azora")
    await contacts.add("'-already", THIRD, "'plain; text")
    text = await contacts.export()
    cells = [cell for row in __import__("csv").reader(text.splitlines()) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    report = await contacts.check(text)
    assert [row.known for row in report.rows] == [True, True] and not report.new
    kept = [(contact.label, contact.address, contact.note, contact.network) for contact in await contacts.list()]
    for contact in await contacts.list():
        await contacts.remove(contact.id)
    await contacts.take(await contacts.check(text.encode("utf-16")))
    assert [(contact.label, contact.address, contact.note, contact.network) for contact in await contacts.list()] == kept


@pytest.mark.asyncio
async def test_bad_lines_are_named_and_nothing_is_taken_until_they_are_left_out(contacts):
    text = (
        "Note;Address;Name\r\n"
        f"fine;{SECOND};Payroll\r\n"
        f'"two\nlines";{THIRD};payroll\r\n'
        f";{SECOND[:-1]}c;Broken\r\n"
        f";{THIRD};Treasury\r\n"
        f";{THIRD}\r\n"
        "\r\n"
        f";{THIRD};Third;more\r\n"
    )
    report = await contacts.check("\ufeff" + text)
    assert [row.line for row in report.problems] == [3, 5, 6, 7, 9]
    assert "another contact" in report.problems[0].problem and "checksum" in report.problems[1].problem
    with pytest.raises(Invalid, match="Line 3"):
        await contacts.take(report)
    assert await contacts.list() == []
    assert [contact.label for contact in await contacts.take(report.without_problems())] == ["Payroll"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"label,address\nM\xfcller,0x", "line 2"),
        (b"label,address\n\0", "NUL"),
        (f"{SECOND},Payroll\n".encode(), "first line"),
        (b"label,address,label\n", "Two columns"),
        (b'label,address\n"open,0x\n', "Line 2"),
        (b"label,address\n" + b"x" * (5 * 2**20), "larger"),
    ],
)
async def test_a_file_that_cannot_be_read_for_sure_is_refused(contacts, data, why):
    with pytest.raises(Invalid, match=why):
        await contacts.check(data)


@given(st.text())
def test_guarding_a_cell_takes_nothing_from_it(cell):
    assert csvfile.unguarded(csvfile.guarded(cell)) == cell
    assert csvfile.guarded(cell)[:1] not in ("=", "+", "-", "@", "\t", "\r")


@pytest.mark.asyncio
async def test_an_account_never_takes_the_label_of_a_contact_with_another_address(house):
    await house.wallets.add_contact("Payroll", SECOND)
    assert await house.wallets.resolve("PAYROLL") == SECOND
    with pytest.raises(Conflict, match="belongs to a contact"):
        await house.wallets.watch("payroll", FIRST)
    account = await house.wallets.watch("Cold", FIRST)
    with pytest.raises(Conflict, match="belongs to a contact"):
        await house.wallets.label(account.id, " Payroll ")
    with pytest.raises(Conflict, match="belongs to a contact"):
        await house.wallets.plan_create("Payroll", HARDHAT)
    assert (await house.wallets.watch("Payroll", SECOND)).label == "Payroll", "the same address may be both"
