"""Every kind of effect is told so that nobody takes one for another."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.operations.plans import Effect, Fee
from ui.plan_sheet import sections, words

OWNER, SPENDER, TOKEN = "0x7a3f" + "0" * 34 + "91", "0x2f88" + "0" * 33 + "b6e", "0xE7f1" + "1" * 36
AZR = 10**18
EFFECTS = {
    "balance": Effect("balance", OWNER, str(5 * AZR), str(3 * AZR), "AZR", 18, "Treasury", TOKEN),
    "supply": Effect("supply", TOKEN, str(100 * AZR), str(101 * AZR), "AZR", 18, "", TOKEN),
    "given": Effect("allowance", f"{OWNER}→{SPENDER}", "0", str(2**256 - 1), "AZR", 18, "Treasury → 0x2f88…0b6e", TOKEN),
    "spent": Effect("allowance", f"{OWNER}→{SPENDER}", str(5 * AZR), str(2 * AZR), "AZR", 18, "Treasury → Router", TOKEN),
    "nfts": Effect("allowance", f"{OWNER}→{SPENDER}", "", "every one of them, APE", contract=TOKEN),
    "granted": Effect("role", OWNER, "", f"MINTER_ROLE on {TOKEN}", contract=TOKEN),
    "revoked": Effect("role", OWNER, "MINTER_ROLE on AzoraToken", "", contract=TOKEN),
}
SAID = {
    "balance": ["Treasury", "AZR", "5.0000", "3.0000", "−2.0000"],
    "supply": ["Total supply", "Supply, AZR", "100.0000", "101.0000", "+1.0000"],
    "given": ["Treasury", "0x2f88…0b6e", "Allowance, AZR", "0.0000", "unlimited"],
    "spent": ["Treasury", "Router", "Allowance, AZR", "5.0000", "2.0000", "−3.0000"],
    "nfts": ["0x7a3f…0091", "0x2f88…0b6e", "Allowance", "nothing", "every one of them, APE"],
    "granted": ["0x7a3f…0091", "Role", "nothing", "MINTER_ROLE on 0xE7f1…1111"],
    "revoked": ["0x7a3f…0091", "Role", "MINTER_ROLE on AzoraToken", "nothing"],
}


def shown(widget: QWidget) -> list[str]:
    return [label.text() for label in widget.findChildren(QLabel) if label.text()]


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_shows_who_what_and_from_where_to_where(qtbot, name):
    row = sections.effect_row(EFFECTS[name])
    qtbot.addWidget(row)
    for said in SAID[name]:
        assert any(said.replace("−", "-") in text.replace("−", "-") for text in shown(row)), (said, shown(row))
    assert "becomes" in row.accessibleName()


def test_an_allowance_without_labels_is_told_by_both_ends():
    bare = Effect("allowance", f"{OWNER}→{SPENDER}", "0", "7", "AZR", 18)
    assert words.who(bare) == "0x7a3f…0091 → 0x2f88…0b6e" and words.kind(bare) == "Allowance, AZR"
    assert words.change(EFFECTS["given"]) == "" and words.exact(EFFECTS["given"], EFFECTS["given"].after) == "unlimited AZR"


def test_all_of_them_stand_under_each_other(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    for effect in EFFECTS.values():
        column.addWidget(sections.effect_row(effect))
    page.resize(420, 480)
    page.show()
    assert all(row.width() <= 420 for row in page.findChildren(QWidget))


def test_a_fee_tells_its_price_and_a_network_that_charges_nothing_says_so(qtbot):
    paid = [QWidget(), *sections.fee_rows(Fee(21_000, 25_200, 3 * 10**9, 10**9, 21_000 * 15 * 10**8, 25_200 * 3 * 10**9))]
    free = [QWidget(), *sections.fee_rows(Fee(21_000, 25_200, 0, 0, 0, 0))]
    for widget in (*paid, *free):
        qtbot.addWidget(widget)
    said = [text for row in paid for text in shown(row)]
    assert "1.50" in said and "of 3.00 gwei" in said and "of 25,200" in said
    assert "none: this network charges nothing" in [text for row in free for text in shown(row)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("given", "allowance: Treasury → 0x2f88…0b6e"),
        ("given", "0 → unlimited AZR"),
        ("spent", ": 5.000000000000000000 → 2.000000000000000000 AZR"),
        ("granted", f": nothing → MINTER_ROLE on {TOKEN}"),
    ],
)
def test_the_command_line_tells_the_same(name, said):
    from app.cli.support import describe
    from tests.ui.plan_sheet.sheet_world import preview, transfer

    plan = transfer(preview=preview(effects=(EFFECTS[name],)))
    assert said in describe(plan)


def test_the_command_line_tells_the_call_and_why_it_fails_once_and_in_words():
    from app.cli.support import describe
    from app.operations.plans import Verdict, VerdictLevel
    from tests.ui.plan_sheet.sheet_world import POOL, preview, transfer

    error, cause = "Treasury holds 5 AZR, and 12,500 AZR would be taken", "ERC20InsufficientBalance(balance: 5000)"
    blocked = Verdict("simulation.succeeds", VerdictLevel.BLOCK, f"It would fail: {error}")
    key = Effect("key", OWNER, "none", "inKeyring")
    said = describe(transfer(preview=preview(effects=(key,), verdicts=(blocked,), error=error, cause=cause)))
    assert f"  call: AzoraToken.transfer(to: {POOL}, amount: 12500.000000000000000000)\n" in said
    assert f"key: {OWNER}: not here → in the keyring" in said
    assert said.count(error) == 1 and said.count(cause) == 1
    assert f"would fail: {error}" in describe(transfer(preview=preview(verdicts=(), error=error)))


@pytest.mark.parametrize("verb", ["sign", "verify"])
def test_nothing_to_sign_or_to_verify_names_the_help_of_that_command(verb):
    from typer.testing import CliRunner

    from app.cli import azora
    from app.core.errors import Invalid

    answer = CliRunner().invoke(azora, ["wallet", verb, *(["--from", "Main"] if verb == "sign" else [])])
    assert isinstance(answer.exception, Invalid)
    assert answer.exception.remedy == f"See: azora wallet {verb} --help"


def test_what_stands_for_many_is_told_whole(qtbot):
    many = sections.party("20 more recipients")
    qtbot.addWidget(many)
    assert [label.text() for label in many.findChildren(QLabel) if label.text()] == ["20 more recipients"]
