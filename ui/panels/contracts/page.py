"""What every page of the Contracts panel is: it knows which contract is chosen, and reads only while it is in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.widgets import EvidenceChip, Note

if TYPE_CHECKING:
    from app.contracts import Deployment
    from app.contracts.books import Imported
    from app.core.evidence import Evidence
    from ui.panels.contracts.panel import ContractsPanel


class Page(QWidget):
    """One page. Subclasses set ``name`` (also the link's ``page``) and ``title`` and override what they need."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__()
        self.panel = panel
        self.bridge = panel.bridge
        self._due = True
        self.setObjectName(f"contracts.page.{self.name}")
        self.setAccessibleName(self.title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)

    @property
    def chosen(self) -> Deployment | Imported | None:
        """The deployed contract that is chosen at the left."""
        return self.panel.chosen

    def mark(self) -> None:
        """What is shown may be old; it is read when the page is in front."""
        self._due = True

    def come(self) -> None:
        """The page is in front now."""
        if self._due and self.bridge.is_ready:
            self._due = False
            self.refresh()

    def refresh(self) -> None:
        """Read what is shown."""

    def follow(self, **arguments: Any) -> None:
        """Follow a link's arguments, this page in front."""


def evidence_line(evidence: Evidence) -> QWidget:
    """What was looked at in words, and the chip that opens it."""
    holder = QWidget()
    line = QHBoxLayout(holder)
    line.setContentsMargins(0, 0, 0, 0)
    method = "_" in evidence.check.partition(",")[0]  # the name of a method stays as it is written
    text = QLabel(evidence.check if method else evidence.check[:1].upper() + evidence.check[1:])
    text.setProperty("role", "hint")
    text.setWordWrap(True)
    line.addWidget(text, 1)
    line.addWidget(EvidenceChip(evidence), 0, Qt.AlignmentFlag.AlignTop)
    return holder


def under(note: Note) -> tuple[QWidget, QVBoxLayout]:
    """A page's content that begins with a note, and the column in which the rest follows."""
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    top = QWidget()
    room = QVBoxLayout(top)
    room.setContentsMargins(16, 10, 16, 10)
    room.addWidget(note)
    column.addWidget(top)
    return content, column
