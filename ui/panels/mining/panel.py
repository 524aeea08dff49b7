"""Mint mining: proofs and their review, workers, emission and redemptions behind tabs of one panel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QStackedWidget

from app.core.events import LedgerChanged, NetworkChanged, PlanChanged, QueueChanged
from ui.panels.mining.emission import EmissionPage
from ui.panels.mining.forms import RequestForm, SubmitForm
from ui.panels.mining.lists import ImportForm
from ui.panels.mining.paging import Asked
from ui.panels.mining.policy import BurnRateForm
from ui.panels.mining.proof_words import Counts, counted
from ui.panels.mining.queue import QueuePage
from ui.panels.mining.redemptions import OPEN as OPEN_REQUESTS
from ui.panels.mining.redemptions import RedemptionsTab
from ui.panels.mining.review import ReviewPage
from ui.panels.mining.signatures import ImportSignaturesForm, SignFileForm, offer_signed
from ui.panels.mining.statements import StatementForm
from ui.panels.mining.worker_forms import PricesForm
from ui.panels.mining.workers import WorkersPage
from ui.shell.panel import Panel
from ui.widgets import Segmented

if TYPE_CHECKING:
    from app.mining import EmissionReport, ProofRow, RedemptionRow
    from app.mining.work import WorkState

NARROW = 780  # pixels of the panel
TABS = {
    "queue": "Mining",
    "review": "Review",
    "workers": "Workers",
    "emission": "Emission",
    "redemptions": "Redemptions",
}


@dataclass(frozen=True)
class Read:
    """One look at a network. ``why`` says why there is no economy or no emission; ``can_index`` where an index would mend it;
    ``asked`` is what was asked of the queue."""

    context: str = ""
    contract: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    proofs: list[ProofRow] = field(default_factory=list)
    counts: Counts = field(default_factory=dict)
    requests: list[RedemptionRow] = field(default_factory=list)
    block_time: int = 0  # Unix seconds of the newest block; 0 where it did not answer
    emission: EmissionReport | None = None
    work: WorkState | None = None
    why: str = ""
    can_index: bool = False
    asked: Asked | None = None


class MiningPanel(Panel):
    """Proofs of value and work become AZR; AZR becomes money."""

    id = "mining"
    title = "Mint Mining"
    stale_on = (QueueChanged, LedgerChanged, NetworkChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._words = ""
        self.signed_elsewhere: set[str] = set()  # plans that sign a file of another console
        self.bridge.on(PlanChanged, lambda event: offer_signed(self, event), self)
        self.tabs = Segmented(list(TABS.items()))
        self.tabs.setObjectName("mining.tabs")
        self.tabs.changed.connect(self._choose_tab)
        self.header.add_widget(self.tabs)
        self.redeem_button = self.header.add_action("mining.redeem")
        self.redeem_button.setText("Request…")  # beside five tabs; its name and tip say all of it
        self.submit_button = self.header.add_action("mining.submit")
        self.worker_button = self.header.add_action("mining.worker")
        self.stack = QStackedWidget()
        self.queue = QueuePage(self)
        self.review = ReviewPage(self)
        self.workers = WorkersPage(self)
        self.emission = EmissionPage(self)
        self.redemptions = RedemptionsTab(self)
        for page in (self.queue, self.review, self.workers, self.emission, self.redemptions):
            self.stack.addWidget(page)
        self.body.addWidget(self.stack, 1)
        self._choose_tab("queue")

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.header.set_context(self._words if self.width() >= NARROW else "")
        self.queue.fit(self.width())

    # Reading

    def refresh(self) -> None:
        asked = self.queue.pages.request()
        question = asked.question

        async def read() -> Read:
            from app.core.errors import ConsoleError

            console = self.bridge.console
            labels = {account.address: account.label for account in await console.wallets.list()}
            network = console.networks.current
            if network is None or not network.genesis:
                return Read("No network selected", labels=labels, why="No network is selected. Select or start one.")
            economy = await console.contracts.economy(network.key.text)
            if economy is None:
                return Read(f"{network.name}: no economy is deployed", labels=labels, why="Deploy the AZR economy first.")
            reviewing, said = console.mining.reviewing, network.name
            await console.mining.queue(network.id, (), limit=1)  # closes what has expired
            proofs = await reviewing.page(network.id, question.wanted, asked.size, by=question.by, descending=question.descending)
            counts = await reviewing.counts(network.id)
            requests, block_time, emission, work, why = [], 0, None, None, ""
            try:
                requests = await console.redemptions.list(network.id)
                block_time = await console.redemptions.block_time(network.id)
                work = await console.work.state(network.id) if economy.work else None
            except ConsoleError as error:
                said = f"{network.name}: {error.message}"
            try:
                emission = await console.mining.emission(network.id)
            except ConsoleError as error:
                why = str(error)
            found = (proofs, counts, requests, block_time, emission, work)
            return Read(said, economy.mint_mine, labels, *found, why, can_index=True, asked=asked)

        self.bridge.run(read, then=self.show_read, owner=self)
        self.workers.refresh()
        self.review.refresh()
        self.emission.policy.refresh()

    def show_read(self, read: Read) -> None:
        """Show one look at a network."""
        short = f"{read.contract[:6]}…{read.contract[-4:]}"
        self._words = f"{read.context}, MintMine {short}" if read.contract else read.context
        self._fit()
        self.queue.show_rows(read.proofs, read.counts, read.labels, read.asked)
        self.queue.show_emission(read.emission)
        self.queue.show_work(read.work)
        waiting = counted(read.counts, ("in_review",))[0]
        self.tabs.set_text("review", f"Review {waiting:,}" if waiting else "Review")
        asked = sum(str(row.status) in OPEN_REQUESTS for row in read.requests)
        self.tabs.set_text("redemptions", f"Redemptions {asked:,}" if asked else "Redemptions")
        self.redemptions.show_rows(read.requests, read.labels, read.block_time)
        if read.emission is None:
            self.emission.show_none(read.why, can_index=read.can_index)
        else:
            self.emission.show_report(read.emission, read.labels)

    # Opening

    def show_tab(self, tab: str) -> None:
        """Bring a page to the front."""
        if tab in ("whatif", "policy"):
            self.emission.choose(tab)
            tab = "emission"
        self.tabs.set_value(tab)
        self._choose_tab(tab)

    def review_of(self, proof_id: str) -> None:
        """Show one proof on the page of review."""
        if proof_id:
            self.show_tab("review")
            self.review.look_at(proof_id)

    def _choose_tab(self, tab: str) -> None:
        places = list(TABS)
        self.stack.setCurrentIndex(places.index(tab) if tab in places else 0)
        self.redeem_button.setVisible(tab == "redemptions")
        self.worker_button.setVisible(tab == "workers")
        self.submit_button.setVisible(tab in ("queue", "review"))

    def open(self, **arguments: Any) -> None:
        if arguments.get("tab"):
            self.show_tab(str(arguments["tab"]))
        do = arguments.get("do")
        if do == "watch":
            self.queue.watch.toggle()
        elif do in ("accept", "reject", "ask", "revoke", "undo", "next", "previous", "mark"):
            self.show_tab("review")
            self.review.act(do)
        elif do in ("complete", "cancel", "refund"):
            self.show_tab("redemptions")
            self.redemptions.act(do)
        form = arguments.get("form")
        if form == "submit":
            self.window_.open_form(SubmitForm(self))
        elif form == "mint":
            self.queue.open_mint()
        elif form == "import":
            self.window_.open_form(ImportForm(self))
        elif form in ("signatures", "attest"):
            self.window_.open_form(ImportSignaturesForm(self) if form == "signatures" else SignFileForm(self))
        elif form == "worker":
            self.show_tab("workers")
            self.workers.start()
        elif form == "burn_rate":
            self.show_tab("policy")
            self.window_.open_form(BurnRateForm(self))
        elif form in ("statements", "prices"):
            self.show_tab("redemptions")
            self.window_.open_form(StatementForm(self) if form == "statements" else PricesForm(self))
        elif form == "redeem":
            self.show_tab("redemptions")
            self.window_.open_form(RequestForm(self))

    def state(self) -> dict[str, Any]:
        return {
            "tab": self.tabs.value(),
            "filter": self.queue.filter.value(),
            "chosen": self.queue.table.selected_id(),
            "review": self.review.table.selected_id(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.queue.filter.set_value(str(state.get("filter") or "open"))
        self.queue.table.select(str(state.get("chosen") or ""))
        self.show_tab(str(state.get("tab") or "queue"))
        self.review.table.select(str(state.get("review") or ""))
