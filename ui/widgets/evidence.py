"""The chip that says where a figure comes from, and the popover behind it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from ui.theme import icon, theme
from ui.widgets.basics import StatusLabel, button
from ui.widgets.containers import KeyValue
from ui.widgets.values import moment, short_hex

_KIND_ICONS = {**theme.tokens["evidence"], "file": "file", "measurement": "gauge"}
_STATES = {
    EvidenceStatus.INCLUDED: "ok",
    EvidenceStatus.COMPLETE: "ok",
    EvidenceStatus.CLAIMED: "idle",
    EvidenceStatus.MISMATCH: "err",
    EvidenceStatus.UNAVAILABLE: "pend",
    EvidenceStatus.ASSERTED: "idle",
}
_MARKS = {
    EvidenceStatus.INCLUDED: ("seal-check", "ok"),
    EvidenceStatus.COMPLETE: ("seal-check", "ok"),
    EvidenceStatus.MISMATCH: ("x-square-fill", "err"),
    EvidenceStatus.UNAVAILABLE: ("hourglass-medium", "pend"),
    EvidenceStatus.ASSERTED: ("user", "text-2"),
}


def evidence_icon(evidence: Evidence) -> tuple[str, str]:
    """Icon and colour of a piece of evidence: how far it is proven, or what was looked at when it is only claimed."""
    return _MARKS.get(evidence.status) or (str(_KIND_ICONS.get(evidence.kind.value, "circle")), "accent")


class EvidencePopover(QFrame):
    """All that is known of one piece of evidence; Escape or a click beside it closes it."""

    def __init__(self, evidence: Evidence, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "popover")
        self.setObjectName("evidence.popover")
        self.setAccessibleName(f"Evidence: {evidence.kind.value} {evidence.ref}")
        self.setFixedWidth(340)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        head = QHBoxLayout()
        title = QLabel(evidence.kind.value.capitalize())
        title.setProperty("role", "heading")
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(StatusLabel(_STATES[evidence.status], evidence.words))
        column.addLayout(head)
        facts = [
            ("Reference", evidence.ref),
            ("Network", evidence.network),
            ("Block hash", evidence.block_hash),
            ("Read", f"{moment(evidence.read_at)} UTC" if evidence.read_at else ""),
            ("Check", evidence.check),
            ("Hangs on", evidence.trust.value),
            ("Digest", evidence.digest),
        ]
        column.addWidget(KeyValue([(name, value) for name, value in facts if value]))
        doing = QHBoxLayout()
        copy = button("Copy reference", icon="copy")
        copy.clicked.connect(lambda: _copy(evidence.ref))
        doing.addWidget(copy)
        window = parent.window() if parent is not None else None
        if evidence.kind is EvidenceKind.TRANSACTION and hasattr(window, "open_link"):
            look = button("Look into it", icon="magnifying-glass")
            look.setObjectName("evidence.inspect")
            look.clicked.connect(lambda: (self.close(), window.open_link(f"azora://contracts/inspect/{evidence.ref}")))
            doing.addWidget(look)
        doing.addStretch(1)
        column.addLayout(doing)

    def open_at(self, widget: QWidget, at: QPoint | None = None) -> None:
        """Show below a widget, kept on its screen."""
        self.adjustSize()
        place = widget.mapToGlobal(at or QPoint(0, widget.height() + 2))
        free = widget.screen().availableGeometry()
        place.setX(max(free.left(), min(place.x(), free.right() - self.width())))
        place.setY(max(free.top(), min(place.y(), free.bottom() - self.height())))
        self.move(place)
        self.show()
        self.setFocus()


class EvidenceChip(QPushButton):
    """A small button with what was looked at; pressing it, or Ctrl E, shows all."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__()
        self.setProperty("role", "chip")
        self.setAutoDefault(False)
        self.setIconSize(QSize(12, 12))
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self.open)
        theme.changed.connect(self._dress)
        self.set_evidence(evidence)

    def set_evidence(self, evidence: Evidence) -> None:
        """Another piece."""
        self.evidence = evidence
        self.setText(short_hex(evidence.ref))
        self.setIcon(icon(*evidence_icon(evidence), 12))
        self.setToolTip(f"{evidence.words}: {evidence.ref}")
        self.setAccessibleName(f"Evidence: {evidence.kind.value} {evidence.ref}, {evidence.words}")
        self._dress()

    def open(self) -> None:
        """Show the popover."""
        self.popover = EvidencePopover(self.evidence, self)
        self.popover.open_at(self)

    def _dress(self) -> None:
        self.setFont(theme.font("mono"))


def _copy(text: str) -> None:
    from PySide6.QtWidgets import QApplication

    QApplication.clipboard().setText(text)
