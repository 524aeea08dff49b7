"""Events of the chosen contract, newest first: filtered by event and indexed argument, a page at a time, following the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.events import HeadChanged
from ui.widgets import Column, EmptyState, EvidenceCell, Field, Row, Table, button, line_edit

if TYPE_CHECKING:
    from app.contracts.events import EventPage, EventRow
    from app.contracts.interfaces import Interface
    from app.core.errors import ConsoleError
    from ui.panels.contracts.panel import ContractsPanel

PAGE = 100


class EventsView(QWidget):
    """A table that follows the newest block while nothing older was loaded."""

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__()
        self._panel = panel
        self.bridge = panel.bridge
        self._contract: Interface | None = None
        self._rows: dict[str, EventRow] = {}
        self._next = -1
        self._older = False
        self._reading = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(10)
        self.event_ = QComboBox()
        self.event_.setObjectName("contracts.events.event")
        self.event_.setMinimumContentsLength(14)
        self.event_.currentIndexChanged.connect(lambda _: self._again())
        row.addWidget(Field("Event", self.event_))
        self.where = line_edit("contracts.events.where", "Indexed argument")
        self.where.setPlaceholderText("from=0x…")
        self.where.returnPressed.connect(self._again)
        self.where_field = Field("Indexed argument", self.where)
        row.addWidget(self.where_field, 1)
        self.apply = button("Filter", icon="funnel")
        self.apply.setObjectName("contracts.events.filter")
        self.apply.clicked.connect(self._again)
        row.addWidget(self.apply)
        column.addWidget(bar)
        self.covered = QLabel("")
        self.covered.setObjectName("contracts.events.covered")
        self.covered.setProperty("role", "hint")
        self.covered.setContentsMargins(16, 4, 16, 4)
        column.addWidget(self.covered)
        self.table = Table(
            [
                Column("block", "Block", 80, align="right", kind="number"),
                Column("event", "Event", 130, mono=True),
                Column("values", "Values", 380, mono=True),
                Column("evidence", "Evidence", 150, kind="evidence"),
            ]
        )
        self.table.setObjectName("contracts.events")
        self.table.setAccessibleName("Events of the contract")
        self.table.load_more.connect(self._more)
        self.table.activated.connect(self._inspect)
        self.none = EmptyState("scroll", "No such event", "Events that fit the filter are listed here as they happen.")
        column.addWidget(self.none, 1)
        column.addWidget(self.table, 1)
        self.table.hide()
        self.bridge.on(HeadChanged, self._head, self)

    def set_contract(self, interface: Interface) -> None:
        """Another contract: nothing of the one before may stay."""
        from app.chain.abi import signature_of

        self._contract = interface
        self.event_.blockSignals(True)
        self.event_.clear()
        self.event_.addItem("All", "")
        for entry in interface.events:
            self.event_.addItem(str(entry["name"]), signature_of(entry))
        self.event_.blockSignals(False)
        self.where.clear()
        self._clear()

    def come(self) -> None:
        """It is in front now."""
        if not self._older:
            self._read(None)

    def _clear(self) -> None:
        self._rows, self._next, self._older = {}, -1, False
        self.table.set_rows([])

    def _again(self) -> None:
        self._clear()
        self._read(None)

    def _head(self, _event: HeadChanged) -> None:
        if self.isVisible() and not self._older:
            self._read(None)

    def _more(self) -> None:
        if self._next >= 0:
            self._older = True
            self._read(self._next)

    def _inspect(self, row_id: str) -> None:
        self._panel.open(page="transaction", ref=self._rows[row_id].tx_hash)

    def _read(self, last: int | None) -> None:
        contract, network = self._contract, self.bridge.console.networks.current
        if contract is None or network is None or self._reading:
            return
        self._reading = True
        self.where_field.set_error("")
        event, indexed = str(self.event_.currentData() or ""), {}
        name, sign, value = self.where.text().strip().partition("=")
        if sign:
            indexed[name.strip()] = value.strip()
        events = self.bridge.console.contracts.events

        def shown(page: EventPage) -> None:
            self._reading = False
            if self._contract is contract:
                self._show(page, newest=last is None)

        def failed(error: ConsoleError) -> bool:
            self._reading = False
            self.where_field.set_error(str(error))
            return True

        self.bridge.run(
            lambda: events.page(network.id, contract.address, event, indexed, last=last, limit=PAGE),
            then=shown,
            fail=failed,
            owner=self,
        )

    def _show(self, page: EventPage, *, newest: bool) -> None:
        from app.contracts.values import as_text

        if newest:
            self._rows = {}
        self._rows |= {f"{row.tx_hash}#{row.index}": row for row in page.rows}
        self._next = page.next
        rows = [
            Row(
                key,
                {
                    "block": row.block,
                    "event": row.event or "not in the ABI",
                    "values": ", ".join(f"{name} {as_text(value)}" for name, value in row.values),
                    "evidence": EvidenceCell(row.evidence),
                },
            )
            for key, row in self._rows.items()
        ]
        self.table.set_rows(rows)
        self.table.setVisible(bool(rows))
        self.none.setVisible(not rows)
        live = "" if self._older else ", follows the chain"
        self.covered.setText(f"{len(rows)} events of blocks {page.first:,} to {page.last:,}{live}")
