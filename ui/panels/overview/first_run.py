"""The screen of a console without an economy: start the demo, or set up one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from ui.widgets import Card, Note, StatusLabel, button, primary_button

if TYPE_CHECKING:
    from app.core.jobs import JobView
    from ui.panels.overview.panel import OverviewPanel

# What app.demo does, in its order. The share is where its report has passed the stage.
STAGES = (
    ("Local chain 1337, named demo", "One node on this computer, listening on 127.0.0.1 only", 0.10),
    ("Four demo accounts", "One recovery phrase; the key goes into the system keyring, which may ask you itself", 0.20),
    ("AzoraToken, Emission, MintMine and Redemption", "Compiled here with solc 0.8.20, then deployed; cap 1,000,000,000 AZR", 0.55),
    ("One proof of value", "Reviewed, attested and minted", 0.68),
    ("A transfer and a redemption", "AZR sent, AZR moved to escrow and burned", 0.88),
    ("Ledger indexed, reconciled and proven", "Supply and one balance by eth_getProof; the journal is verified", 1.0),
)


class FirstRun(QWidget):
    """What can be done first."""

    def __init__(self, panel: OverviewPanel) -> None:
        super().__init__()
        self._panel = panel
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 12, 12, 12)
        grid.setSpacing(12)
        grid.addWidget(self._build_start(), 0, 0, 3, 1)
        grid.addWidget(self._build_own(), 0, 1)
        grid.addWidget(
            Note("info", "Auditing only? Connect a chain and add no keys. Every panel opens read-only and proves what it shows."),
            1,
            1,
        )
        grid.addWidget(self._build_keys(), 2, 1)
        grid.setColumnStretch(0, 7)
        grid.setColumnStretch(1, 5)
        grid.setRowStretch(3, 1)

    def _build_start(self) -> QWidget:
        card = Card("")
        column = QVBoxLayout()
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        title = QLabel("No economy is connected yet")
        title.setProperty("role", "display")
        column.addWidget(title)
        said = QLabel(
            "Start the demo to see every panel at work, or connect to a network you run. The demo stays on this computer."
        )
        said.setProperty("role", "label")
        said.setWordWrap(True)
        column.addWidget(said)
        row = QHBoxLayout()
        self.start = primary_button("Start the demo economy", icon="play")
        self.start.setObjectName("overview.demo")
        self.start.clicked.connect(lambda: self._panel.window_.registry.run("overview.demo"))
        self.connect_button = button("Connect to a network…", icon="plugs-connected")
        self.connect_button.setObjectName("overview.connect")
        self.connect_button.clicked.connect(lambda: self._panel.window_.registry.run("overview.connect"))
        for widget in (self.start, self.connect_button):
            widget.setMinimumHeight(34)
            row.addWidget(widget)
        row.addStretch(1)
        column.addSpacing(4)
        column.addLayout(row)
        self.now = QLabel("")
        self.now.setObjectName("overview.demo.now")
        self.now.setProperty("role", "label")
        self.now.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setObjectName("overview.demo.progress")
        self.bar.setAccessibleName("Progress of the demo")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setRange(0, 1000)
        self.failed = Note("err", "")
        self.failed.setObjectName("overview.demo.failed")
        for hidden in (self.now, self.bar, self.failed):
            hidden.hide()
            column.addWidget(hidden)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        column.addSpacing(8)
        column.addWidget(line)
        heading = QLabel("What the demo sets up")
        heading.setProperty("role", "heading")
        column.addWidget(heading)
        stages = QWidget()
        stages.setObjectName("overview.steps")
        rows = QGridLayout(stages)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setHorizontalSpacing(12)
        rows.setVerticalSpacing(2)
        self.stages = []
        for index, (name, detail, _) in enumerate(STAGES):
            number = QLabel(str(index + 1))
            number.setProperty("role", "hint")
            rows.addWidget(number, 2 * index, 0, Qt.AlignmentFlag.AlignTop)
            strong = QLabel(name)
            strong.setProperty("role", "strong")
            rows.addWidget(strong, 2 * index, 1)
            hint = QLabel(detail)
            hint.setProperty("role", "hint")
            hint.setWordWrap(True)
            rows.addWidget(hint, 2 * index + 1, 1, 1, 2)
            state = StatusLabel("idle", "")
            state.hide()
            rows.addWidget(state, 2 * index, 2, Qt.AlignmentFlag.AlignRight)
            self.stages.append(state)
        rows.setColumnStretch(1, 1)
        column.addWidget(stages)
        column.addWidget(Note("info", "Everything in it is labelled demo. Its chain can be stopped in Local Chains at any time."))
        column.addStretch(1)
        card.body.addLayout(column)
        return card

    def _build_own(self) -> QWidget:
        self.own = Card("Set up your own")
        self.own_count = QLabel("")
        self.own_count.setProperty("role", "hint")
        self.own.add_header(self.own_count)
        rows = QGridLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setHorizontalSpacing(12)
        rows.setVerticalSpacing(10)
        self.own_states: dict[str, StatusLabel] = {}
        entries = (
            ("keys", "Keys", "Create or import a recovery phrase", "Create…", "wallets.new"),
            ("chain", "Chain", "A local chain, or a node's address", "Start…", "chains.new"),
            ("contracts", "Contracts", "Token, emission, mint mine, redemption", "Deploy…", "contracts.deploy"),
        )
        for index, (key, name, detail, verb, action) in enumerate(entries):
            names = QVBoxLayout()
            names.setSpacing(0)
            strong = QLabel(name)
            strong.setProperty("role", "strong")
            hint = QLabel(detail)
            hint.setProperty("role", "hint")
            hint.setWordWrap(True)
            names.addWidget(strong)
            names.addWidget(hint)
            rows.addLayout(names, index, 0)
            state = StatusLabel("idle", "Not set")
            self.own_states[key] = state
            rows.addWidget(state, index, 1)
            act = button(verb)
            act.setObjectName(f"overview.own.{key}")
            act.setAccessibleName(f"{name}: {verb}")
            act.clicked.connect(lambda _=False, name=action: self._panel.window_.registry.run(name))
            rows.addWidget(act, index, 2)
        rows.setColumnStretch(0, 1)
        self.own.body.addLayout(rows)
        return self.own

    def _build_keys(self) -> QWidget:
        card = Card("Keyboard")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        for index, (keys, meaning) in enumerate(
            (("Ctrl K", "Search or run a command"), ("Ctrl 1 … 6", "Open a panel"), ("?", "All keys"))
        ):
            cap = QLabel(keys)
            cap.setProperty("role", "key")
            grid.addWidget(cap, index, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(QLabel(meaning), index, 1)
        grid.setColumnStretch(1, 1)
        card.body.addLayout(grid)
        return card

    def show_state(self, keys: bool, chain: bool, contracts: bool, why_not: str) -> None:
        """What is set up already, and why the demo cannot start here if it cannot."""
        for name, ready in (("keys", keys), ("chain", chain), ("contracts", contracts)):
            self.own_states[name].set_state("ok" if ready else "idle", "Ready" if ready else "Not set")
        self.own_count.setText(f"{sum((keys, chain, contracts))} of 3 ready")
        if why_not and not self.bar.isVisible():
            self.start.setEnabled(False)
            self.start.setToolTip(why_not)
            self.failed.set_text(why_not)
            self.failed.show()

    def show_job(self, job: JobView | Any) -> None:
        """Follow the demo's job."""
        state = str(job.state)
        running = state == "running"
        self.start.setEnabled(not running)
        self.start.setText("The demo is being set up" if running else "Start the demo economy")
        self.now.setVisible(running)
        self.bar.setVisible(running)
        self.now.setText(job.text)
        self.bar.setValue(int((job.fraction or 0) * 1000))
        self.failed.setVisible(state == "failed")
        if state == "failed":
            self.failed.set_text(f"{job.error} What was set up stays; start again and it goes on from there.")
        reached = False
        for label, (_, _, share) in zip(self.stages, STAGES, strict=True):
            done = state == "done" or (job.fraction or 0) >= share
            label.setVisible(done or (running and not reached))
            label.set_state("ok" if done else "run", "Done" if done else "Under way")
            reached = reached or not done
