"""Redemption requests beside the bank's entries: one list, one comparison, and the plans that complete, cancel or refund."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from ui.panels.mining.comparison import ComparisonPane, refund_waits
from ui.panels.mining.forms import CancelForm, CompleteForm, RefundForm
from ui.panels.mining.payments import PaymentsTable
from ui.panels.mining.statements import FINDINGS, StatementForm, summary
from ui.panels.mining.worker_forms import PricesForm
from ui.widgets import (
    AddressCell,
    Amount,
    Column,
    EmptyState,
    KpiStrip,
    Row,
    Segmented,
    StatusCell,
    Table,
    button,
)
from ui.widgets.basics import letter_key
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from app.mining import RedemptionRow
    from app.mining.matching import Match, Matching
    from ui.panels.mining.panel import MiningPanel

STATES = {
    "requested": ("pend", "To complete"),
    "completed": ("ok", "Completed"),
    "cancelled": ("idle", "Cancelled"),
    "refunded": ("idle", "Refunded"),
}
OPEN = ("requested",)
BACK = ("cancelled", "refunded")
VIEWS = {"all": "All", "open": "Open", "look": "To look at", "closed": "Closed", "payments": "Payments"}
NARROW = 900  # pixels of the page
KEYS = "J next, K previous, V view, C complete, X cancel, F refund. Enter on a payment shows its request."


class RedemptionsTab(QWidget):
    """Escrow, requests and payments over the comparison of the chosen one."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self._panel = panel
        self._rows: dict[str, RedemptionRow] = {}
        self._labels: Mapping[str, str] = {}
        self._block_time = 0
        self._matches: dict[int, Match] = {}
        self._matching: Matching | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.kpis = KpiStrip(
            "mining.redemptions",
            (
                ("escrow", "In escrow"),
                ("matched", "Matched, external"),
                ("completed", "Burned by redemption"),
                ("returned", "Returned to holders"),
            ),
        )
        column.addWidget(self.kpis)
        column.addWidget(self._build_bar())
        self.empty = EmptyState(
            "bank",
            "No redemption was requested",
            "A request moves AZR into escrow; it is burned when the bank has paid.",
            ("Request redemption…", lambda: panel.window_.registry.run("mining.redeem")),
        )
        column.addWidget(self.empty, 1)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self._build_lists())
        self.detail = ComparisonPane(self.act)
        self.detail.setMinimumHeight(190)
        self.split.addWidget(self.detail)
        self.split.setStretchFactor(0, 1)
        self.split.setSizes([320, 300])
        column.addWidget(self.split, 1)
        self._acts: dict[str, Callable[[], object]] = {
            "next": lambda: self._step(1),
            "previous": lambda: self._step(-1),
            "view": self._next_view,
            "complete": lambda: self._open(CompleteForm),
            "cancel": lambda: self._open(CancelForm),
            "refund": lambda: self._open(RefundForm),
        }
        for key, name in zip("JKVCXF", self._acts, strict=True):
            letter_key(self, key, lambda name=name: self.act(name))

    def _build_bar(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        self.view = Segmented(list(VIEWS.items()))
        self.view.setObjectName("mining.redemptions.view")
        self.view.changed.connect(lambda _: self._show_view())
        row.addWidget(self.view)
        row.addStretch(1)
        for name, word, form in (("prices", "Prices…", PricesForm), ("statements", "Bank statements…", StatementForm)):
            made = button(word, icon="coins" if name == "prices" else "bank")
            made.setObjectName(f"mining.bank.{name}")
            made.clicked.connect(lambda _=False, form=form: self._panel.window_.open_form(form(self._panel)))
            row.addWidget(made)
        return bar

    def _build_lists(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.table = Table(
            [
                Column("id", "Request", 76),
                Column("account", "Holder", 150, kind="address"),
                Column("amount", "Escrow AZR", 116, align="right", kind="amount"),
                Column("reference", "Reference", 120, mono=True),
                Column("bank", "Bank reference", 120, mono=True),
                Column("found", "Bank match", 140, kind="status"),
                Column("block", "In block", 72, align="right", kind="number"),
                Column("state", "State", 116, kind="status"),
            ]
        )
        self.table.setObjectName("mining.redemptions")
        self.table.setAccessibleName("Redemptions")
        self.table.selected.connect(lambda _: self._select())
        self.payments = PaymentsTable()
        self.payments.selected.connect(lambda _: self._select())
        self.payments.activated.connect(self._show_request)
        self.nothing = EmptyState("bank", "Nothing here", "")
        self.lists = QStackedWidget()
        for widget in (self.table, self.payments, self.nothing):
            self.lists.addWidget(widget)
        self.lists.setMinimumHeight(120)
        column.addWidget(self.lists, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 5, 16, 6)
        self.bank_text = QLabel("")
        self.bank_text.setObjectName("mining.bank.summary")
        self.bank_text.setToolTip(KEYS)
        self.bank_text.setProperty("role", "hint")
        self.bank_text.setWordWrap(True)
        foot.addWidget(self.bank_text, 1)
        column.addLayout(foot)
        return holder

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        # Beside an open sheet the words of the states come first; block and bank reference stand in the story below.
        self.table.hide_columns(("block", "bank") if self.width() < NARROW else ())

    # Reading

    def show_rows(self, rows: list[RedemptionRow], labels: Mapping[str, str], block_time: int) -> None:
        """Show the requests of a network, and ask what the bank statements say of them; ``block_time`` is the newest block's."""
        self._labels = labels
        self._block_time = block_time
        self._fill(rows)
        console = self._panel.bridge.console
        network = console.networks.current

        async def read() -> tuple[int, Matching | None]:
            statements = await console.bank.statements()
            if not statements or network is None or not network.genesis:
                return len(statements), None
            return len(statements), await console.bank.match(network.id)

        def failed(error: Any) -> bool:
            self.show_matching(0, None)
            self.bank_text.setText(f"The statements were not compared. {error}")
            return True

        self._panel.bridge.run(read, then=lambda answer: self.show_matching(*answer), fail=failed, owner=self)

    def show_matching(self, statements: int, matching: Matching | None) -> None:
        """Show what bank statements say of the requests."""
        self._matching = matching
        self._matches = {match.redemption: match for match in matching.matches} if matching else {}
        self.bank_text.setText(summary(statements, matching) if matching else "No bank statement is imported.")
        self.payments.show_matching(matching)
        self._fill(list(self._rows.values()))

    def _fill(self, rows: Sequence[RedemptionRow]) -> None:
        self._rows = {str(row.id): row for row in sorted(rows, key=lambda one: -one.id)}
        ready = [row for row in rows if self._finding(row) == "to complete"]
        for name, some, word in (
            ("escrow", [row for row in rows if str(row.status) in OPEN], "open"),
            ("matched", ready, "ready to complete"),
            ("completed", [row for row in rows if str(row.status) == "completed"], "completed"),
            ("returned", [row for row in rows if str(row.status) in BACK], "returned"),
        ):
            self.kpis[name].set_figure(Amount(sum(row.amount for row in some), 18, "AZR"))
            self.kpis[name].set_context(f"{len(some):,} {word}")
        for view, word in VIEWS.items():
            count = len(self._matching.payments if self._matching else ()) if view == "payments" else len(self._wanted(view))
            self.view.set_text(view, f"{word} {count:,}")
        paid = bool(self._matching and self._matching.payments)
        self.empty.setVisible(not rows and not paid)
        self.split.setVisible(bool(rows) or paid)
        self._show_view()

    def _finding(self, row: RedemptionRow) -> str:
        match = self._matches.get(row.id)
        return str(match.finding) if match else ""

    def _wanted(self, view: str) -> list[RedemptionRow]:
        some = list(self._rows.values())
        if view == "open":
            return [row for row in some if str(row.status) in OPEN]
        if view == "closed":
            return [row for row in some if str(row.status) not in OPEN]
        if view == "look":
            problems = {match.redemption for match in self._matching.problems} if self._matching else set()
            return [row for row in some if row.id in problems]
        return some

    def _show_view(self) -> None:
        view = self.view.value() or "all"
        if view == "payments":
            self.lists.setCurrentWidget(self.payments if self.payments.rows() else self.nothing)
            self.nothing.set_text("No payment left the account", "Import a bank statement: CSV or camt.053.")
            self._choose_first(self.payments)
            return
        chosen = self.table.selected_id()
        self.table.set_rows([self._row(row) for row in self._wanted(view)])
        if chosen:
            self.table.select(chosen)
        self.lists.setCurrentWidget(self.table if self.table.rows() else self.nothing)
        self.nothing.set_text(
            "No request here", "Nothing that the statements say needs a look." if view == "look" else "No request of this state."
        )
        self._choose_first(self.table)

    def _choose_first(self, table: Table) -> None:
        if table.rows() and not table.selected_id():
            table.select(table.rows()[0].id)
        self._select()

    def _row(self, row: RedemptionRow) -> Row:
        found = self._finding(row)
        return Row(
            str(row.id),
            {
                "id": f"R-{row.id}",
                "account": AddressCell(row.account, self._labels.get(row.account, "")),
                "amount": Amount(row.amount, 18, ""),
                "reference": short_hex(row.reference),
                "bank": short_hex(row.bank_reference) or "–",
                "found": StatusCell(*FINDINGS[found]) if found else "–",
                "block": row.requested_block,
                "state": StatusCell(*STATES[str(row.status)]),
            },
        )

    # Choosing

    def current(self) -> RedemptionRow | None:
        """The chosen request, or that of the chosen payment."""
        if self.view.value() == "payments":
            return self._rows.get(str(self.payments.redemption(self.payments.selected_id())))
        return self._rows.get(self.table.selected_id())

    def _select(self) -> None:
        row = self.current()
        self.detail.setVisible(row is not None)
        if row is not None:
            self.detail.show_request(row, self._matches.get(row.id), self._labels.get(row.account, ""), self._block_time)

    def _show_request(self, payment: str) -> None:
        """From a payment to its request."""
        number = self.payments.redemption(payment)
        if number is not None:
            self.view.set_value("all")
            self._show_view()
            self.table.select(str(number))
            self._select()
            self.table.setFocus()

    def act(self, name: str) -> None:
        """Do what a key or a command asks: ``next``, ``previous``, ``view``, ``complete``, ``cancel`` or ``refund``."""
        self._acts[name]()

    def _step(self, by: int) -> None:
        table = self.payments if self.view.value() == "payments" else self.table
        ids = [row.id for row in table.rows()]
        here = table.selected_id()
        if ids:
            table.select(ids[max(0, min((ids.index(here) if here in ids else -by) + by, len(ids) - 1))])
            self._select()

    def _next_view(self) -> None:
        views = list(VIEWS)
        self.view.set_value(views[(views.index(self.view.value() or "all") + 1) % len(views)])
        self._show_view()
        self.lists.currentWidget().setFocus()

    def _open(self, form: type[CompleteForm] | type[CancelForm] | type[RefundForm]) -> None:
        row = self.current()
        if row is None or str(row.status) not in OPEN:
            self._panel.window_.notify("No open request is chosen. Nothing was planned.", "warn")
            return
        if form is RefundForm and (why := refund_waits(row, self._block_time)):
            self._panel.window_.notify(f"{why} Nothing was planned.", "warn")
            return
        match = self._matches.get(row.id)
        self._panel.window_.open_form(form(self._panel, row, match))
