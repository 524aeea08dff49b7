"""The page of emission: what was minted and burned, by source, epoch, era, contributor and activity, each with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.core.money import short_units
from ui.panels.mining.policy import PolicyPage
from ui.panels.mining.whatif import WhatIfPage
from ui.widgets import (
    AddressCell,
    Amount,
    Column,
    EmptyState,
    EvidenceChip,
    KpiStrip,
    Note,
    Pane,
    Row,
    Segmented,
    Table,
)
from ui.widgets.bars import Bar, BarChart

if TYPE_CHECKING:
    from app.core.evidence import Figure
    from app.mining import EmissionReport, EpochRow, Share
    from ui.panels.mining.panel import MiningPanel

MOST_BARS = 48
SHARES = {
    "contributors": "Contributors",
    "activities": "Activities",
    "sources": "Sources",
    "burned": "Burned",
}


class EmissionPage(QWidget):
    """Figures of the indexed chain, and the what-if beside them."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self._panel = panel
        self._report: EmissionReport | None = None
        self._labels: Mapping[str, str] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        self.part = Segmented([("figures", "Figures"), ("policy", "Policy"), ("whatif", "What-if")])
        self.part.setObjectName("mining.emission.part")
        self.part.changed.connect(self.choose)
        row.addWidget(self.part)
        row.addStretch(1)
        column.addWidget(bar)
        self.stack = QStackedWidget()
        self.empty = EmptyState(
            "coins", "Nothing of the emission is known", "It was not read yet.", ("Index now", lambda: self._index())
        )
        self.stack.addWidget(self._build())
        self.stack.addWidget(self.empty)
        self.whatif = WhatIfPage(panel)
        self.stack.addWidget(self.whatif)
        self.policy = PolicyPage(panel)
        self.stack.addWidget(self.policy)
        column.addWidget(self.stack, 1)
        self.choose("figures")

    def _build(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.kpis = KpiStrip(
            "mining.emission",
            (
                ("supply", "Supply"),
                ("minted", "Minted"),
                ("burned", "Burned"),
                ("left", "Left in this epoch"),
            ),
            least=110,
        )
        column.addWidget(self.kpis)
        self.problem = Note("warn", "")
        self.problem.setObjectName("mining.emission.problem")
        column.addWidget(self.problem)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        chart = Pane("Minted per epoch")
        self.bars = BarChart("Minted per epoch, AZR")
        self.bars.setObjectName("mining.emission.bars")
        box = QVBoxLayout()
        box.setContentsMargins(16, 8, 16, 8)
        box.addWidget(self.bars)
        chart.body.addLayout(box)
        split.addWidget(chart)
        below = QSplitter(Qt.Orientation.Horizontal)
        below.setChildrenCollapsible(False)
        below.addWidget(self._build_shares())
        below.addWidget(self._build_times())
        below.setSizes([560, 560])
        split.addWidget(below)
        split.setSizes([240, 320])
        column.addWidget(split, 1)
        return page

    def _build_shares(self) -> QWidget:
        pane = Pane("By")
        pane.setMinimumWidth(330)
        self.by = Segmented(list(SHARES.items()))
        self.by.setObjectName("mining.emission.by")
        self.by.changed.connect(lambda _: self._fill_shares())
        pane.add_header(self.by)
        self.shares = Table(
            [
                Column("who", "Who or what", 170, kind="address"),
                Column("count", "Count", 60, align="right", kind="number"),
                Column("amount", "Minted AZR", 130, align="right", kind="amount"),
                Column("burned", "Of it burned", 110, align="right", kind="amount"),
                Column("share", "Share", 70, align="right"),
            ]
        )
        self.shares.setObjectName("mining.emission.shares")
        self.shares.setAccessibleName("Emission by contributor, activity or source")
        pane.body.addWidget(self.shares, 1)
        return pane

    def _build_times(self) -> QWidget:
        pane = Pane("Over time")
        pane.setMinimumWidth(300)
        self.over = Segmented([("epochs", "Epochs"), ("eras", "Eras of work")])
        self.over.setObjectName("mining.emission.over")
        self.over.changed.connect(lambda _: self._fill_times())
        pane.add_header(self.over)
        self.times = QStackedWidget()
        self.epochs = Table(
            [
                Column("epoch", "Epoch", 66, align="right", kind="number"),
                Column("start", "Began, UTC", 110),
                Column("minted", "Minted AZR", 120, align="right", kind="amount"),
                Column("value", "By value", 104, align="right", kind="amount"),
                Column("work", "By work", 104, align="right", kind="amount"),
                Column("share", "Of budget", 84, align="right"),
            ]
        )
        self.eras = Table(
            [
                Column("era", "Era", 50, align="right", kind="number"),
                Column("reward", "Reward AZR", 110, align="right", kind="amount"),
                Column("solutions", "Solutions", 80, align="right", kind="number"),
                Column("minted", "Minted AZR", 120, align="right", kind="amount"),
                Column("blocks", "Blocks", 130, align="right"),
            ]
        )
        for name, table in (("epochs", self.epochs), ("eras", self.eras)):
            table.setObjectName(f"mining.emission.{name}")
            table.setAccessibleName("Epochs" if name == "epochs" else "Eras of proof of work")
            self.times.addWidget(table)
        pane.body.addWidget(self.times, 1)
        return pane

    def choose(self, part: str) -> None:
        """Show the figures, the policy or the what-if."""
        self.part.set_value(part)
        self.stack.setCurrentIndex({"whatif": 2, "policy": 3}.get(part, 0 if self._report is not None else 1))

    def _index(self) -> None:
        self._panel.window_.open("ledger", do="index")

    # Showing

    def show_none(self, why: str, *, can_index: bool) -> None:
        """There is nothing to show, and why; ``can_index`` where an index would mend it."""
        self._report = None
        self.empty.set_text("Nothing of the emission is known", why)
        if self.empty.button is not None:
            self.empty.button.setVisible(can_index)
        self.choose(self.part.value())

    def show_report(self, report: EmissionReport, labels: Mapping[str, str]) -> None:
        """Show the emission at the indexed head."""
        self._report, self._labels = report, labels
        supply = report.supply
        minted, burned, cap = (int(figure.value) for figure in (supply.minted, supply.burned, supply.cap))
        self._kpi("supply", supply.supply, f"{share(minted - burned, cap)} of {short_units(cap, 18, 0)} AZR")
        self._kpi("minted", supply.minted, f"gross, at block {report.block:,}")
        self._kpi("burned", supply.burned, f"{share(burned, minted)} of minted")
        current = next((row for row in report.epochs if row.current), None)
        budget = int(current.budget.value) if current else 0
        self._kpi("left", report.left_in_epoch, f"epoch {current.epoch:,}, budget {short_units(budget, 18, 0)}" if current else "")
        self.problem.set_text(report.problem)
        self.problem.setVisible(bool(report.problem))
        self.bars.set_bars(*bars_of(report.epochs))
        self._fill_shares()
        self._fill_times()
        self.choose(self.part.value())

    def _kpi(self, name: str, figure: Figure | None, context: str) -> None:
        cell = self.kpis[name]
        if figure is None:
            cell.set_figure("–")
            cell.set_context("The contract was not asked")
            cell.set_aside(None)
            return
        cell.set_figure(Amount(int(figure.value), figure.decimals, figure.unit))
        cell.set_context(context)
        cell.set_aside(EvidenceChip(figure.evidence[0]) if figure.evidence else None)

    def _fill_shares(self) -> None:
        report = self._report
        if report is None:
            return
        kind = self.by.value()
        some: Sequence[Share] = {
            "contributors": report.contributors,
            "activities": report.activities,
            "sources": report.sources,
            "burned": report.burned,
        }[kind]
        whole = sum(int(each.amount.value) for each in some)
        self.shares.set_title("amount", "Burned AZR" if kind == "burned" else "Minted AZR")
        self.shares.set_title("count", {"burned": "Burns", "activities": "Proofs"}.get(kind, "Count"))
        name: Callable[[Share], object] = (
            (lambda each: AddressCell(each.id, self._labels.get(each.id, "")))
            if kind == "contributors"
            else lambda each: each.label
        )
        self.shares.set_rows(
            [
                Row(
                    each.id or "–",
                    {
                        "who": name(each),
                        "count": each.count,
                        "amount": Amount(int(each.amount.value), 18, ""),
                        "burned": "–" if kind == "burned" else Amount(each.burned, 18, ""),
                        "share": share(int(each.amount.value), whole),
                    },
                )
                for each in some
            ]
        )

    def _fill_times(self) -> None:
        report = self._report
        self.times.setCurrentIndex(0 if self.over.value() == "epochs" else 1)
        if report is None:
            return
        self.epochs.set_rows(
            [
                Row(
                    str(row.epoch),
                    {
                        "epoch": row.epoch,
                        "start": f"{datetime.fromtimestamp(row.start, UTC):%d %b %H:%M}",
                        "minted": Amount(int(row.minted.value), 18, ""),
                        "value": Amount(row.value, 18, ""),
                        "work": Amount(row.work, 18, ""),
                        "share": share(int(row.minted.value), int(row.budget.value)),
                    },
                )
                for row in reversed(report.epochs)
            ]
        )
        self.eras.set_rows(
            [
                Row(
                    str(row.era),
                    {
                        "era": row.era,
                        "reward": Amount(row.reward, 18, ""),
                        "solutions": row.solutions,
                        "minted": Amount(int(row.minted.value), 18, ""),
                        "blocks": f"{row.first_block:,} – {row.last_block:,}",
                    },
                )
                for row in report.eras
            ]
        )


def bars_of(epochs: Sequence[EpochRow]) -> tuple[list[Bar], list[str], str, str]:
    """The last epochs as bars: by value, by work and by others, with the budget."""
    some = epochs[-MOST_BARS:]
    others = any(row.other for row in some)
    bars = [
        Bar(
            f"{row.epoch:,}",
            tuple(float(part) / 1e18 for part in ((row.value, row.work, row.other) if others else (row.value, row.work))),
            float(int(row.budget.value)) / 1e18,
            row.current,
        )
        for row in some
    ]
    return bars, ["By value", "By work", *(["Others"] if others else [])], "AZR", "Budget"


def share(part: int, whole: int) -> str:
    """A part in percent of a whole, cut to two decimals."""
    return f"{part * 10_000 // whole / 100:.2f} %" if whole else "–"


def summary(report: EmissionReport) -> list[tuple[str, str]]:
    """What stands below the small chart of the first page."""
    supply = report.supply
    minted, burned, cap = (int(figure.value) for figure in (supply.minted, supply.burned, supply.cap))
    current: Any = next((row for row in report.epochs if row.current), None)
    facts = [("Supply", f"{short_units(minted - burned, 18, 0)} of {short_units(cap, 18, 0)} AZR")]
    if current is not None:
        facts.append(
            ("This epoch", f"{short_units(int(current.minted.value), 18)} of {short_units(int(current.budget.value), 18, 0)} AZR")
        )
    return [*facts, ("Burned", f"{short_units(burned, 18)} of {short_units(minted, 18)} AZR")]
