"""The local chains as cards, and for the chosen one what can be done with it and what its node says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSpinBox, QSplitter, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.events import HeadChanged, NetworkChanged, NodeChanged
from app.core.money import parse_units
from ui.plan_sheet import PlanForm
from ui.shell.panel import Panel
from ui.widgets import AccountCombo, BadgeLabel, Card, EmptyState, Field, LogView, Note, Pane, StatusLabel, button, empty, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.chain import LocalNode
    from app.operations import Plan

_STATES = {"running": ("ok", "Running"), "stopped": ("idle", "Stopped"), "crashed": ("err", "Crashed")}


class NewChainForm(PlanForm):
    """Name and chain id of a new chain."""

    title = "New local chain"

    def __init__(self, panel: ChainsPanel) -> None:
        super().__init__()
        self._panel = panel
        self.name = line_edit("chains.new.name", "Name of the chain")
        self.name.setText(panel.free_name())
        self.chain_id = QSpinBox()
        self.chain_id.setRange(1, 2**31 - 1)
        self.chain_id.setValue(1337)
        self.chain_id.setObjectName("chains.new.chain_id")
        self.chain_id.setAccessibleName("Chain id")
        self.name_field = Field("Name", self.name, "Letters, digits and dashes; it names the folder of the chain")
        layout = QVBoxLayout(self)
        layout.addWidget(self.name_field)
        layout.addWidget(Field("Chain id", self.chain_id, "1337 is what development chains use"))
        layout.addWidget(
            Note("info", "The chain runs on this computer only and listens on 127.0.0.1. It is labelled LOCAL everywhere.")
        )
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        name, chain_id = self.name.text().strip(), self.chain_id.value()
        if not name or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
            raise Invalid("A chain's name has letters, digits and dashes. Nothing was started.", "Change the name.", field="name")
        nodes = self._panel.bridge.console.nodes
        return lambda: nodes.plan_create(name, chain_id=chain_id)


class FundForm(PlanForm):
    """Account and amount of native coin."""

    title = "Fund an account"

    def __init__(self, panel: ChainsPanel, chain: str) -> None:
        super().__init__()
        self._panel, self._chain = panel, chain
        self.account = AccountCombo("chains.fund.account", panel.bridge, editable=True)
        self.amount = line_edit("chains.fund.amount", "Amount in ETH")
        self.amount.setText("10")
        layout = QVBoxLayout(self)
        layout.addWidget(Field("Account", self.account, "One of yours, or any address"))
        layout.addWidget(Field("Amount", self.amount, "ETH, from nowhere: only local chains can do this"))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        address = self.account.address()
        amount = parse_units(self.amount.text(), 18, unit="ETH")
        nodes, chain = self._panel.bridge.console.nodes, self._chain
        return lambda: nodes.plan_fund(chain, address, amount)


class ChainCard(Card):
    """One chain: state, block, URL, and start or stop."""

    def __init__(self, panel: ChainsPanel, node: LocalNode) -> None:
        super().__init__(node.name)
        self.node = node
        state, word = _STATES.get(str(node.state), ("idle", str(node.state)))
        self.add_header(QLabel(str(node.chain_id)))
        self.add_header(BadgeLabel("local"))
        self.add_header(StatusLabel(state, word), right=True)
        grid = QGridLayout()
        self.block = QLabel("–")
        self.block.setObjectName(f"chains.card.{node.name}.block")
        for column, (label, value) in enumerate(
            (("Block", self.block), ("Address", QLabel(node.url.removeprefix("http://") or "–")))
        ):
            heading = QLabel(label)
            heading.setProperty("role", "hint")
            grid.addWidget(heading, 0, column)
            grid.addWidget(value, 1, column)
        self.body.addLayout(grid)
        row = QHBoxLayout()
        running = str(node.state) == "running"
        act = button("Stop" if running else "Start", icon="stop" if running else "play")
        act.setObjectName(f"chains.card.{node.name}.{'stop' if running else 'start'}")
        act.clicked.connect(lambda: panel.stop(node.name) if running else panel.start(node.name))
        row.addWidget(act)
        choose = button("Show log", icon="terminal-window")
        choose.setObjectName(f"chains.card.{node.name}.choose")
        choose.clicked.connect(lambda: panel.choose(node.name))
        row.addWidget(choose)
        row.addStretch(1)
        self.body.addLayout(row)


class ChainsPanel(Panel):
    """Chains that this console started. Plans on them are quick: same pipeline and journal, no sheet."""

    id = "chains"
    title = "Local Chains"
    stale_on = (NodeChanged, NetworkChanged, HeadChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._nodes: list[LocalNode] = []
        self._chosen = ""
        self.new_button = self.header.add_action("chains.new", primary=True)
        self._note = Note("warn", "")
        self._note.hide()
        self.body.addWidget(self._note)
        self._cards = QWidget()
        self._cards_layout = QHBoxLayout(self._cards)
        self._cards_layout.setContentsMargins(16, 12, 16, 12)
        self._cards_layout.setSpacing(12)
        self.body.addWidget(self._cards)
        self._empty = EmptyState(
            "link",
            "No local chain yet",
            "A local chain runs on this computer and is the place to try a whole economy.",
            ("New chain…", lambda: self.window_.registry.run("chains.new")),
        )
        self.body.addWidget(self._empty, 1)
        self._lower = QSplitter(Qt.Orientation.Horizontal)
        self._lower.setChildrenCollapsible(False)
        self._lower.addWidget(self._build_actions())
        self._log_pane = Pane("Log")
        self.log = LogView()
        self.log.setObjectName("chains.log")
        self.log.setAccessibleName("Log of the node")
        self._log_pane.body.addWidget(self.log)
        self._lower.addWidget(self._log_pane)
        self._lower.setStretchFactor(0, 2)
        self._lower.setStretchFactor(1, 3)
        self.body.addWidget(self._lower, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self._read_log)

    def _build_actions(self) -> QWidget:
        pane = Pane("Blocks and funds")
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(16, 12, 16, 12)
        row = QHBoxLayout()
        self.blocks = QSpinBox()
        self.blocks.setRange(1, 100_000)
        self.blocks.setObjectName("chains.mine.blocks")
        self.blocks.setAccessibleName("Blocks to mine")
        self.mine_button = button("Mine", icon="hammer")
        self.mine_button.setObjectName("chains.mine")
        self.mine_button.clicked.connect(self.mine)
        row.addWidget(QLabel("Mine blocks"))
        row.addWidget(self.blocks)
        row.addWidget(self.mine_button)
        row.addStretch(1)
        layout.addLayout(row)
        self.fund_button = button("Fund an account…", icon="coins")
        self.fund_button.setObjectName("chains.fund")
        self.fund_button.clicked.connect(lambda: self.window_.registry.run("chains.fund"))
        layout.addWidget(self.fund_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(Note("info", "Only chains that this console started can mine on request or give away coins."))
        layout.addStretch(1)
        pane.body.addWidget(inner)
        return pane

    def free_name(self) -> str:
        """The first of local, local-2, … that no chain has."""
        taken = {node.name for node in self._nodes}
        number = 1
        while (name := "local" if number == 1 else f"local-{number}") in taken:
            number += 1
        return name

    def refresh(self) -> None:
        async def read() -> tuple[list[LocalNode], str, dict[str, int]]:
            console = self.bridge.console
            nodes = await console.nodes.list()
            blocks = {}
            for node in nodes:
                if str(node.state) == "running":
                    status = await console.networks.status(f"local-{node.name}")
                    blocks[node.name] = status.block
            return nodes, console.nodes.available(), blocks

        self.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[list[LocalNode], str, dict[str, int]]) -> None:
        self._nodes, why, blocks = answer
        self._note.setVisible(bool(why))
        if why:
            self._note.set_text(f"{why} Connect to a node by its URL in Settings, Networks.")
        empty(self._cards_layout)
        for node in self._nodes[:4]:
            card = ChainCard(self, node)
            if node.name in blocks:
                card.block.setText(f"{blocks[node.name]:,}")
            self._cards_layout.addWidget(card)
        self._cards_layout.addStretch(1)
        running = sum(str(node.state) == "running" for node in self._nodes)
        self.header.set_context(f"{running} running, {len(self._nodes) - running} stopped" if self._nodes else "")
        self._cards.setVisible(bool(self._nodes))
        self._empty.setVisible(not self._nodes)
        self._lower.setVisible(bool(self._nodes))
        if self._nodes and self._chosen not in {node.name for node in self._nodes}:
            self.choose(self._nodes[0].name)
        self._enable()

    def _current(self) -> LocalNode | None:
        return next((node for node in self._nodes if node.name == self._chosen), None)

    def _enable(self) -> None:
        node = self._current()
        running = node is not None and str(node.state) == "running"
        for widget in (self.mine_button, self.fund_button, self.blocks):
            widget.setEnabled(running)
            widget.setToolTip("" if running else "The chain is stopped.")

    def choose(self, name: str) -> None:
        """Show this chain's log and act on it."""
        self._chosen = name
        self._log_pane.set_title(f"Log of {name}")
        self._read_log()
        self._enable()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _read_log(self) -> None:
        node = self._current()
        if node is None or not node.log_path:
            return
        try:
            with open(node.log_path, "rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - 64_000))
                self.log.set_text(file.read().decode("utf-8", "replace"))
        except OSError:
            self.log.set_text("")

    def start(self, name: str) -> None:
        nodes = self.bridge.console.nodes
        self.bridge.run(lambda: nodes.start(name), then=lambda _: self.refresh(), label=f"Starting {name}", owner=self)

    def stop(self, name: str) -> None:
        nodes = self.bridge.console.nodes
        self.window_.run_plan(lambda: nodes.plan_stop(name), f"Stopping {name}")

    def mine(self) -> None:
        nodes, name, blocks = self.bridge.console.nodes, self._chosen, self.blocks.value()
        self.window_.run_plan(lambda: nodes.plan_mine(name, blocks), f"Mining {blocks} blocks")

    def open(self, **arguments: Any) -> None:
        if arguments.get("form") == "new":
            self.window_.open_form(NewChainForm(self))
        elif arguments.get("form") == "fund" and self._chosen:
            self.window_.open_form(FundForm(self, self._chosen))

    def state(self) -> dict[str, Any]:
        return {"chosen": self._chosen}

    def restore(self, state: dict[str, Any]) -> None:
        self._chosen = str(state.get("chosen", ""))
