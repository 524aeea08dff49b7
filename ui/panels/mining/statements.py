"""Bank statements beside redemptions: what they say is an external document, and is never shown as proven."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QVBoxLayout

from app.core.errors import Invalid
from ui.panels.mining.forms import NetworkForm, content
from ui.widgets import Amount, Column, FileField, KeyValue, Note, Row, Table, empty
from ui.widgets.values import know_unit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.mining.matching import Matching
    from app.mining.statements import BankEntry, Statement
    from ui.shell.panel import Panel

FINDINGS = {
    "paid": ("ok", "Paid"),
    "to complete": ("pend", "To complete"),
    "missing": ("err", "Missing"),
    "duplicate": ("err", "Duplicate"),
    "wrong amount": ("err", "Wrong amount"),
    "too early": ("warn", "Too early"),
    "not owed": ("err", "Not owed"),
    "shared": ("err", "Shared"),
    "open": ("idle", "Nothing paid"),
    "outside": ("idle", "Outside"),
}
EXTERNAL = "External document: a statement that somebody imported. It is never proven."


class StatementForm(NetworkForm):
    """Import a statement; below, those that are here and the payments that no redemption names."""

    title = "Bank statements"
    context = "External documents; no redemption changes by them"
    primary = "Import statement"
    planned = False
    stays = True

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.file = FileField(
            "mining.statement.file", "Statement", "CSV as the bank exports it, or camt.053", "Path of the bank statement",
            title="Bank statement", pattern="Statements (*.csv *.xml)", icon="bank",
        )  # fmt: skip
        self.path = self.file.edit
        self.column.addWidget(self.file)
        self.note = Note("info", EXTERNAL)
        self.note.setObjectName("mining.statement.note")
        self.column.addWidget(self.note)
        self.listed = QVBoxLayout()
        self.column.addLayout(self.listed)
        self.unknown_note = Note("warn", "")
        self.unknown_note.hide()
        self.column.addWidget(self.unknown_note)
        self.table = Table(
            [
                Column("day", "Booked", 100),
                Column("amount", "Amount", 110, align="right", kind="amount"),
                Column("reference", "Reference", 110),
                Column("name", "Name", 80),
            ],
            dense=True,
        )
        self.table.setObjectName("mining.statement.unknown")
        self.table.setAccessibleName("Payments that no redemption names")
        self.table.hide()
        self.column.addWidget(self.table, 1)
        self.column.addStretch(0)
        self._read()

    def _read(self) -> None:
        console = self.panel.bridge.console
        network = console.networks.current

        async def read() -> tuple[list[Statement], Matching | None]:
            statements = await console.bank.statements()
            if network is None or not statements or not network.genesis:
                return statements, None
            return statements, await console.bank.match(network.id)

        self.panel.bridge.run(read, then=lambda answer: self.show_read(*answer), owner=self)

    def show_read(self, statements: list[Statement], matching: Matching | None) -> None:
        """Show what is here, and what nobody asked for."""
        empty(self.listed)
        if statements:
            self.listed.addWidget(KeyValue([(item.name or item.digest[:12], _about(item)) for item in statements]))
        unknown = matching.unknown if matching else ()
        self.unknown_note.setVisible(bool(unknown))
        self.table.setVisible(bool(unknown))
        noun = "payment that left is" if len(unknown) == 1 else "payments that left are"
        self.unknown_note.set_text(f"{len(unknown):,} {noun} named by no redemption.")
        self.table.set_rows(
            [
                Row(
                    str(number),
                    {
                        "day": entry.booked.isoformat(),
                        "amount": amount_cell(entry),
                        "reference": entry.reference or "–",
                        "name": entry.name or "–",
                    },
                )
                for number, entry in enumerate(unknown)
            ]
        )

    def work(self) -> Callable[[], Awaitable[Any]]:
        path, bank = self.file.path(), self.panel.bridge.console.bank
        if path is None:
            raise Invalid("No statement is named. Nothing was imported.", "Choose a file.", field="file")

        async def add() -> Statement:
            return await bank.add(await content(path, "imported"), path.name)

        return add

    def finished(self, result: Any) -> None:
        waiting = f" {result.pending:,} are not booked yet and count for nothing." if result.pending else ""
        self.note.set_level("ok")
        self.note.set_text(f"{result.name} was imported: {_about(result)}.{waiting} {EXTERNAL}")
        self.path.clear()
        self._read()


def amount_cell(entry: BankEntry) -> Amount:
    """A payment's amount as the tables show and hide it."""
    know_unit(entry.currency)
    exponent = entry.amount.as_tuple().exponent
    decimals = max(2, -exponent if isinstance(exponent, int) else 0)
    return Amount(int(entry.amount.scaleb(decimals)), decimals, entry.currency, shown=decimals)


def summary(statements: int, matching: Matching) -> str:
    """The findings in a sentence."""
    noun = "statement" if statements == 1 else "statements"
    period = f" from {matching.period[0].isoformat()} to {matching.period[1].isoformat()}" if matching.period else ""
    rate: Decimal | None = matching.rate
    strangers = "1 payment" if len(matching.unknown) == 1 else f"{len(matching.unknown):,} payments"
    compared = "" if rate is not None else " No redemption rate is entered: amounts are not compared."
    return (
        f"External document, {statements} {noun}{period}: {len(matching.problems)} to look at, "
        f"{strangers} named by no redemption.{compared}"
    )


def _about(statement: Statement) -> str:
    period = statement.period
    days = f", {period[0].isoformat()} to {period[1].isoformat()}" if period else ""
    count = "1 payment" if len(statement.entries) == 1 else f"{len(statement.entries):,} payments"
    return f"{statement.kind}, {count}{days}"
