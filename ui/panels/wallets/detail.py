"""The chosen account: who it is, what it holds, and its tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.panels.wallets.accounts_list import MenuEntry, fill_menu, may_send
from ui.panels.wallets.reading import KINDS, Snapshot
from ui.theme import icon, theme
from ui.widgets import AmountLabel, Identicon, button, primary_button
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.wallets import Account
    from ui.panels.wallets.tabs import Tab


class Detail(QWidget):
    """Head and tabs. A tab reads only while it is in front.

    Signals:
        asked: a verb and the address it is about.
    """

    asked = Signal(str, str)

    def __init__(self, entries: Callable[[Account], list[MenuEntry | None]], tabs: list[Tab]) -> None:
        super().__init__()
        self._entries = entries
        self._account: Account | None = None
        self._tabs = tabs
        self.setObjectName("wallets.detail")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head())
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 0, 16, 0)
        row.setSpacing(8)
        self.bar = QTabBar()
        self.bar.setObjectName("wallets.tabs")
        self.bar.setAccessibleName("Tabs of the account")
        self.bar.setDrawBase(False)
        self.bar.setExpanding(False)
        row.addWidget(self.bar)
        row.addStretch(1)
        self.aside = QLabel("")
        self.aside.setObjectName("wallets.detail.aside")
        self.aside.setProperty("role", "hint")
        row.addWidget(self.aside)
        column.addWidget(bar)
        self.stack = QStackedWidget()
        column.addWidget(self.stack, 1)
        for at, tab in enumerate(tabs):
            self.bar.addTab(tab.title)
            self.stack.addWidget(tab)
            tab.counted.connect(
                lambda count, at=at, title=tab.title: self.bar.setTabText(at, f"{title}  {count}" if count else title)
            )
            tab.said.connect(lambda text, tab=tab: self.aside.setText(text) if self.stack.currentWidget() is tab else None)
        self.bar.currentChanged.connect(self._front)

    def _head(self) -> QWidget:
        head = QFrame()
        head.setProperty("role", "bar")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 7, 16, 7)
        row.setSpacing(10)
        self.picture = Identicon("", 28)
        row.addWidget(self.picture)
        names = QVBoxLayout()
        names.setSpacing(0)
        self.label = QLabel("")
        self.label.setObjectName("wallets.detail.label")
        self.label.setProperty("role", "strong")
        below = QHBoxLayout()
        below.setSpacing(2)
        self.address = QLabel("")
        self.address.setObjectName("wallets.detail.address")
        self.address.setProperty("role", "hint")
        self.copy = QToolButton()
        self.copy.setObjectName("wallets.detail.copy")
        self.copy.setIcon(icon("copy", "text-3", 14))
        self.copy.setIconSize(QSize(14, 14))
        self.copy.setFixedSize(24, 24)
        self.copy.setAutoRaise(True)
        self.copy.setToolTip("Copy the whole address")
        self.copy.setAccessibleName("Copy the whole address")
        self.copy.clicked.connect(lambda: QApplication.clipboard().setText(self._account.address if self._account else ""))
        below.addWidget(self.address)
        below.addWidget(self.copy)
        below.addStretch(1)
        names.addWidget(self.label)
        names.addLayout(below)
        row.addLayout(names)
        self.path = QLabel("")
        self.path.setProperty("role", "tag")
        self.path.setObjectName("wallets.detail.path")
        row.addWidget(self.path, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        figures = QVBoxLayout()
        figures.setSpacing(0)
        self.at_block = QLabel("")
        self.at_block.setProperty("role", "hint")
        self.at_block.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.balance = AmountLabel(0, 18, "AZR")
        self.balance.setObjectName("wallets.detail.balance")
        figures.addWidget(self.at_block)
        figures.addWidget(self.balance, 0, Qt.AlignmentFlag.AlignRight)
        row.addLayout(figures)
        row.addSpacing(6)
        self.receive_button = self._verb(button("Receive", icon="qr-code"), "receive")
        self.send_button = self._verb(primary_button("Send…", icon="paper-plane-tilt"), "send")
        self.more = button("", icon="dots-three")
        self.more.setObjectName("wallets.more")
        self.more.setAccessibleName("More for this account")
        self.more.setToolTip("More for this account")
        self.more.clicked.connect(self._open_more)
        for part in (self.receive_button, self.send_button, self.more):
            row.addWidget(part)
        theme.changed.connect(self._dress)
        self._dress()
        return head

    def _verb(self, made: Any, verb: str) -> Any:
        made.setObjectName(f"wallets.{verb}")
        made.clicked.connect(lambda: self.asked.emit(verb, self._account.address if self._account else ""))
        return made

    def _dress(self) -> None:
        self.address.setFont(theme.font("mono"))

    def _open_more(self) -> None:
        account = self._account
        if account is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName("Account")
        fill_menu(menu, self._entries(account), lambda verb: self.asked.emit(verb, account.address))
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    # Showing

    @property
    def account(self) -> Account | None:
        """Whom it shows."""
        return self._account

    def show_account(self, account: Account, snapshot: Snapshot) -> None:
        """Another account, or the same one read anew."""
        self._account = account
        self.picture.set_address(account.address)
        self.label.setText(account.label)
        self.address.setText(short_hex(account.address))
        self.address.setToolTip(account.address)
        self.address.setAccessibleName(f"Address {account.address}")
        self.path.setText(f"HD {account.path}" if account.path else KINDS.get(str(account.kind), ("", ""))[1])
        held = snapshot.balances.get(account.address)
        self.at_block.setText(f"Balance at block {held.block:,}" if held else "Balance not read")
        self.balance.setVisible(held is not None)
        if held is not None and held.azr is not None:
            self.balance.set_amount(held.azr, 18, "AZR")
        elif held is not None:
            self.balance.set_amount(held.native, 18, snapshot.symbol)
        why = may_send(account)
        self.send_button.setEnabled(not why)
        self.send_button.setToolTip(why or "Send from this account")
        for tab in self._tabs:
            tab.set_account(account, snapshot)
            if tab.count:  # a number in a title must not grow old
                tab.come()
        self._front(self.bar.currentIndex())

    def _front(self, at: int) -> None:
        if at < 0:
            return
        self.stack.setCurrentIndex(at)
        self.aside.setText(self._tabs[at].aside)
        self._tabs[at].come()

    def show_tab(self, name: str) -> None:
        """Bring a tab to the front by its name."""
        for at, tab in enumerate(self._tabs):
            if tab.name == name:
                self.bar.setCurrentIndex(at)

    @property
    def tab(self) -> str:
        """The name of the tab in front."""
        return self._tabs[self.bar.currentIndex()].name if self._tabs else ""
