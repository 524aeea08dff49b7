"""Blocks, clock, pace and base fee of the chosen chain."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from ui.panels.chains.forms import choice, spin
from ui.widgets import Pane, button, scrolled

if TYPE_CHECKING:
    from app.chain import NodeView
    from ui.panels.chains.panel import ChainsPanel

JUMPS = (("hour", "1 h", 3_600), ("day", "1 d", 86_400), ("month", "30 d", 30 * 86_400))


class BlockControls(Pane):
    """Each control is a quick plan on the chain that the panel has chosen."""

    def __init__(self, panel: ChainsPanel) -> None:
        super().__init__("Blocks and time")
        self._panel = panel
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(16, 12, 16, 12)
        grid.setVerticalSpacing(10)
        self.clock = QLabel("–")
        self.clock.setObjectName("chains.clock")
        self.blocks = spin("chains.mine.blocks", "Blocks to mine", 1, 100_000, 1)
        self.mine_button = self._button("chains.mine", "Mine", "hammer", self._mine)
        jumps = [
            self._button(f"chains.warp.{name}", text, "", lambda by=by: self._warp(by), f"Move the clock ahead by {text}")
            for name, text, by in JUMPS
        ]
        run = panel.window_.registry.run
        jumps.append(self._button("chains.warp", "Other…", "", lambda: run("chains.warp"), "Move the clock ahead by another time"))
        self.reorg_button = self._button("chains.reorg", "Reorganise…", "arrows-left-right", lambda: run("chains.reorg"))
        options = [("each", "With each transaction"), ("interval", "At intervals"), ("request", "On request only")]
        self.pace = choice("chains.pace", "When blocks are made", options)
        self.seconds = spin("chains.pace.seconds", "Seconds between blocks", 1, 86_400, 2)
        self.seconds.setSuffix(" s")
        self.pace_button = self._button("chains.pace.set", "Set", "", self._set_pace, "Set when blocks are made")
        self.pace.currentIndexChanged.connect(lambda _: self.seconds.setEnabled(self.pace.currentData() == "interval"))
        self.seconds.setEnabled(False)
        self.fee = spin("chains.basefee", "Base fee in gwei", 0, 1_000_000, 1)
        self.fee.setSuffix(" gwei")
        self.fee_button = self._button("chains.basefee.set", "Set", "", self._set_fee, "Set the base fee")
        self._acting: list[QWidget] = [
            self.blocks,
            self.mine_button,
            *jumps,
            self.pace,
            self.pace_button,
            self.fee,
            self.fee_button,
            self.reorg_button,
        ]
        lines: tuple[tuple[str, list[QWidget]], ...] = (
            ("Chain time", [self.clock]),
            ("Jump ahead", list(jumps)),
            ("Mine blocks", [self.blocks, self.mine_button]),
            ("Make blocks", [self.pace, self.pace_button]),
            ("Interval", [self.seconds]),
            ("Base fee", [self.fee, self.fee_button]),
            ("Last blocks", [self.reorg_button]),
        )
        for number, (label, widgets) in enumerate(lines):
            grid.addWidget(QLabel(label), number, 0)
            row = QHBoxLayout()
            row.setSpacing(8)
            for widget in widgets:
                row.addWidget(widget)
            row.addStretch(1)
            grid.addLayout(row, number, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(lines), 1)
        area = scrolled(inner, "Blocks and time")
        area.setMinimumWidth(inner.sizeHint().width() + area.verticalScrollBar().sizeHint().width())
        self.body.addWidget(area)

    def _button(self, name: str, text: str, icon: str, act: Callable[[], object], called: str = "") -> QPushButton:
        made = button(text, icon=icon)
        made.setObjectName(name)
        made.setAccessibleName(called or text)
        made.clicked.connect(lambda: act())
        return made

    def show_view(self, view: NodeView) -> None:
        """Show a chain's clock; a stopped one can do nothing."""
        running = bool(view.node.url)
        ahead = view.chain_time - int(time.time())
        words = f"{datetime.fromtimestamp(view.chain_time, UTC):%d %b %Y %H:%M:%S} UTC" if running else "–"
        self.clock.setText(f"{words}, {ahead / 86_400:,.1f} d ahead" if running and ahead > 600 else words)
        for widget in self._acting:
            widget.setEnabled(running)
            widget.setToolTip("" if running else "The chain is stopped.")
        self.seconds.setEnabled(running and self.pace.currentData() == "interval")

    def _mine(self) -> None:
        nodes, name, blocks = self._panel.bridge.console.nodes, self._panel.chosen, self.blocks.value()
        self._panel.window_.run_plan(lambda: nodes.plan_mine(name, blocks), f"Mining {blocks} blocks")

    def _warp(self, by: int) -> None:
        nodes, name = self._panel.bridge.console.nodes, self._panel.chosen
        self._panel.window_.run_plan(lambda: nodes.plan_warp(name, by=by), f"Moving the clock of {name}")

    def _set_pace(self) -> None:
        nodes, name, how = self._panel.bridge.console.nodes, self._panel.chosen, self.pace.currentData()
        seconds = self.seconds.value() if how == "interval" else 0
        self._panel.window_.run_plan(
            lambda: nodes.plan_pace(name, paused=how == "request", seconds=seconds), f"Setting the pace of {name}"
        )

    def _set_fee(self) -> None:
        nodes, name, wei = self._panel.bridge.console.nodes, self._panel.chosen, self.fee.value() * 10**9
        self._panel.window_.run_plan(lambda: nodes.plan_base_fee(name, wei), f"Setting the base fee of {name}")
