"""First run while there is no economy; then chain, store, keyring, supply, journal and plans at a glance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.core.events import (
    AccessChanged,
    AccountsChanged,
    ContractsChanged,
    HeadChanged,
    JobChanged,
    JournalGrew,
    LedgerChanged,
    NetworkChanged,
    PlanChanged,
)
from app.core.money import short_units
from ui.panels.overview.first_run import FirstRun
from ui.shell.panel import Panel
from ui.widgets import (
    Amount,
    Card,
    Column,
    EvidenceChip,
    KpiCell,
    LineChart,
    Note,
    Row,
    StatusCell,
    StatusLabel,
    Table,
    TimeCell,
    button,
    empty,
)

if TYPE_CHECKING:
    from app.core.jobs import JobView

DEMO_KIND = "demo"
ENTRIES = 8
POINTS = 60
_RESULTS = {
    "done": ("ok", "Receipt"),
    "failed": ("err", "Failed"),
    "stopped": ("warn", "Stopped"),
    "disowned": ("idle", "Given up"),
}


@dataclass(slots=True)
class Glance:
    """Everything the overview shows, read in one go; what could not be read is None and says why in ``problems``."""

    network: Any = None
    chain: Any = None
    economy: Any = None
    database: Any = None
    keyring: Any = None
    keys: int = 0
    missing: int = 0
    supply: Any = None
    history: list[Any] = field(default_factory=list)
    journal: list[Any] = field(default_factory=list)
    verdict: Any = None
    plans: list[Any] = field(default_factory=list)
    demo: Any = None
    demo_why_not: str = ""
    problems: list[str] = field(default_factory=list)


class OverviewPanel(Panel):
    """The first page."""

    id = "overview"
    title = "Overview"
    stale_on = (
        AccessChanged,
        AccountsChanged,
        ContractsChanged,
        HeadChanged,
        JobChanged,
        JournalGrew,
        LedgerChanged,
        NetworkChanged,
        PlanChanged,
    )

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._verified_at = -1
        self._verdict: Any = None
        self._reading = False
        self._again = False
        self.stack = QStackedWidget()
        self.first_run = FirstRun(self)
        self.stack.addWidget(_scrolling(self.first_run, "First steps"))
        self.stack.addWidget(_scrolling(self._build_cards(), "Overview"))
        self.body.addWidget(self.stack, 1)

    def _build_cards(self) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(12, 12, 12, 12)
        grid.setSpacing(12)
        self.demo_note = Note(
            "info", "This is the demo economy. Its accounts, proofs and payments are examples on a chain of this computer."
        )
        self.demo_note.setObjectName("overview.demo.mark")
        grid.addWidget(self.demo_note, 0, 0, 1, 3)
        self.backends: dict[str, tuple[Card, StatusLabel, QHBoxLayout]] = {}
        for column, (name, title) in enumerate((("chain", "Chain"), ("database", "Database"), ("keyring", "Keyring"))):
            card = Card(title)
            card.setObjectName(f"overview.{name}")
            state = StatusLabel("idle", "Not set")
            card.add_header(state, right=True)
            facts = QHBoxLayout()
            facts.setSpacing(20)
            card.body.addLayout(facts)
            self.backends[name] = (card, state, facts)
            grid.addWidget(card, 1, column)
        grid.addWidget(self._build_supply(), 2, 0, 1, 3)
        grid.addWidget(self._build_plans(), 3, 0, 1, 1)
        grid.addWidget(self._build_journal(), 3, 1, 1, 2)
        for column in range(3):
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(2, 3)
        grid.setRowStretch(3, 4)
        return page

    def _build_supply(self) -> QWidget:
        card = Card("Supply and cap")
        card.setObjectName("overview.supply")
        self.supply_chips = QHBoxLayout()
        holder = QWidget()
        holder.setLayout(self.supply_chips)
        self.supply_chips.setContentsMargins(0, 0, 0, 0)
        card.add_header(holder, right=True)
        row = QHBoxLayout()
        row.setSpacing(24)
        self.kpis = {}
        for name, label in (("supply", "Supply on chain"), ("minted", "Minted"), ("burned", "Burned"), ("left", "Left under cap")):
            cell = KpiCell(label, "–", "")
            cell.setObjectName(f"overview.supply.{name}")
            self.kpis[name] = cell
            row.addWidget(cell, 1)
        card.body.addLayout(row)
        self.chart = LineChart()
        self.chart.setObjectName("overview.chart")
        self.chart.setAccessibleName("Supply over the indexed blocks")
        self.chart.setMinimumHeight(150)
        card.body.addWidget(self.chart, 1)
        self.no_supply = Note(
            "info", "The ledger is not indexed yet. Index it to see minted, burned and supply with their evidence."
        )
        card.body.addWidget(self.no_supply)
        index = button("Index now", icon="scroll")
        index.setObjectName("overview.index")
        index.clicked.connect(lambda: self.window_.registry.run("ledger.index"))
        self.index_button = index
        card.body.addWidget(index, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def _build_plans(self) -> QWidget:
        card = Card("Recent plans")
        self.plans = Table(
            [Column("title", "Plan", 160), Column("from", "Id", 78, mono=True), Column("state", "Result", 84, kind="status")]
        )
        self.plans.setObjectName("overview.plans")
        self.plans.setAccessibleName("Recent plans")
        self.plans.activated.connect(lambda ref: self.window_.open_plan(ref))
        self.plans.setMinimumHeight(180)
        card.body.addWidget(self.plans, 1)
        more = button("All jobs")
        more.setObjectName("overview.jobs")
        more.clicked.connect(lambda: self.window_.open("jobs"))
        card.add_header(more, right=True)
        return card

    def _build_journal(self) -> QWidget:
        card = Card("Journal")
        self.verified = StatusLabel("idle", "Not verified yet")
        self.verified.setObjectName("overview.journal.state")
        card.add_header(self.verified)
        self.journal = Table(
            [
                Column("entry", "Entry", 52, align="right", kind="number"),
                Column("time", "Time (UTC)", 110, kind="time"),
                Column("actor", "Actor", 80),
                Column("text", "Action", 260),
                Column("plan", "Plan", 78, mono=True),
            ]
        )
        self.journal.setObjectName("overview.journal")
        self.journal.setAccessibleName("Last entries of the journal")
        self.journal.setMinimumHeight(180)
        self.journal.activated.connect(self._open_entry)
        card.body.addWidget(self.journal, 1)
        return card

    # Reading

    def refresh(self) -> None:
        if self._reading:  # many events come at once while the demo is built; one reading follows the last of them
            self._again = True
            return
        self._reading, self._again = True, False
        self.bridge.run(self._read, then=self._show, fail=self._unread, owner=self)

    async def _read(self) -> Glance:
        from app.core.errors import ConsoleError

        console, seen = self.bridge.console, Glance()
        seen.network = console.networks.current
        seen.demo = next((job for job in console.jobs.list() if job.kind == DEMO_KIND), None)
        seen.demo_why_not = console.nodes.available()

        async def part(name: str, read: Any) -> Any:
            try:
                return await read()
            except ConsoleError as error:
                seen.problems.append(f"{name}: {error.message}")
                return None

        accounts = await part("Accounts", console.wallets.list) or []
        states = [str(account.key_state) for account in accounts]
        seen.keys, seen.missing = states.count("inKeyring"), states.count("missing")
        seen.database = await part("Database", console.database.status)
        seen.keyring = await part("Keyring", console.vault.state)
        seen.journal = await part("Journal", lambda: console.journal.page(limit=ENTRIES)) or []
        seen.plans = await part("Plans", lambda: console.operations.page(limit=ENTRIES)) or []
        head = seen.journal[0].sequence if seen.journal else 0
        if self._verdict is None or head != self._verified_at:
            self._verdict = await part("Journal", console.journal.verify)
            self._verified_at = head
        seen.verdict = self._verdict
        network = seen.network
        if network is not None:
            seen.chain = await part("Chain", lambda: console.networks.status(network.id))
            if network.genesis:
                seen.economy = await part("Contracts", lambda: console.contracts.economy(network.key.text))
            if seen.economy is not None:
                state = await part("Ledger", lambda: console.ledger.state(network.id))
                if state is not None and state.last >= 0:
                    seen.supply = await part("Supply", lambda: console.ledger.supply(network.id))
                    seen.history = await part("Supply", lambda: console.ledger.supply_history(network.id, POINTS)) or []
        return seen

    def _unread(self, _error: Any) -> bool:
        self._reading = False
        return False

    def _show(self, seen: Glance) -> None:
        self._reading = False
        building = seen.demo is not None and str(seen.demo.state) == "running"
        first = seen.economy is None or building
        self.stack.setCurrentIndex(0 if first else 1)
        if first:
            self.header.set_context("First run" if not building else "The demo economy is being set up")
            chain = seen.chain is not None and seen.chain.reachable
            if seen.demo is not None:
                self._follow(seen.demo)
            self.first_run.show_state(seen.keys > 0, chain, seen.economy is not None, seen.demo_why_not)
        else:
            block = f", as of block {seen.chain.block:,}" if seen.chain is not None and seen.chain.reachable else ""
            self.header.set_context(f"{seen.network.name} {seen.network.chain_id}{block}")
            self._show_backends(seen)
            self._show_supply(seen)
            self._show_lists(seen)
        if self._again:
            self.refresh()

    def _follow(self, job: JobView) -> None:
        self.first_run.show_job(job)

    def _show_backends(self, seen: Glance) -> None:
        self.demo_note.setVisible(seen.network.demo)
        chain = seen.chain
        if chain is not None and chain.reachable:
            facts = [
                ("Block", f"{chain.block:,}"),
                ("Latency", f"{chain.latency_ms:,.0f} ms"),
                ("Confirmations", f"{seen.network.confirmations}"),
            ]
            self._facts("chain", "warn" if chain.syncing else "ok", "Syncing" if chain.syncing else "Healthy", facts)
        else:
            self._facts("chain", "err", "Not reachable", [("Network", seen.network.name)])
            self.backends["chain"][0].setToolTip(chain.problem if chain is not None else "")
        store = seen.database
        if store is not None:
            size = f"{store.size_bytes / 1e6:.1f} MB"
            facts = [
                ("Kind", str(store.dialect)),
                ("Schema", str(store.revision)),
                ("Size", size),
                ("Latency", f"{store.latency_ms:,.0f} ms"),
            ]
            self._facts("database", "ok", "Healthy", facts)
        keyring = seen.keyring
        if keyring is not None:
            states = {
                "available": ("ok", "Available"),
                "locked": ("warn", "Locked by the system"),
                "unavailable": ("err", "Not available"),
            }
            state, word = states.get(str(keyring.state), ("idle", str(keyring.state)))
            facts = [("Keys", f"{seen.keys}"), ("Missing", f"{seen.missing}"), ("Backend", str(keyring.backend))]
            self._facts("keyring", state, f"{word}, ephemeral" if keyring.ephemeral else word, facts)
            self.backends["keyring"][0].setToolTip(keyring.why)

    def _facts(self, name: str, state: str, word: str, facts: list[tuple[str, str]]) -> None:
        _, label, row = self.backends[name]
        label.set_state(state, word)
        empty(row)
        for heading, value in facts:
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            small, strong = QLabel(heading), QLabel(value)
            small.setProperty("role", "hint")
            strong.setProperty("role", "strong")
            column.addWidget(small)
            column.addWidget(strong)
            row.addWidget(box)
        row.addStretch(1)

    def _show_supply(self, seen: Glance) -> None:
        supply = seen.supply
        empty(self.supply_chips)
        self.no_supply.setVisible(supply is None)
        self.index_button.setVisible(supply is None)
        self.chart.setVisible(supply is not None and len(seen.history) > 1)
        for cell in self.kpis.values():
            cell.setVisible(supply is not None)
        if supply is None:
            return
        figures = {"supply": int(supply.supply.value), "minted": int(supply.minted.value), "burned": int(supply.burned.value)}
        cap = _number(supply.cap)
        for name, value in figures.items():
            self.kpis[name].set_figure(Amount(value, 18, "AZR"))
        self.kpis["left"].set_figure(Amount(cap - figures["supply"], 18, "AZR"))
        share = figures["supply"] * 10_000 // cap if cap else 0
        self.kpis["supply"].set_context(
            f"{share / 100:.2f} % of cap" if share or not figures["supply"] else "less than 0.01 % of cap"
        )
        self.kpis["left"].set_context(f"Cap {short_units(cap, 18, 0)} AZR")
        equal = figures["minted"] - figures["burned"] == figures["supply"]
        self.kpis["minted"].set_context("minted − burned = supply" if equal else "does not equal supply + burned")
        for evidence in supply.supply.evidence[:1]:
            self.supply_chips.addWidget(EvidenceChip(evidence))
        points = [(float(_at(point, 0, "block")), _number(_at(point, 1, "supply")) / 1e18) for point in seen.history]
        self.chart.set_series([("Supply", points)], x_title="block", y_title="AZR")

    def _show_lists(self, seen: Glance) -> None:
        rows = []
        for plan in seen.plans:
            state, word = _RESULTS.get(str(plan.state), ("run" if not plan.state.ended else "idle", str(plan.state).capitalize()))
            rows.append(Row(plan.id, {"title": plan.title, "from": plan.name, "state": StatusCell(state, word)}))
        self.plans.set_rows(rows)
        self.journal.set_rows(
            [
                Row(
                    str(entry.sequence),
                    {
                        "entry": entry.sequence,
                        "time": TimeCell(entry.at),
                        "actor": entry.actor,
                        "text": entry.text,
                        "plan": entry.plan or "–",
                    },
                )
                for entry in seen.journal
            ]
        )
        verdict = seen.verdict
        if verdict is None:
            self.verified.set_state("idle", "Not verified yet")
        elif verdict.ok:
            self.verified.set_state("ok", f"Chain of {verdict.entries:,} hashes verified")
        else:
            self.verified.set_state("err", verdict.problem or "Does not verify")
        self.verified.setToolTip(verdict.head_hash if verdict else "")
        self._entries = {str(entry.sequence): entry.plan for entry in seen.journal}

    # Acting

    def _open_entry(self, row_id: str) -> None:
        plan = self._entries.get(row_id, "")
        if plan:
            self.window_.open_plan(plan)

    def start_demo(self) -> None:
        """Build the demo economy as a job; the first-run screen follows it."""

        async def start() -> JobView:
            from app.demo import Demo

            console = self.bridge.console
            running = next((job for job in console.jobs.list() if job.kind == DEMO_KIND and str(job.state) == "running"), None)
            if running is not None:
                return running
            job = console.jobs.start(
                "Set up the demo economy",
                lambda job: Demo(console).run(lambda text, share: job.progress(share, text)),
                kind=DEMO_KIND,
                link="azora://overview",
            )
            return job.view

        self.bridge.run(start, then=self._follow, label="Starting the demo", owner=self)

    def open(self, **arguments: Any) -> None:
        if arguments.get("do") == "demo":
            self.start_demo()


def _scrolling(widget: QWidget, name: str) -> QScrollArea:
    area = QScrollArea()
    area.setAccessibleName(name)
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setWidget(widget)
    return area


def _number(value: Any) -> int:
    """The integer of a Figure or of a plain number."""
    return int(getattr(value, "value", value))


def _at(point: Any, index: int, name: str) -> Any:
    """One part of a history point, which is a tuple or has names."""
    return getattr(point, name) if hasattr(point, name) else point[index]
