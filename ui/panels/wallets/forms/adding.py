"""More accounts of a phrase that is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from app.core.errors import ConsoleError, Invalid
from ui.panels.wallets.assets import found_text
from ui.panels.wallets.forms.form import WalletForm, line
from ui.widgets import Field, Note, StatusLabel, button, empty, line_edit
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.wallets import Account, Discovered
    from ui.shell.panel import Panel


class AddAccountsForm(WalletForm):
    """The next accounts of the phrase, or those that the chain knows already."""

    title = "Add accounts"

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self._found: list[tuple[QCheckBox, Discovered]] = []
        self.context = f"Of the phrase that {account.label} hangs on"
        self.indexes = line_edit("wallets.adding.accounts", "Numbers of the accounts")
        self.indexes_field = self.field("Numbers in the path", self.indexes, "As 3, or 3-5, or 3, 7; the first account is 0")
        self.labels = line_edit("wallets.adding.label", "Labels, separated by commas")
        self.field("Labels", self.labels, "Optional, separated by commas")
        self.look = button("Find used accounts", icon="magnifying-glass")
        self.look.setObjectName("wallets.adding.discover")
        self.look.clicked.connect(self._discover)
        self.looking = StatusLabel("idle", "")
        self.looking.hide()
        self.add(line(self.look, self.looking))
        holder = QWidget()
        self._rows = QVBoxLayout(holder)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(4)
        self.found_field = Field("On the chain", holder, "Ticking fills in the numbers")
        self.found_field.hide()
        self.add(self.found_field)
        self.add(Note("info", "The phrase stays in the keyring; only addresses are listed."))
        self.end()
        self.bridge.run(lambda: self.console.wallets.list(), then=self._suggest, owner=self)

    def _suggest(self, accounts: Sequence[Account]) -> None:
        """The number after the highest that is here."""
        mine = [one.path for one in accounts if one.wallet_id == self._account.wallet_id]
        numbers = [int("".join(c for c in part if c.isdigit()) or 0) for path in mine for part in [path.rsplit("/", 1)[-1]]]
        if not self.indexes.text():
            self.indexes.setText(str(max(numbers, default=-1) + 1))

    def _discover(self) -> None:
        try:
            network = self.network("accounts")
        except ConsoleError as error:
            self.indexes_field.set_error(str(error))
            return
        wallets, wallet = self.console.wallets, self._account.id
        self.looking.set_state("run", f"Looking on {network.name}")
        self.looking.show()

        def failed(error: ConsoleError) -> bool:
            self.looking.hide()
            self.indexes_field.set_error(str(error))
            return True

        self.bridge.run(lambda: wallets.discover_more(network.id, wallet), then=self._show, fail=failed, owner=self)

    def _show(self, found: Sequence[Discovered]) -> None:
        empty(self._rows)
        self._found = []
        symbol = self.network().symbol
        for row in found:
            amount = found_text(row, symbol)
            box = QCheckBox(f"{row.index}   {short_hex(row.address)}   {amount}" + (f"   here as {row.label}" if row.label else ""))
            box.setEnabled(not row.label)
            box.setToolTip(row.address)
            box.setChecked(row.used and not row.label)
            box.toggled.connect(lambda _: self._tick())
            self._rows.addWidget(box)
            self._found.append((box, row))
        self.found_field.setVisible(bool(found))
        self.looking.set_state("ok", f"{sum(row.used for row in found)} used")
        self._tick()

    def _tick(self) -> None:
        numbers = [str(row.index) for box, row in self._found if box.isChecked()]
        if numbers:
            self.indexes.setText(", ".join(numbers))

    def work(self) -> Callable[[], Awaitable[Any]]:
        indexes = parse_numbers(self.indexes.text())
        names = [name.strip() for name in self.labels.text().split(",") if name.strip()]
        wallets, wallet = self.console.wallets, self._account.id
        return lambda: wallets.plan_add_accounts(wallet, indexes, names)


def parse_numbers(text: str) -> list[int]:
    """``3-5, 9`` as [3, 4, 5, 9].

    Raises:
        Invalid: something else, or more than a hundred.
    """
    numbers: list[int] = []
    for part in text.replace("–", "-").split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first.strip(), (last if dash else first).strip())
        if not all(end.isascii() and end.isdigit() and len(end) < 10 for end in ends):
            raise Invalid(
                f"“{text[:40]}” names no accounts. Nothing was planned.", "Write numbers such as 3 or 3-5.", field="accounts"
            )
        start, stop = int(ends[0]), int(ends[1])
        if stop < start or stop - start >= 100:
            raise Invalid("A plan lists 1 to 100 accounts. Nothing was planned.", "Choose fewer.", field="accounts")
        numbers.extend(range(start, stop + 1))
    return numbers
