"""The parts of which every step of the sheet is built: headed sections, effects, checks, steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from ui.plan_sheet import words
from ui.theme import Theme, icon
from ui.widgets import EvidenceChip, Identicon, masked
from ui.widgets.values import breakable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.core.evidence import Evidence
    from app.operations.plans import Effect, Fee, StepRecord, Verdict

SIDE = 16
LINE = 54  # letters of a decoded call that stand beside each other in the narrowest sheet

_VERDICTS = {
    "pass": ("check-circle-fill", "ok"),
    "note": ("info", "accent"),
    "warning": ("warning-fill", "warn"),
    "block": ("x-square-fill", "err"),
}
_STEPS = {
    "pending": ("circle", "text-3"),
    "prepared": ("circle-notch", "accent"),
    "acted": ("circle-notch", "accent"),
    "done": ("check-circle-fill", "ok"),
    "failed": ("x-square-fill", "err"),
    "skipped": ("circle", "text-3"),
    "disowned": ("x-square-fill", "err"),
}


def text(value: str, role: str = "", *, wrap: bool = False, mono: bool = False) -> QLabel:
    """A label in one of the roles of the theme: ``strong``, ``label``, ``hint``, ``title``, ``figure``, ``ok``, ``err`` …"""
    label = QLabel(breakable(masked(value)) if wrap else masked(value))
    label.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        label.setProperty("role", role)
    if mono:
        label.setFont(Theme.current().font("mono"))
    label.setWordWrap(wrap)
    if wrap:
        label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    return label


class Mark(QLabel):
    """A small icon that follows the theme."""

    def __init__(self, name: str, color: str, size: int = 16, description: str = "") -> None:
        super().__init__()
        self._name, self._color, self._size = name, color, size
        self.setFixedSize(QSize(size + 2, size + 2))
        self.setAccessibleName(description or name.replace("-", " "))
        Theme.current().signals.changed.connect(self._paint)
        self._paint()

    def set(self, name: str, color: str) -> None:
        """Show another icon."""
        self._name, self._color = name, color
        self._paint()

    def _paint(self) -> None:
        self.setPixmap(icon(self._name, self._color, self._size).pixmap(QSize(self._size, self._size), self.devicePixelRatioF()))


class Section(QFrame):
    """A heading with something at its right, rows below, and a hairline under it."""

    def __init__(self, heading: str = "", aside: QWidget | str | None = None, *, line: bool = True) -> None:
        super().__init__()
        self._line = line
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(SIDE, 11, SIDE, 12)
        self.body.setSpacing(6)
        if heading or aside:
            row = QHBoxLayout()
            row.setSpacing(8)
            self.heading = text(heading, "heading")
            row.addWidget(self.heading)
            row.addStretch(1)
            if isinstance(aside, str):
                aside = text(aside, "hint")
            if aside is not None:
                row.addWidget(aside)
            self.body.addLayout(row)

    def add(self, widget: QWidget) -> None:
        """Add a row."""
        self.body.addWidget(widget)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._line:
            painter = QPainter(self)
            painter.setPen(Theme.current().color("border"))
            painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
            painter.end()


def pair(name: str, shown: str | QWidget, *, aside: str = "", tip: str = "", role: str = "") -> QWidget:
    """A name at the left and its value at the right."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 2, 0, 2)
    layout.setSpacing(6)
    layout.addWidget(text(name, "label"))
    layout.addStretch(1)
    if isinstance(shown, str):
        label = text(shown, role)
        label.setToolTip(tip)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(label)
    else:
        layout.addWidget(shown)
    if aside:
        layout.addWidget(text(aside, "hint"))
    return row


def party(address: str, label: str = "", *, size: int = 16) -> QWidget:
    """Identicon, label and short address of an account or contract; the full address is its tooltip."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    hexadecimal = address.startswith("0x") and len(address) == 42
    if hexadecimal:
        layout.addWidget(Identicon(address, size))
    if label and not (hexadecimal and label == address):
        layout.addWidget(text(label, "strong", wrap=not hexadecimal), 0 if hexadecimal else 20)
    short = text(words.short_hash(address) if hexadecimal else address, "hint" if label else "strong", mono=hexadecimal)
    if not label or hexadecimal:
        layout.addWidget(short)
    layout.addStretch(1)
    row.setToolTip(address)
    row.setAccessibleName(f"{label} {address}".strip())
    return row


def _parties(effect: Effect) -> QWidget:
    """Who it is about; an allowance shows owner and spender."""
    named = words.parties(effect)
    if len(named) == 1:
        return party(*named[0])
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    for at, (address, label) in enumerate(named):
        if at:
            layout.addWidget(text("→", "hint"))
        layout.addWidget(party(address, label))
    layout.addStretch(1)
    return row


def effect_row(effect: Effect) -> QWidget:
    """One thing that will be different: who and by how much, then before → after."""
    row = QWidget()
    grid = QGridLayout(row)
    grid.setContentsMargins(0, 4, 0, 4)
    grid.setHorizontalSpacing(6)
    grid.setVerticalSpacing(1)
    grid.addWidget(_parties(effect), 0, 0)
    difference = words.change(effect)
    if difference:
        incoming = difference.startswith("+") and effect.kind not in ("allowance", "fee")  # hidden amounts have no sign
        amount = text(difference, "ok" if incoming else "strong")
        amount.setToolTip(words.exact(effect, str(int(effect.after) - int(effect.before))))
        grid.addWidget(amount, 0, 1, Qt.AlignmentFlag.AlignRight)
    below = QHBoxLayout()
    below.setContentsMargins(22 if effect.subject.startswith("0x") else 0, 0, 0, 0)
    below.setSpacing(8)
    kind = words.kind(effect)
    below.addWidget(text(kind, "hint"))
    for index, side in enumerate((effect.before, effect.after)):
        if index:
            below.addWidget(text("→", "hint"))
        label = text(words.value(effect, side), "" if index else "hint", wrap=not words.is_amount(effect) and len(side) > 24)
        label.setToolTip(words.exact(effect, side))
        below.addWidget(label)
    below.addStretch(1)
    grid.addLayout(below, 1, 0, 1, 2)
    grid.setColumnStretch(0, 1)
    before = words.exact(effect, effect.before) or "nothing"
    row.setAccessibleName(f"{words.who(effect)}, {kind}: {before} becomes {words.exact(effect, effect.after)}")
    return row


def verdict_row(verdict: Verdict) -> QWidget:
    """One check of the preview, with its sentence and its why."""
    name, color = _VERDICTS.get(str(verdict.level), _VERDICTS["note"])
    return _marked(Mark(name, color, description=str(verdict.level)), verdict.text, verdict.detail)


def step_row(record: StepRecord, *, now: int, active: bool, waiting: str = "") -> QWidget:
    """One step of the plan: its state, what it took and where it can be seen."""
    name, color = _STEPS.get(str(record.state), _STEPS["pending"])
    time = ""
    if record.started_at:
        time = words.took((record.ended_at or now) - record.started_at)
    below: list[QWidget] = []
    if record.error:
        below.append(text(record.error, "err", wrap=True))
    elif waiting:
        below.append(text(waiting, "hint", wrap=True))
    if record.evidence:
        chips = QWidget()
        layout = QHBoxLayout(chips)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for evidence in record.evidence[:3]:
            layout.addWidget(EvidenceChip(evidence))
        layout.addStretch(1)
        below.append(chips)
    mark = Mark(name, color, description=str(record.state))
    row = _marked(mark, record.spec.title, "", aside=time or " ", faint=str(record.state) == "pending", below=below)
    row.setProperty("active", active)
    row.setObjectName(f"plan.step.{record.index}")
    row.setAccessibleName(masked(f"{record.spec.title}, {record.state}"))
    if active and str(record.state) in ("prepared", "acted"):
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setFixedHeight(6)
        bar.setAccessibleName("Under way")
        layout = row.layout()
        assert isinstance(layout, QGridLayout)
        layout.addWidget(bar, layout.rowCount(), 1, 1, 2)
    return row


def bullet(line: str) -> QWidget:
    """A step that has not begun."""
    return _marked(Mark("circle", "text-3"), line, "", faint=True)


def evidence_pair(evidence: Evidence, name: str) -> QWidget:
    """What was looked at, how far it is proven, and the chip that shows it."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 1, 0, 1)
    layout.setSpacing(8)
    layout.addWidget(text(name, "label"))
    layout.addStretch(1)
    role = {"included": "ok", "complete": "ok", "mismatch": "err"}.get(str(evidence.status), "hint")
    layout.addWidget(text(evidence.words, role))
    layout.addWidget(EvidenceChip(evidence))
    return row


def call_text(contract: str, function: str, arguments: Iterable[tuple[str, str]], labels: dict[str, str]) -> str:
    """A decoded call as lines: ``AzoraToken.transfer`` and its named arguments, exact."""
    pairs = list(arguments)
    width = max((len(name) for name, _ in pairs), default=0)
    lines = [f"{contract}.{function}" if contract else function]
    for name, argument in pairs:
        shown, label = words.argument(argument), labels.get(argument.lower(), "")
        beside = width + 2 + len(shown) <= LINE
        lines += [f"{name.ljust(width)}  {shown}"] if beside else [name, f"  {shown}"]
        if label:
            lines.append(f"{' ' * width if beside else ''}  {label}")
    return "\n".join(lines)


def fee_rows(fee: Fee) -> list[QWidget]:
    """Gas, its price and the fee: expected, and at most."""

    rows = [pair("Gas, estimated and limit", f"{fee.gas:,}", aside=f"of {fee.gas_limit:,}")]
    if not fee.limit and fee.gas:
        return [*rows, pair("Fee", "none: this network charges nothing")]
    if fee.gas:
        price = pair(
            "Price per gas, now and at most",
            words.gwei(fee.estimate // fee.gas),
            aside=f"of {words.gwei(fee.max_fee_per_gas)} gwei",
            tip=f"{fee.estimate // fee.gas:,} of {fee.max_fee_per_gas:,} wei, with a tip of {fee.max_priority_fee_per_gas:,}",
        )
        rows.append(price)
    return [
        *rows,
        pair(
            "Fee, estimated and limit",
            words.coin(fee.estimate, fee.unit),
            aside=f"of {words.coin(fee.limit, fee.unit)}",
            tip=f"{words.coin(fee.estimate, fee.unit, exact=True)} of {words.coin(fee.limit, fee.unit, exact=True)}",
        ),
    ]


def _marked(
    mark: QWidget, line: str, detail: str, *, aside: str = "", faint: bool = False, below: Iterable[QWidget] = ()
) -> QWidget:
    row = QWidget()
    grid = QGridLayout(row)
    grid.setContentsMargins(0, 4, 0, 4)
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(2)
    grid.addWidget(mark, 0, 0, Qt.AlignmentFlag.AlignTop)
    grid.addWidget(text(line, "label" if faint else "strong", wrap=True), 0, 1)
    grid.setColumnStretch(1, 1)
    if aside:
        note = text(aside, "hint")
        note.setObjectName("aside")
        grid.addWidget(note, 0, 2, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
    at = 1
    if detail:
        grid.addWidget(text(detail, "hint", wrap=True), at, 1, 1, 2)
        at += 1
    for widget in below:
        grid.addWidget(widget, at, 1, 1, 2)
        at += 1
    row.setAccessibleName(masked(line))
    return row
