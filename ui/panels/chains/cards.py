"""One chain as a card: its state, its block, and what its life is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton

from ui.widgets import BadgeLabel, Card, StatusLabel, button

if TYPE_CHECKING:
    from app.chain import NodeView

_STATES = {"running": ("ok", "Running"), "stopped": ("idle", "Stopped"), "crashed": ("err", "Crashed")}


class ChainCard(Card):
    """A chain; ``act`` gets what was asked (``start``, ``stop``, ``restart``, ``delete``, ``choose``) and the chain's name."""

    def __init__(self, view: NodeView, act: Callable[[str, str], object]) -> None:
        super().__init__(view.node.name)
        node = view.node
        state, word = _STATES.get(str(node.state), ("idle", str(node.state)))
        self.add_header(QLabel(str(node.chain_id)))
        self.add_header(BadgeLabel("local"))
        self.add_header(StatusLabel(state, word), right=True)
        self.setMinimumWidth(300)
        grid = QGridLayout()
        self.block, self.where, self.pace = QLabel("–"), QLabel("–"), QLabel("–")
        self.block.setObjectName(f"chains.card.{node.name}.block")
        for column, (label, value) in enumerate((("Block", self.block), ("Address", self.where), ("Mines", self.pace))):
            heading = QLabel(label)
            heading.setProperty("role", "hint")
            grid.addWidget(heading, 0, column)
            grid.addWidget(value, 1, column)
        self.body.addLayout(grid)
        row = QHBoxLayout()
        running = str(node.state) == "running"
        verb = "stop" if running else "start"
        self._show = self._verb("choose", "Show", "eye", node.name, act, worded=True)
        row.addWidget(self._verb(verb, verb.capitalize(), "stop" if running else "play", node.name, act, worded=True))
        row.addWidget(self._show)
        row.addStretch(1)
        other = ("restart", "Restart", "arrows-clockwise") if running else ("delete", "Delete…", "trash")
        row.addWidget(self._verb(*other, node.name, act, worded=False))
        self.body.addLayout(row)
        self.update_from(view, chosen=False)

    def _verb(self, name: str, text: str, icon: str, chain: str, act: Callable[[str, str], object], *, worded: bool) -> QPushButton:
        made = button(text if worded else "", icon=icon)
        made.setObjectName(f"chains.card.{chain}.{name}")
        made.setAccessibleName(f"{text.rstrip('…')} {chain}")
        made.setToolTip("" if worded else text)
        made.clicked.connect(lambda: act(name, chain))
        return made

    def update_from(self, view: NodeView, *, chosen: bool) -> None:
        """Show newer figures of the same state; ``chosen``: it is the one that is shown below."""
        self._show.setText("Shown" if chosen else "Show")
        self._show.setEnabled(not chosen)
        self.block.setText(f"{view.height:,}" if view.node.url else "–")
        self.where.setText(view.node.url.removeprefix("http://") or "–")
        self.pace.setText(view.pace)
        fork = f"Fork of {view.node.fork_url} at {view.node.fork_block:,}. " if view.node.fork_url else ""
        self.setToolTip(f"{fork}{view.explained}".strip())
