"""The page of what-if: other rates, caps, halvings and burn rates, run by the contracts' own code. A simulation, and called one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QSplitter, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.money import parse_units
from ui.widgets import Amount, Column, EvidenceChip, Field, Note, Pane, Row, Table, empty, line_edit, primary_button, scrolled

if TYPE_CHECKING:
    from app.mining.whatif import Answer, Question
    from ui.panels.mining.panel import MiningPanel

FIELDS = (
    ("epochs", "Epochs", "24", ""),
    ("epoch_length", "Length of an epoch", "3600", "Seconds"),
    ("epoch_budget", "Budget of an epoch", "36000", "AZR"),
    ("supply", "Supply before", "0", "AZR in existence before the first epoch"),
    ("cap", "Cap", "1000000000", "AZR; another than the contract's changes that constant in a copy of its code"),
    ("proofs", "Value proofs", "10", "Per epoch"),
    ("reward", "Reward of a proof", "100", "AZR, before the burn"),
    ("burn_rate", "Burn rate", "0", "Basis points of each reward"),
    ("solutions", "Solutions of work", "0", "Per epoch"),
    ("work_reward", "Reward of a solution", "50", "AZR, in the first era"),
    ("solutions_per_era", "Solutions of an era", "100000", "After so many the reward halves"),
)
AMOUNTS = ("epoch_budget", "supply", "cap", "reward", "work_reward")
LABEL = "Simulation: the contracts' own code, run in this process on a clock of its own. No forecast, and nothing is sent."


class WhatIfPage(QWidget):
    """Fields at the left, one row per epoch at the right."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self._panel = panel
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self._build_question())
        split.addWidget(self._build_answer())
        split.setStretchFactor(1, 1)
        split.setSizes([300, 800])
        column.addWidget(split, 1)

    def _build_question(self) -> QWidget:
        pane = Pane("What if")
        self.try_ = primary_button("Simulate")
        self.try_.setObjectName("mining.whatif.run")
        self.try_.clicked.connect(self.simulate)
        pane.add_header(self.try_, right=True)
        inner = QWidget()
        rows = QVBoxLayout(inner)
        rows.setContentsMargins(16, 10, 16, 10)
        rows.setSpacing(8)
        self.edits: dict[str, QLineEdit] = {}
        self.fields: dict[str, Field] = {}
        for name, label, value, hint in FIELDS:
            edit = line_edit(f"mining.whatif.{name}", label)
            edit.setText(value)
            self.edits[name], self.fields[name] = edit, Field(label, edit, hint)
            rows.addWidget(self.fields[name])
        rows.addStretch(1)
        pane.body.addWidget(scrolled(inner, "What-if parameters"), 1)
        pane.setMinimumWidth(260)
        return pane

    def _build_answer(self) -> QWidget:
        pane = Pane("Simulation")
        head = QWidget()
        self._head = QVBoxLayout(head)
        self._head.setContentsMargins(16, 10, 16, 10)
        self.note = Note("info", LABEL)
        self.note.setObjectName("mining.whatif.note")
        self._head.addWidget(self.note)
        self._evidence = QVBoxLayout()
        self._head.addLayout(self._evidence)
        pane.body.addWidget(head)
        self.table = Table(
            [
                Column("epoch", "Epoch", 60, align="right", kind="number"),
                Column("value", "By value", 120, align="right", kind="amount"),
                Column("work", "By work", 110, align="right", kind="amount"),
                Column("burned", "Burned", 110, align="right", kind="amount"),
                Column("supply", "Supply", 130, align="right", kind="amount"),
                Column("left", "Budget left", 120, align="right", kind="amount"),
                Column("refused", "Refused", 190),
            ]
        )
        self.table.setObjectName("mining.whatif.rows")
        self.table.setAccessibleName("Simulated epochs")
        pane.body.addWidget(self.table, 1)
        pane.setMinimumWidth(300)
        return pane

    def question(self) -> Question:
        """What the fields ask.

        Raises:
            Invalid: a field cannot be read, or is out of range; ``field`` names it.
        """
        from app.mining.whatif import Question

        values: dict[str, int] = {}
        for name, label, _, _ in FIELDS:
            text = self.edits[name].text().strip()
            if name in AMOUNTS:
                values[name] = parse_units(text, 18, unit="AZR", field=name)
            elif text.isascii() and text.isdecimal() and len(text) <= 18:
                values[name] = int(text)
            else:
                raise Invalid(f"{label} is a whole number. Nothing was tried.", "Write digits alone.", field=name)
        return Question(**values)

    def simulate(self) -> None:
        """Run what the fields ask, as a job."""
        for field in self.fields.values():
            field.set_error("")
        try:
            question = self.question()
        except Invalid as error:
            self._refused(error)
            return
        console = self._panel.bridge.console
        self.try_.setEnabled(False)
        self.note.set_level("info")
        self.note.set_text(f"Simulating {question.epochs:,} epochs. Jobs shows how far it is.")

        async def work() -> Answer:
            import asyncio

            loop = asyncio.get_running_loop()

            async def run(job: Any) -> Answer:
                told: Answer = await console.mining.whatif(question, lambda part: _report(loop, job, part))
                return told

            answer: Answer = await console.jobs.start("What-if simulation", run, kind="mining").wait()
            return answer

        self._panel.bridge.run(work, then=self.show_answer, fail=self._refused, owner=self)

    def _refused(self, error: Any) -> bool:
        self.try_.setEnabled(True)
        self.note.set_level("err")
        self.note.set_text(str(error))
        field = self.fields.get(str(getattr(error, "field", "")))
        if field is not None:
            field.set_error(str(error))
            field.widget.setFocus()
        return True

    def show_answer(self, answer: Answer) -> None:
        """Show what the contracts did, epoch by epoch."""
        self.try_.setEnabled(True)
        full = "The cap is never reached." if answer.full_at is None else f"The cap refuses from epoch {answer.full_at:,} on."
        self.note.set_level("info")
        self.note.set_text(f"{full} {LABEL}")
        empty(self._evidence)
        self._evidence.addWidget(EvidenceChip(answer.evidence), 0, Qt.AlignmentFlag.AlignLeft)
        self.table.set_rows(
            [
                Row(
                    str(row.epoch),
                    {
                        "epoch": row.epoch,
                        "value": Amount(row.minted_value, 18, ""),
                        "work": Amount(row.minted_work, 18, ""),
                        "burned": Amount(row.burned, 18, ""),
                        "supply": Amount(row.supply, 18, ""),
                        "left": Amount(row.budget_left, 18, ""),
                        "refused": ", ".join(f"{count:,} {name}" for name, count in row.refused.items()) or "–",
                    },
                )
                for row in answer.rows
            ]
        )


def _report(loop: Any, job: Any, part: float) -> None:
    loop.call_soon_threadsafe(job.progress, part, f"{part:.0%} of the epochs")
