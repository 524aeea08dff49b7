"""The forms of the wallets panel: new wallet, import, watch, rename and send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.money import exact_units, parse_units, short_units
from app.core.secret import Secret
from ui.plan_sheet import PlanForm
from ui.theme import Theme
from ui.widgets import AccountCombo, Field, Note, button, empty, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets import Account, BackupCheck
    from ui.shell.panel import Panel

GAS_KEPT = 10**15  # wei left for the fee when Max of the native coin is asked


class NewWalletForm(PlanForm):
    """A new recovery phrase, hidden until asked for, whose copy is checked; or a phrase that exists already."""

    title = "New wallet"
    context = "The keys go into the system keyring"

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        self._phrase: Secret | None = None
        self._check: BackupCheck | None = None
        self._words: list[QLabel] = []
        self._asked: list[QLineEdit] = []
        self._shown = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.label = line_edit("wallets.new.label", "Label of the wallet")
        layout.addWidget(Field("Label", self.label, "What the wallet is called here"))
        self.accounts = QSpinBox()
        self.accounts.setRange(1, 20)
        self.accounts.setObjectName("wallets.new.accounts")
        self.accounts.setAccessibleName("Number of accounts")
        layout.addWidget(Field("Accounts", self.accounts, "Derived at m/44'/60'/0'/0/0 and on"))
        self.labels = line_edit("wallets.new.labels", "Labels of the accounts, separated by commas")
        layout.addWidget(Field("Labels of the accounts", self.labels, "Optional, separated by commas"))
        self.source = QComboBox()
        self.source.setObjectName("wallets.new.source")
        self.source.setAccessibleName("Recovery phrase")
        for word, value in (("New, 12 words", 12), ("New, 24 words", 24), ("I have a phrase", 0)):
            self.source.addItem(word, value)
        self.source.currentIndexChanged.connect(self._choose_source)
        layout.addWidget(Field("Recovery phrase", self.source, ""))
        layout.addWidget(self._build_new())
        self.phrase = line_edit("wallets.new.phrase", "Your recovery phrase")
        self.phrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.restore = Field("Your recovery phrase", self.phrase, "12 to 24 words with a blank between")
        self.restore.hide()
        layout.addWidget(self.restore)
        layout.addStretch(1)
        self._choose_source()

    def _build_new(self) -> QWidget:
        self.fresh = QWidget()
        column = QVBoxLayout(self.fresh)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._grid_box = QWidget()
        self._grid = QGridLayout(self._grid_box)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        column.addWidget(self._grid_box)
        row = QHBoxLayout()
        self.reveal = button("Show the words", icon="eye")
        self.reveal.setObjectName("wallets.new.reveal")
        self.reveal.clicked.connect(self._toggle)
        row.addWidget(self.reveal)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(Note("warn", "Write the words on paper, in this order. Whoever has them has everything the wallet holds."))
        self._checks = QWidget()
        self._checks_layout = QHBoxLayout(self._checks)
        self._checks_layout.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._checks)
        return self.fresh

    def _choose_source(self) -> None:
        count = int(self.source.currentData())
        self.fresh.setVisible(bool(count))
        self.restore.setVisible(not count)
        self._phrase = self._check = None
        self._hide_words()
        if count:
            self._panel.bridge.run(lambda: self._make(count), then=self._hold, owner=self)

    async def _make(self, count: int) -> tuple[Secret, BackupCheck]:
        wallets = self._panel.bridge.console.wallets
        phrase = await wallets.new_phrase(count)
        return phrase, wallets.backup_check(phrase)

    def _hold(self, made: tuple[Secret, BackupCheck]) -> None:
        phrase, check = self._phrase, self._check = made
        count = len(str(phrase.reveal()).split())
        empty(self._grid)
        self._words = []
        per_column = count // 3
        for index in range(count):
            label = QLabel()
            label.setObjectName(f"wallets.new.word.{index + 1}")
            label.setFont(Theme.current().font("mono"))
            self._grid.addWidget(label, index % per_column, index // per_column)
            self._words.append(label)
        self._hide_words()
        empty(self._checks_layout)
        self._asked = []
        for number, place in enumerate(check.places):
            edit = line_edit(f"wallets.new.check.{number}", f"Word {place}")
            edit.setProperty("word", place)
            self._checks_layout.addWidget(Field(f"Word {place}", edit, ""))
            self._asked.append(edit)

    def _toggle(self) -> None:
        if self._shown or self._phrase is None:
            self._hide_words()
            return
        self._shown = True
        self.reveal.setText("Hide the words")
        for index, word in enumerate(str(self._phrase.reveal()).split()):
            self._words[index].setText(f"{index + 1}. {word}")
            self._words[index].setAccessibleName(f"Word {index + 1}")

    def _hide_words(self) -> None:
        self._shown = False
        self.reveal.setText("Show the words")
        for index, label in enumerate(self._words):
            label.setText(f"{index + 1}. ••••••")
            label.setAccessibleName(f"Word {index + 1}, hidden")

    def hideEvent(self, event: Any) -> None:
        """Words never stay on a screen that is left."""
        self._hide_words()
        super().hideEvent(event)

    def work(self) -> Callable[[], Awaitable[Any]]:
        label = self.label.text()
        if not label.strip():
            raise Invalid("A wallet needs a label. Nothing was created.", "Name it.", field="label")
        names = [name.strip() for name in self.labels.text().split(",") if name.strip()]
        count = self.accounts.value()
        if len(names) > count:
            raise Invalid(
                f"There are {len(names)} labels for {count} accounts. Nothing was created.", "Raise the number.", field="accounts"
            )
        phrase = self._phrase
        if int(self.source.currentData()) == 0:
            phrase = Secret(" ".join(self.phrase.text().split()))
            if not phrase.reveal():
                raise Invalid("The recovery phrase is empty. Nothing was created.", "Enter its words.", field="phrase")
        else:
            if phrase is None:
                raise Invalid("The new phrase is still being made. Nothing was created.", "Try again in a moment.")
            assert self._check is not None
            self._check.answer([Secret(edit.text()) for edit in self._asked])
        kept, check, wallets = phrase, self._check, self._panel.bridge.console
        return lambda: wallets.wallets.plan_create(label, kept, accounts=count, labels=names, backup=check)


class ImportForm(PlanForm):
    """One private key."""

    title = "Import a key"
    context = "The key goes into the system keyring"

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.label = line_edit("wallets.import.label", "Label of the account")
        self.key = line_edit("wallets.import.key", "Private key")
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        layout.addWidget(Field("Label", self.label, "What the account is called here"))
        layout.addWidget(Field("Private key", self.key, "64 hexadecimal digits; never shown, never logged"))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        label, key, console = self.label.text(), Secret(self.key.text().strip()), self._panel.bridge.console
        return lambda: console.wallets.plan_import_key(label, key)

    def hideEvent(self, event: Any) -> None:
        """The key is not kept in a field that nobody sees."""
        super().hideEvent(event)
        self.key.clear()


class WatchForm(PlanForm):
    """An address without a key."""

    title = "Watch an address"
    context = "An edit: no key, no plan"
    primary = "Watch address"

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.label = line_edit("wallets.watch.label", "Label of the address")
        self.address = line_edit("wallets.watch.address", "Address")
        layout.addWidget(Field("Label", self.label, "What the address is called here"))
        layout.addWidget(Field("Address", self.address, "0x and 40 digits; capital letters must satisfy EIP-55"))
        layout.addWidget(Note("info", "A watched address can be looked at and proven, never signed for."))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        label, address, console = self.label.text(), self.address.text().strip(), self._panel.bridge.console
        return lambda: console.wallets.watch(label, address)

    def finished(self, result: Any) -> None:
        self._panel.window_.notify(f"{result.label} is watched.", "ok")


class RenameForm(PlanForm):
    """Another label for an account."""

    title = "Edit the label"
    context = "An edit: it changes nothing on a chain"
    primary = "Save label"

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__()
        self._panel, self._account = panel, account
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.label = line_edit("wallets.rename.label", "Label")
        self.label.setText(account.label)
        layout.addWidget(Field("Label", self.label, account.address))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        label, account, console = self.label.text(), self._account, self._panel.bridge.console
        return lambda: console.wallets.label(account.id, label)


class SendForm(PlanForm):
    """From, to, what and how much."""

    title = "Send"

    def __init__(self, panel: Panel, sender: str = "", to: str = "") -> None:
        super().__init__()
        self._panel = panel
        self._held: dict[str, Any] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.sender = AccountCombo("wallets.send.sender", panel.bridge)
        self.recipient = AccountCombo("wallets.send.recipient", panel.bridge, editable=True)
        self.asset = QComboBox()
        self.asset.setObjectName("wallets.send.asset")
        self.asset.setAccessibleName("What to send")
        self.amount = line_edit("wallets.send.amount", "Amount")
        self.note = line_edit("wallets.send.note", "Note")
        self.max = button("Max")
        self.max.setObjectName("wallets.send.max")
        self.max.setEnabled(False)
        self.max.clicked.connect(self._take_all)
        self.keeps = Note("info", "Preview simulates the transfer on the newest block. It changes nothing and needs no key.")
        layout.addWidget(Field("From", self.sender, ""))
        layout.addWidget(Field("To", self.recipient, "One of yours, or any address"))
        layout.addWidget(Field("What", self.asset, ""))
        row = QHBoxLayout()
        row.addWidget(Field("Amount", self.amount, "All decimals are kept"), 1)
        row.addWidget(self.max)
        layout.addLayout(row)
        layout.addWidget(Field("Note", self.note, "Optional, kept with the plan, never on chain"))
        layout.addWidget(self.keeps)
        layout.addStretch(1)
        if sender:
            self.sender.set_address(sender)
        if to:
            self.recipient.set_address(to)
        panel.bridge.run(self._read, then=self._filled, owner=self)

    async def _read(self) -> tuple[str, str, str, dict[str, Any]]:
        console = self._panel.bridge.console
        network = console.networks.current
        if network is None or not network.genesis:
            return "", "", "", {}
        economy = await console.contracts.economy(network.key.text)
        addresses = [account.address for account in await console.wallets.list()]
        held = await console.wallets.balances(network.id, addresses)
        return network.symbol, economy.token if economy else "", economy.token_symbol if economy else "", held

    def _filled(self, answer: tuple[str, str, str, dict[str, Any]]) -> None:
        symbol, token, token_symbol, self._held = answer
        self.asset.clear()
        if token:
            self.asset.addItem(token_symbol, token)
        if symbol:
            self.asset.addItem(symbol, "")
        self.max.setEnabled(bool(symbol))

    def _balance(self) -> int | None:
        held = self._held.get(self.sender.address())
        if held is None:
            return None
        return held.azr if self.asset.currentData() else held.native

    def _take_all(self) -> None:
        balance = self._balance()
        if balance is None:
            return
        if not self.asset.currentData():
            balance = max(0, balance - GAS_KEPT)
        exact = exact_units(balance, 18)
        self.amount.setText(exact.rstrip("0").rstrip("."))

    def work(self) -> Callable[[], Awaitable[Any]]:
        console = self._panel.bridge.console
        network = console.networks.current
        if network is None or not self.asset.count():
            raise Invalid("No network is connected. Nothing was planned.", "Select or start one first.", field="asset")
        sender, recipient = self.sender.address(), self.recipient.address()
        if not recipient:
            raise Invalid(
                "A transfer needs somebody to receive it. Nothing was planned.", "Choose or enter an address.", field="recipient"
            )
        unit, token = self.asset.currentText(), str(self.asset.currentData() or "")
        amount = parse_units(self.amount.text(), 18, unit=unit)
        balance = self._balance()
        if balance is not None and amount > balance:
            raise Invalid(
                f"The account holds {short_units(balance, 18)} {unit}. Nothing was planned.", "Send less.", field="amount"
            )
        note = self.note.text().strip()

        async def plan() -> Any:
            from app.wallets import TransferDraft

            draft = TransferDraft(network_id=network.id, sender=sender, recipient=recipient, amount=amount, token=token, note=note)
            return await console.wallets.plan_transfer(draft)

        return plan
