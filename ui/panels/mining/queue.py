"""The first page of mint mining: figures, hash rate and emission over the queue of proofs and the workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from app.core.clock import now_ms
from app.core.money import short_units
from ui.panels.mining.emission import bars_of, share, summary
from ui.panels.mining.forms import MintForm
from ui.panels.mining.lists import ImportForm, WatchButton
from ui.panels.mining.paging import Asked, ProofPages
from ui.panels.mining.proof_words import GROUPS, Counts, counted, proof_row, proofs
from ui.panels.mining.rates import RatesPane
from ui.panels.mining.worker_words import LIVING, STATES, hashes, span
from ui.widgets import (
    Amount,
    Column,
    EmptyState,
    EvidenceChip,
    KeyValue,
    KpiStrip,
    Pane,
    Row,
    Segmented,
    StatusCell,
    Table,
    button,
    empty,
    masked,
    primary_button,
)
from ui.widgets.bars import BarChart

if TYPE_CHECKING:
    from app.mining import EmissionReport, ProofFilter, ProofRow
    from app.mining.work import Worker, WorkState
    from ui.panels.mining.panel import MiningPanel

WIDE = 1150  # pixels of the panel: the counts of a large queue take their room
ROOM = 860  # with less than that, the right column makes way


class QueuePage(QWidget):
    """What is minted, mined and waiting, at one look."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self._panel = panel
        self._ready_count = 0
        self._labels: Mapping[str, str] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.kpis = KpiStrip(
            "mining.kpi",
            (
                ("rate", "Hash rate"),
                ("difficulty", "Difficulty"),
                ("epoch", "Epoch"),
                ("minted", "Minted this epoch"),
                ("burned", "Burned"),
            ),
            least=110,
        )
        column.addWidget(self.kpis)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        left = QSplitter(Qt.Orientation.Vertical)
        left.setChildrenCollapsible(False)
        self.rates = RatesPane(panel)
        self.rates.read_workers.connect(self.show_workers)
        left.addWidget(self.rates)
        left.addWidget(self._build_table())
        left.setStretchFactor(1, 1)
        left.setSizes([220, 400])
        self.right = QSplitter(Qt.Orientation.Vertical)
        self.right.setChildrenCollapsible(False)
        self.right.addWidget(self._build_emission())
        self.right.addWidget(self._build_workers())
        self.right.setStretchFactor(1, 1)
        self.right.setSizes([220, 400])
        split.addWidget(left)
        split.addWidget(self.right)
        split.setStretchFactor(0, 1)
        split.setSizes([820, 400])
        column.addWidget(split, 1)

    def _build_table(self) -> QWidget:
        pane = Pane("Proof queue")
        pane.setMinimumWidth(326)  # without the lists' buttons, which make way
        self.filter = Segmented([(key, word) for key, (word, _) in GROUPS.items()])
        self.filter.setObjectName("mining.filter")
        self.filter.changed.connect(lambda _: self._panel.refresh())
        self.import_button = button("Import list…", icon="file-csv")
        self.import_button.setObjectName("mining.import")
        self.import_button.clicked.connect(lambda: self._panel.window_.open_form(ImportForm(self._panel)))
        self.watch = WatchButton(self._panel)
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
            remote_sort=True,
        )
        panel = self._panel
        self.pages = ProofPages(
            self.table,
            panel.bridge,
            lambda row: proof_row(row, self._labels),
            self.wanted,
            lambda: panel.refresh(),
            descending=True,
        )
        self.table.setObjectName("mining.queue")
        self.table.setAccessibleName("Proof queue")
        self.table.selected.connect(lambda _: self._selected())
        self.table.activated.connect(lambda proof: self._panel.review_of(proof))
        self.empty = EmptyState(
            "seal-check",
            "No proof here",
            "A proof of value says who did what, and names the evidence. The policy prices it.",
            ("Submit proof…", lambda: self._panel.window_.registry.run("mining.submit")),
        )
        pane.body.addWidget(self.empty, 1)
        pane.body.addWidget(self.table, 1)
        self.batch = QFrame()
        self.batch.setProperty("role", "bar")
        row = QHBoxLayout(self.batch)
        row.setContentsMargins(16, 9, 16, 9)
        self.batch_text = QLabel("")
        self.batch_text.setObjectName("mining.batch")
        self.batch_text.setMinimumWidth(1)
        self.review = button("Review")
        self.review.setObjectName("mining.open_review")
        self.review.clicked.connect(lambda: self._panel.review_of(self.table.selected_id()))
        self.select_all = button("Select all ready")
        self.select_all.setObjectName("mining.select_all")
        self.select_all.clicked.connect(self.select_ready)
        self.mint = primary_button("Mint proofs…")
        self.mint.setObjectName("mining.mint")
        self.mint.clicked.connect(lambda: self.open_mint())
        row.addWidget(self.batch_text, 1)
        for made in (self.review, self.select_all, self.mint):
            row.addWidget(made)
        pane.body.addWidget(self.batch)
        return pane

    def _build_emission(self) -> QWidget:
        pane = Pane("Emission")
        said = QLabel("AZR per epoch")
        said.setProperty("role", "hint")
        pane.add_header(said)
        self.chip = QHBoxLayout()
        holder = QWidget()
        holder.setLayout(self.chip)
        self.chip.setContentsMargins(0, 0, 0, 0)
        pane.add_header(holder, right=True)
        box = QVBoxLayout()
        box.setContentsMargins(16, 8, 16, 10)
        box.setSpacing(8)
        self.bars = BarChart("Emission by epoch, AZR")
        self.bars.setObjectName("mining.bars")
        self.emitted = KeyValue([])
        box.addWidget(self.bars, 1)
        box.addWidget(self.emitted)
        pane.body.addLayout(box)
        pane.setMinimumWidth(240)
        return pane

    def _build_workers(self) -> QWidget:
        pane = Pane("Workers")
        more = button("Open workers")
        more.setObjectName("mining.open_workers")
        more.clicked.connect(lambda: self._panel.show_tab("workers"))
        pane.add_header(more, right=True)
        self.workers = Table(
            [
                Column("name", "Worker", 130),
                Column("host", "Runs on", 90),
                Column("rate", "MH/s", 60, align="right", kind="number"),
                Column("state", "State", 100, kind="status"),
            ]
        )
        self.workers.setObjectName("mining.workers.short")
        self.workers.setAccessibleName("Workers in short")
        self.workers.activated.connect(lambda _: self._panel.show_tab("workers"))
        self.nobody = EmptyState("hammer", "Nobody searches", "Start a worker, or join from elsewhere: azora mint worker")
        pane.body.addWidget(self.nobody, 1)
        pane.body.addWidget(self.workers, 1)
        return pane

    def fit(self, width: int) -> None:
        """Beside an open sheet there is no room for everything: lists and the right column make way, all are commands too."""
        for made in (self.import_button, self.watch.button):
            made.setVisible(width >= WIDE)
        self.right.setVisible(width >= ROOM)
        self.kpis["difficulty"].setVisible(width >= ROOM)

    # Showing

    def wanted(self) -> ProofFilter:
        """What is asked of the store."""
        from app.mining import ProofFilter, ProofStatus

        return ProofFilter(tuple(ProofStatus(state) for state in GROUPS[self.filter.value() or "open"][1]))

    def show_rows(self, rows: Sequence[ProofRow], counts: Counts, labels: Mapping[str, str], asked: Asked | None = None) -> None:
        """Show the proofs of the filter's states, and how many there are of each."""
        self._labels = labels
        before = self.table.selected_ids()
        for key, (word, states) in GROUPS.items():
            self.filter.set_text(key, f"{word} {counted(counts, states)[0]:,}")
        self._ready_count = counted(counts, ("ready",))[0]
        self.pages.show(rows, asked)
        self.table.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        if rows and not set(before) & set(self.pages.rows):
            self.table.select(rows[0].id)
        self._selected()

    def show_emission(self, report: EmissionReport | None) -> None:
        """Show what the indexed chain says."""
        empty(self.chip)
        if report is None:
            self.bars.set_bars([], [], "AZR")
            self.emitted.set_pairs([("Ledger", "not indexed yet")])
            for name in ("epoch", "minted", "burned"):
                self.kpis[name].set_figure("–")
                self.kpis[name].set_context("Not indexed yet")
                self.kpis[name].set_aside(None)
            return
        self.bars.set_bars(*bars_of(report.epochs))
        self.emitted.set_pairs(summary(report))
        evidence = report.supply.minted.evidence
        if evidence:
            self.chip.addWidget(EvidenceChip(evidence[0]))
        now = next((row for row in report.epochs if row.current), None)
        if now is not None:
            self.kpis["epoch"].set_figure(f"{now.epoch:,}")
            mints = "1 mint" if now.proofs == 1 else f"{now.proofs:,} mints"
            self.kpis["epoch"].set_context(f"{mints}, {span(max(0, now.end - now_ms() // 1000))} left")
            self.kpis["epoch"].set_aside(EvidenceChip(now.budget.evidence[0]) if now.budget.evidence else None)
            self.kpis["minted"].set_figure(Amount(int(now.minted.value), 18, "AZR"))
            budget = int(now.budget.value)
            self.kpis["minted"].set_context(f"{share(int(now.minted.value), budget)} of {short_units(budget, 18, 0)} AZR")
            self.kpis["minted"].set_aside(EvidenceChip(now.minted.evidence[0]) if now.minted.evidence else None)
        burned = report.supply.burned
        self.kpis["burned"].set_figure(Amount(int(burned.value), 18, "AZR"))
        self.kpis["burned"].set_context(f"{share(int(burned.value), int(report.supply.minted.value))} of minted")
        self.kpis["burned"].set_aside(EvidenceChip(burned.evidence[0]) if burned.evidence else None)

    def show_work(self, work: WorkState | None) -> None:
        """Show what the chain asks of workers."""
        cell = self.kpis["difficulty"]
        if work is None:
            cell.set_figure("–")
            cell.set_context("No proof of work here")
        else:
            cell.set_figure(hashes(work.hashes_expected))
            cell.set_context(f"hashes each, at block {work.block:,}")

    def show_workers(self, workers: Sequence[Worker]) -> None:
        """Show the workers in short."""
        living = [worker for worker in workers if str(worker.state) in LIVING]
        told = [worker for worker in workers if str(worker.state) != "stopped"]
        self.kpis["rate"].set_figure(f"{sum(worker.hash_rate for worker in living) / 1e6:,.2f} MH/s")
        self.kpis["rate"].set_context(f"{len(living)} of {len(told)} workers at work" if told else "Nobody searches")
        self.workers.set_rows(
            [
                Row(
                    worker.id,
                    {
                        "name": worker.name,
                        "host": worker.host,
                        "rate": f"{worker.hash_rate / 1e6:,.2f}",
                        "state": StatusCell(*STATES[str(worker.state)]),
                    },
                )
                for worker in told
            ]
        )
        self.workers.setVisible(bool(told))
        self.nobody.setVisible(not told)

    # Choosing

    def chosen(self) -> list[ProofRow]:
        """The selected proofs, in the order of the table."""
        return [self.pages.rows[row_id] for row_id in self.table.selected_ids() if row_id in self.pages.rows]

    def _ready(self) -> list[ProofRow]:
        """What the batch bar acts on: the ready ones among the selected, else nothing."""
        return [row for row in self.chosen() if str(row.status) == "ready"]

    def _selected(self) -> None:
        ready = self._ready()
        total = sum(row.reward for row in ready)
        people = len({row.contributor for row in ready})
        addresses = "1 contributor" if people == 1 else f"{people} contributors"
        some = f"{len(ready):,} of {self._ready_count:,} ready" if len(ready) < self._ready_count else proofs(len(ready))
        text = f"{some} selected, {short_units(total, 18)} AZR to {addresses}" if ready else "No proof that is ready is selected"
        self.batch_text.setText(masked(text))
        self.batch_text.setToolTip(masked(text))
        count = self._ready_count
        self.mint.setText(f"Mint {proofs(len(ready))}…" if ready else f"Mint all {count:,} ready…" if count else "Mint proofs…")
        self.mint.setEnabled(bool(ready or count))
        self.mint.setToolTip("" if ready or count else "No proof is ready.")
        self.review.setEnabled(bool(self.chosen()))
        self.select_all.setEnabled(any(str(row.status) == "ready" for row in self.pages.rows.values()))

    def select_ready(self) -> None:
        """Select every ready proof that is loaded; those on later pages are minted where none is selected."""
        self.table.select_many([row.id for row in self.pages.rows.values() if str(row.status) == "ready"])
        self._selected()

    def open_mint(self) -> None:
        """Ask who attests and sends: for the selected proofs that are ready, else for all of them."""
        ready, console = self._ready(), self._panel.bridge.console
        network = console.networks.current if self._panel.bridge.is_ready else None
        if ready or network is None:
            self._offer(ready)
        else:
            self._panel.bridge.run(lambda: console.mining.ready(network.id), then=self._offer, owner=self)

    def _offer(self, ready: Sequence[ProofRow]) -> None:
        if ready:
            self._panel.window_.open_form(MintForm(self._panel, ready))
        else:
            self._panel.window_.notify("No proof is ready to mint.", "warn")
