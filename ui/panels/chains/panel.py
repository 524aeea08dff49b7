"""The local chains as cards, and of the chosen one its snapshots, accounts, blocks, clock and log."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSplitter, QWidget

from app.core.errors import ConsoleError
from app.core.events import HeadChanged, NetworkChanged, NodeActed, NodeChanged, TransactionsChanged
from ui.panels.chains.block_forms import DropForm, ReorgForm, WarpForm
from ui.panels.chains.cards import ChainCard
from ui.panels.chains.controls import BlockControls
from ui.panels.chains.forms import DeleteForm, FundForm, ImpersonateForm, ImportForm, NewChainForm, ReturnForm, SnapshotForm
from ui.panels.chains.timeline_view import TimelineView
from ui.shell.panel import Panel
from ui.widgets import (
    AddressCell,
    Amount,
    Column,
    EmptyState,
    HashCell,
    LogView,
    Note,
    Pane,
    Row,
    StatusLabel,
    Table,
    ask_save,
    button,
    empty,
    line_edit,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.chain import NodeView, Snapshot, TestAccount

COLUMNS = (
    Column("account", "Account", 190),
    Column("eth", "ETH", 116, "right"),
    Column("azr", "AZR", 116, "right"),
    Column("nonce", "Nonce", 64, "right"),
)
NARROW = 900  # pixels of the page
POOL = (Column("hash", "Waits in the pool", 260), Column("sender", "From", 220), Column("nonce", "Nonce", 80, "right"))


@dataclass(frozen=True, slots=True)
class Seen:
    """What one reading of all chains gave; snapshots, rows and accounts are of the chosen one."""

    views: Sequence[NodeView]
    why_not: str
    chosen: str
    snapshots: Sequence[Snapshot] = ()
    rows: dict[str, int] | None = None
    accounts: Sequence[TestAccount] = ()
    labels: dict[str, str] | None = None
    azr: dict[str, int | None] | None = None


class ChainsPanel(Panel):
    """Chains that this console started. Plans on them are quick: same pipeline and journal, no sheet."""

    id = "chains"
    title = "Local Chains"
    stale_on = (NodeActed, NodeChanged, NetworkChanged, HeadChanged, TransactionsChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._seen = Seen((), "", "")
        self._chosen = ""
        self._cards: dict[tuple[str, str], ChainCard] = {}
        self.header.add_action("chains.import")
        self.header.add_action("chains.fork")
        self.new_button = self.header.add_action("chains.new", primary=True)
        self._note = Note("warn", "")
        self._note.hide()
        self.body.addWidget(self._note)
        self._cards_area = self._build_cards()
        self.body.addWidget(self._cards_area)
        self._crash = Note("err", "")
        self._crash.hide()
        self.body.addWidget(self._crash)
        self._empty = EmptyState(
            "link",
            "No local chain yet",
            "A local chain runs on this computer and is the place to try a whole economy.",
            ("New chain…", lambda: self.window_.registry.run("chains.new")),
        )
        self.body.addWidget(self._empty, 1)
        self.controls = BlockControls(self)
        self._lower = self._split(Qt.Orientation.Horizontal)
        left = self._split(Qt.Orientation.Vertical)
        left.addWidget(self._build_snapshots())
        left.addWidget(self._build_accounts())
        left.addWidget(self._build_pool())
        right = self._split(Qt.Orientation.Vertical)
        right.addWidget(self.controls)
        right.addWidget(self._build_log())
        self._lower.addWidget(left)
        self._lower.addWidget(right)
        self._lower.setStretchFactor(0, 3)
        self._lower.setStretchFactor(1, 2)
        self.body.addWidget(self._lower, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self._read_log)

    def _split(self, orientation: Qt.Orientation) -> QSplitter:
        made = QSplitter(orientation)
        made.setChildrenCollapsible(False)
        return made

    def _area(self, inner: QWidget, called: str) -> QScrollArea:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setAccessibleName(called)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        return area

    def _build_cards(self) -> QScrollArea:
        inner = QWidget()
        self._cards_layout = QHBoxLayout(inner)
        self._cards_layout.setContentsMargins(16, 12, 16, 12)
        self._cards_layout.setSpacing(12)
        area = self._area(inner, "Local chains")
        area.setFixedHeight(176)
        return area

    def _build_snapshots(self) -> QWidget:
        self._snapshots_pane = pane = Pane("Snapshots")
        self.take_button = self._action("Take…", "plus", "chains.snapshot")
        self.return_button = self._action("Return to…", "arrow-counter-clockwise", "chains.return")
        self.export_button = self._action("", "export", "chains.export", "Export…")
        self.forget_button = self._action("", "trash", "chains.forget", "Delete…")
        for made in (self.take_button, self.return_button, self.export_button, self.forget_button):
            pane.add_header(made, right=True)
        self.timeline = TimelineView()
        self.timeline.activated.connect(lambda _: self.window_.registry.run("chains.return"))
        area = self._area(self.timeline, "Tree of snapshots")
        area.setMinimumHeight(126)  # two branches and the scroll bar
        pane.body.addWidget(area)
        return pane

    def _build_accounts(self) -> QWidget:
        self._accounts_pane = pane = Pane("Accounts")
        self._test_keys = StatusLabel("warn", "Test keys only")
        self._test_keys.setToolTip("Accounts of a test phrase: others may have their keys. Use them on local chains only.")
        pane.add_header(self._test_keys)
        self.fund_button = self._action("Fund an account…", "coins", "chains.fund")
        self.impersonate_button = self._action("Send as…", "user", "chains.impersonate")
        for made in (self.fund_button, self.impersonate_button):
            pane.add_header(made, right=True)
        self.accounts = Table(COLUMNS)
        self.accounts.setObjectName("chains.accounts")
        self.accounts.setAccessibleName("Accounts of the chain")
        pane.body.addWidget(self.accounts)
        return pane

    def _build_pool(self) -> QWidget:
        self._pool_pane = pane = Pane("Pool")
        pane.add_header(self._action("Drop…", "x", "chains.drop"), right=True)
        self.pool = Table(POOL)
        self.pool.setObjectName("chains.pool")
        self.pool.setAccessibleName("Transactions that wait in the pool")
        self.pool.setMinimumHeight(96)
        pane.body.addWidget(self.pool)
        pane.hide()
        return pane

    def _build_log(self) -> QWidget:
        self._log_pane = pane = Pane("Log")
        self.filter = line_edit("chains.log.filter", "Only lines with this text")
        self.filter.setPlaceholderText("Filter")
        self.filter.setMaximumWidth(140)
        self.filter.textChanged.connect(lambda _: self._read_log())
        self.follow = button("Follow", icon="download-simple")
        self.follow.setObjectName("chains.log.follow")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.follow.toggled.connect(lambda on: self._read_log() if on else None)
        pane.add_header(self.filter, right=True)
        pane.add_header(self.follow, right=True)
        self.log = LogView()
        self.log.setObjectName("chains.log")
        self.log.setAccessibleName("Log of the node")
        pane.body.addWidget(self.log)
        return pane

    def _action(self, text: str, icon: str, action: str, called: str = "") -> Any:
        made = button(text, icon=icon)
        made.setToolTip(called)
        made.setAccessibleName(self.window_.registry.get(action).title if called else text.rstrip("…"))
        made.setObjectName(action)
        made.clicked.connect(lambda: self.window_.registry.run(action))
        return made

    def free_name(self, stem: str = "local") -> str:
        """The first of ``stem``, ``stem``-2, … that no chain has."""
        taken = {view.node.name for view in self._seen.views}
        number = 1
        while (name := stem if number == 1 else f"{stem}-{number}") in taken:
            number += 1
        return name

    # reading

    def refresh(self) -> None:
        wanted, console = self._chosen, self.bridge.console

        async def read() -> Seen:
            views = await console.nodes.views()
            names = [view.node.name for view in views]
            if not names:
                return Seen((), console.nodes.available(), "")
            chosen = wanted if wanted in names else names[0]
            view = views[names.index(chosen)]
            snapshots, rows = console.nodes.tree(chosen)
            labels = {account.address: account.label for account in await console.wallets.list()}
            accounts: Sequence[TestAccount] = ()
            azr: dict[str, int | None] = {}
            if view.node.url and view.head_hash:
                known = [*labels, *(each for each in view.node.accounts if each not in labels)]
                accounts = await console.nodes.holdings(chosen, known)
                azr = await self._azr(view.node.network_id, known)
            return Seen(views, console.nodes.available(), chosen, snapshots, rows, accounts, labels, azr)

        self.bridge.run(read, then=self._show, owner=self)

    async def _azr(self, network_id: str, accounts: Sequence[str]) -> dict[str, int | None]:
        """What each account holds of the chain's economy token; nothing where there is no such token."""
        try:
            held = await self.bridge.console.wallets.balances(network_id, accounts)
        except ConsoleError:  # a chain whose token cannot be asked still shows its coins
            return {}
        return {address: each.azr for address, each in held.items()}

    def _show(self, seen: Seen) -> None:
        self._seen, self._chosen = seen, seen.chosen
        self._note.setVisible(bool(seen.why_not))
        if seen.why_not:
            self._note.set_text(f"{seen.why_not} Connect to a node by its URL in Settings, Networks.")
        self._show_cards(seen)
        running = sum(str(view.node.state) == "running" for view in seen.views)
        self.header.set_context(f"{running} running, {len(seen.views) - running} stopped" if seen.views else "")
        self._cards_area.setVisible(bool(seen.views))
        self._empty.setVisible(not seen.views)
        self._lower.setVisible(bool(seen.views))
        view = self._current()
        self._crash.setVisible(bool(view and view.explained))
        if view is not None:
            self._show_chosen(seen, view)

    def _show_cards(self, seen: Seen) -> None:
        keys = {(view.node.name, str(view.node.state)): view for view in seen.views}
        if list(keys) != list(self._cards):  # else a press would lose its button to a new block
            empty(self._cards_layout)
            self._cards = {key: ChainCard(view, self._asked) for key, view in keys.items()}
            for card in self._cards.values():
                self._cards_layout.addWidget(card)
            self._cards_layout.addStretch(1)
        for key, view in keys.items():
            self._cards[key].update_from(view, chosen=key[0] == seen.chosen)

    def _show_chosen(self, seen: Seen, view: NodeView) -> None:
        name = view.node.name
        self._crash.set_text(view.explained)
        total = sum(each.size for each in seen.snapshots)
        count = len(seen.snapshots)
        self._snapshots_pane.set_title(f"Snapshots: {count}, {total / 1e6:,.1f} MB")
        height = (
            view.height if view.node.url else max((each.height for each in seen.snapshots if each.id == view.node.base), default=0)
        )
        self.timeline.show_tree(seen.snapshots, seen.rows or {}, view.node.base, height)
        labels, test, azr = seen.labels or {}, set(view.node.accounts), seen.azr or {}
        self._test_keys.setVisible(bool(test))
        self.accounts.set_rows(
            [
                Row(
                    each.address,
                    {
                        "account": AddressCell(
                            each.address, labels.get(each.address, "Test account" if each.address in test else "")
                        ),
                        "eth": Amount(each.wei, 18, "ETH"),
                        "azr": "—" if (held := azr.get(each.address)) is None else Amount(held, 18, "AZR"),
                        "nonce": f"{each.nonce:,}",
                    },
                )
                for each in seen.accounts
            ]
        )
        self._pool_pane.setVisible(bool(view.pending))
        self._pool_pane.set_title(f"Pool: {len(view.pending):,}")
        self.pool.set_rows(
            [
                Row(
                    each.hash,
                    {
                        "hash": HashCell(each.hash),
                        "sender": AddressCell(each.sender, labels.get(each.sender, "")),
                        "nonce": f"{each.nonce:,}",
                    },
                )
                for each in view.pending
            ]
        )
        self._log_pane.set_title(f"Log of {name}")
        self.controls.show_view(view)
        running = str(view.node.state) == "running"
        self._accounts_pane.set_title("Accounts" if running else "Accounts are shown while the chain runs")
        for widget in (self.take_button, self.fund_button, self.impersonate_button):
            widget.setEnabled(running)
            widget.setToolTip("" if running else "The chain is stopped.")
        self.return_button.setEnabled(bool(seen.snapshots))
        self.forget_button.setEnabled(bool(seen.snapshots))
        self.export_button.setEnabled(bool(seen.snapshots))

    def _current(self) -> NodeView | None:
        return next((view for view in self._seen.views if view.node.name == self._chosen), None)

    @property
    def chosen(self) -> str:
        """The chain that is shown below the cards."""
        return self._chosen

    def choose(self, name: str) -> None:
        """Show this chain below the cards."""
        self._chosen = name
        self.log.set_text("")
        self.refresh()
        self._read_log()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _read_log(self) -> None:
        name, text = self._chosen, self.filter.text()
        if not name or not (self.follow.isChecked() or self.filter.hasFocus()):
            return
        nodes = self.bridge.console.nodes

        async def read() -> str:
            return "\n".join(nodes.log(name, lines=2_000, containing=text, calls=bool(text)))

        self.bridge.run(read, then=self.log.set_text, fail=lambda _: True, owner=self)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.accounts.hide_columns(("nonce",) if self.width() < NARROW else ())  # beside an open sheet, what they hold comes first

    # acting

    def _asked(self, verb: str, name: str) -> None:
        nodes = self.bridge.console.nodes
        if verb == "choose":
            self.choose(name)
        elif verb == "delete":
            self.choose(name)
            self.window_.open_form(DeleteForm(self, name))
        elif verb == "restart":
            self.window_.run_plan(lambda: nodes.plan_restart(name), f"Restarting {name}")
        elif verb == "stop":
            self.window_.run_plan(lambda: nodes.plan_stop(name), f"Stopping {name}")
        else:
            self.window_.run_plan(lambda: nodes.plan_start(name), f"Starting {name}")

    def open(self, **arguments: Any) -> None:
        form, name = arguments.get("form"), self._chosen
        if form in ("new", "fork"):
            self.window_.open_form(NewChainForm(self, fork=form == "fork"))
        elif form == "import":
            self.window_.open_form(ImportForm(self, name))
        elif not name:
            return
        elif form == "fund":
            self.window_.open_form(FundForm(self, name, self.accounts.selected_id()))
        elif form == "impersonate":
            self.window_.open_form(ImpersonateForm(self, name, self.accounts.selected_id()))
        elif form == "snapshot":
            self.window_.open_form(SnapshotForm(self, name, self._free_snapshot()))
        elif form in ("return", "forget") and self._seen.snapshots:
            chosen = self.timeline.selected
            self.window_.open_form(ReturnForm(self, name, self._seen.snapshots, chosen, forget=form == "forget"))
        elif form == "delete":
            self.window_.open_form(DeleteForm(self, name))
        elif form == "warp":
            self.window_.open_form(WarpForm(self, name))
        elif form == "reorg":
            self.window_.open_form(ReorgForm(self, name, view.height if (view := self._current()) else 0))
        elif form == "drop":
            waiting = view.pending if (view := self._current()) else ()
            self.window_.open_form(DropForm(self, name, waiting, self.pool.selected_id()))
        elif arguments.get("do") == "export" and self._seen.snapshots:
            self._export(name, self.timeline.selected or self._seen.snapshots[-1].id)
        elif arguments.get("do") == "restart":
            self._asked("restart", name)

    def _export(self, chain: str, snapshot_id: str) -> None:
        called = next(each.name for each in self._seen.snapshots if each.id == snapshot_id)
        nodes = self.bridge.console.nodes

        def write(path: Path) -> None:
            def written(found: Snapshot) -> None:
                self.window_.notify(f"{found.name} of {chain} is written to {path}.", "ok")

            work = partial(nodes.export_snapshot, chain, snapshot_id, path)
            self.bridge.run(work, then=written, label=f"Writing {called}", owner=self)

        file = f"{chain}-{called}.azsnap".replace(" ", "-")
        ask_save(self, f"Export {called}", file, "Snapshots of local chains (*.azsnap)", write)

    def _free_snapshot(self) -> str:
        taken = {each.name for each in self._seen.snapshots}
        number = 1
        while f"snapshot-{number}" in taken:
            number += 1
        return f"snapshot-{number}"

    def state(self) -> dict[str, Any]:
        return {"chosen": self._chosen}

    def restore(self, state: dict[str, Any]) -> None:
        self._chosen = str(state.get("chosen", ""))
