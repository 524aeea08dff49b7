"""The contents of Progress and Receipt: how far it is, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from app.core.clock import now_ms
from app.core.evidence import EvidenceKind, EvidenceStatus
from ui.plan_sheet import sections, words
from ui.plan_sheet.elsewhere import HandSection, RivalSection, StatementSection, waits_for_hand
from ui.plan_sheet.pages import Page
from ui.plan_sheet.payout import KIND as PAYOUT
from ui.plan_sheet.payout import PayoutSection
from ui.plan_sheet.sections import Mark, Section, text
from ui.widgets import CodeBlock, LogView, Note, StatusLabel, button, masked

if TYPE_CHECKING:
    from app.operations.plans import Plan, Receipt
    from ui.plan_sheet.facts import Facts

UNDER_WAY = ("confirmed", "running", "waiting")
BROKEN = ("stopped", "failed", "disowned")
MINE_AFTER_MS = 4_000  # how long a sent transaction may wait before mining is offered on a chain of this console

_NAMES = {
    EvidenceKind.TRANSACTION: "Transaction",
    EvidenceKind.BLOCK: "Block",
    EvidenceKind.PROOF: "Inclusion proof",
    EvidenceKind.LOG: "Event",
    EvidenceKind.SIMULATION: "Simulation",
    EvidenceKind.JOURNAL: "Journal entry",
    EvidenceKind.ROW: "Ledger row",
    EvidenceKind.FILE: "File",
    EvidenceKind.JOB: "Job",
    EvidenceKind.MEASUREMENT: "Measurement",
}


def stop_reason(plan: Plan) -> tuple[bool, str]:
    """Whether Stop can do anything now, and the sentence beside the button."""
    states = [str(record.state) for record in plan.steps]
    left = states.count("pending")
    if str(plan.state) not in UNDER_WAY:
        return False, ""
    if "acted" in states or "prepared" in states:
        if left:
            return True, f"Stops before the next step; {left} not begun"
        return False, "Already sent, so it cannot be stopped"
    if left:
        return True, "Nothing of the next step has begun"
    return False, "All steps are done"


class RowsPage(Page):
    """A page on which a payout shows its payments."""

    payout_export = Signal()
    payout_rest = Signal()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.payments: PayoutSection | None = None
        self._payments: tuple[Plan, Any] | None = None

    def add_payments(self, plan: Plan) -> None:
        """A place for the payments, when the plan has some; filled by :meth:`show_payments`."""
        self.payments = None
        if plan.kind == PAYOUT:
            self.payments = PayoutSection()
            self.payments.export_asked.connect(self.payout_export)
            self.payments.rest_asked.connect(self.payout_rest)
            self.column.addWidget(self.payments)
            if self._payments is not None and self._payments[0].id == plan.id:
                self.show_payments(plan, self._payments[1])

    def show_payments(self, plan: Plan, rows: Any) -> None:
        """The payments of a plan as they stand now."""
        self._payments = (plan, rows)
        if self.payments is not None:
            self.payments.show_rows(plan, rows)


class ProgressPage(RowsPage):
    """Steps with times and evidence, what holds it up, the live log."""

    mine = Signal(str)
    stated = Signal(bool)  # "This is a second payment"
    hand_export = Signal()
    hand_import = Signal()
    hand_paste = Signal()

    def __init__(self) -> None:
        super().__init__("Progress")
        self._rival: Any = None
        self._told = ""
        self._shown: tuple[object, ...] = ()
        self._plan: Plan | None = None
        self.log: LogView | None = None
        self._since: QLabel | None = None
        self._seen_acted: dict[tuple[str, int], int] = {}

    def show_facts(self, facts: Facts) -> None:
        """Show how far a plan is; rebuilt only when something other than the clock moved."""
        plan = facts.plan
        self._plan = plan
        for record in plan.steps:
            if str(record.state) in ("acted", "prepared"):
                self._seen_acted.setdefault((plan.id, record.index), now_ms())
        offer = self._offers_mining(facts)
        shown = (
            self._rival,
            self._told,
            plan.id,
            str(plan.state),
            plan.reason,
            offer,
            facts.locked,
            *((str(r.state), r.error, r.evidence) for r in plan.steps),
        )
        if shown != self._shown:
            self._shown = shown
            self._build(facts, offer)
        if self.log is not None:
            self.log.set_text("\n".join(f"{words.clock(at)} {masked(line)}" for at, line in facts.log))
        self.tick()

    def show_rival(self, rival: Any, told: str = "") -> None:
        """Who took the plan's nonce; ``told``: why that cannot be said."""
        self._rival, self._told = rival, told

    def tick(self) -> None:
        """Move the clocks of running steps."""
        if self._plan is None:
            return
        for record in self._plan.steps:
            row = self.findChild(QWidget, f"plan.step.{record.index}")
            aside = row.findChild(QLabel, "aside") if row else None
            if aside is not None and record.started_at:
                aside.setText(words.took((record.ended_at or now_ms()) - record.started_at))

    def _offers_mining(self, facts: Facts) -> bool:
        """A transaction waits on a chain that this console started, and no block has come for a while."""
        plan = facts.plan
        if not facts.chain or str(plan.state) not in ("running", "waiting"):
            return False
        waits = [record for record in plan.steps if str(record.state) in ("acted", "prepared")]
        return any(now_ms() - self._seen_acted.get((plan.id, record.index), now_ms()) > MINE_AFTER_MS for record in waits)

    def _build(self, facts: Facts, offer: bool) -> None:
        self.clear()
        plan = facts.plan
        state = str(plan.state)
        if state in BROKEN:
            self._broken(facts)
            self._elsewhere(facts)
        elif waits_for_hand(plan):
            hand = HandSection()
            for asked, answer in (
                (hand.export_asked, self.hand_export),
                (hand.import_asked, self.hand_import),
                (hand.paste_asked, self.hand_paste),
            ):
                asked.connect(answer)
            self.column.addWidget(hand)
        elif state == "waiting" and plan.reason:
            section = Section(line=False)
            section.add(Note("warn" if facts.locked else "info", plan.reason))
            self.column.addWidget(section)
        if offer:
            section = Section(line=False)
            section.setObjectName("plan.mining")
            section.add(
                Note("warn", "This chain makes no blocks by itself now. The transaction waits in its pool until a block is mined.")
            )
            mine = button("Mine a block", icon="hammer")
            mine.setObjectName("plan.mine")
            mine.clicked.connect(lambda: self.mine.emit(facts.chain))
            row = QHBoxLayout()
            row.addWidget(mine)
            row.addStretch(1)
            section.body.addLayout(row)
            self.column.addWidget(section)
        counted = ("done",) if state in BROKEN else ("done", "skipped")  # what a stopped plan skipped was not done
        ended = sum(str(record.state) in counted for record in plan.steps)
        began = min((record.started_at for record in plan.steps if record.started_at), default=0)
        last = max((record.ended_at for record in plan.steps), default=0) if state not in UNDER_WAY else now_ms()
        aside = f"{ended} of {len(plan.steps)}" + (f", {words.took(last - began)}" if began else "")
        section = Section("Steps", aside)
        active = (
            next((r.index for r in plan.steps if str(r.state) in ("acted", "prepared", "pending")), -1)
            if state in UNDER_WAY
            else -1
        )
        for record in plan.steps:
            waiting = plan.reason if record.index == active and state == "waiting" else ""
            section.add(sections.step_row(record, now=now_ms(), active=record.index == active, waiting=waiting))
        self.column.addWidget(section)
        self.add_payments(plan)
        self._so_far(facts)
        section = Section("Live log", line=False)
        self.log = LogView()
        self.log.setObjectName("plan.log")
        self.log.setAccessibleName("Live log of the plan")
        self.log.setMinimumHeight(132)
        self.log.setLineWrapMode(LogView.LineWrapMode.WidgetWidth)  # a few lines, in a narrow sheet
        section.add(self.log)
        if state not in UNDER_WAY and not facts.log:
            section.hide()
        self.column.addWidget(section)
        if state in UNDER_WAY:
            self.note("info", "You can close this panel. The plan goes on; it stays in Jobs and you get a notice when it ends.")
        self.column.addStretch(1)

    def _broken(self, facts: Facts) -> None:
        plan = facts.plan
        failed = next((record for record in plan.steps if str(record.state) in ("failed", "disowned")), None)
        word = {"stopped": "Stopped", "failed": "Failed", "disowned": "Given up"}[str(plan.state)]
        at = f" at step {failed.index + 1} of {len(plan.steps)}" if failed else ""
        reason = plan.reason or (failed.error if failed else "") or "Nothing was changed."
        section = Section()
        section.add(Note("err", f"{word}{at}. {reason}"))
        changed = [record.spec.title for record in plan.steps if str(record.state) == "done"]
        section.add(
            sections.pair("Changed by this plan", "nothing" if not changed else f"{len(changed)} of {len(plan.steps)} steps")
        )
        for title in changed:
            section.add(text(title, "hint", wrap=True))
        if facts.has_rest:
            said = "What it did stays. “Plan the rest” shows anew what the rest would do, before anything is signed."
            section.add(Note("info", said))
        self.column.addWidget(section)

    def _elsewhere(self, facts: Facts) -> None:
        """The transaction that took the nonce, and the statement that a second payment asks for."""
        if self._rival is not None:
            self.column.addWidget(RivalSection(facts, self._rival))
            if self._rival.same_payment:
                statement = StatementSection()
                statement.stated.connect(self.stated)
                self.column.addWidget(statement)
        elif self._told:
            self.note("warn", self._told)

    def _so_far(self, facts: Facts) -> None:
        rows: list[QWidget] = []
        for record in facts.plan.steps:
            block, gas = record.result.get("block"), record.result.get("gas_used")
            if isinstance(block, int) and block:
                rows.append(sections.pair(f"Step {record.index + 1} included in block", f"{block:,}"))
            if isinstance(gas, int) and gas:
                rows.append(sections.pair("Gas used", f"{gas:,}"))
        if not rows:
            return
        section = Section("So far")
        for row in rows[-6:]:
            section.add(row)
        if facts.needed:
            section.add(sections.pair("Confirmations asked for", f"{facts.needed}"))
        self.column.addWidget(section)


class ReceiptPage(RowsPage):
    """Predicted against actual, the evidence of every line, and the journal before and after."""

    open_link = Signal(str)
    save_asked = Signal(str)  # the signature that a plan made, with what was signed

    def __init__(self) -> None:
        super().__init__("Receipt")

    def show_facts(self, facts: Facts) -> None:
        """Show what came of a plan."""
        self.clear()
        plan = facts.plan
        receipt = plan.receipt
        if receipt is None:
            self.note("info", "The receipt is written when the plan has ended.")
            self.column.addStretch(1)
            return
        self._head(plan, receipt)
        self._signature(plan)
        self.add_payments(plan)
        self._compared(receipt)
        self._evidence(receipt)
        self._journal(facts, receipt)
        self.column.addStretch(1)

    def _head(self, plan: Plan, receipt: Receipt) -> None:
        section = Section()
        row = QHBoxLayout()
        row.setSpacing(10)
        good = receipt.matches
        row.addWidget(
            Mark("check-circle-fill" if good else "warning-fill", "ok" if good else "warn", 20), 0, Qt.AlignmentFlag.AlignTop
        )
        column = QGridLayout()
        column.setVerticalSpacing(1)
        said = text(words.done(plan.kind) if good else "Done, but not as predicted", "strong", wrap=True)
        said.setObjectName("plan.outcome")
        began = min((record.started_at for record in plan.steps if record.started_at), default=0)
        column.addWidget(said, 0, 0)
        duration = f", {words.took(receipt.ended_at - began)} from confirm to receipt" if began else ""
        column.addWidget(text(f"{words.moment(receipt.ended_at)}{duration}", "hint", wrap=True), 1, 0)
        row.addLayout(column, 1)
        section.body.addLayout(row)
        self.column.addWidget(section)

    def _signature(self, plan: Plan) -> None:
        """What a plan that signs was made for."""
        made = next((str(record.result["signature"]) for record in plan.steps if record.result.get("signature")), "")
        if not made:
            return
        copy = button("Copy", icon="copy")
        copy.setObjectName("plan.signature.copy")
        copy.setAccessibleName("Copy the signature")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(made))
        section = Section("Signature", copy)
        code = CodeBlock(made)
        code.setObjectName("plan.signature")
        code.setAccessibleName("Signature")
        section.add(code)
        save = button("Save for a verifier…", icon="export")
        save.setObjectName("plan.signature.save")
        save.clicked.connect(lambda: self.save_asked.emit(plan.id))
        row = QHBoxLayout()
        row.addWidget(save)
        row.addStretch(1)
        section.body.addLayout(row)
        self.column.addWidget(section)

    def _compared(self, receipt: Receipt) -> None:
        if not receipt.predicted and not receipt.actual:
            return
        section = Section("Predicted and actual")
        section.setObjectName("plan.compared")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        for column, heading in enumerate(("Effect", "Preview", "Actual")):
            grid.addWidget(text(heading, "hint"), 0, column, Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft)
        count = max(len(receipt.predicted), len(receipt.actual))
        for index in range(count):
            predicted = receipt.predicted[index] if index < len(receipt.predicted) else None
            actual = receipt.actual[index] if index < len(receipt.actual) else None
            either = predicted or actual
            assert either is not None
            name = text(f"{words.who(either)}, {words.kind(either)}", wrap=True)
            name.setToolTip(either.subject)
            grid.addWidget(name, index + 1, 0)
            for column, effect in ((1, predicted), (2, actual)):
                shown = (words.change(effect) or words.value(effect, effect.after)) if effect else "nothing"
                label = text(shown, "hint" if column == 1 else "", wrap=len(shown) > 22)
                label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if effect:
                    label.setToolTip(f"{words.exact(effect, effect.before)} → {words.exact(effect, effect.after)}")
                grid.addWidget(label, index + 1, column)
            same = predicted == actual
            grid.addWidget(
                Mark("check" if same else "x-square-fill", "ok" if same else "err", 14, "equal" if same else "differs"),
                index + 1,
                3,
            )
        grid.setColumnStretch(0, 1)
        section.body.addLayout(grid)
        self.column.addWidget(section)

    def _evidence(self, receipt: Receipt) -> None:
        if not receipt.evidence:
            return
        states = {evidence.status for evidence in receipt.evidence}
        aside: QWidget | None = None
        if states <= {EvidenceStatus.INCLUDED, EvidenceStatus.COMPLETE}:
            aside = StatusLabel("ok", "All proven")
        elif EvidenceStatus.MISMATCH in states:
            aside = StatusLabel("err", "Does not match")
        section = Section("Evidence", aside)
        section.setObjectName("plan.evidence")
        for evidence in receipt.evidence:
            section.add(sections.evidence_pair(evidence, _NAMES.get(evidence.kind, "Evidence")))
        self.column.addWidget(section)

    def _journal(self, facts: Facts, receipt: Receipt) -> None:
        section = Section("Journal", line=False)
        before, after = facts.journal_hashes
        lines = [
            f"before  {receipt.journal_before:,}  {words.short_hash(before) or '–'}",
            f"after   {receipt.journal_after:,}  {words.short_hash(after)}",
        ]
        code = CodeBlock("\n".join(lines))
        code.setObjectName("plan.journal")
        code.setAccessibleName("Journal entries before and after")
        code.setToolTip(f"{before}\n{after}".strip())
        section.add(code)
        trusts = sorted({str(e.trust) for e in receipt.evidence if str(e.trust) != "nothing"})
        if trusts:
            section.add(text(f"What the proofs hang on: {', '.join(trusts)}.", "hint", wrap=True))
        self.column.addWidget(section)


def receipt_json(plan: Plan, label: str = "") -> dict[str, object]:
    """Everything of an ended plan as JSON: integers as decimal text, evidence with its state; ``label`` is ``demo`` of a demo."""
    receipt = plan.receipt
    side = ("kind", "subject", "label", "before", "after", "unit", "decimals")
    return {
        "plan": plan.name,
        "label": label,
        "id": plan.id,
        "kind": plan.kind,
        "title": plan.title,
        "target": {"ref": plan.target.ref, "name": plan.target.name, "environment": plan.target.environment},
        "author": plan.author,
        "state": str(plan.state),
        "plan_hash": plan.plan_hash,
        "preview_digest": plan.preview_digest,
        "params": dict(plan.params),
        "steps": [
            {
                "title": record.spec.title,
                "state": str(record.state),
                "result": dict(record.result),
                "evidence": [evidence.to_json() for evidence in record.evidence],
                "started_at": record.started_at,
                "ended_at": record.ended_at,
            }
            for record in plan.steps
        ],
        "receipt": None
        if receipt is None
        else {
            "matches": receipt.matches,
            "predicted": [{name: getattr(effect, name) for name in side} for effect in receipt.predicted],
            "actual": [{name: getattr(effect, name) for name in side} for effect in receipt.actual],
            "evidence": [evidence.to_json() for evidence in receipt.evidence],
            "journal_before": receipt.journal_before,
            "journal_after": receipt.journal_after,
            "journal_head": receipt.journal_head,
            "ended_at": receipt.ended_at,
        },
    }
