"""Send: from, to, what and how much, at which fee. What can be said of the recipient is said while it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.core.errors import ConsoleError, Invalid
from app.core.money import exact_units, parse_units
from ui.panels.wallets.assets import Asset, read_assets
from ui.panels.wallets.fees import FeeChoice
from ui.panels.wallets.forms.form import WalletForm
from ui.panels.wallets.parties import PartyCombo
from ui.plan_sheet.sections import bullet
from ui.widgets import AccountCombo, Field, Note, button, empty, line_edit
from ui.widgets.values import Amount, masked, shown_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ui.shell.panel import Panel

GAS = {True: 60_000, False: 21_000}  # of a token's transfer and of the coin's, until the preview knows better


class SendForm(WalletForm):
    """The native coin or a token, to anybody."""

    title = "Send"

    def __init__(self, panel: Panel, sender: str = "", to: str = "") -> None:
        super().__init__(panel)
        self._assets: dict[tuple[str, str], Asset] = {}  # by account and token
        self._fixed: dict[str, str] = {}  # the fee that Max was computed with
        self._asked_for = ""  # a payment request, until the assets have come
        self.sender = AccountCombo("wallets.send.sender", self.bridge)
        self.sender_field = self.field("From", self.sender)
        self.recipient = PartyCombo("wallets.send.recipient", self.bridge)
        self.recipient_field = self.field("To", self.recipient)
        self.recipient_note = Note("info", "")
        self.recipient_note.setObjectName("wallets.send.judged")
        self.recipient_note.hide()
        self.add(self.recipient_note)
        self.compared = line_edit("wallets.send.compared", "Address, entered again")
        self.compared_field = self.field(
            "The address again, from its source",
            self.compared,
            "From a message or paper; look-alikes are put into histories",
        )
        self.compared_field.hide()
        self.asset = QComboBox()
        self.asset.setObjectName("wallets.send.asset")
        self.asset.setAccessibleName("What to send")
        self.asset_field = self.field("What", self.asset)
        self.amount = line_edit("wallets.send.amount", "Amount")
        self.max = button("Max")
        self.max.setObjectName("wallets.send.max")
        self.max.setToolTip("All of it; of the native coin, all but the most that the fee may be")
        self.max.setEnabled(False)
        self.max.clicked.connect(self._take_all)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.amount, 1)
        row.addWidget(self.max)
        self.amount_field = Field("Amount", box, "")
        self.amount_field.label.setBuddy(self.amount)
        self.add(self.amount_field)
        self.note = line_edit("wallets.send.note", "Note")
        self.field("Note", self.note).set_aside("optional, kept with the plan, never on chain")
        self.fee = FeeChoice("wallets.send.fee", self.bridge)
        self.add(Field("Fee", self.fee, ""))
        self.steps = QWidget()
        self.steps.setAccessibleName("What this plan will do")
        self._steps = QVBoxLayout(self.steps)
        self._steps.setContentsMargins(0, 0, 0, 0)
        self._steps.setSpacing(0)
        self._steps_field = Field("What this plan will do", self.steps, "")
        self.add(self._steps_field)
        self.add(Note("info", "Preview simulates this on the newest block. It changes nothing and needs no key."))
        self.end()
        if sender:
            self.sender.set_address(sender)
        if to:
            self.recipient.set_address(to)
        self.sender.currentIndexChanged.connect(lambda _: self._chosen())
        self.asset.currentIndexChanged.connect(lambda _: self._asset_chosen())
        self.recipient.judged.connect(self._judge)
        self.recipient.uri.connect(self._take_request)
        self.amount.textEdited.connect(lambda _: self._fixed.clear())
        self.amount.textChanged.connect(lambda _: self._keeps())
        self.fee.changed.connect(self._fixed.clear)
        self.bridge.run(lambda: read_assets(self.console), then=self._filled, owner=self)

    # What is there

    def _filled(self, assets: list[Asset]) -> None:
        self._assets = {(asset.account.lower(), asset.token): asset for asset in assets}
        kinds = dict.fromkeys((asset.symbol, asset.token, asset.decimals) for asset in assets)
        self.asset.blockSignals(True)
        self.asset.clear()
        for symbol, token, decimals in kinds:
            self.asset.addItem(symbol, (token, decimals))
        self.asset.blockSignals(False)
        self.max.setEnabled(bool(kinds))
        self._asset_chosen()
        if self._asked_for:
            self._take_request(self._asked_for)

    def _held(self) -> Asset | None:
        chosen = self.asset.currentData()
        sender = str(self.sender.currentData() or "").lower()
        return self._assets.get((sender, chosen[0])) if chosen else None

    def _asset_chosen(self) -> None:
        chosen = self.asset.currentData()
        if chosen is not None:
            self.fee.set_gas(GAS[bool(chosen[0])])
            self.amount_field.set_aside(f"{chosen[1]} decimals kept")
        self._fixed.clear()
        self._chosen()

    def _chosen(self) -> None:
        held = self._held()
        free = shown_text(Amount(held.amount, held.decimals, held.symbol)) + " free" if held else ""
        self.sender_field.set_aside(free)
        self._keeps()
        self._judge()
        self._tell_steps()

    def _keeps(self) -> None:
        """What is left with the sender, while the amount is typed."""
        held = self._held()
        self.amount_field.set_error("")
        try:
            amount = parse_units(self.amount.text(), held.decimals, unit=held.symbol) if held and self.amount.text() else 0
        except Invalid:
            amount = 0
        if held is None or not amount:
            self.amount_field.set_hint("")
        elif amount > held.amount:
            short = shown_text(Amount(amount - held.amount, held.decimals, held.symbol))
            self.amount_field.set_error(masked(f"That is {short} more than the account holds."))
        else:
            left = shown_text(Amount(held.amount - amount, held.decimals, held.symbol))
            self.amount_field.set_hint(masked(f"{self.sender.currentText().rpartition('  ')[0]} keeps {left}"))

    def _judge(self) -> None:
        network = self.console.networks.current
        said = self.recipient.said(network.id if network else "")
        self.recipient_note.setVisible(said is not None and said.level != "ok")
        self.recipient_field.set_aside(said.text if said is not None and said.level == "ok" else "")
        if said is not None:
            self.recipient_note.set_level(said.level)
            self.recipient_note.set_text(said.text)
        self.compared_field.setVisible(said is not None and said.compare)

    def _tell_steps(self) -> None:
        network = self.console.networks.current
        empty(self._steps)
        who = self.sender.currentText().rpartition("  ")[0] or "the account"
        needed = network.confirmations if network else 1
        for words in (
            f"Sign one transaction with the key of {who}",
            f"Send it on {network.name if network else 'the network'} and wait until it is in a block",
            f"Wait for {needed} confirmation{'s' if needed != 1 else ''}, the setting of the network",
            "Compare the balances with the preview and write the receipt",
        ):
            self._steps.addWidget(bullet(words))

    # Filling in

    def _take_request(self, text: str) -> None:
        """A payment request (EIP-681) that was pasted: recipient, token and amount in one."""
        if not self.asset.count():
            self._asked_for = text
            return
        self._asked_for = ""
        try:
            asked = self.console.wallets.parse_uri(text)
            network = self.network("recipient")
            if asked.chain_id not in (None, network.chain_id):
                raise Invalid(
                    f"The request is for chain {asked.chain_id}, this is {network.name} ({network.chain_id}). Nothing was taken.",
                    "Choose that network first.",
                )
            place = next((at for at in range(self.asset.count()) if self.asset.itemData(at)[0].lower() == asked.token.lower()), -1)
            if place < 0:
                raise Invalid(
                    f"The request asks for the token {asked.token}, which is not in the list. Nothing was filled in.",
                    "Add the token first.",
                )
        except ConsoleError as error:
            self.recipient.setEditText("")
            self.recipient_field.set_error(str(error))
            return
        self.recipient_field.set_error("")
        self.asset.setCurrentIndex(place)
        self.recipient.set_address(asked.recipient)
        if asked.amount is not None:
            self.amount.setText(_trimmed(asked.amount, self.asset.itemData(place)[1]))
        if asked.problems:
            self.recipient_field.set_error(" ".join(asked.problems))

    def _take_all(self) -> None:
        """The most that can be sent, asked of the network with the fee that is chosen."""
        try:
            network, sender, fee = self.network("asset"), self.sender.address(), self.fee.params()
        except ConsoleError as error:
            self._refuse(error)
            return
        try:
            recipient = self.recipient.address()
        except Invalid:
            recipient = ""
        token, decimals = self.asset.currentData()
        wallets = self.console.wallets

        def found(most: Any) -> None:
            self.amount.setText(_trimmed(most.amount, decimals))
            self._fixed.update(most.fee if not token else {})

        def failed(error: ConsoleError) -> bool:
            self._refuse(error)
            return True

        self.bridge.run(lambda: wallets.max_amount(network.id, sender, token, recipient, fee), then=found, fail=failed, owner=self)

    def _refuse(self, error: ConsoleError) -> None:
        if not self.show_error(error):
            self.amount_field.set_error(str(error))

    # Planning

    def work(self) -> Callable[[], Awaitable[Any]]:
        network = self.network("asset")
        if not self.asset.count():
            raise Invalid(
                "The network has not told yet what the account holds. Nothing was planned.", "Wait a moment.", field="asset"
            )
        sender, recipient = self.sender.address(), self.recipient.address()
        token, decimals = self.asset.currentData()
        amount = parse_units(self.amount.text(), decimals, unit=self.asset.currentText())
        compared = self.compared.text().strip() if self.compared_field.isVisibleTo(self) else ""
        fee = dict(self._fixed) or self.fee.params()
        note, wallets = self.note.text().strip(), self.console.wallets

        async def plan() -> Any:
            from app.wallets import TransferDraft

            draft = TransferDraft(network.id, sender, recipient, amount, token, note, compared, fee)
            return await wallets.plan_transfer(draft)

        return plan

    def show_error(self, error: Any) -> bool:
        if error.field == "amount":
            self.clear_errors()
            self.amount_field.set_error(str(error))
            self.amount.setFocus()
            return True
        return super().show_error(error)

    def first_field(self) -> QWidget | None:
        return self.recipient if self.sender.currentData() or self.sender._wanted else self.sender


def _trimmed(amount: int, decimals: int) -> str:
    exact = exact_units(amount, decimals)
    return exact.rstrip("0").rstrip(".") if "." in exact else exact
