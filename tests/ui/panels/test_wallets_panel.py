"""The wallets panel: what is listed and in which order, that forms speak at their fields, and that hidden amounts are nowhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QTableView, QWidget

from app.core.errors import Invalid
from app.wallets.keys import checksum
from tests.ui.plan_sheet.sheet_world import FakeBridge, World, transfer
from tests.ui.shell.desk import POOL, TREASURY, Shell
from ui.panels.wallets.forms.adding import parse_numbers
from ui.panels.wallets.reading import Snapshot
from ui.widgets import AmountLabel, Field, QrCode, privacy

pytestmark = pytest.mark.gui
AZR = 10**18
SECRETIVE = ("8,412,600", "8412600", "1,106,250", "1106250", "9,518,850", "9518850")


def readable(widget: QWidget) -> str:
    """Everything that eyes, a mouse or a screen reader could learn of a widget."""
    found: list[str] = []
    for part in [widget, *widget.findChildren(QWidget)]:
        found += [part.accessibleName(), part.accessibleDescription(), part.toolTip()]
        if isinstance(part, QLabel | AmountLabel):
            found.append(part.text())
        if isinstance(part, QTableView):
            model = part.model()
            roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
            for row in range(model.rowCount()):
                for column in range(model.columnCount()):
                    found += [str(model.index(row, column).data(role)) for role in roles]
    return "\n".join(found)


def rich(shell: Shell) -> None:
    """Let the two accounts hold something."""
    from app.wallets import Balances

    panel = shell.panel
    held = {
        account.address: Balances(4 * AZR, amount * AZR + AZR // 4, 1_842)
        for account, amount in zip(panel.snapshot.accounts, (8_412_600, 1_106_250), strict=False)
    }
    panel._show(Snapshot(panel.snapshot.accounts, held, "azora", "Azora", "ETH"))


def test_hidden_amounts_are_in_no_text_tip_or_spoken_name_and_are_still_copied_exactly(shell: Shell) -> None:
    rich(shell)
    assert "8,412,600" in readable(shell.window)
    QTest.keyClick(
        shell.focus() or shell.window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    shell.until(lambda: privacy.hidden)
    rich(shell)  # also what is read while they are hidden
    held = readable(shell.window)
    assert not [number for number in SECRETIVE if number in held]
    assert held.count("••••") >= 5
    shell.panel.table.selectRow(0)
    shell.panel.table.copy_exact()
    assert "8412600.250000000000000000" in QApplication.clipboard().text()
    shell.until(lambda: shell.console.settings.value.appearance.hide_amounts)  # remembered
    shell.window.trigger("window.amounts")
    shell.until(lambda: not shell.console.settings.value.appearance.hide_amounts)
    rich(shell)
    assert "8,412,600" in readable(shell.window)


@pytest.fixture
def sheet(qtbot: Any) -> Any:
    from ui.plan_sheet import PlanSheet

    world = World(transfer())
    window = SimpleNamespace(bridge=FakeBridge(world), is_quick=lambda plan: False, notify=lambda *_, **__: None)
    widget = PlanSheet(window)
    widget.world = world
    qtbot.addWidget(widget)
    widget.resize(440, 800)
    widget.show()
    yield widget
    privacy.set_hidden(False)


def test_the_sheet_hides_amounts_too_and_nothing_is_confirmed_unseen(sheet: Any) -> None:
    privacy.set_hidden(True)
    sheet.open_plan("PLN-0427")
    assert sheet.step == 1
    numbers = ("12,500", "12500", "8,412,600", "8412600", "8,400,100")
    assert not [number for number in numbers if number in readable(sheet.preview_page)]
    sheet.go_on.click()
    assert not sheet.confirm.isEnabled() and "eye" in sheet.hint.text()
    assert not [number for number in numbers if number in readable(sheet.confirm_page)]
    sheet.eye.click()
    assert "12,500" in readable(sheet.confirm_page) and sheet.confirm.isEnabled()
    assert privacy.hidden  # only this sheet shows them
    sheet.back.click()
    assert "8,400,100" in readable(sheet.preview_page)


def test_a_second_payment_is_not_previewed_again_before_somebody_says_so(sheet: Any) -> None:
    from dataclasses import replace

    from app.operations.plans import Call, PlanState

    world, asked = sheet.world, []
    world.operations.now = replace(world.operations.now, state=PlanState.FAILED, reason="Nonce 1,204 was used elsewhere.")
    world.rival = SimpleNamespace(
        hash="0x" + "ab" * 32, nonce=1_204, block=1_842, same_payment=True, text="The other sent 12,500 AZR to Rewards pool.",
        decoded=Call("AzoraToken", POOL, "transfer", (("to", POOL), ("amount", "12500")), True),
    )  # fmt: skip

    async def retry(plan_id: str, statement: str = "") -> Any:
        asked.append((plan_id, statement))
        world.operations.now = replace(world.operations.now, state=PlanState.PREVIEWED)
        return world.operations.now

    world.operations.retry = retry
    sheet.open_plan("PLN-0427")
    assert sheet.findChild(QWidget, "plan.rival") is not None and "Rewards pool" in readable(sheet.progress_page)
    assert not sheet.retry.isEnabled() and "second payment" in sheet.hint.text()
    sheet.retry.click()
    sheet._retry()  # not by any other way either
    assert asked == []
    sheet.findChild(QWidget, "plan.second_payment").click()
    sheet.retry.click()
    assert asked == [("plan-1", "This is a second payment")]
    assert sheet.step == 1


# The list


def test_the_order_of_the_list_is_the_readers_and_lasts(shell: Shell) -> None:
    first = [row.id for row in shell.panel.table.rows()]
    shell.panel.table.setFocus()
    shell.panel.table.select(first[0])
    shell.alt(Qt.Key.Key_Down)
    shell.until(lambda: [row.id for row in shell.panel.table.rows()] == first[1::-1] + first[2:])
    assert [account.address for account in shell.ask(lambda: shell.console.wallets.list())][:2] == first[1::-1]
    assert shell.panel.table.selected_id() == first[0]
    shell.alt(Qt.Key.Key_Up)
    shell.until(lambda: [row.id for row in shell.panel.table.rows()] == first)


def test_a_group_is_a_filter_as_soon_as_an_account_is_in_it(shell: Shell) -> None:
    account = shell.panel.snapshot.account(TREASURY)
    assert not shell.panel.list.groups.isVisible()
    shell.panel.act("group", account.address)
    shell.until(lambda: shell.window.sheet._form is not None and shell.window.sheet._form.isVisible())
    shell.window.sheet._form.group.setEditText("Partners")
    shell.window.sheet.preview.click()
    shell.until(lambda: shell.panel.list.groups.isVisible())
    shell.panel.list.groups.setCurrentIndex(shell.panel.list.groups.findData("Partners"))
    assert [row.id.lower() for row in shell.panel.table.rows()] == [TREASURY.lower()]
    shell.panel.filter.setText("nobody")
    assert shell.panel.list.nothing.isVisible()
    shell.panel.list.clear_filters()
    assert len(shell.panel.table.rows()) == 2
    shell.ask(lambda: shell.console.wallets.set_group(account.id, ""))


def test_keys_copy_the_whole_address_and_edit_the_label(shell: Shell) -> None:
    shell.panel.table.setFocus()
    shell.panel.table.select(shell.panel.snapshot.account(POOL).address)
    shell.ctrl(Qt.Key.Key_C)
    assert QApplication.clipboard().text() == shell.panel.snapshot.account(POOL).address
    shell.key(Qt.Key.Key_F2)
    shell.until(lambda: shell.window.sheet._form is not None and shell.window.sheet._form.isVisible())
    assert shell.window.sheet._form.label.text() == "Rewards pool"


def typed(edit: Any, text: str) -> None:
    """As a person edits: what is being typed stays when news of the account come; a text that a program set does not."""
    edit.selectAll()
    edit.insertPlainText(text)


def test_a_note_is_kept_and_what_looks_like_a_secret_is_not(shell: Shell) -> None:
    account = shell.panel.snapshot.account(TREASURY)
    shell.panel.list.choose(account.address)
    shell.panel.detail.show_tab("notes")
    tab = shell.panel.detail.stack.currentWidget()
    typed(tab.text, "test " * 11 + "junk")
    tab.save.click()
    shell.until(lambda: tab.field.error())
    assert "recovery phrase" in tab.field.error()
    typed(tab.text, "Pays rewards on Fridays")
    tab.save.click()
    shell.until(lambda: shell.ask(lambda: shell.console.wallets.get(account.id)).note == "Pays rewards on Fridays")


# Forms


def test_a_payout_asks_for_a_look_alike_again_and_its_preview_lists_every_row_with_its_check(shell: Shell) -> None:
    from app.wallets.payouts import check
    from app.wallets.recipients import Book
    from app.wallets.tokens import TokenInfo
    from ui.panels.wallets.forms.payout import PayoutForm
    from ui.plan_sheet.payout import PlannedSection

    known, twin, other = "0x12345678" + "0" * 24 + "12345678", "0x12345678" + "1" * 24 + "12345678", "0x" + "7" * 40
    text = f"address,amount\n{twin},1\n{other},2\n{known},3\n"

    def looked(compared: list[str]) -> Any:
        book = Book({}, (), {checksum(bytes.fromhex(known[2:])): "PLN-0001"})
        return check(text, "azora", TREASURY, TokenInfo("", "ETH", 18), book, [], compared)

    form = PayoutForm(shell.panel)
    form._show(looked([]))
    assert not form.compared_field.isHidden() and "again from its source" in form.verdict.text()
    form.compared.setText(twin)
    assert form._again() == [checksum(bytes.fromhex(twin[2:]))]
    found = looked(form._again())
    form._show(found)
    assert form.compared_field.isHidden() and not form.compared.text() and not found.problems
    plan = SimpleNamespace(params={"rows": [row.to_json() for row in found.rows], "decimals": 18})
    said = readable(PlannedSection(plan))
    assert "3 rows, 2 to look at, 2 never paid from here" in said
    assert "entered a second time from its source" in said and "Never paid from here" in said
    form.deleteLater()


FIELDS = [
    ("watch", {"label": "New", "address": "0x7A3f0000000000000000000000000000000091c2"}, "address", "checksum"),
    ("watch", {"label": "Treasury", "address": "0x" + "5" * 40}, "label", "Treasury"),
    ("import", {"label": "Key", "key": "12"}, "key", "64"),
    ("restore", {"label": ""}, "label", "needs a label"),
    ("contact", {"label": "Somebody", "address": "0x12"}, "address", "40"),
]


@pytest.mark.parametrize(("form", "entries", "field", "says"), FIELDS)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_kept(
    shell: Shell, form: str, entries: dict[str, str], field: str, says: str
) -> None:
    before = shell.ask(lambda: shell.console.wallets.list()), shell.ask(lambda: shell.console.wallets.contacts())
    shell.window.registry.run(f"wallets.{form}")
    shell.until(lambda: shell.window.sheet._form is not None and shell.window.sheet._form.isVisible())
    made = shell.window.sheet._form
    for name, text in entries.items():
        getattr(made, name).setText(text)
    shell.window.sheet.preview.click()
    shell.until(lambda: [one for one in made.findChildren(Field) if one.error()], 20_000)
    wrong = {one.widget.objectName().rpartition(".")[2]: one.error() for one in made.findChildren(Field) if one.error()}
    assert list(wrong) == [field] and says in wrong[field]
    assert (shell.ask(lambda: shell.console.wallets.list()), shell.ask(lambda: shell.console.wallets.contacts())) == before


def test_links_open_forms_and_do_nothing_more(shell: Shell) -> None:
    plans = shell.ask(lambda: shell.console.operations.page())
    for verb in ("send", "reveal", "export", "delete", "payout", "sign", "hand", "approve", "drill"):
        shell.window.open_link(f"azora://wallets/{verb}")
    assert shell.ask(lambda: shell.console.operations.page()) == plans


def test_numbers_of_accounts_are_read_as_people_write_them() -> None:
    assert parse_numbers("3-5, 9") == [3, 4, 5, 9] and parse_numbers("0") == [0]
    for text in ("", "-1", "a", "5-3", "0-100", "1,,2"):
        with pytest.raises(Invalid):
            parse_numbers(text)


def test_a_qr_code_is_painted_as_it_was_encoded(qtbot: Any, tmp_path: Any) -> None:
    import segno

    uri = f"ethereum:{TREASURY}@195?value=1.25e18"
    code = QrCode()
    qtbot.addWidget(code)
    code.set_text(uri)
    rows = [bytes(row) for row in segno.make(uri, error="m", micro=False).matrix]
    image, module = code.image(), 16
    seen = [
        bytes(image.pixelColor((x + 4) * module + 8, (y + 4) * module + 8).lightness() < 128 for x in range(len(rows)))
        for y in range(len(rows))
    ]
    assert seen == rows
    code.save(tmp_path / "code.png")
    code.save(tmp_path / "code.svg")
    assert (tmp_path / "code.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "code.svg").read_text().count("h1v1h-1z") == sum(map(sum, rows))


def test_in_a_narrow_window_the_sheet_covers_the_page_and_leaves_a_button(shell: Shell) -> None:
    size = shell.window.size()
    shell.window.resize(1180, 720)
    shell.until(lambda: shell.window.width() == 1180)
    shell.window.dock.hide()
    shell.until(lambda: shell.panel.width() == shell.window.cover.holder.width())
    width = shell.panel.width()
    shell.window.registry.run("wallets.send")
    shell.until(lambda: shell.window.dock.isVisible() and shell.window.cover.holder.width() < width)
    shell.until(lambda: shell.panel.width() >= width)  # laid out as before, and covered
    button = shell.panel.findChild(QWidget, "page.plan")
    assert not button.isVisible()
    shell.window.toggle_sheet()
    shell.until(button.isVisible)
    assert "Send" in button.text()
    button.click()
    assert shell.window.dock.isVisible()
    shell.window.resize(size)


def test_every_tab_of_an_account_reads_without_a_crash(shell: Shell) -> None:
    shell.panel.list.choose(TREASURY)
    for name in ("activity", "assets", "allowances", "queue", "keys", "notes"):
        shell.panel.detail.show_tab(name)
        shell.ask(lambda: shell.console.wallets.list())  # what the tab asked before has been answered
    assert shell.window._crashes == set()
    shell.panel.detail.show_tab("keys")
    tab = shell.panel.detail.stack.currentWidget()
    shell.until(lambda: ("Key", "No key (watch-only)") in tab.facts.pairs)
