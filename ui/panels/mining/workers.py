"""The page of proof of work: what the chain asks, who searches, what the rules would do, how fast this machine is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.core.events import WorkersChanged
from ui.panels.mining.machine import MachinePane
from ui.panels.mining.worker_forms import PowerForm, PricesForm, StartForm, ThrottleForm
from ui.panels.mining.worker_words import LIVING, about, hashes, worker_row
from ui.widgets import (
    Amount,
    Column,
    EmptyState,
    KpiStrip,
    Note,
    Pane,
    Table,
    button,
    danger_button,
    empty,
    masked,
    scrolled,
)

if TYPE_CHECKING:
    from app.mining.work import Profit, Proposal, Worker, WorkState
    from ui.panels.mining.panel import MiningPanel

AGAIN_MS = 5_000  # workers of other machines tell this console nothing: it reads their rows
SOON_MS = 400


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a network. Without ``work``, ``why`` says why: ``network``, ``economy``, ``work`` or a sentence."""

    network_id: str = ""
    name: str = ""
    why: str = ""
    work: WorkState | None = None
    workers: tuple[tuple[Worker, Profit], ...] = ()
    proposals: tuple[Proposal, ...] = ()


class WorkersTable(Table):
    """A table whose menu begins with what can be asked of the worker."""

    def __init__(self, page: WorkersPage, columns: list[Column]) -> None:
        super().__init__(columns)
        self._page = page

    def context_menu(self) -> QMenu:
        menu = super().context_menu()
        before = menu.actions()[0]
        for made in (*self._page.orders.values(), self._page.power):
            if made.isVisibleTo(self._page):
                added = menu.addAction(made.text())
                added.setEnabled(made.isEnabled())
                added.triggered.connect(made.click)
                menu.insertAction(before, added)
        menu.insertSeparator(before)
        return menu


class WorkersPage(QWidget):
    """Workers of this and of other machines; every order is a plan."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self._panel = panel
        self._reading = False
        self._workers: dict[str, tuple[Worker, Profit]] = {}
        self.read: Reading = Reading()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.stack = QStackedWidget()
        self.empty = EmptyState("hammer", "No proof of work", "", ("Deploy proof of work…", lambda: self._deploy()))
        self.empty.setObjectName("mining.workers.empty")
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._build())
        column.addWidget(self.stack, 1)
        self._again = QTimer(self)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self.refresh)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self.refresh)
        panel.bridge.on(WorkersChanged, self._heard, self)

    def _build(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.kpis = KpiStrip(
            "mining.work",
            (
                ("rate", "Hash rate"),
                ("difficulty", "Difficulty"),
                ("reward", "Reward"),
                ("solutions", "Solutions"),
                ("minted", "Mined by work"),
            ),
            least=110,  # beside the sheet
        )
        column.addWidget(self.kpis)
        self.problem = Note("warn", "")
        self.problem.setObjectName("mining.work.problem")
        self.problem.hide()
        column.addWidget(self.problem)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self._build_table())
        below = QSplitter(Qt.Orientation.Horizontal)
        below.setChildrenCollapsible(False)
        below.addWidget(self._build_proposals())
        self.machine = MachinePane(self._panel)
        below.addWidget(self.machine)
        below.setStretchFactor(0, 3)
        below.setStretchFactor(1, 2)
        split.addWidget(below)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([420, 240])
        column.addWidget(split, 1)
        return page

    def _build_table(self) -> QWidget:
        pane = Pane("Workers")
        self.prices = button("Prices…", icon="coins")
        self.prices.setObjectName("mining.prices")
        self.prices.clicked.connect(lambda: self._panel.window_.open_form(PricesForm(self._panel)))
        pane.add_header(self.prices, right=True)
        self.table = WorkersTable(
            self,
            [
                Column("name", "Worker", 136),
                Column("host", "Host", 84),
                Column("place", "Place", 76),
                Column("state", "State", 118, kind="status"),
                Column("set", "Instructions", 82),
                Column("up", "Up", 60, align="right"),
                Column("rate", "MH/s", 64, align="right", kind="number"),
                Column("accepted", "Accepted", 76, align="right", kind="number"),
                Column("stale", "Stale", 54, align="right", kind="number"),
                Column("rejected", "Rejected", 72, align="right", kind="number"),
                Column("wrong", "Wrong", 60, align="right", kind="number"),
                Column("power", "Power", 110, align="right"),
                Column("heat", "Heat", 56, align="right"),
                Column("profit", "Profit per hour", 128, align="right", kind="amount"),
                Column("seen", "Last seen", 84, align="right"),
            ],
        )
        self.table.setObjectName("mining.workers")
        self.table.setAccessibleName("Workers")
        self.table.selected.connect(lambda _: self._chosen())
        self.nobody = EmptyState(
            "hammer",
            "Nobody searches",
            "A worker searches on this machine at the lowest priority. Others join with: azora mint worker",
            ("Start worker…", self.start),
        )
        pane.body.addWidget(self.nobody, 1)
        pane.body.addWidget(self.table, 1)
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        self.about = QLabel("")
        self.about.setObjectName("mining.worker.about")
        self.about.setProperty("role", "hint")
        self.about.setWordWrap(True)
        row.addWidget(self.about, 1)
        self.orders = {}
        for act, word in (
            ("pause", "Pause"),
            ("resume", "Resume"),
            ("throttle", "Throttle…"),
            ("stop", "Stop"),
            ("forget", "Strike off"),
        ):
            made = danger_button(word) if act in ("stop", "forget") else button(word)
            made.setObjectName(f"mining.worker.{act}")
            made.clicked.connect(lambda _=False, act=act: self.order(act))
            self.orders[act] = made
        self.power = button("Power…")
        self.power.setObjectName("mining.worker.power")
        self.power.clicked.connect(lambda: self._form(PowerForm))
        row.addWidget(self.power)
        for made in self.orders.values():
            row.addWidget(made)
        self.bar = bar
        bar.hide()
        pane.body.addWidget(bar)
        return pane

    def _build_proposals(self) -> QWidget:
        pane = Pane("What the rules propose")
        inner = QWidget()
        self._notes = QVBoxLayout(inner)
        self._notes.setContentsMargins(16, 10, 16, 10)
        self._notes.setSpacing(8)
        pane.body.addWidget(scrolled(inner, "What the rules propose"), 1)
        return pane

    # Reading

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._again.start()
        self.refresh()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._again.stop()

    def _heard(self, _event: object) -> None:
        if self.isVisible() and not self._soon.isActive():
            self._soon.start()

    def refresh(self) -> None:
        """Read the chain and the roll anew; what is under way is not asked twice."""
        bridge = self._panel.bridge
        if self._reading or not self.isVisible() or not bridge.is_ready:
            return
        self._reading = True

        async def read() -> Reading:
            console = bridge.console
            network = console.networks.current
            if network is None or not network.genesis:
                return Reading(why="network")
            economy = await console.contracts.economy(network.key.text)
            if economy is None or not economy.work:
                return Reading(network.id, network.name, "work" if economy else "economy")
            state = await console.work.state(network.id)
            workers, proposals = await console.work.profits(network.id), await console.work.proposals(network.id)
            return Reading(network.id, network.name, "", state, tuple(workers), tuple(proposals))

        def failed(error: Any) -> bool:
            self._reading = False
            self.problem.set_text(str(error))
            self.problem.show()
            if self.read.work is None:
                self._show_none(Reading(why=str(error)))
            return True

        bridge.run(read, then=self.show_reading, fail=failed, owner=self)

    def show_reading(self, read: Reading) -> None:
        """Show one look at a network."""
        self._reading = False
        self.problem.hide()
        before, self.read = self.read, read
        if read.work is None:
            self._show_none(read)
            return
        self.stack.setCurrentIndex(1)
        work = read.work
        self._workers = {worker.id: (worker, profit) for worker, profit in read.workers}
        living = [worker for worker, _ in read.workers if str(worker.state) in LIVING]
        self.kpis["rate"].set_figure(f"{sum(worker.hash_rate for worker in living) / 1e6:,.2f} MH/s")
        self.kpis["rate"].set_context(f"{len(living)} of {len(read.workers)} workers at work")
        self.kpis["difficulty"].set_figure(hashes(work.hashes_expected))
        self.kpis["difficulty"].set_context(f"hashes each, difficulty {work.difficulty:,}")
        self.kpis["reward"].set_figure(Amount(work.reward, 18, "AZR"))
        self.kpis["reward"].set_context(f"per solution, era {work.era}")
        self.kpis["solutions"].set_figure(f"{work.epoch_count:,}")
        self.kpis["solutions"].set_context(f"{work.solutions_in_period:,} since the last retarget")
        self.kpis["minted"].set_figure(Amount(work.minted, 18, "AZR"))
        self.kpis["minted"].set_context(f"at block {work.block:,}")
        self.table.set_rows([worker_row(worker, profit) for worker, profit in read.workers])
        self.table.setVisible(bool(read.workers))
        self.bar.setVisible(bool(read.workers))
        self.nobody.setVisible(not read.workers)
        if read.workers and self.table.selected_id() not in self._workers:
            self.table.select(read.workers[0][0].id)
        self._chosen()
        if before.proposals != read.proposals or before.network_id != read.network_id or not self._notes.count():
            self._show_proposals()

    def _show_none(self, read: Reading) -> None:
        self.stack.setCurrentIndex(0)
        button_ = self.empty.button
        titles = {
            "network": ("No network is selected", "Proof of work stands on a network. Select or start one."),
            "economy": (
                f"{read.name} has no economy",
                "Proof of work mints through the economy's emission. Deploy the economy first, then proof of work.",
            ),
            "work": (
                f"{read.name} has no proof of work",
                "Its deployment puts MineableAzora (EIP-918) on the chain and lets it mint through the economy's emission.",
            ),
        }
        self.empty.set_text(*titles.get(read.why, ("Proof of work cannot be read", read.why)))
        if button_ is not None:
            button_.setVisible(read.why in ("economy", "work"))
            button_.setText("Deploy the AZR economy…" if read.why == "economy" else "Deploy proof of work…")

    def _show_proposals(self) -> None:
        empty(self._notes)
        for number, proposal in enumerate(self.read.proposals):
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            level = "info" if str(proposal.act) in ("start", "resume") or proposal.rule == "work.pods.gain" else "warn"
            line.addWidget(Note(level, f"{proposal.reason} {proposal.blocked}".strip()), 1)
            word = {
                "start": "Start…",
                "throttle": f"Throttle to {proposal.percent} %…",
                "forget": "Strike off…",
                "scale": f"Scale to {proposal.replicas}…",
            }
            take = button(word.get(str(proposal.act), f"{str(proposal.act).capitalize()}…"))
            take.setObjectName(f"mining.proposal.{number}")
            take.setAccessibleName(f"{take.text()} {proposal.worker}".strip())
            take.setEnabled(not proposal.blocked)
            take.setToolTip(proposal.blocked)
            take.clicked.connect(lambda _=False, proposal=proposal: self.take(proposal))
            line.addWidget(take, 0, Qt.AlignmentFlag.AlignTop)
            self._notes.addWidget(row)
        if not self.read.proposals:
            calm = "Nothing: no worker is silent, hot, in error or at a loss, as far as prices tell."
            self._notes.addWidget(Note("ok", calm) if self.read.workers else Note("info", "Nothing while nobody searches."))
        self._notes.addStretch(1)

    def current(self) -> Worker | None:
        """The chosen worker."""
        found = self._workers.get(self.table.selected_id() or "")
        return found[0] if found else None

    def _chosen(self) -> None:
        worker = self.current()
        state = str(worker.state) if worker else ""
        shown = {
            "pause": state in ("searching", "sending", "waiting"),
            "resume": state == "paused",
            "throttle": state in LIVING,
            "stop": state in LIVING,
            "forget": state in ("stopped", "silent"),
        }
        for act, made in self.orders.items():
            made.setVisible(shown[act])
        self.power.setVisible(worker is not None and worker.watts_from != "measured")
        if worker is not None:
            self.about.setText(masked(about(*self._workers[worker.id])))

    # Acting

    def start(self) -> None:
        """Ask for a new worker on this machine."""
        self._panel.window_.open_form(StartForm(self._panel))

    def order(self, act: str) -> None:
        """Plan an order to the chosen worker."""
        worker, network = self.current(), self.read.network_id
        if worker is None:
            return
        if act == "throttle":
            self._form(ThrottleForm)
            return
        console = self._panel.bridge.console

        async def plan() -> Any:
            from app.mining.work import Act

            return await console.work.plan_order(network, Act(act), worker.id)

        self._panel.window_.run_plan(plan, "Planning")

    def take(self, proposal: Proposal) -> None:
        """Plan what a rule proposes; a start asks for the account first."""
        if str(proposal.act) == "start":
            self._panel.window_.open_form(StartForm(self._panel, proposal.threads, proposal.reason))
            return
        console, network = self._panel.bridge.console, self.read.network_id
        self._panel.window_.run_plan(lambda: console.work.plan_proposal(network, proposal), "Planning")

    def _form(self, form: type[ThrottleForm] | type[PowerForm]) -> None:
        worker = self.current()
        if worker is not None:
            self._panel.window_.open_form(form(self._panel, worker))

    def _deploy(self) -> None:
        self._panel.window_.open("contracts", form="deploy", system="azr" if self.read.why == "economy" else "work")
