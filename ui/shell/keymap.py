"""The keyboard map, `?`: every shortcut there is, from the registry."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from ui.actions import Registry
from ui.widgets import Column, Row, Table

FIXED = (
    ("Ctrl+Enter", "Press the primary button of the focused region, never Sign and send", "Everywhere"),
    ("Alt+Right, Alt+Left", "Next or previous step of the plan, where allowed", "Plan sheet"),
    ("F6, Shift+F6", "Next or previous region", "Everywhere"),
    ("Esc", "Close the popover, then the sheet", "Everywhere"),
    ("Ctrl+C, Ctrl+Shift+C", "Copy as shown, copy the exact value", "Tables"),
    ("Ctrl+E", "Evidence of the focused row", "Tables"),
    ("Arrows, Enter, Home", "Next object, open it or a group, the one looked at", "Topology"),
    ("Ctrl+Plus, Ctrl+Minus, Ctrl+0", "Zoom in or out, show all of it", "Topology"),
    ("Backspace", "Put opened groups together again", "Topology"),
    ("J, K", "Next or previous proof", "Proof review"),
    ("A, R", "Accept or reject the marked proofs, else the chosen one", "Proof review"),
    ("Space, U", "Mark a proof, take the last answer back", "Proof review"),
)


class KeyboardMap(QDialog):
    """A table of keys."""

    def __init__(self, parent: QWidget, registry: Registry) -> None:
        super().__init__(parent)
        self.setObjectName("keymap")
        self.setWindowTitle("Keyboard")
        self.setAccessibleName("Keyboard map")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(640, 520)
        column = QVBoxLayout(self)
        table = Table([Column("keys", "Keys", 170), Column("what", "Does", 330), Column("where", "Group", 110)])
        table.setAccessibleName("Keys and what they do")
        listed = [(a.shortcut, a.title, a.group) for a in registry.all() if a.shortcut]
        table.set_rows([Row(str(i), {"keys": k, "what": w, "where": g}) for i, (k, w, g) in enumerate([*listed, *FIXED])])
        column.addWidget(table)
