"""The frame of the sheet: head, steps, pages, and the buttons of its footer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from ui.plan_sheet.outcome import ProgressPage, ReceiptPage
from ui.plan_sheet.pages import ConfirmPage, Page, PreviewPage
from ui.plan_sheet.sections import text
from ui.plan_sheet.stepbar import StepBar
from ui.theme import icon
from ui.widgets import Note, button, danger_button, primary_button

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from app.operations.plans import Plan
    from ui.plan_sheet.facts import Facts
    from ui.plan_sheet.form import PlanForm


class Frame(QWidget):
    """What stands in the sheet; what its buttons do is :class:`ui.plan_sheet.acting.Acting`'s business."""

    closed = Signal()
    step_changed = Signal(str, str)  # plan name or form title, step
    window_: Any
    bridge: Any
    _form: PlanForm | None
    _facts: Facts | None
    _step: int
    _busy: str
    _in_sight: bool  # amounts are shown here although the window hides them

    @property
    def plan(self) -> Plan | None:
        """The plan that is shown."""
        return self._facts.plan if self._facts else None

    @property
    def step(self) -> int:
        """The step that is shown, 0 to 4."""
        return self._step

    # Building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QFrame()
        head.setObjectName("plan.head")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 9, 10, 9)
        names = QVBoxLayout()
        names.setSpacing(1)
        self.title = text("", "title", wrap=True)
        self.title.setObjectName("plan.title")
        self.subtitle = text("", "hint")
        self.subtitle.setObjectName("plan.subtitle")
        names.addWidget(self.title)
        names.addWidget(self.subtitle)
        row.addLayout(names, 1)
        self.eye = QToolButton()
        self.eye.setObjectName("plan.eye")
        self.eye.setAutoRaise(True)
        self.eye.setFixedSize(28, 28)
        self.eye.clicked.connect(self._show_amounts)
        row.addWidget(self.eye, 0, Qt.AlignmentFlag.AlignTop)
        self.hide_button = QToolButton()
        self.hide_button.setObjectName("plan.close")
        self.hide_button.setIcon(icon("x", "text-2"))
        self.hide_button.setAutoRaise(True)
        self.hide_button.setToolTip("Close; nothing is cancelled (Esc)")
        self.hide_button.setAccessibleName("Close the plan sheet")
        self.hide_button.setFixedSize(28, 28)
        self.hide_button.clicked.connect(self.close_sheet)
        row.addWidget(self.hide_button, 0, Qt.AlignmentFlag.AlignTop)
        column.addWidget(head)
        self.steps = StepBar()
        self.steps.chosen.connect(self._show)
        column.addWidget(self.steps)
        self.stack = QStackedWidget()
        self.form_page = Page("Plan")
        self.preview_page = PreviewPage()
        self.confirm_page = ConfirmPage()
        self.progress_page = ProgressPage()
        self.receipt_page = ReceiptPage()
        for page in (self.form_page, self.preview_page, self.confirm_page, self.progress_page, self.receipt_page):
            self.stack.addWidget(page)
        self.confirm_page.changed.connect(self._update)
        self.progress_page.mine.connect(self._mine)
        for stated in (self.progress_page.stated, self.preview_page.stated):
            stated.connect(self._state)
        self.progress_page.hand_export.connect(self._hand_export)
        self.progress_page.hand_import.connect(self._hand_import)
        self.progress_page.hand_paste.connect(self._hand_paste)
        self.receipt_page.save_asked.connect(self._save_signature)
        for page in (self.progress_page, self.receipt_page):
            page.payout_export.connect(self._export_payout)
            page.payout_rest.connect(self._pay_rest)
        column.addWidget(self.stack, 1)
        self.problem = Note("err", "")
        self.problem.setObjectName("plan.problem")
        self.problem.hide()
        column.addWidget(self.problem)
        column.addWidget(self._build_footer())

    def _build_footer(self) -> QWidget:
        footer = QFrame()
        footer.setObjectName("plan.footer")
        self._footer_column = QVBoxLayout(footer)
        self._footer_column.setContentsMargins(16, 10, 16, 10)
        self._footer_column.setSpacing(8)
        row = self._footer_row = QHBoxLayout()
        row.setSpacing(8)
        self._footer_column.addLayout(row)
        self.discard = self._button(button("Discard"), "plan.discard", self._discard)
        self.copy_link = self._button(button("Copy link", icon="copy"), "plan.copy", self._copy_link)
        row.addWidget(self.discard)
        row.addWidget(self.copy_link)
        self.hint = text("", "hint", wrap=True)
        self.hint.setObjectName("plan.hint")
        row.addWidget(self.hint, 8)
        row.addStretch(1)
        self.back = self._button(button("Back"), "plan.back", self._go_back)
        self.again = self._button(button("Preview again", icon="arrows-clockwise"), "plan.again", self._simulate_again)
        self.preview = self._button(primary_button("Preview"), "plan.preview", self._preview)
        self.go_on = self._button(primary_button("Continue to confirm"), "plan.continue", self._continue)
        self.confirm = self._button(primary_button("Confirm"), "plan.confirm", self._confirm)
        self.retry = self._button(button("Preview again", icon="arrows-clockwise"), "plan.retry", self._retry)
        self.stop = self._button(danger_button("Stop"), "plan.stop", self._stop)
        self.leave = self._button(button("Close"), "plan.leave", self.close_sheet)
        self.export = self._button(button("Export receipt…", icon="export"), "plan.export", self._export)
        self.done = self._button(primary_button("Done"), "plan.done", self._finish)
        after = (
            self.back,
            self.again,
            self.preview,
            self.go_on,
            self.confirm,
            self.retry,
            self.stop,
            self.leave,
            self.export,
            self.done,
        )
        for widget in after:
            row.addWidget(widget)
        self._footer_buttons = (self.discard, self.copy_link, *after)
        return footer

    def set_hint(self, words: str) -> None:
        """Say something beside the buttons, or above them where there is no room for it. Comes after the buttons are chosen."""
        self.hint.setText(words)
        self._place_hint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_hint()

    def _place_hint(self) -> None:
        row, column = self._footer_row, self._footer_column
        shown = [widget for widget in self._footer_buttons if not widget.isHidden()]
        taken = sum(widget.sizeHint().width() + row.spacing() for widget in shown)
        room = self.width() - 2 * column.contentsMargins().left() - taken - 2 * row.spacing()
        above = self.hint.fontMetrics().horizontalAdvance(self.hint.text()) > room * 8 // 9  # what the stretch leaves of it
        if above != (column.indexOf(self.hint) >= 0):
            if above:
                column.insertWidget(0, self.hint)
            else:
                row.insertWidget(2, self.hint, 8)
        self.hint.setVisible(bool(self.hint.text()) or not above)

    def _button(self, widget: QPushButton, name: str, slot: Callable[[], None]) -> QPushButton:
        widget.setObjectName(name)
        widget.setAccessibleName(widget.text())
        widget.setAutoDefault(False)
        widget.setDefault(False)
        widget.clicked.connect(lambda _=False: slot())
        return widget
