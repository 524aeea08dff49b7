"""Search and commands, Ctrl+K: every action, and whatever panels can find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget
from shiboken6 import isValid

from ui.theme import icon

if TYPE_CHECKING:
    from ui.shell.window import MainWindow

MOST = 80
WIDTH = 620


def score(words: str, title: str, keywords: tuple[str, ...]) -> int:
    """How well an entry answers; 0 is not at all. All words must occur; at the beginning of a word counts more."""
    text = f"{title} {' '.join(keywords)}".lower()
    total = 1
    for word in words.lower().split():
        at = text.find(word)
        if at < 0:
            return 0
        total += 6 if title.lower().startswith(word) else 4 if at == 0 or text[at - 1] in " ./" else 1
    return total


class Palette(QFrame):
    """A field and a list over the window; the arrows choose while the field keeps the focus."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.setProperty("role", "popover")
        self.setObjectName("palette")
        self.setAccessibleName("Search and commands")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        self.input = QLineEdit()
        self.input.setObjectName("palette.input")
        self.input.setAccessibleName("Search or run a command")
        self.input.setPlaceholderText("Search or run a command, an address, a transaction")
        self.input.installEventFilter(self)
        column.addWidget(self.input)
        self.list = QListWidget()
        self.list.setObjectName("palette.list")
        self.list.setAccessibleName("What was found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.itemClicked.connect(lambda _: self._run())
        column.addWidget(self.list)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(120)
        self._later.timeout.connect(self._search)
        self.input.textChanged.connect(self._changed)
        self._before: QWidget | None = None
        self.hide()

    def open(self) -> None:
        """Show it, empty, with the focus."""
        focus = self._window.focusWidget()
        if focus is not self.input:  # opened twice, it still knows where it came from
            self._before = focus
        self.resize(WIDTH, 420)
        self.move(QPoint((self._window.width() - WIDTH) // 2, 84))
        self.input.clear()
        self._fill("")
        self.show()
        self.raise_()
        self.input.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_palette(self) -> None:
        """Hide it and give the focus back."""
        self.hide()
        if self._before is not None and isValid(self._before) and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)

    def _changed(self, text: str) -> None:
        self._fill(text)
        self._later.start()

    def _fill(self, text: str) -> None:
        self.list.clear()
        found = []
        for place, action in enumerate(self._window.registry.all()):
            if not action.palette:
                continue
            points = score(text, action.title, (*action.keywords, action.group, action.id))
            if points:
                found.append((-points, place, action))
        for _, _, action in sorted(found, key=lambda entry: entry[:2])[:MOST]:
            why = action.enabled()
            title = f"{action.title}…" if action.changes else action.title
            item = QListWidgetItem(
                icon(action.icon or "caret-right"), f"{title}    {action.shortcut or action.group}" + (f"  ({why})" if why else "")
            )
            item.setData(Qt.ItemDataRole.UserRole, ("action", action.id))
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _search(self) -> None:
        text = self.input.text().strip()
        if len(text) < 2 or not self.isVisible():
            return
        for provider in list(self._window.registry.providers.values()):
            self._window.bridge.run(
                lambda provider=provider: provider(text),  # type: ignore[misc]
                then=lambda hits, text=text: self._show_hits(text, hits),  # type: ignore[misc]
                fail=lambda _: True,
                owner=self,
            )

    def _show_hits(self, text: str, hits: Any) -> None:
        if text != self.input.text().strip():
            return
        for hit in hits:
            item = QListWidgetItem(icon(hit.icon), f"{hit.title}    {hit.subtitle}")
            item.setData(Qt.ItemDataRole.UserRole, ("link", hit.link))
            self.list.addItem(item)
        if self.list.currentRow() < 0:
            self.list.setCurrentRow(0)

    def _run(self) -> None:
        item = self.list.currentItem()
        if item is None:
            return
        kind, value = item.data(Qt.ItemDataRole.UserRole)
        self.close_palette()
        if kind == "action":
            self._window.trigger(value)
        else:
            self._window.open_link(value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.input and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}.get(Qt.Key(event.key()))
            if step is not None:
                self.list.setCurrentRow(max(0, min(self.list.count() - 1, self.list.currentRow() + step)))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.close_palette()
                return True
        if watched is self.input and event.type() == QEvent.Type.FocusOut and self.isVisible():
            QTimer.singleShot(0, self._lost_focus)
        return False

    def _lost_focus(self) -> None:
        if self.isVisible() and not self.input.hasFocus():
            self.hide()
