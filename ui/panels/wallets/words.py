"""Recovery phrases on the screen: shown word by word for half a minute, and entered word by word with completion and checksum."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.core.secret import Secret
from ui.theme import theme
from ui.widgets import Segmented, StatusLabel, Watchful, button, empty, forget
from ui.widgets.basics import restyle
from ui.widgets.secrets import SHOWN_MS

if TYPE_CHECKING:
    from ui.bridge import Bridge

COUNTS = (12, 15, 18, 21, 24)
COLUMNS = 3
_PRIVATE = Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText | Qt.InputMethodHint.ImhNoAutoUppercase


class PhraseView(QWidget):
    """The words of a new phrase, each behind dots until asked for.

    Signals:
        toggled: they are readable now, or hidden again.
    """

    toggled = Signal(bool)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._phrase: Secret | None = None
        self._words: list[QLabel] = []
        self._open = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(5)
        column.addLayout(self._grid)
        self._left = QProgressBar()
        self._left.setTextVisible(False)
        self._left.setFixedHeight(3)
        self._left.setRange(0, SHOWN_MS)
        self._left.setAccessibleName("Time until the words are hidden again")
        column.addWidget(self._left)
        row = QHBoxLayout()
        self.reveal = button("Show the words", icon="eye")
        self.reveal.setObjectName(f"{name}.reveal")
        self.reveal.setEnabled(False)
        self.reveal.clicked.connect(self.toggle)
        row.addWidget(self.reveal)
        row.addStretch(1)
        column.addLayout(row)
        self._clock = QTimer(self)
        self._clock.setInterval(250)
        self._clock.timeout.connect(self._tick)
        self._watch = Watchful(self, self.hide_words)
        self.hide_words()

    def set_phrase(self, phrase: Secret | None, count: int = 12) -> None:
        """Another phrase, hidden; ``None`` while it is being made."""
        self._phrase = phrase
        count = len(phrase.reveal().split()) if phrase else count
        empty(self._grid)
        self._words = []
        per_column = -(-count // COLUMNS)
        for index in range(count):
            label = QLabel()
            label.setObjectName(f"{self._name}.word.{index + 1}")
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setFont(theme.font("mono"))
            label.setProperty("role", "word")
            label.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
            self._grid.addWidget(label, index % per_column, index // per_column)
            self._words.append(label)
        self.reveal.setEnabled(phrase is not None)
        self.hide_words()

    @property
    def shown(self) -> bool:
        """Whether the words are readable now."""
        return self._open

    def toggle(self) -> None:
        """Show the words, or hide them."""
        if self._open or self._phrase is None:
            self.hide_words()
            return
        self._open = True
        for index, word in enumerate(self._phrase.reveal().split()):
            self._words[index].setText(f"{index + 1}. {word}")
            self._words[index].setAccessibleName(f"Word {index + 1}")
        self.reveal.setText("Hide the words")
        self._left.setValue(SHOWN_MS)
        self._left.show()
        self._clock.start()
        self.toggled.emit(True)

    def hide_words(self) -> None:
        """Dots again."""
        was, self._open = self._open, False
        self._clock.stop()
        self._left.hide()
        self.reveal.setText("Show the words")
        for index, label in enumerate(self._words):
            label.setText(f"{index + 1}. ••••••")
            label.setAccessibleName(f"Word {index + 1}, hidden")
        if was:
            self.toggled.emit(False)

    def _tick(self) -> None:
        self._left.setValue(max(0, self._left.value() - self._clock.interval()))
        if self._left.value() <= 0:
            self.hide_words()

    def hideEvent(self, event: QHideEvent) -> None:
        self.hide_words()
        super().hideEvent(event)


class WordEdit(QLineEdit):
    """One word: readable while it has the focus, dots when it has not; completed from the list of BIP-39.

    Signals:
        next_asked: the word is finished; the next field is wanted.
        pasted: more than one word came at once.
    """

    next_asked = Signal()
    pasted = Signal(list)

    def __init__(self, name: str, described: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(described)
        self.setFont(theme.font("mono"))
        self.setInputMethodHints(_PRIVATE)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setMaxLength(400)  # a whole phrase may be pasted here
        self._always = False
        self.language = "english"  # the list that is asked first
        self._choices = QStringListModel(self)
        completer = QCompleter(self._choices, self)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.activated.connect(lambda _: QTimer.singleShot(0, self, self.next_asked.emit))
        self.setCompleter(completer)
        self.textEdited.connect(self._edited)
        self._echo()

    def show_always(self, show: bool) -> None:
        """Readable also without the focus."""
        self._always = show
        self._echo()

    def _echo(self) -> None:
        shown = self.hasFocus() or self._always
        self.setEchoMode(QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password)

    def _edited(self, text: str) -> None:
        words = text.split()
        if len(words) > 1:
            self.setText(words[0])
            self.pasted.emit(words)
            return
        if text.endswith(" "):
            self.setText(text.strip())
            if words:
                self.next_asked.emit()
            return
        from app.wallets import phrases

        self._choices.setStringList(phrases.suggestions(text, self.language) if _LISTS["ready"] else [])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        completer = self.completer()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not completer.popup().isVisible():
            only = self._choices.stringList()
            if len(only) == 1 and self.text() != only[0]:
                self.setText(only[0])
            self.next_asked.emit()
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._echo()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            only = self._choices.stringList()
            if event.reason() in (Qt.FocusReason.TabFocusReason,) and len(only) == 1 and self.text():
                self.setText(only[0])
            self._echo()

    def forget(self) -> None:
        """Empty it, and what it could be completed to."""
        self._choices.setStringList([])
        forget(self)


_LISTS = {"ready": False}


def load_lists(bridge: Bridge, owner: QWidget, then: Any = None) -> None:
    """Read the word lists on the service's side: on Qt's thread that would be felt."""

    async def read() -> None:
        from app.wallets import phrases

        await asyncio.to_thread(phrases.judge, ["abandon"])

    def loaded(_: object) -> None:
        _LISTS["ready"] = True
        if then is not None:
            then()

    bridge.run(read, then=loaded, owner=owner)


class PhraseEntry(QWidget):
    """12 to 24 words, one field each. A whole phrase can be pasted into any of them.

    Signals:
        changed: the words are others; :meth:`complete` says whether they make a phrase.
    """

    changed = Signal()

    def __init__(self, name: str, bridge: Bridge) -> None:
        super().__init__()
        self.setObjectName(name)
        self._name = name
        self._edits: list[WordEdit] = []
        self._right = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.counts = Segmented([(str(count), f"{count}") for count in COUNTS])
        self.counts.setObjectName(f"{name}.count")
        self.counts.setAccessibleName("Number of words")
        self.counts.changed.connect(lambda count: self._lay_out(int(count)))
        head = QHBoxLayout()
        words = QLabel("Words")
        words.setProperty("role", "label")
        head.addWidget(words)
        head.addWidget(self.counts)
        head.addStretch(1)
        self.show_button = button("Show", icon="eye")
        self.show_button.setObjectName(f"{name}.show")
        self.show_button.setCheckable(True)
        self.show_button.setToolTip("Show every word for 30 seconds; without it only the word being typed is readable")
        self.show_button.setAccessibleName("Show every word for 30 seconds")
        self.show_button.toggled.connect(self._show_all)
        head.addWidget(self.show_button)
        column.addLayout(head)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        column.addLayout(self._grid)
        self.state = StatusLabel("idle", "0 of 12 words")
        self.state.setObjectName(f"{name}.state")
        column.addWidget(self.state)
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.setInterval(SHOWN_MS)
        self._clock.timeout.connect(lambda: self.show_button.setChecked(False))
        self._watch = Watchful(self, self._left)
        self._lay_out(12)
        load_lists(bridge, self, self._judge)

    # Fields

    def _lay_out(self, count: int) -> None:
        kept = [edit.text() for edit in self._edits]
        for edit in self._edits:
            edit.forget()
        empty(self._grid)
        self._edits = []
        per_column = -(-count // COLUMNS)
        for index in range(count):
            cell = QWidget()
            row = QHBoxLayout(cell)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(4)
            number = QLabel(f"{index + 1}")
            number.setProperty("role", "hint")
            number.setFixedWidth(18)
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            edit = WordEdit(f"{self._name}.{index + 1}", f"Word {index + 1}")
            edit.show_always(self.show_button.isChecked())
            edit.setText(kept[index] if index < len(kept) else "")
            edit.textChanged.connect(lambda _: self._judge())
            edit.next_asked.connect(lambda at=index: self._go(at + 1))
            edit.pasted.connect(lambda words, at=index: self._paste(at, words))
            edit.installEventFilter(self)
            row.addWidget(number)
            row.addWidget(edit, 1)
            self._grid.addWidget(cell, index % per_column, index // per_column)
            self._edits.append(edit)
        for first, second in zip(self._edits, self._edits[1:], strict=False):
            QWidget.setTabOrder(first, second)
        self._judge()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Backspace:
            at = next((i for i, edit in enumerate(self._edits) if edit is watched), 0)
            if at and not self._edits[at].text():
                self._go(at - 1)
                return True
        return False

    def _go(self, at: int) -> None:
        if 0 <= at < len(self._edits):
            self._edits[at].setFocus(Qt.FocusReason.OtherFocusReason)
            self._edits[at].selectAll()
        self._judge()

    def _paste(self, at: int, words: Sequence[str]) -> None:
        if len(words) in COUNTS and len(words) != len(self._edits):
            self.counts.set_value(str(len(words)))
            self._lay_out(len(words))
        start = 0 if len(words) == len(self._edits) else at
        for edit, word in zip(self._edits[start:], words, strict=False):
            edit.setText(word)
        self._go(min(start + len(words), len(self._edits)) - 1)

    # Judging

    def words(self) -> list[str]:
        """What was typed, in order, up to the last word that is there."""
        typed = [edit.text().strip().lower() for edit in self._edits]
        while typed and not typed[-1]:
            typed.pop()
        return typed

    def complete(self) -> bool:
        """Whether the words make a phrase by BIP-39."""
        return self._right

    def phrase(self) -> Secret:
        """The words as a phrase; whoever plans with it checks it again."""
        return Secret(" ".join(self.words()))

    def _judge(self) -> None:
        typed, wanted = self.words(), len(self._edits)
        self._right = False
        gaps = [place for place, word in enumerate(typed, 1) if not word]
        if not _LISTS["ready"] or not typed:
            self._mark(())
            self.state.set_state("idle", f"{len(typed)} of {wanted} words")
        elif gaps:
            self._mark(())
            self.state.set_state("idle", f"Word {gaps[0]} is missing")
        else:
            self._say(typed, wanted)
        self.changed.emit()

    def _say(self, typed: list[str], wanted: int) -> None:
        from app.wallets import phrases

        found = phrases.judge(typed)
        typing = next((place for place, edit in enumerate(self._edits, 1) if edit.hasFocus()), 0)
        for edit in self._edits:
            edit.language = found.language
        begun = bool(typing and typing <= len(typed) and phrases.suggestions(typed[typing - 1], found.language))
        unknown = tuple(place for place in found.unknown if place != typing or not begun)
        self._mark(unknown)
        if unknown:
            listed = ", ".join(map(str, unknown[:6])) + (" …" if len(unknown) > 6 else "")
            self.state.set_state(
                "err", f"Word {listed} is not in the list" if len(unknown) == 1 else f"Words {listed} are not in the list"
            )
        elif found.unknown:
            self.state.set_state("idle", f"Word {typing} is being typed")
        elif len(typed) < wanted:
            more = ""
            if len(typed) == wanted - 1 and found.last_words:
                more = f"; {len(found.last_words)} words can be the last"
            self.state.set_state("idle", f"{len(typed)} of {wanted} words{more}")
        elif found.checksum == "ok":
            self._right = True
            self.state.set_state("ok", f"All {wanted} words and the checksum are right")
        else:
            self.state.set_state("err", "The checksum is wrong: compare with the backup")

    def _mark(self, unknown: Sequence[int]) -> None:
        for place, edit in enumerate(self._edits, 1):
            wrong = place in unknown
            if bool(edit.property("invalid")) != wrong:
                edit.setProperty("invalid", wrong)
                edit.setAccessibleDescription("Not in the list of BIP-39" if wrong else "")
                restyle(edit)

    # Leaving

    def _show_all(self, show: bool) -> None:
        self.show_button.setText("Hide" if show else "Show")
        for edit in self._edits:
            edit.show_always(show)
        if show:
            self._clock.start()
        else:
            self._clock.stop()

    def _left(self) -> None:
        """Somebody else is in front: nothing stays readable."""
        popup = QApplication.activePopupWidget()
        if popup is None or not any(edit.completer().popup() is popup for edit in self._edits):
            self.show_button.setChecked(False)
        if not self.isVisible() or not self.isEnabled():
            self.forget()

    def forget(self) -> None:
        """Empty every field."""
        for edit in self._edits:
            edit.forget()
        self.show_button.setChecked(False)

    def first(self) -> QLineEdit:
        """Where typing begins."""
        return self._edits[0]

    def hideEvent(self, event: QHideEvent) -> None:
        """Words are not kept in fields that nobody sees."""
        self.forget()
        super().hideEvent(event)
