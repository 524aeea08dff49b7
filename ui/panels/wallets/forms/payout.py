"""Payout: a table of payments, checked row by row, as one plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QPlainTextEdit, QWidget

from app.core.errors import ConsoleError, Invalid
from ui.panels.wallets.fees import FeeChoice
from ui.panels.wallets.forms.form import WalletForm, ask_file, line, read_file
from ui.theme import theme
from ui.widgets import AccountCombo, AddressCell, Amount, Column, Field, Note, Row, StatusCell, Table, button, line_edit
from ui.widgets.values import masked, shown_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets.payouts import PayoutCheck
    from app.wallets.tokens import TokenInfo
    from ui.shell.panel import Panel

WAIT_MS = 500
MOST_HIGH = 300  # pixels of the table; the rest is scrolled
ADDRESS_LENGTH = 42
ALIKE = "again from its source"  # how the check asks for a look-alike's second entry
MOST_SHOWN = 2_000  # rows of the check; problems come first


class PayoutForm(WalletForm):
    """From one account to many, from a file or a pasted table."""

    title = "Payout"
    context = "Many payments as one plan, each carried out once"

    def __init__(self, panel: Panel, sender: str = "") -> None:
        super().__init__(panel)
        self._data: bytes | str = ""
        self._check: PayoutCheck | None = None
        self.sender = AccountCombo("wallets.payout.sender", self.bridge)
        if sender:
            self.sender.set_address(sender)
        self.field("From", self.sender)
        self.token = QComboBox()
        self.token.setObjectName("wallets.payout.token")
        self.token.setAccessibleName("What is paid")
        self.field("What", self.token)
        self.text = QPlainTextEdit()
        self.text.setObjectName("wallets.payout.file")
        self.text.setAccessibleName("Table of payments")
        self.text.setTabChangesFocus(True)
        self.text.setFont(theme.font("mono"))
        self.text.setPlaceholderText("address,amount,memo\n0x…,125.50,March")
        self.text.setFixedHeight(96)
        self.file_field = self.field(
            "Payments",
            self.text,
            "Headings address, amount, memo; compared holds a look-alike address again",
        )
        load = button("From a file…", icon="file-csv")
        load.setObjectName("wallets.payout.load")
        load.clicked.connect(lambda: ask_file(self, "Payments", "Tables (*.csv);;All files (*)", self.load))
        self.add(line(load))
        self.verdict = Note("info", "Nothing is read yet.")
        self.verdict.setObjectName("wallets.payout.verdict")
        self.add(self.verdict)
        self.table = Table(
            [
                Column("line", "Line", 48, align="right"),
                Column("who", "Recipient", 126, kind="address"),
                Column("amount", "Amount", 84, align="right", kind="amount"),
                Column("state", "Check", 150),
            ],
            dense=True,
        )
        self.table.setObjectName("wallets.payout.rows")
        self.table.setAccessibleName("Payments of the table")
        self.table.hide()
        self.add(self.table)
        self.compared = line_edit("wallets.payout.compared", "Look-alike address, entered again")
        self.compared_field = self.field(
            "Look-alike, again", self.compared, "Copy the whole address again from its source, not from this table"
        )
        self.compared_field.hide()
        self.compared.textChanged.connect(lambda _: self._timer.start())
        self._entered: list[str] = []  # look-alikes that were entered again
        self.go_on = QCheckBox("Go on when a payment fails on the chain")
        self.go_on.setObjectName("wallets.payout.continue")
        self.go_on.setToolTip("Without it, what was not sent yet stays unsent once a payment failed")
        self.add(self.go_on)
        self.fee = FeeChoice("wallets.payout.fee", self.bridge, gas=60_000)
        self.add(Field("Fee of each payment", self.fee, ""))
        self.end()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._look)
        self.text.textChanged.connect(self._typed)
        self.sender.currentIndexChanged.connect(lambda _: self._timer.start())
        self.token.currentIndexChanged.connect(lambda _: self._timer.start())
        self.bridge.run(self._read, then=self._filled, owner=self)

    async def _read(self) -> list[TokenInfo]:
        network = self.console.networks.current
        found: list[TokenInfo] = await self.console.wallets.tokens(network.id) if network is not None else []
        return sorted(found, key=lambda token: not token.address)

    def _filled(self, tokens: list[TokenInfo]) -> None:
        for token in tokens:
            self.token.addItem(token.symbol, token.address)

    def load(self, path: Path) -> None:
        """Read the payments from a file."""
        try:
            data = read_file(path, "file")
        except Invalid as error:
            self.file_field.set_error(str(error))
            return
        self.text.blockSignals(True)
        self.text.setPlainText("")
        self.text.blockSignals(False)
        self._data = data
        self.file_field.set_hint(f"From {path.name}")
        self._look()

    def _typed(self) -> None:
        self._data = self.text.toPlainText()
        self._timer.start()

    def _look(self) -> None:
        """Check every row; nothing is stored."""
        self._check = None
        self.file_field.set_error("")
        if not self._data:
            self.verdict.set_level("info")
            self.verdict.set_text("Nothing is read yet.")
            self.table.hide()
            return
        try:
            network, sender = self.network("file"), self.sender.address()
        except ConsoleError as error:
            self.file_field.set_error(str(error))
            return
        data, token, wallets = self._data, str(self.token.currentData() or ""), self.console.wallets
        again = self._again()

        def failed(error: ConsoleError) -> bool:
            self.file_field.set_error(str(error))
            self.verdict.set_level("err")
            self.verdict.set_text("The table cannot be read.")
            self.table.hide()
            return True

        self.bridge.run(
            lambda: wallets.check_payout(network.id, sender, data, token, again), then=self._show, fail=failed, owner=self
        )

    def _again(self) -> list[str]:
        """The look-alikes that were entered again; a whole address in the field is one more."""
        self.compared_field.set_error("")
        if text := self.compared.text().strip():
            from app.wallets.keys import parse_address

            try:
                self._entered = list(dict.fromkeys([*self._entered, parse_address(text, "compared")]))
            except Invalid as error:
                if len(text) >= ADDRESS_LENGTH:
                    self.compared_field.set_error(str(error))
        return self._entered

    def _show(self, check: PayoutCheck) -> None:
        lookalike = any(ALIKE in row.problem for row in check.rows)
        if not lookalike or any(self.compared.text().strip().lower() == row.address.lower() for row in check.rows if row.compared):
            self.compared.clear()  # taken; the next one has the field for itself
        self.compared_field.setVisible(lookalike)
        self._check = check
        good = sum(not row.problem for row in check.rows)
        total = shown_text(Amount(check.total, check.token.decimals, check.token.symbol))
        wrong = len(check.rows) - good
        if wrong or check.problems:
            self.verdict.set_level("err")
            first = check.problems[0] if check.problems else ""
            self.verdict.set_text(f"{wrong:,} of {len(check.rows):,} rows cannot be paid. {first}")
        else:
            warned = len(check.warnings)
            self.verdict.set_level("warn" if warned else "ok")
            unseen = sum(not row.known for row in check.rows)
            more = f" {unseen:,} were never paid from here." if unseen else ""
            more += f" {warned:,} to look at: {check.warnings[0]}" if warned else ""
            self.verdict.set_text(f"{good:,} payments, {total} in all.{more}")
        rows = sorted(check.rows, key=lambda row: (not row.problem, not row.warning, bool(row.known), row.line))[:MOST_SHOWN]
        self.table.set_rows(
            [
                Row(
                    str(row.line),
                    {
                        "line": row.line,
                        "who": AddressCell(row.address, row.label),
                        "amount": Amount(row.amount, check.token.decimals) if row.amount else "",
                        "state": StatusCell("err", masked(row.problem))
                        if row.problem
                        else StatusCell("warn", masked(row.warning))
                        if row.warning
                        else StatusCell("ok", row.memo or "Fine")
                        if row.known
                        else StatusCell("idle", "Never paid from here"),
                    },
                )
                for row in rows
            ]
        )
        self.table.setFixedHeight(min(MOST_HIGH, (len(rows) + 2) * theme.metric("rowDense")))
        self.table.show()

    def work(self) -> Callable[[], Awaitable[Any]]:
        if self._check is None:
            raise Invalid("There are no payments yet. Nothing was planned.", "Paste a table, or choose a file.", field="file")
        check, fee, go_on, wallets = self._check, self.fee.params(), self.go_on.isChecked(), self.console.wallets
        return lambda: wallets.plan_payout(check, fee, continue_on_failure=go_on)

    def show_error(self, error: Any) -> bool:
        if error.field in ("file", "data"):
            self.clear_errors()
            self.file_field.set_error(str(error))
            return True
        return super().show_error(error)

    def first_field(self) -> QWidget | None:
        return self.text
