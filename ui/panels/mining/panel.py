"""The queue of proofs with the review of the chosen one; workers and redemptions behind tabs of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.core.events import LedgerChanged, NetworkChanged, QueueChanged
from app.core.money import exact_units, short_units
from ui.panels.mining.forms import MintForm, RequestForm, SubmitForm
from ui.panels.mining.lists import ImportForm, WatchButton
from ui.panels.mining.rates import RatesPane
from ui.panels.mining.redemptions import OPEN as OPEN_REQUESTS
from ui.panels.mining.redemptions import RedemptionsTab
from ui.panels.mining.whatif import WhatIfPage
from ui.panels.mining.workers import WorkersPage
from ui.shell.panel import Panel
from ui.widgets import (
    AddressCell,
    Amount,
    Column,
    EmptyState,
    Field,
    KeyValue,
    KpiStrip,
    Note,
    Pane,
    Row,
    Segmented,
    StatusCell,
    StatusLabel,
    Table,
    button,
    danger_button,
    empty,
    line_edit,
    masked,
    primary_button,
)

if TYPE_CHECKING:
    from app.mining import ProofRow, RedemptionRow

STATES = {
    "in_review": ("pend", "To review"),
    "ready": ("ok", "Ready"),
    "rejected": ("err", "Rejected"),
    "minting": ("run", "Minting"),
    "minted": ("ok", "Minted"),
    "expired": ("idle", "Expired"),
    "revoked": ("idle", "Revoked"),
}
_FILTERS = {
    "open": ("Open", ("in_review", "ready", "minting")),
    "minted": ("Minted", ("minted",)),
    "closed": ("Closed", ("rejected", "expired", "revoked")),
    "all": ("All", tuple(STATES)),
}
LIMIT = 500
NARROW, WIDE = 780, 1000  # pixels of the panel


class MiningPanel(Panel):
    """Proofs of value become AZR; AZR becomes money."""

    id = "mining"
    title = "Mint Mining"
    stale_on = (QueueChanged, LedgerChanged, NetworkChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._rows: dict[str, ProofRow] = {}
        self._labels: dict[str, str] = {}
        self._words = ""
        self.tabs = Segmented(
            [("queue", "Proof queue"), ("workers", "Workers"), ("redemptions", "Redemptions"), ("whatif", "What-if")]
        )
        self.tabs.setObjectName("mining.tabs")
        self.tabs.changed.connect(self._choose_tab)
        self.header.add_widget(self.tabs)
        self.redeem_button = self.header.add_action("mining.redeem")
        self.submit_button = self.header.add_action("mining.submit")
        self.worker_button = self.header.add_action("mining.worker")
        self.stack = QStackedWidget()
        self.redemptions = RedemptionsTab(self)
        self.stack.addWidget(self._build_queue())
        self.stack.addWidget(self.redemptions)
        self.workers = WorkersPage(self)
        self.stack.addWidget(self.workers)
        self.stack.addWidget(WhatIfPage(self))
        self.body.addWidget(self.stack, 1)
        self._choose_tab("queue")

    def _build_queue(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.kpis = KpiStrip(
            "mining.kpi",
            (
                ("review", "To review"),
                ("ready", "Ready to mint"),
                ("minted", "Minted by proofs"),
                ("closed", "Closed without a mint"),
            ),
        )
        column.addWidget(self.kpis)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        left = QSplitter(Qt.Orientation.Vertical)
        left.setChildrenCollapsible(False)
        self.rates = RatesPane(self)
        left.addWidget(self.rates)
        left.addWidget(self._build_table())
        left.setStretchFactor(1, 1)
        left.setSizes([230, 400])
        split.addWidget(left)
        split.addWidget(self._build_review())
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 1)
        split.setSizes([820, 372])
        column.addWidget(split, 1)
        column.addWidget(self._build_batch())
        return page

    def _build_table(self) -> QWidget:
        pane = Pane("Proof queue")
        pane.setMinimumWidth(326)  # without the lists' buttons, which make way
        self.filter = Segmented([(key, word) for key, (word, _) in _FILTERS.items()])
        self.filter.setObjectName("mining.filter")
        self.filter.changed.connect(lambda _: self._fill())
        self.import_button = button("Import list…", icon="file-csv")
        self.import_button.setObjectName("mining.import")
        self.import_button.clicked.connect(lambda: self.window_.open_form(ImportForm(self)))
        self.watch = WatchButton(self)
        for widget in (self.import_button, self.watch.button, self.filter):
            pane.add_header(widget, right=True)
        self.table = Table(
            [
                Column("number", "Proof", 70),
                Column("contributor", "Contributor", 170, kind="address"),
                Column("activity", "Activity", 160),
                Column("score", "Score", 60, align="right", kind="number"),
                Column("reward", "Reward AZR", 120, align="right", kind="amount"),
                Column("state", "State", 120, kind="status"),
            ],
            multi=True,
        )
        self.table.setObjectName("mining.queue")
        self.table.setAccessibleName("Proof queue")
        self.table.selected.connect(lambda _: self._selected())
        self.empty = EmptyState(
            "seal-check",
            "No proof here",
            "A proof of value says who did what, and names the evidence. The policy prices it.",
            ("Submit proof…", lambda: self.window_.registry.run("mining.submit")),
        )
        pane.body.addWidget(self.empty, 1)
        pane.body.addWidget(self.table, 1)
        return pane

    def _build_review(self) -> QWidget:
        self.review = Pane("Review")
        self.review_state = StatusLabel("idle", "")
        self.review.add_header(self.review_state, right=True)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(10)
        self.facts = QVBoxLayout()
        layout.addLayout(self.facts)
        self.reason = line_edit("mining.review.reason", "Reason")
        self.reason_field = Field("Reason", self.reason, "Needed to reject; kept with the proof")
        layout.addWidget(self.reason_field)
        row = QHBoxLayout()
        self.reject = danger_button("Reject")
        self.reject.setObjectName("mining.review.reject")
        self.reject.clicked.connect(lambda: self._review(False))
        self.accept = primary_button("Accept")
        self.accept.setObjectName("mining.review.accept")
        self.accept.clicked.connect(lambda: self._review(True))
        row.addStretch(1)
        row.addWidget(self.reject)
        row.addWidget(self.accept)
        layout.addLayout(row)
        layout.addStretch(1)
        self.review.body.addWidget(inner, 1)
        self.review.setMinimumWidth(280)
        return self.review

    def _build_batch(self) -> QWidget:
        self.batch = QFrame()
        self.batch.setProperty("role", "bar")
        row = QHBoxLayout(self.batch)
        row.setContentsMargins(16, 9, 16, 9)
        self.batch_text = QLabel("")
        self.batch_text.setObjectName("mining.batch")
        self.select_all = button("Select all that are ready")
        self.select_all.setObjectName("mining.select_all")
        self.select_all.clicked.connect(self._select_ready)
        self.mint = primary_button("Mint proofs…")
        self.mint.setObjectName("mining.mint")
        self.mint.clicked.connect(lambda: self._open_mint())
        row.addWidget(self.batch_text)
        row.addStretch(1)
        row.addWidget(self.select_all)
        row.addWidget(self.mint)
        return self.batch

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Beside an open sheet there is no room for everything: context and lists make way, both are commands too."""
        self.header.set_context(self._words if self.width() >= NARROW else "")
        for made in (self.import_button, self.watch.button):
            made.setVisible(self.width() >= WIDE)

    # Reading

    def refresh(self) -> None:
        async def read() -> tuple[str, list[ProofRow], list[RedemptionRow], dict[str, str], str]:
            from app.core.errors import ConsoleError

            console = self.bridge.console
            labels = {account.address: account.label for account in await console.wallets.list()}
            network = console.networks.current
            if network is None or not network.genesis:
                return "No network selected", [], [], labels, ""
            economy = await console.contracts.economy(network.key.text)
            if economy is None:
                return f"{network.name}: no economy is deployed", [], [], labels, ""
            proofs = await console.mining.queue(network.id, limit=LIMIT)
            try:
                requests = await console.redemptions.list(network.id)
            except ConsoleError as error:
                return f"{network.name}: {error.message}", proofs, [], labels, economy.mint_mine
            return network.name, proofs, requests, labels, economy.mint_mine

        self.bridge.run(read, then=self._show, owner=self)
        self.workers.refresh()

    def _show(self, answer: tuple[str, list[ProofRow], list[RedemptionRow], dict[str, str], str]) -> None:
        context, proofs, requests, self._labels, contract = answer
        self._rows = {row.id: row for row in proofs}
        self._words = f"{context}, MintMine {contract[:6]}…{contract[-4:]}" if contract else context
        self._fit()
        for name, states in (
            ("review", ("in_review",)),
            ("ready", ("ready",)),
            ("minted", ("minted",)),
            ("closed", _FILTERS["closed"][1]),
        ):
            some = [row for row in proofs if str(row.status) in states]
            self.kpis[name].set_figure(Amount(sum(row.reward for row in some), 18, "AZR"))
            self.kpis[name].set_context(f"{len(some)} {'proof' if len(some) == 1 else 'proofs'}")
        for key, (word, states) in _FILTERS.items():
            self.filter.set_text(key, f"{word} {sum(str(row.status) in states for row in proofs)}")
        waiting = sum(str(row.status) in OPEN_REQUESTS for row in requests)
        self.tabs.set_text("redemptions", f"Redemptions {waiting}" if waiting else "Redemptions")
        self.redemptions.show_rows(requests, self._labels)
        self._fill()

    def _fill(self) -> None:
        states = _FILTERS[self.filter.value() or "open"][1]
        before = self.table.selected_ids()
        rows = []
        for row in self._rows.values():
            if str(row.status) not in states:
                continue
            state, word = STATES[str(row.status)]
            rows.append(
                Row(
                    row.id,
                    {
                        "number": f"#{row.number:,}",
                        "contributor": AddressCell(row.contributor, self._labels.get(row.contributor, "")),
                        "activity": row.activity_name or row.activity,
                        "score": row.score,
                        "reward": Amount(row.reward, 18, ""),
                        "state": StatusCell(state, word),
                    },
                )
            )
        self.table.set_rows(rows)
        self.table.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        if rows and not set(before) & {row.id for row in rows}:
            self.table.select(rows[0].id)
        self._selected()

    def chosen(self) -> list[ProofRow]:
        """The selected proofs, in the order of the table."""
        return [self._rows[row_id] for row_id in self.table.selected_ids() if row_id in self._rows]

    def _ready(self) -> list[ProofRow]:
        """What the batch bar acts on: the ready ones among the selected, else nothing."""
        return [row for row in self.chosen() if str(row.status) == "ready"]

    def _selected(self) -> None:
        chosen, ready = self.chosen(), self._ready()
        count, total = len(ready), sum(row.reward for row in ready)
        noun = "proof" if count == 1 else "proofs"
        people = len({row.contributor for row in ready})
        addresses = "1 contributor" if people == 1 else f"{people} contributors"
        self.batch_text.setText(
            masked(f"{count} ready {noun} selected, {short_units(total, 18)} AZR to {addresses}")
            if ready
            else "No proof that is ready is selected"
        )
        self.mint.setText(f"Mint {count} {noun}…" if ready else "Mint proofs…")
        self.mint.setEnabled(bool(ready))
        self.mint.setToolTip("" if ready else "Select proofs that are ready.")
        self.select_all.setEnabled(any(str(row.status) == "ready" for row in self._rows.values()))
        self._show_review(chosen[0] if chosen else None)

    def _show_review(self, row: ProofRow | None) -> None:
        empty(self.facts)
        waits = row is not None and str(row.status) == "in_review"
        for widget in (self.reason_field, self.accept, self.reject):
            widget.setVisible(waits)
        self.review_state.setVisible(row is not None)
        if row is None:
            self.review.set_title("Review")
            self.facts.addWidget(Note("info", "Select a proof to see what would be signed."))
            return
        self.review.set_title(f"Proof #{row.number:,}, {row.activity_name or row.activity}")
        self.review_state.set_state(*STATES[str(row.status)])
        deadline = datetime.fromtimestamp(row.deadline, UTC).strftime("%d %b %Y %H:%M:%S UTC")
        facts = [
            ("Contributor", self._labels.get(row.contributor, "") or row.contributor),
            ("Address", row.contributor),
            ("Reward", f"{exact_units(row.reward, 18)} AZR"),
            ("Priced by", f"{row.policy}, score {row.score} of 100"),
            ("Evidence", f"{row.evidence_name or row.evidence_kind}, {row.evidence_size:,} bytes"),
            ("Evidence hash", row.evidence_hash),
            ("Deadline", deadline),
            ("Salt", row.salt),
        ]
        if row.tx_hash:
            facts.append(("Minted by", row.tx_hash))
        self.facts.addWidget(KeyValue(facts))
        digest = KeyValue([("Digest to sign, EIP-712", row.digest)])
        digest.setObjectName("mining.review.digest")
        self.facts.addWidget(digest)
        if row.reason:
            self.facts.addWidget(Note("warn" if waits else "info", row.reason))

    # Acting

    def _select_ready(self) -> None:
        self.filter.set_value("open")
        self._fill()
        self.table.select_many([row.id for row in self._rows.values() if str(row.status) == "ready"])
        self._selected()

    def _open_mint(self) -> None:
        ready = self._ready() or [row for row in self._rows.values() if str(row.status) == "ready"]
        if ready:
            self.window_.open_form(MintForm(self, ready))
        else:
            self.window_.notify("No proof is ready to mint.", "warn")

    def _review(self, accept: bool) -> None:
        chosen = self.chosen()
        if not chosen:
            return
        row, reason, console = chosen[0], self.reason.text().strip(), self.bridge.console
        self.reason_field.set_error("")

        def refused(error: Any) -> bool:
            if getattr(error, "field", "") == "reason":
                self.reason_field.set_error(str(error))
                return True
            return False

        def answered(new: ProofRow) -> None:
            self.reason.clear()
            self.window_.notify(f"Proof #{new.number} is {STATES[str(new.status)][1].lower()}.", "ok")
            self.refresh()

        self.bridge.run(
            lambda: console.mining.review(row.id, accept, reason),
            then=answered,
            fail=refused,
            label="Answering the review",
            owner=self,
        )

    def _choose_tab(self, tab: str) -> None:
        self.stack.setCurrentIndex({"redemptions": 1, "workers": 2, "whatif": 3}.get(tab, 0))
        self.redeem_button.setVisible(tab == "redemptions")
        self.worker_button.setVisible(tab == "workers")
        self.submit_button.setVisible(tab not in ("redemptions", "workers", "whatif"))

    def open(self, **arguments: Any) -> None:
        if arguments.get("tab"):
            self.tabs.set_value(str(arguments["tab"]))
            self._choose_tab(str(arguments["tab"]))
        if arguments.get("do") == "watch":
            self.watch.toggle()
        form = arguments.get("form")
        if form == "submit":
            self.window_.open_form(SubmitForm(self))
        elif form == "mint":
            self._open_mint()
        elif form == "import":
            self.window_.open_form(ImportForm(self))
        elif form == "worker":
            self.tabs.set_value("workers")
            self._choose_tab("workers")
            self.workers.start()
        elif form == "redeem":
            self.tabs.set_value("redemptions")
            self._choose_tab("redemptions")
            self.window_.open_form(RequestForm(self))

    def state(self) -> dict[str, Any]:
        return {"tab": self.tabs.value(), "filter": self.filter.value(), "chosen": self.table.selected_id()}

    def restore(self, state: dict[str, Any]) -> None:
        tab = str(state.get("tab") or "queue")
        self.tabs.set_value(tab)
        self._choose_tab(tab)
        self.filter.set_value(str(state.get("filter") or "open"))
        self._fill()
        self.table.select(str(state.get("chosen") or ""))
