"""A redemption beside its bank entry, and its story. What a statement says is an external document; it is never shown as proven."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from app.core.money import short_units
from app.mining.comparing import compare
from ui.panels.mining.statements import EXTERNAL, FINDINGS, amount_cell
from ui.widgets import (
    Column,
    EvidenceChip,
    IconCell,
    Note,
    Pane,
    Row,
    StatusLabel,
    Table,
    button,
    empty,
    masked,
    primary_button,
    privacy,
    scrolled,
)
from ui.widgets.values import know_unit, short_hex, shown_text

if TYPE_CHECKING:
    from app.core.evidence import Evidence
    from app.mining import RedemptionRow
    from app.mining.matching import Match

AGREES = {
    True: IconCell("check", "agrees", "ok"),
    False: IconCell("x", "differs", "err"),
    None: IconCell("eye", "by eye", "text-3"),
}


class ComparisonPane(QWidget):
    """Shows one request: compared at the left, told at the right; completes, cancels or refunds it by ``act``."""

    def __init__(self, act: Callable[[str], object]) -> None:
        super().__init__()
        self._shown: tuple[RedemptionRow, Match | None, str, int] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.pane = Pane("Request")
        self.whose = QLabel("")
        self.whose.setProperty("role", "hint")
        self.whose.setMinimumWidth(1)
        self.pane.add_header(self.whose)
        self.state = StatusLabel("idle", "")
        self.pane.add_header(self.state, right=True)
        self.refund = button("Refund…")
        self.refund.setObjectName("mining.refund")
        self.refund.clicked.connect(lambda: act("refund"))
        self.cancel = button("Cancel request…")
        self.cancel.setObjectName("mining.cancel")
        self.cancel.clicked.connect(lambda: act("cancel"))
        self.complete = primary_button("Complete…")
        self.complete.setObjectName("mining.complete")
        self.complete.clicked.connect(lambda: act("complete"))
        for made in (self.refund, self.cancel, self.complete):
            self.pane.add_header(made, right=True)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self._build_compared())
        split.addWidget(self._build_story())
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([600, 400])
        self.pane.body.addWidget(split, 1)
        column.addWidget(self.pane)
        privacy.changed.connect(self._look)

    def _build_compared(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.compared = Table(
            [
                Column("field", "Field", 80),
                Column("chain", "On chain", 170),
                Column("bank", "Bank entry", 140),
                Column("agrees", "Agrees", 82),
            ],
            dense=True,
        )
        self.compared.setObjectName("mining.redemption.compared")
        self.compared.setAccessibleName("Request and bank entry, field by field")
        column.addWidget(self.compared, 1)
        self.found = Note("info", "")
        self.found.setObjectName("mining.redemption.found")
        box = QHBoxLayout()
        box.setContentsMargins(12, 8, 12, 10)
        box.addWidget(self.found, 1)
        column.addLayout(box)
        side.setMinimumWidth(300)
        return side

    def _build_story(self) -> QWidget:
        inner = QWidget()
        self.story = QVBoxLayout(inner)
        self.story.setContentsMargins(16, 10, 16, 10)
        self.story.setSpacing(3)
        area = scrolled(inner, "Story of the request")
        area.setMinimumWidth(250)
        return area

    def show_request(self, row: RedemptionRow, match: Match | None, holder: str, block_time: int) -> None:
        """Show a request, and what the bank statements say of it.

        Args:
            holder: the label of its account.
            block_time: Unix seconds of the newest block, 0 where it is not known.
        """
        self._shown = row, match, holder, block_time
        self._look()

    def _look(self) -> None:
        if self._shown is None:
            return
        row, match, holder, block_time = self._shown
        waits = str(row.status) == "requested"
        self.pane.set_title(f"R-{row.id}")
        whose = f"{holder or short_hex(row.account)}, {short_units(row.amount, 18)} AZR"
        self.whose.setText(masked(whose))
        self.whose.setToolTip(row.account)
        level, word = FINDINGS[str(match.finding)] if match else ("idle", "No statement yet")
        self.state.set_state(level, word)
        for made in (self.refund, self.cancel, self.complete):
            made.setVisible(waits)
        why = refund_waits(row, block_time)
        self.refund.setEnabled(not why)
        self.refund.setToolTip(why or "F. Its timeout has passed: anybody may send the escrow back to the holder")
        self._compare(row, match, holder)
        self._tell(row, match)

    def _compare(self, row: RedemptionRow, match: Match | None, holder: str) -> None:
        lines = compare(row, match, holder) if match else ()
        if match:
            know_unit(match.currency)
        self.compared.set_rows(
            [
                Row(
                    line.field,
                    {
                        "field": line.field,
                        "chain": masked(line.chain),
                        "bank": masked(line.bank),
                        "agrees": AGREES[line.agrees] if line.bank != "–" else "–",
                    },
                )
                for line in lines
            ]
        )
        if match is None:
            self.found.set_level("info")
            self.found.set_text("No bank statement is imported. Import one to compare this request with the bank's entries.")
            return
        self.found.set_level("warn" if FINDINGS[str(match.finding)][0] in ("err", "warn") else "info")
        self.found.set_text(f"{match.text} {EXTERNAL}")

    def _tell(self, row: RedemptionRow, match: Match | None) -> None:
        empty(self.story)
        amount = f"{short_units(row.amount, 18)} AZR"
        chips = row.evidence
        asked = f"{_moment(match.asked)}, " if match and match.asked else ""
        self._part("ok", f"Requested, {amount} moved to escrow", f"{asked}block {row.requested_block:,}", chips[:1])
        for entry, evidence in zip(match.payments[:3] if match else (), match.evidence[:3] if match else (), strict=True):
            level = "ok" if match and FINDINGS[str(match.finding)][0] in ("ok", "pend") else "warn"
            said = f"Payment of {shown_text(amount_cell(entry)).lstrip('-−')} booked"
            self._part(level, said, f"{entry.booked:%d %b %Y}, external document", (evidence,))
        if match and len(match.payments) > 3:
            self._part("warn", f"{len(match.payments) - 3} more payments carry its reference", "external documents", ())
        if match is None or not match.payments:
            self._part("idle", "No bank entry", match.text if match else "No statement is imported", ())
        closed = (f"{_moment(match.closed)}, " if match and match.closed else "") + f"block {row.closed_block:,}"
        if str(row.status) == "completed":
            self._part("ok", "Completed, the escrow was burned", f"{closed}, bank reference {row.bank_reference}", chips[1:2])
        elif str(row.status) != "requested":
            self._part("idle", f"{str(row.status).capitalize()}, {amount} went back to the holder", closed, chips[1:2])
        else:
            until = _moment(row.refundable_at) if row.refundable_at else "its timeout"
            self._part("pend", "Complete: burn the escrow", "when the bank has paid; it cannot be taken back", ())
            self._part("idle", f"Or refund, from {until}", f"The holder gets {amount} back", ())
        self.story.addStretch(1)

    def _part(self, level: str, words: str, hint: str, evidence: tuple[Evidence, ...]) -> None:
        self.story.addWidget(StatusLabel(level, masked(words)))
        said = QLabel(masked(hint))
        said.setTextFormat(Qt.TextFormat.PlainText)
        said.setProperty("role", "hint")
        said.setWordWrap(True)
        said.setContentsMargins(20, 0, 0, 0)
        self.story.addWidget(said)
        for one in evidence:
            line = QHBoxLayout()
            line.setContentsMargins(20, 0, 0, 0)
            line.addWidget(EvidenceChip(one))
            line.addStretch(1)
            holder = QWidget()
            holder.setLayout(line)
            self.story.addWidget(holder)
        self.story.addSpacing(6)


def refund_waits(row: RedemptionRow, block_time: int) -> str:
    """Why an open request cannot be refunded yet, or empty. ``block_time`` as in :meth:`ComparisonPane.show_request`."""
    if not block_time or not row.refundable_at:
        return "The block time that decides about a refund is not known yet."
    if block_time < row.refundable_at:
        return f"A refund is possible from {_moment(row.refundable_at)}; the newest block is of {_moment(block_time)}."
    return ""


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d %b %Y %H:%M:%S UTC}"
