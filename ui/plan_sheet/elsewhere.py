"""What comes from elsewhere: a transaction that took the nonce, a statement that a second payment is meant, a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout

from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from ui.plan_sheet import sections
from ui.plan_sheet.sections import Section
from ui.widgets import CodeBlock, EvidenceChip, Note, button

if TYPE_CHECKING:
    from app.operations.plans import Plan
    from ui.plan_sheet.facts import Facts

STATEMENT = "This is a second payment"
SECOND = "plan.second"  # the rule that blocks a retry of what has happened
BY_HAND = "signature from another console"


def second_blocked(plan: Plan) -> bool:
    """Whether a plan that does an earlier one again is blocked until somebody states that a second time is meant."""
    verdicts = plan.preview.verdicts if plan.preview and plan.retries else ()
    return any(verdict.rule == SECOND and str(verdict.level) == "block" for verdict in verdicts)


def waits_for_hand(plan: Plan) -> bool:
    """Whether a person must carry the plan's transaction to another console."""
    return str(plan.state) == "waiting" and BY_HAND in plan.reason


class RivalSection(Section):
    """The transaction that took the plan's nonce, decoded and beside what the plan wanted."""

    def __init__(self, facts: Facts, rival: Any) -> None:
        chip = EvidenceChip(
            Evidence(
                EvidenceKind.TRANSACTION,
                rival.hash,
                network=facts.plan.target.ref,
                status=EvidenceStatus.CLAIMED,
                check=f"read from block {rival.block:,}",
            )
        )
        super().__init__("The other transaction", chip)
        self.setObjectName("plan.rival")
        self.add(Note("err" if rival.same_payment else "warn", rival.text))
        call = rival.decoded
        code = CodeBlock(sections.call_text(call.contract, call.function, call.arguments, facts.labels))
        code.setObjectName("plan.rival.call")
        code.setAccessibleName("What the other transaction did")
        self.add(code)
        self.add(sections.pair("Nonce, used in block", f"{rival.nonce:,}, {rival.block:,}"))
        own = facts.plan.preview.calls if facts.plan.preview else ()
        if own:
            mine = CodeBlock(sections.call_text(own[0].contract, own[0].function, own[0].arguments, facts.labels))
            mine.setAccessibleName("What this plan wanted to do")
            self.add(sections.text("This plan wanted", "label"))
            self.add(mine)


class StatementSection(Section):
    """A second payment is made only by somebody who says that it is one.

    Signals:
        stated: the box is ticked, or not.
    """

    stated = Signal(bool)

    def __init__(self) -> None:
        super().__init__("Before it is previewed again")
        self.setObjectName("plan.statement")
        told = "Recipient and amount are the same. The statement goes into the journal; approvals are cleared."
        self.add(sections.text(told, "hint", wrap=True))
        self.box = QCheckBox(STATEMENT)
        self.box.setObjectName("plan.second_payment")
        self.box.toggled.connect(self.stated)
        self.add(self.box)


class HandSection(Section):
    """The way of a transaction to the console that has the key, and back.

    Signals:
        export_asked: the request is wanted as a file.
        import_asked: the answer comes as a file.
        paste_asked: the answer is in the clipboard.
    """

    export_asked = Signal()
    import_asked = Signal()
    paste_asked = Signal()

    def __init__(self, digest: str = "") -> None:
        super().__init__("Sign on another console")
        self.setObjectName("plan.hand")
        self.add(
            Note(
                "info",
                "The key of this account is not here. Carry the request to the console that has it, sign it there, and bring the "
                "answer back. It must be, byte for byte, what was previewed.",
            )
        )
        row = QHBoxLayout()
        row.setSpacing(8)
        for words, symbol, name, signal in (
            ("Export request…", "export", "export", self.export_asked),
            ("Import signed…", "download-simple", "import", self.import_asked),
            ("Paste", "copy", "paste", self.paste_asked),
        ):
            made = button(words, icon=symbol)
            made.setObjectName(f"plan.hand.{name}")
            made.setAccessibleName({"paste": "Paste what was signed"}.get(name, words.rstrip("…")))
            made.clicked.connect(lambda _=False, signal=signal: signal.emit())
            row.addWidget(made)
        row.addStretch(1)
        self.body.addLayout(row)
        if digest:
            self.add(sections.pair("Digest to compare", digest))
