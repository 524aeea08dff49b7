"""What every tab of an account is: it knows whom it shows, and reads only while it is in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from ui.panels.wallets.reading import Snapshot
from ui.widgets import EmptyState, ErrorState, Table

if TYPE_CHECKING:
    from app.wallets import Account
    from ui.shell.panel import Panel


class Tab(QWidget):
    """One tab.

    Signals:
        counted: how much there is to see, for the tab's title; 0 shows no number.
        said: what stands at the right end of the tab bar.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    counted = Signal(int)
    said = Signal(str)

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.panel = panel
        self.bridge = panel.bridge
        self.account: Account | None = None
        self.snapshot = Snapshot()
        self.aside = ""
        self.count = 0
        self.counted.connect(self._keep_count)
        self._due = True
        self.setObjectName(f"wallets.tab.{self.name}")
        self.setAccessibleName(self.title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)

    def set_account(self, account: Account, snapshot: Snapshot) -> None:
        """Another account, or news of the same one. It is read when the tab comes to the front."""
        other = self.account is None or self.account.id != account.id
        self.account, self.snapshot = account, snapshot
        self._due = True
        if other:
            self.changed()

    def _keep_count(self, count: int) -> None:
        self.count = count

    def come(self) -> None:
        """The tab is in front now."""
        if self._due and self.account is not None:
            self._due = False
            self.refresh()

    def say(self, text: str) -> None:
        """What stands at the right end of the tab bar while this tab is in front."""
        self.aside = text
        self.said.emit(text)

    def shows(self, address: str) -> bool:
        """Whether an answer is still about the account in front."""
        return self.account is not None and self.account.address == address

    def changed(self) -> None:
        """The account is another one: nothing of the one before may stay."""

    def refresh(self) -> None:
        """Read what is shown."""
        raise NotImplementedError

    # What most tabs are made of

    def add_table(self, table: Table, empty: EmptyState) -> ErrorState:
        """The table, what stands in its place while it has no rows, and what does when it cannot be read, which is returned."""
        error = ErrorState("", self.refresh)
        for part in (empty, error, table):
            self.column.addWidget(part, 1)
        error.hide()
        table.hide()
        return error

    def add_bar(self) -> QHBoxLayout:
        """The bar at the foot, for what can be done and what is covered."""
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(8)
        self.column.addWidget(bar)
        return row
