"""The contents of Preview and Confirm: what would happen, and the one question that starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.core.clock import now_ms
from app.core.evidence import Evidence, EvidenceKind
from ui.plan_sheet import sections, words
from ui.plan_sheet.elsewhere import StatementSection, second_blocked
from ui.plan_sheet.payout import KIND as PAYOUT
from ui.plan_sheet.payout import PlannedSection
from ui.plan_sheet.sections import Section, text
from ui.widgets import AmountLabel, BadgeLabel, CodeBlock, EvidenceChip, Field, Note, StatusLabel, empty, forget
from ui.widgets.values import masked_number

if TYPE_CHECKING:
    from app.operations.plans import Effect, Plan, Preview
    from ui.plan_sheet.facts import Facts

_FROM = ("sender", "account", "deployer", "submitter", "officer", "from")
_TO = ("recipient", "contributor", "to")
_PASSING = ("pass",)
_SIGNED = ("What is signed", "For whom: the domain")
MOST_CALLS = 5  # decoded calls that are shown one by one


class Page(QScrollArea):
    """A column of sections that scrolls."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(self.horizontalScrollBarPolicy().ScrollBarAlwaysOff)
        self.setObjectName(f"plan.page.{name.lower()}")
        self.setAccessibleName(f"{name} step")
        content = QWidget()
        content.setObjectName("plan.content")
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.setWidget(content)

    def clear(self) -> None:
        """Take all sections out."""
        empty(self.column)

    def note(self, level: str, sentence: str) -> None:
        """A note in a section of its own."""
        section = Section(line=False)
        section.add(Note(level, sentence))
        self.column.addWidget(section)


class PreviewPage(Page):
    """Decoded call, effects, fee and checks, and the block they were computed on."""

    stated = Signal(bool)  # "This is a second payment"

    def __init__(self) -> None:
        super().__init__("Preview")

    def show_facts(self, facts: Facts, before: Preview | None) -> None:
        """Show a preview; ``before`` is the one the reader saw last, when it said something else."""
        self.clear()
        plan = facts.plan
        preview = plan.preview
        if preview is None:
            self.note("info", "This plan was not previewed yet.")
            self.column.addStretch(1)
            return
        if preview.error:
            self.note("err", f"This would fail: {preview.error.rstrip('.')}. Nothing was signed, nothing changed.")
        if before is not None:
            self._changes(before, preview)
        batch = plan.kind == PAYOUT and len(preview.calls) > 1  # of many, the totals come first
        if not batch:
            self._calls(facts, preview)
        self._effects(facts, preview)
        if preview.fee is not None:
            fee = preview.fee
            section = Section("Fee")
            for row in sections.fee_rows(fee):
                section.add(row)
            self.column.addWidget(section)
        self._checks(plan, preview)
        if plan.kind == PAYOUT:
            self.column.addWidget(PlannedSection(plan))
        if batch:
            self._calls(facts, preview)
        self._steps(plan)
        if preview.cause:  # the note at the top says it in words
            section = Section("The error as the contract raised it")
            code = CodeBlock(masked_number(preview.cause))
            code.setObjectName("plan.cause")
            code.setAccessibleName("The error as the contract raised it")
            section.add(code)
            self.column.addWidget(section)
        self._digests(plan, preview)
        self.column.addStretch(1)

    def _changes(self, before: Preview, now: Preview) -> None:
        section = Section("Changed since you looked")
        section.setObjectName("plan.changed")
        section.add(Note("warn", "It was simulated again and the result is another one. Read it again before you confirm."))
        old = {_same(effect): effect for effect in before.effects}
        new = {_same(effect): effect for effect in now.effects}
        for key in dict.fromkeys((*old, *new)):
            first, second = old.get(key), new.get(key)
            if first is None or second is None or (first.before, first.after) != (second.before, second.after):
                section.add(sections.pair(words.who(second or first), f"{_side(first)}  →  {_side(second)}"))  # type: ignore[arg-type]
        said = {verdict.text for verdict in before.verdicts}
        for verdict in now.verdicts:
            if verdict.text not in said:
                section.add(sections.verdict_row(verdict))
        self.column.addWidget(section)

    def _calls(self, facts: Facts, preview: Preview) -> None:
        for index, call in enumerate(preview.calls[:MOST_CALLS]):
            aside = StatusLabel("ok", "Verified source") if call.verified else None
            heading = _heading(facts.plan, index, len(preview.calls))
            section = Section(heading, aside)
            code = CodeBlock(sections.call_text(call.contract, call.function, call.arguments, facts.labels))
            code.setObjectName(f"plan.call.{index}")
            code.setAccessibleName(heading)
            section.add(code)
            self.column.addWidget(section)
        if len(preview.calls) > MOST_CALLS:
            section = Section()
            section.add(text(f"and {len(preview.calls) - MOST_CALLS:,} more calls like these", "hint"))
            self.column.addWidget(section)

    def _effects(self, facts: Facts, preview: Preview) -> None:
        chip = _simulation_chip(facts.plan, preview)
        only = all(effect.kind == "balance" for effect in preview.effects)
        section = Section("Balance changes" if only and preview.effects else "What will be different", chip)
        section.setObjectName("plan.effects")
        for effect in preview.effects:
            section.add(sections.effect_row(effect))
        if not preview.effects:
            section.add(text("Nothing that was looked at would be different.", "hint", wrap=True))
        self.column.addWidget(section)

    def _checks(self, plan: Plan, preview: Preview) -> None:
        if not preview.verdicts:
            return
        passed = sum(str(verdict.level) in _PASSING for verdict in preview.verdicts)
        section = Section("Checks", f"{passed} of {len(preview.verdicts)} passed")
        section.setObjectName("plan.checks")
        for verdict in preview.verdicts:
            section.add(sections.verdict_row(verdict))
        self.column.addWidget(section)
        if second_blocked(plan):
            statement = StatementSection()
            statement.stated.connect(self.stated)
            self.column.addWidget(statement)

    def _steps(self, plan: Plan) -> None:
        count = len(plan.steps)
        section = Section("What this plan will do", f"{count} {'step' if count == 1 else 'steps'}")
        for record in plan.steps:
            section.add(sections.bullet(record.spec.title))
        self.column.addWidget(section)

    def _digests(self, plan: Plan, preview: Preview) -> None:
        section = Section("Plan and preview", line=False)
        at = f"block {preview.block:,}, " if preview.block else ""
        section.add(sections.pair("Simulated", f"{at}{words.moment(preview.simulated_at)}", aside=preview.method))
        for name, digest in (("Plan hash", plan.plan_hash), ("Preview digest", preview.digest)):
            shown = text(words.short_hash(digest if digest.startswith("0x") else f"0x{digest}"), mono=True)
            shown.setToolTip(digest)
            section.add(sections.pair(name, shown))
        self.column.addWidget(section)


class ConfirmPage(Page):
    """What, from, to, where; what cannot be undone; key, passphrase and typed check."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Confirm")
        self._facts: Facts | None = None
        self._wanted = ""
        self.passphrase: QLineEdit | None = None
        self.typed: QLineEdit | None = None
        self._passphrase_field: Field | None = None
        self._age = QTimer(self)
        self._age.setInterval(1000)
        self._age.timeout.connect(self._tell_age)

    def show_facts(self, facts: Facts) -> None:
        """Ask for a plan; what was typed before is forgotten."""
        self.clear()
        self._facts = facts
        plan = facts.plan
        self._about(facts)
        for sentence in words.losses(plan):
            section = Section()
            section.add(Note("warn", sentence))
            self.column.addWidget(section)
        self._signing(facts)
        self._simulated = text("", "hint", wrap=True)
        section = Section(line=False)
        section.add(self._simulated)
        self.column.addWidget(section)
        self.column.addStretch(1)
        self._tell_age()

    def missing(self) -> str:
        """What the operator must still enter; empty when nothing."""
        if self.passphrase is not None and not self.passphrase.text():
            return "The console passphrase is asked for"
        if self.typed is not None and not words.same_typed(self.typed.text(), self._wanted):
            return self._typed_label
        return ""

    def refuse_passphrase(self, sentence: str) -> None:
        """Say at the field that the passphrase was wrong, and forget it."""
        if self._passphrase_field is not None and self.passphrase is not None:
            forget(self.passphrase)
            self._passphrase_field.set_error(sentence)
            self.passphrase.setFocus()

    def forget(self) -> None:
        """Wipe what was typed."""
        for field in (self.passphrase, self.typed):
            if field is not None:
                forget(field)

    def first_field(self) -> QWidget | None:
        """Where typing begins."""
        return self.passphrase or self.typed

    def _about(self, facts: Facts) -> None:
        plan = facts.plan
        section = Section("You are about to")
        amount = str(plan.params.get("amount", ""))
        if amount.isdigit():
            unit = str(plan.params.get("symbol", plan.params.get("unit", "AZR")))
            section.add(AmountLabel(int(amount), int(str(plan.params.get("decimals", 18))), unit, hero=True))
        title = text(plan.title, "strong", wrap=True)
        title.setObjectName("plan.what")
        section.add(title)
        for name, keys in (("From", _FROM), ("To", _TO)):
            address = next((str(plan.params[key]) for key in keys if str(plan.params.get(key, "")).startswith("0x")), "")
            if not address and name == "To" and plan.preview and plan.preview.calls:
                call = plan.preview.calls[0]
                if call.address:
                    section.add(_labelled("To", sections.party(call.address, call.contract)))
                continue
            if address:
                label = facts.labels.get(address.lower(), "")
                section.add(_labelled(name, sections.party(address, label)))
                if name == "To" and not label:  # nobody known: only the whole address can be compared with its source
                    whole = text(address, "hint", mono=True)
                    whole.setObjectName("plan.to")
                    section.add(_labelled("", whole))
        where = QWidget()
        layout = QHBoxLayout(where)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(text(plan.target.name, "strong"))
        if str(plan.target.kind) == "network":
            layout.addWidget(BadgeLabel(plan.target.environment))
        layout.addStretch(1)
        section.add(_labelled("On", where))
        if plan.preview and plan.preview.fee is not None:
            fee = plan.preview.fee
            section.add(_labelled("Fee", text(f"at most {words.coin(fee.limit, fee.unit)}")))
        self.column.addWidget(section)

    def _signing(self, facts: Facts) -> None:
        self._wanted = facts.typed
        typed_label = words.typed_label(facts.plan, facts.typed)
        self._typed_label = typed_label
        self.passphrase = self.typed = self._passphrase_field = None
        if not (facts.signers or facts.asks_passphrase or typed_label):
            return
        section = Section("Sign with" if facts.signers else "")
        for signer in facts.signers:
            row = QWidget()
            layout = QHBoxLayout(row)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.addWidget(sections.party(signer.address, signer.label), 1)
            layout.addWidget(StatusLabel("ok" if signer.ready else "err", signer.key))
            section.add(row)
        if facts.asks_passphrase:
            self.passphrase = QLineEdit()
            self.passphrase.setEchoMode(QLineEdit.EchoMode.Password)
            self._passphrase_field = self._ask(
                section,
                self.passphrase,
                "plan.passphrase",
                "Console passphrase",
                "The system keyring may ask for its own password after this.",
            )
        if typed_label:
            self.typed = QLineEdit()
            self.typed.setPlaceholderText(words.argument(self._wanted))
            self._ask(section, self.typed, "plan.typed", typed_label, "")
        self.column.addWidget(section)

    def _ask(self, section: Section, edit: QLineEdit, name: str, label: str, hint: str) -> Field:
        edit.setObjectName(name)
        edit.setAccessibleName(label)
        edit.textChanged.connect(lambda _: self.changed.emit())
        field = Field(label, edit, hint)
        section.add(field)
        return field

    def _tell_age(self) -> None:
        preview = self._facts.plan.preview if self._facts else None
        if preview is None:
            return
        age = max(0, now_ms() - preview.simulated_at) // 1000
        at = f" at block {preview.block:,}" if preview.block else ""
        self._simulated.setText(f"Simulated {age} s ago{at}. Runs again before anything is signed.")

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._age.start()

    def hideEvent(self, event: object) -> None:
        super().hideEvent(event)  # type: ignore[arg-type]
        self._age.stop()


def _heading(plan: Plan, index: int, count: int) -> str:
    """What a decoded call is called: of a signature, what is signed and for whom."""
    if plan.kind == "wallets.sign" and index < len(_SIGNED):
        return _SIGNED[index]
    return "Decoded call" if count == 1 else f"Decoded call {index + 1} of {count}"


def _labelled(name: str, widget: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 1, 0, 1)
    layout.setSpacing(8)
    label = text(name, "label")
    label.setFixedWidth(44)
    layout.addWidget(label)
    layout.addWidget(widget, 1)
    return row


def _same(effect: Effect) -> tuple[str, ...]:
    """What makes two effects of two previews the same one; a role is told by its words."""
    words_only = "" if effect.unit else effect.after or effect.before
    return effect.kind, effect.subject, effect.unit, effect.contract, words_only if effect.kind == "role" else ""


def _side(effect: Effect | None) -> str:
    return words.value(effect, effect.after) if effect else "nothing"


def _simulation_chip(plan: Plan, preview: Preview) -> EvidenceChip | None:
    if not preview.block:
        return None
    return EvidenceChip(
        Evidence(
            EvidenceKind.SIMULATION,
            f"block {preview.block:,}",
            network=plan.target.ref,
            block_hash=preview.block_hash,
            read_at=preview.simulated_at,
            check=preview.method,
        )
    )
