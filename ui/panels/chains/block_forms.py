"""What the blocks, the clock and the pool of a local chain are asked for in the sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout

from app.core.errors import Invalid
from ui.panels.chains.forms import choice, spin
from ui.plan_sheet import PlanForm
from ui.widgets import Field, Note

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.chain import PoolEntry
    from app.operations import Plan
    from ui.panels.chains.panel import ChainsPanel

UNITS = ((1, "Seconds"), (60, "Minutes"), (3_600, "Hours"), (86_400, "Days"))


class WarpForm(PlanForm):
    """How far the clock goes ahead."""

    title = "Move the clock ahead"
    primary = "Move"

    def __init__(self, panel: ChainsPanel, chain: str) -> None:
        super().__init__()
        self._panel, self._chain = panel, chain
        self.amount = spin("chains.warp.time", "How far ahead", 1, 10_000_000, 1)
        self.unit = choice("chains.warp.unit", "Unit of time", [(str(seconds), word) for seconds, word in UNITS])
        self.unit.setCurrentIndex(len(UNITS) - 1)
        layout = QVBoxLayout(self)
        layout.addWidget(Field("How far", self.amount, f"From the newest block of {chain}"))
        layout.addWidget(Field("Unit", self.unit))
        layout.addWidget(Note("info", "A block of that time is made at once. The way back is a snapshot: one is taken before."))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        nodes, chain, by = self._panel.bridge.console.nodes, self._chain, self.amount.value() * int(self.unit.currentData())
        return lambda: nodes.plan_warp(chain, by=by)


class ReorgForm(PlanForm):
    """How many of the last blocks are replaced."""

    title = "Reorganise the last blocks"
    primary = "Reorganise"

    def __init__(self, panel: ChainsPanel, chain: str, height: int) -> None:
        super().__init__()
        self._panel, self._chain = panel, chain
        self.depth = spin("chains.reorg.depth", "Blocks to replace", 1, max(height - 1, 1), 1)
        layout = QVBoxLayout(self)
        layout.addWidget(Field("Blocks", self.depth, f"The last of {height:,} blocks of {chain}, counted from the newest"))
        layout.addWidget(Note("info", "Empty blocks take their place. What this console had sent in them is sent again."))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        nodes, chain, depth = self._panel.bridge.console.nodes, self._chain, self.depth.value()
        return lambda: nodes.plan_reorg(chain, depth)


class DropForm(PlanForm):
    """Which transaction leaves the pool."""

    title = "Drop a transaction"
    primary = "Drop"

    def __init__(self, panel: ChainsPanel, chain: str, pool: Sequence[PoolEntry], chosen: str = "") -> None:
        super().__init__()
        self._panel, self._chain = panel, chain
        offered = [(each.hash, f"{each.hash[:12]}… of {each.sender[:8]}…, nonce {each.nonce:,}") for each in pool]
        self.hash = choice("chains.drop.hash", "Transaction", offered)
        self.hash.setCurrentIndex(max(self.hash.findData(chosen), 0))
        layout = QVBoxLayout(self)
        layout.addWidget(
            Field("Transaction", self.hash, "It waits in the pool" if pool else f"Nothing waits in the pool of {chain}")
        )
        layout.addWidget(Note("warn", "One that this console sent is sent again by it, unless its plan was given up."))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        nodes, chain, found = self._panel.bridge.console.nodes, self._chain, str(self.hash.currentData() or "")
        if not found:
            raise Invalid(f"Nothing waits in the pool of {chain}. Nothing was planned.", field="hash")
        return lambda: nodes.plan_drop(chain, found)
