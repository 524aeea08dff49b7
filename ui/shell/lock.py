"""The lock screen: it covers everything, shows no figure, and asks for the console passphrase."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ui.theme import icon, theme
from ui.widgets import Field, IconLabel, StatusLabel, button, forget, password_edit, primary_button
from ui.widgets.values import moment

if TYPE_CHECKING:
    from ui.bridge import Bridge

WIDTH = 440
_KEYRING = {"available": ("ok", "Available"), "locked": ("warn", "Locked by the system"), "unavailable": ("err", "Not available")}
FORGOTTEN = (
    "Nobody can read or reset the passphrase, not even from this computer. A new home with another passphrase can be set up, and "
    "accounts come back from the backups of their phrases and keys."
)


class Initials(QWidget):
    """Two letters of who operates."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.setFixedSize(QSize(28, 28))

    def set_name(self, name: str) -> None:
        """Another operator."""
        self._text = name[:2].upper()
        self.setAccessibleName(f"Operator {name}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface-3"))
        painter.drawEllipse(self.rect())
        font = theme.font("hint")
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(theme.color("text-2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()


class LockScreen(QFrame):
    """Over the whole window while the console is locked."""

    unlock_asked = Signal(str)
    quit_asked = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("lock")
        self.setProperty("role", "lock")
        self.setAccessibleName("The console is locked")
        self.setAutoFillBackground(True)
        outer = QVBoxLayout(self)
        outer.addStretch(11)
        self._box = box = QWidget()
        box.setFixedWidth(WIDTH)
        self._column = QVBoxLayout(box)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(12)
        self._column.addLayout(self._head())
        self._column.addSpacing(6)
        self._column.addWidget(self._card())
        self._column.addWidget(self._facts())
        told = QLabel(
            "The console lock hides what is shown and refuses every confirm. The system keyring is separate and asks by itself."
        )
        told.setProperty("role", "hint")
        told.setWordWrap(True)
        self._column.addWidget(told)
        self._column.addLayout(self._foot())
        outer.addWidget(box, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(9)
        self.hide()

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(14)
        tile = QFrame()
        tile.setProperty("role", "tile")
        tile.setFixedSize(44, 44)
        inside = QVBoxLayout(tile)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(IconLabel("lock", "text-2", 20), 0, Qt.AlignmentFlag.AlignCenter)
        row.addWidget(tile)
        names = QVBoxLayout()
        names.setSpacing(0)
        title = QLabel("Console is locked")
        title.setProperty("role", "display")
        self.since = QLabel("")
        self.since.setObjectName("lock.since")
        self.since.setProperty("role", "hint")
        names.addWidget(title)
        names.addWidget(self.since)
        row.addLayout(names, 1)
        return row

    def _card(self) -> QWidget:
        card = QFrame()
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        who = QHBoxLayout()
        who.setSpacing(8)
        self.initials = Initials()
        names = QVBoxLayout()
        names.setSpacing(0)
        self.operator = QLabel("")
        self.operator.setProperty("role", "strong")
        self.role = QLabel("")
        self.role.setProperty("role", "hint")
        names.addWidget(self.operator)
        names.addWidget(self.role)
        who.addWidget(self.initials)
        who.addLayout(names, 1)
        column.addLayout(who)
        self.passphrase = password_edit("lock.passphrase", "Console passphrase")
        self.passphrase.returnPressed.connect(self._ask)
        self.passphrase.installEventFilter(self)
        self.show_action = self.passphrase.addAction(icon("eye", "text-3"), QLineEdit.ActionPosition.TrailingPosition)
        self.show_action.setToolTip("Show what is typed")
        self.show_action.triggered.connect(self._toggle)
        self.field = Field("Console passphrase", self.passphrase, "The system keyring may ask for its own password after this.")
        column.addWidget(self.field)
        row = QHBoxLayout()
        row.addStretch(1)
        self.unlock = primary_button("Unlock", icon="lock-open")
        self.unlock.setObjectName("lock.unlock")
        self.unlock.clicked.connect(self._ask)
        row.addWidget(self.unlock)
        column.addLayout(row)
        return card

    def _facts(self) -> QWidget:
        card = QFrame()
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(0)
        self.keyring = StatusLabel("idle", "Not asked yet")
        self.jobs = QLabel("")
        self.jobs.setProperty("role", "label")
        self.journal = QLabel("")
        self.journal.setProperty("role", "label")
        for symbol, words, shown in (
            ("key", "Keyring", self.keyring),
            ("list-checks", "Jobs go on without a key", self.jobs),
            ("fingerprint", "Lock is in the journal", self.journal),
        ):
            row = QHBoxLayout()
            row.setContentsMargins(0, 6, 0, 6)
            row.setSpacing(8)
            row.addWidget(IconLabel(symbol, "text-2", 16))
            row.addWidget(QLabel(words))
            row.addStretch(1)
            row.addWidget(shown)
            column.addLayout(row)
        return card

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.forgotten: QPushButton = button("Forgotten passphrase…")
        self.forgotten.setObjectName("lock.forgotten")
        self.forgotten.setFlat(True)
        self.forgotten.clicked.connect(lambda: self._say(FORGOTTEN))
        leave = button("Quit")
        leave.setObjectName("lock.quit")
        leave.setFlat(True)
        leave.clicked.connect(self.quit_asked)
        key = QLabel("Ctrl Q")
        key.setProperty("role", "key")
        row.addWidget(self.forgotten)
        row.addStretch(1)
        row.addWidget(leave)
        row.addWidget(key, 0, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _say(self, hint: str) -> None:
        self.field.set_hint(hint)
        self._fit()

    def _fit(self) -> None:
        """Texts that wrap take their height from the width; a box beside stretches would not get it."""
        self._column.activate()
        self._box.setFixedHeight(self._column.totalHeightForWidth(WIDTH))

    # Asking

    def _ask(self) -> None:
        self.field.set_error("")
        self.unlock_asked.emit(self.passphrase.text())
        self._forget()

    def _forget(self) -> None:
        forget(self.passphrase)
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.show_action.setIcon(icon("eye", "text-3"))

    def _toggle(self) -> None:
        shown = self.passphrase.echoMode() == QLineEdit.EchoMode.Normal
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Password if shown else QLineEdit.EchoMode.Normal)
        self.show_action.setIcon(icon("eye" if shown else "eye-slash", "text-3"))

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """A letter tells whether Caps Lock is on."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.text().isalpha():
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.field.set_aside("Caps Lock is on" if event.text().isupper() != shift else "")
        return False

    def refuse(self, text: str) -> None:
        """The passphrase was wrong, or must wait."""
        self.field.set_error(text)
        self._fit()
        self.passphrase.setFocus()

    # Showing

    def cover(self, then: Callable[[], object] | None = None) -> None:
        """Show it over all."""
        parent = self.parentWidget()
        self.setGeometry(0, 0, parent.width(), parent.height())
        self._forget()
        self.field.set_aside("")
        self.show()
        self.raise_()
        self._fit()
        self.passphrase.setFocus()
        if then is not None:
            then()

    def read(self, bridge: Bridge) -> None:
        """Who is asked, since when, and how keyring and jobs are; no figure of the economy."""
        console = bridge.console
        operator = console.access.operator
        self.initials.set_name(operator.name)
        self.operator.setText(operator.name)
        self.role.setText(f"{operator.role.value.capitalize()} on this computer")
        running = sum(str(job.state) == "running" for job in console.jobs.list())
        self.jobs.setText(f"{running} running" if running else "none running")

        async def look() -> tuple[Any, Any]:
            entries = await console.journal.page(limit=50)
            locked = next((entry for entry in entries if entry.kind == "access.locked"), None)
            return await console.vault.state(), locked

        def show(answer: tuple[Any, Any]) -> None:
            state, entry = answer
            self.keyring.set_state(*_KEYRING.get(state.state.value, ("idle", "Unknown")))
            if entry is not None:
                reason = str(entry.body.get("reason", "")) if isinstance(entry.body, dict) else ""
                self.since.setText(f"Since {moment(entry.at)} UTC" + (f", {reason}" if reason else ""))
                self.journal.setText(f"entry {entry.sequence:,}")

        bridge.run(look, then=show, fail=lambda _: True, owner=self)
