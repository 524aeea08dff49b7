"""What the widgets promise: short in sight, exact in the clipboard, steady under new rows, and named for a screen reader."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from app.core.errors import Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from ui import widgets as w
from ui.widgets.chart import nice_ticks
from ui.widgets.values import exact_text, short_hex, shown_text

AZR = 10**18
TREASURY = "0x7a3f0000000000000000000000000000000091c2"
POOL = "0x2f8800000000000000000000000000000000b6e4"
CLAIMED = Evidence(EvidenceKind.BLOCK, "1842", status=EvidenceStatus.CLAIMED)


class Bridge:
    """Answers at once."""

    is_ready = True

    def __init__(self, *accounts: tuple[str, str]) -> None:
        self.accounts = [SimpleNamespace(address=address, label=label) for address, label in accounts]

    def run(self, work: Any, *, then: Any = None, **_: Any) -> None:
        then(self.accounts)


def some_rows(*numbers: int) -> list[w.Row]:
    return [
        w.Row(
            f"r{number}",
            {
                "who": w.AddressCell(TREASURY, "Treasury"),
                "amount": w.Amount(number * AZR + 1, 18, "AZR"),
                "proof": w.EvidenceCell(CLAIMED),
                "time": w.TimeCell(1_000 * number),
            },
        )
        for number in numbers
    ]


@pytest.fixture
def table(qtbot: Any) -> w.Table:
    made = w.Table(
        [
            w.Column("who", "Account", 200, kind="address"),
            w.Column("amount", "AZR", 120, align="right", kind="amount"),
            w.Column("proof", "Proof", 90, kind="evidence"),
            w.Column("time", "Time", 120, kind="time"),
        ],
        multi=True,
    )
    qtbot.addWidget(made)
    made.resize(600, 150)
    made.show()
    made.set_rows(some_rows(1, 2, 3))
    return made


@given(st.integers(min_value=0, max_value=2**256 - 1))
def test_an_amount_is_copied_without_loss(value: int) -> None:
    assert int(exact_text(w.Amount(value, 18, "AZR")).replace(".", "")) == value


@given(st.integers(min_value=-(2**200), max_value=2**200))
def test_an_amount_is_never_shown_larger_than_it_is(value: int) -> None:
    text = shown_text(w.Amount(value, 18, "AZR"))
    if "<" not in text:
        digits = text.removesuffix(" AZR").replace(",", "").replace("−", "").replace(".", "")
        assert int(digits) * 10**14 <= abs(value)


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_ticks_span_what_they_measure(one: float, other: float) -> None:
    ticks = nice_ticks(min(one, other), max(one, other))
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= min(one, other) + 1e-6 and ticks[-1] >= max(one, other) - 1e-6


def test_new_rows_keep_the_selection_by_id_and_send_no_signal(table: w.Table, qtbot: Any) -> None:
    table.select("r2")
    with qtbot.assertNotEmitted(table.selected):
        table.set_rows(some_rows(5, 4, 3, 2, 1))
    assert table.selected_id() == "r2"
    table.set_rows(some_rows(7, 8))
    assert table.selected_id() == ""


def test_the_reader_selecting_and_opening_a_row_is_told(table: w.Table, qtbot: Any) -> None:
    table.select("r1")
    table.setFocus()
    with qtbot.waitSignal(table.selected) as chosen:
        qtbot.keyClick(table, Qt.Key.Key_Down)
    assert chosen.args == ["r2"]
    with qtbot.waitSignal(table.activated) as opened:
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert opened.args == ["r2"]


def test_several_rows_can_be_selected(table: w.Table) -> None:
    table.select_many(["r3", "r1", "gone"])
    assert table.selected_ids() == ["r1", "r3"]


def test_copying_gives_what_is_seen_or_all_of_it(table: w.Table) -> None:
    table.select("r2")
    table.copy_shown()
    assert QApplication.clipboard().text() == "Treasury 0x7a3f…91c2\t2.0000 AZR\t1842\t01 Jan 1970 00:00:02"
    table.copy_exact()
    assert QApplication.clipboard().text() == f"{TREASURY}\t2.000000000000000001\t1842\t1970-01-01T00:00:02.000+00:00"


def test_a_heading_sorts_by_value_and_gives_the_order_back(table: w.Table, qtbot: Any) -> None:
    table.set_rows(some_rows(10, 9, 100))
    with qtbot.waitSignal(table.sort_asked) as asked:
        table.horizontalHeader().sectionClicked.emit(1)
    assert asked.args == ["amount", False]
    assert [row.id for row in table.rows()] == ["r9", "r10", "r100"]
    table.horizontalHeader().sectionClicked.emit(1)
    assert [row.id for row in table.rows()] == ["r100", "r10", "r9"]
    table.horizontalHeader().sectionClicked.emit(1)
    assert [row.id for row in table.rows()] == ["r10", "r9", "r100"]


def test_the_end_of_the_rows_asks_for_more(table: w.Table, qtbot: Any) -> None:
    table.set_rows(some_rows(*range(100)))
    bar = table.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    with qtbot.waitSignal(table.load_more):
        bar.setValue(bar.maximum())


def test_a_cell_speaks_in_full(table: w.Table) -> None:
    said = table.model().index(1, 1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "AZR: 2.000000000000000001 AZR"


def test_the_evidence_of_a_row_opens_and_closes(table: w.Table, qtbot: Any) -> None:
    table.select("r1")
    table.show_evidence()
    assert table.popover.isVisible()
    assert "1842" in table.popover.accessibleName()
    table.popover.close()


def test_a_field_says_what_is_wrong_and_forgets_it(qtbot: Any) -> None:
    edit = w.line_edit("x.amount", "Amount")
    field = w.Field("Amount", edit, "All decimals are kept")
    qtbot.addWidget(field)
    field.set_error("No digits.")
    assert (field.error(), edit.accessibleDescription(), edit.property("invalid")) == ("No digits.", "No digits.", True)
    field.set_error("")
    assert (field.error(), edit.accessibleDescription()) == ("", "All decimals are kept")


def test_a_segmented_control_tells_only_what_the_reader_chose(qtbot: Any) -> None:
    control = w.Segmented([("a", "A"), ("b", "B"), ("c", "C")])
    qtbot.addWidget(control)
    control.show()
    assert control.value() == "a"
    with qtbot.assertNotEmitted(control.changed):
        control.set_value("b")
    with qtbot.waitSignal(control.changed) as chosen:
        qtbot.keyClick(control.button("b"), Qt.Key.Key_Right)
    assert (chosen.args, control.value()) == (["c"], "c")


def test_buttons_that_would_squeeze_their_heading_stand_as_icons_and_get_their_words_back(qtbot: Any) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    pane = w.Pane("A heading")
    pane.setParent(page)
    both = [w.button("Against a source…", icon="file-code"), w.button("Export bundle…", icon="export")]
    both[1].setToolTip("Write all of it")
    plain = w.button("No icon")
    for each in (*both, plain):
        pane.add_header(each, right=True)
    page.resize(900, 200)
    page.show()
    pane.resize(900, 200)
    assert [each.text() for each in both] == ["Against a source…", "Export bundle…"]
    pane.resize(260, 200)
    assert [each.text() for each in (*both, plain)] == ["", "", "No icon"]
    assert [each.accessibleName() for each in both] == ["Against a source…", "Export bundle…"]
    assert [each.toolTip() for each in both] == ["Against a source…", "Write all of it"]
    pane.resize(900, 200)
    assert [each.text() for each in both] == ["Against a source…", "Export bundle…"]


@pytest.mark.parametrize("after", ["", " log 3", "#17"])
def test_a_hash_is_shown_short_with_what_follows_it(after: str) -> None:
    assert short_hex("0x" + "ab" * 32 + after) == "0xabab…abab" + after
    assert short_hex("0x1234" + after) == "0x1234" + after and short_hex("AZR-R130-LO") == "AZR-R130-LO"


def test_an_account_is_chosen_from_the_list(qtbot: Any) -> None:
    combo = w.AccountCombo("x.sender", Bridge((TREASURY, "Treasury"), (POOL, "Pool")))
    qtbot.addWidget(combo)
    assert combo.address() == TREASURY
    combo.set_address(POOL)
    assert combo.address() == POOL


def test_an_account_can_be_typed_by_label_or_address(qtbot: Any) -> None:
    combo = w.AccountCombo("x.recipient", Bridge((TREASURY, "Treasury")), editable=True)
    qtbot.addWidget(combo)
    for typed, found in (("treasury", TREASURY), (POOL, POOL)):
        combo.setEditText(typed)
        assert combo.address() == found


@pytest.mark.parametrize("typed", ["", "nobody", "0x2f88b6e4", "0x" + "g" * 40])
def test_what_is_no_account_is_refused_at_the_field(qtbot: Any, typed: str) -> None:
    combo = w.AccountCombo("x.recipient", Bridge((TREASURY, "Treasury")), editable=True)
    qtbot.addWidget(combo)
    combo.setEditText(typed)
    with pytest.raises(Invalid) as refused:
        combo.address()
    assert refused.value.field == "recipient"


def test_without_accounts_nothing_can_be_chosen(qtbot: Any) -> None:
    combo = w.AccountCombo("x.sender", Bridge())
    qtbot.addWidget(combo)
    with pytest.raises(Invalid):
        combo.address()


def test_a_log_follows_its_end_unless_the_reader_scrolled_up(qtbot: Any) -> None:
    log = w.LogView()
    qtbot.addWidget(log)
    log.resize(300, 100)
    log.show()
    lines = [f"line {at}" for at in range(60)]
    log.set_text("\n".join(lines))
    bar = log.verticalScrollBar()
    assert bar.value() == bar.maximum()
    bar.setValue(5)
    log.set_text("\n".join([*lines, "one more"]))
    assert bar.value() == 5
    assert log.toPlainText().endswith("one more")


def test_a_password_is_hidden(qtbot: Any) -> None:
    edit = w.password_edit("x.passphrase", "Passphrase")
    qtbot.addWidget(edit)
    edit.setText("secret")
    assert "secret" not in edit.displayText()


def test_everything_one_can_reach_by_keyboard_has_a_name(qtbot: Any, qapp: Any) -> None:
    from tests.ui.gallery import gallery
    from ui.theme import theme

    theme.apply(qapp)
    page = gallery()
    qtbot.addWidget(page)
    page.show()
    nameless = [
        f"{type(widget).__name__} {widget.objectName()}"
        for widget in page.findChildren(QWidget)
        if type(widget).__module__.startswith("ui.") and not widget.accessibleName() and not isinstance(widget, w.Field)
        if not isinstance(widget, (w.Segmented, w.Card))
    ]
    assert nameless == []
    for mode in ("light", "high-contrast", "dark"):
        theme.set_mode(mode)
        assert not page.grab().isNull()
    theme.set_mode("system")
