"""Interact: what the chosen contract can be asked and told, out of its ABI; and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import ConsoleError, Invalid
from app.core.money import parse_units
from ui.panels.contracts.abi_form import AbiForm
from ui.panels.contracts.events import EventsView
from ui.panels.contracts.page import Page
from ui.widgets import (
    AccountCombo,
    Column,
    EmptyState,
    ErrorState,
    EvidenceChip,
    Field,
    KeyValue,
    Note,
    Pane,
    Row,
    Segmented,
    Table,
    empty,
    line_edit,
    primary_button,
    scrolled,
)

if TYPE_CHECKING:
    from app.contracts.calls import Answer
    from app.contracts.interfaces import Interface
    from app.operations import Plan
    from ui.panels.contracts.panel import ContractsPanel


class InteractPage(Page):
    """Read, write and events of one contract."""

    name = "interact"
    title = "Interact"

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__(panel)
        self.interface: Interface | None = None
        self._functions: dict[str, Any] = {}
        self.pane = Pane("Interact")
        self.about = QLabel("")
        self.about.setObjectName("contracts.interact.about")
        self.about.setProperty("role", "hint")
        self.about.setMinimumWidth(1)
        self.pane.add_header(self.about)
        self.tabs = Segmented([("read", "Read"), ("write", "Write"), ("events", "Events")])
        self.tabs.setObjectName("contracts.interact.tabs")
        self.tabs.changed.connect(lambda _: self._show_tab())
        self.pane.add_header(self.tabs, right=True)
        self.none = EmptyState("file-code", "No contract is chosen", "Choose a deployed contract at the left.")
        self.error = ErrorState("", self.refresh)
        self.events = EventsView(panel)
        self.stack = QStackedWidget()
        for part in (self.none, self.error, self._build_calls(), self.events):
            self.stack.addWidget(part)
        self.pane.body.addWidget(self.stack, 1)
        self.column.addWidget(self.pane, 1)

    def _build_calls(self) -> QWidget:
        self.calls = QSplitter(Qt.Orientation.Horizontal)
        self.calls.setChildrenCollapsible(False)
        self.functions = Table([Column("name", "Function", 170, mono=True), Column("takes", "Takes", 190, mono=True)])
        self.functions.setObjectName("contracts.interact.functions")
        self.functions.setAccessibleName("Functions of the contract")
        self.functions.selected.connect(lambda _: self._show_function())
        self.functions.activated.connect(lambda _: self._to_form())
        self.functions.setMinimumWidth(150)
        self.calls.addWidget(self.functions)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(10)
        self.signature = QLabel("")
        self.signature.setObjectName("contracts.interact.signature")
        self.signature.setProperty("role", "heading")
        self.signature.setWordWrap(True)
        column.addWidget(self.signature)
        self.form = AbiForm(self.bridge, "contracts.interact.arg", "Arguments")
        column.addWidget(self.form)
        self.block = line_edit("contracts.interact.block", "Block")
        self.block.setPlaceholderText("newest")
        self.block_field = Field("Block", self.block, "Height at which it is read; empty: the newest")
        self.sender = AccountCombo("contracts.interact.sender", self.bridge)  # filled when the page is read
        self.sender_field = Field("From", self.sender, "Pays and signs")
        self.value = line_edit("contracts.interact.value", "Value")
        self.value.setPlaceholderText("0")
        self.value_field = Field("Value", self.value, "Native coin that goes with it, in whole units")
        for field in (self.block_field, self.sender_field, self.value_field):
            column.addWidget(field)
        row = QHBoxLayout()
        self.go = primary_button("Read")
        self.go.setObjectName("contracts.interact.go")
        self.go.clicked.connect(self.run)
        row.addStretch(1)
        row.addWidget(self.go)
        column.addLayout(row)
        self.said = Note("err", "")
        self.said.hide()
        column.addWidget(self.said)
        self.answer = QVBoxLayout()
        column.addLayout(self.answer)
        column.addStretch(1)
        form = scrolled(inner, "Call of a function")
        form.setMinimumWidth(310)  # beside an open sheet the list of functions makes way, not the fields
        self.calls.addWidget(form)
        self.calls.setStretchFactor(0, 1)
        self.calls.setStretchFactor(1, 1)
        self.calls.setSizes([340, 460])
        for edit in (self.block, self.value):
            edit.returnPressed.connect(self.run)
        return self.calls

    # which contract

    def refresh(self) -> None:
        self.sender.reload()
        chosen, network = self.chosen, self.bridge.console.networks.current
        if chosen is None or network is None:
            self.interface = None
            self.about.setText("")
            self.stack.setCurrentWidget(self.none)
            return
        interfaces, address = self.bridge.console.contracts.calls.interfaces, chosen.address
        self.bridge.run(lambda: interfaces.get(network.id, address), then=self._show, fail=self._fail, owner=self)

    def _fail(self, error: ConsoleError) -> bool:
        self.interface = None
        self.error.set_text(str(error))
        self.stack.setCurrentWidget(self.error)
        return True

    def _show(self, interface: Interface) -> None:
        if self.chosen is None or self.chosen.address != interface.address:
            return
        other = self.interface is None or self.interface.address != interface.address or self.interface.abi != interface.abi
        self.interface = interface
        self.pane.set_title(interface.name)
        behind = ""
        if interface.proxy is not None:
            proxy = interface.proxy
            behind = f", {proxy.standard} proxy of {interface.implementation or proxy.implementation or 'nothing'}"
            behind += f", admin {proxy.admin}" if proxy.admin else ""
        self.about.setText(f"{interface.address}  {interface.origin}{behind}")
        self.about.setToolTip(self.about.text())
        self.tabs.set_text("read", f"Read {len(interface.reads)}")
        self.tabs.set_text("write", f"Write {len(interface.writes)}")
        if other:
            self.events.set_contract(interface)
        self._show_tab(keep=not other)

    def _show_tab(self, keep: bool = False) -> None:
        from app.chain.abi import signature_of

        if self.interface is None:
            return
        tab = self.tabs.value()
        if tab == "events":
            self.stack.setCurrentWidget(self.events)
            self.events.come()
            return
        self.stack.setCurrentWidget(self.calls)
        entries = self.interface.reads if tab == "read" else self.interface.writes
        wanted = {signature_of(entry): entry for entry in entries}
        if keep and list(wanted) == list(self._functions):
            return
        self._functions = wanted
        rows = [
            Row(key, {"name": entry["name"], "takes": key.partition("(")[2].removesuffix(")") or "nothing"})
            for key, entry in wanted.items()
        ]
        self.functions.set_rows(rows)
        if rows:
            self.functions.select(rows[0].id)
        self._show_function()

    # one function

    def _show_function(self) -> None:
        key = self.functions.selected_id()
        entry = self._functions.get(key)
        writes = self.tabs.value() == "write"
        self.signature.setText(key)
        self.form.set_inputs(entry["inputs"] if entry else ())
        self.block_field.setVisible(not writes)
        self.sender_field.setVisible(writes)
        self.value_field.setVisible(writes and entry is not None and entry.get("stateMutability") == "payable")
        self.go.setText("Plan call…" if writes else "Read")
        self.go.setAccessibleName("Plan the call" if writes else "Read")
        self.go.setEnabled(entry is not None)
        self._forget()
        if entry is not None and not writes and not entry["inputs"]:
            self.run()  # a view without arguments costs nothing to ask

    def _to_form(self) -> None:
        first = self.form.first_field() or (self.sender if self.tabs.value() == "write" else self.go)
        first.setFocus()

    def _forget(self) -> None:
        empty(self.answer)
        self.said.hide()
        for field in (self.block_field, self.sender_field, self.value_field):
            field.set_error("")

    def run(self) -> None:
        """Read, or plan the call, with what is entered."""
        network, interface, key = self.bridge.console.networks.current, self.interface, self.functions.selected_id()
        if network is None or interface is None or key not in self._functions:
            return
        self._forget()
        calls = self.bridge.console.contracts.calls
        try:
            given = self.form.given()
            if self.tabs.value() == "read":
                block = self._height()
                self.bridge.run(
                    lambda: calls.read(network.id, interface.address, key, given, block),
                    then=lambda answer: self._show_answer(key, answer),
                    fail=self._refused,
                    owner=self,
                )
                return
            sender, wei = self.sender.address(), self._wei(network.symbol)
        except Invalid as error:
            self._refused(error)
            return
        self.bridge.run(
            lambda: calls.plan_call(network.id, interface.address, key, given, sender, wei),
            then=self._planned,
            fail=self._refused,
            label="Simulating the call",
            owner=self,
        )

    def _planned(self, plan: Plan) -> None:
        self.panel.window_.open_plan(plan.id)

    def _height(self) -> int | None:
        text = self.block.text().strip().replace(",", "")
        if not text or text == "newest":
            return None
        if not text.isdigit():
            raise Invalid(f"“{text}” is no block height. Nothing was read.", "Enter a whole number.", field="block")
        return int(text)

    def _wei(self, unit: str) -> int:
        text = self.value.text().strip()
        return parse_units(text, 18, unit=unit, field="value") if text.strip("0.") and self.value_field.isVisible() else 0

    def _refused(self, error: ConsoleError) -> bool:
        own = {"block": self.block_field, "sender": self.sender_field, "value": self.value_field}
        field = own.get(error.field)
        if field is not None and field.isVisible():
            field.set_error(str(error))
            field.widget.setFocus()
        elif not self.form.show_error(error):
            self.said.set_text(str(error))
            self.said.show()
        return True

    def _show_answer(self, key: str, answer: Answer) -> None:
        from app.contracts.values import as_text

        if key != self.functions.selected_id():
            return
        empty(self.answer)
        pairs = [(name or kind, as_text(value)) for name, kind, value in answer.values] or [("Answer", "no value")]
        shown = KeyValue(pairs)
        shown.setObjectName("contracts.interact.answer")
        self.answer.addWidget(shown)
        row = QHBoxLayout()
        row.addWidget(EvidenceChip(answer.evidence))
        row.addStretch(1)
        holder = QWidget()
        holder.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        self.answer.addWidget(holder)

    def follow(self, **arguments: Any) -> None:
        tab = str(arguments.get("tab") or "")
        if tab in ("read", "write", "events"):
            self.tabs.set_value(tab)
            self._show_tab()
