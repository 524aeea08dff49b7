"""Sign by hand, on the console that has the key: read what another console asks, sign it, and carry the answer back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from app.core.errors import ConsoleError, Invalid
from ui.panels.wallets.forms.form import WalletForm, ask_file, ask_save, line, read_file
from ui.theme import theme
from ui.widgets import CodeBlock, Field, KeyValue, Note, button

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets.byhand import HandRequest
    from ui.shell.panel import Panel

WAIT_MS = 300


class HandForm(WalletForm):
    """A request that was carried here as a text or a file. No network is needed."""

    title = "Sign a request"
    context = "From another console; what it says is made anew here"
    primary = "Sign the request"
    planned = False
    stays = True

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._request: HandRequest | None = None
        self._answer = ""
        self.text = QPlainTextEdit()
        self.text.setObjectName("wallets.hand.text")
        self.text.setAccessibleName("The request")
        self.text.setTabChangesFocus(True)
        self.text.setFont(theme.font("mono"))
        self.text.setMaximumHeight(120)
        self.text_field = self.field("The request", self.text, "The text that the other console exported")
        load = button("From a file…", icon="folder-open")
        load.setObjectName("wallets.hand.load")
        load.clicked.connect(lambda: ask_file(self, "Request to sign", "Requests (*.json);;All files (*)", self.load))
        self.add(line(load))
        self.words = Note("warn", "")
        self.words.setObjectName("wallets.hand.words")
        self.words.hide()
        self.add(self.words)
        self.each = CodeBlock("", max_lines=12)
        self.each.setObjectName("wallets.hand.each")
        self.each.setAccessibleName("What each transaction does")
        self.each_field = Field("What each transaction does", self.each, "")
        self.add(self.each_field)
        self.facts = KeyValue([])
        self.facts.setObjectName("wallets.hand.facts")
        self.add(self.facts)
        self.answer = CodeBlock("", max_lines=8)
        self.answer.setObjectName("wallets.hand.answer")
        self.answer.setAccessibleName("The answer to carry back")
        self.answer_field = Field("The answer to carry back", self.answer, "")
        self.add(self.answer_field)
        copy = button("Copy answer", icon="copy")
        copy.setObjectName("wallets.hand.copy")
        copy.clicked.connect(lambda: QApplication.clipboard().setText(self._answer))
        save = button("Save answer…", icon="export")
        save.setObjectName("wallets.hand.save")
        save.clicked.connect(self._save)
        self.out = QWidget()
        self.out.setLayout(line(copy, save))
        self.add(self.out)
        self.end()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._read)
        self.text.textChanged.connect(self._typed)
        self._forget()

    def load(self, path: Path) -> None:
        """Take the request from a file."""
        from app.wallets.byhand import LONGEST_LIST

        try:
            self.text.setPlainText(read_file(path, "text", LONGEST_LIST).decode("utf-8"))
        except (Invalid, UnicodeDecodeError) as error:
            self.text_field.set_error(str(error) if isinstance(error, Invalid) else f"{path.name} is no text. Nothing was read.")

    def _forget(self) -> None:
        self._request, self._answer = None, ""
        self.words.hide()
        self.each_field.hide()
        self.facts.set_pairs([])
        self.answer_field.hide()
        self.out.hide()

    def _typed(self) -> None:
        self.text_field.set_error("")
        self._forget()
        if self.text.toPlainText().strip():
            self._timer.start()

    def _read(self) -> None:
        text, wallets = self.text.toPlainText(), self.console.wallets

        def failed(error: ConsoleError) -> bool:
            if text == self.text.toPlainText():
                self.text_field.set_error(str(error))
            return True

        def found(request: HandRequest) -> None:
            if text == self.text.toPlainText():
                self._show(request)

        self.bridge.run(lambda: wallets.read_request(text), then=found, fail=failed, owner=self)

    def _show(self, request: HandRequest) -> None:
        self._request = request
        many = len(request.transactions) > 1
        self.words.set_text(" ".join(request.words[:2] if many else request.words))
        self.words.show()
        self.each.set_text("\n".join(request.words[2:]) if many else "")
        self.each_field.setVisible(many)
        first, last = request.transactions[0].nonce, request.transactions[-1].nonce
        self.facts.set_pairs(
            [
                ("Plan there", f"{request.plan}, {request.title}"),
                ("Network", f"{request.network}, chain {request.chain_id}"),
                ("Signs", request.sender),
                ("Nonce", f"{first:,}" if first == last else f"{first:,} to {last:,}"),
                ("Digest to compare", request.digest),
            ]
        )

    def work(self) -> Callable[[], Awaitable[Any]]:
        if self._request is None:
            raise Invalid("There is no request to sign. Nothing was signed.", "Paste it, or load its file.", field="text")
        text, wallets = self.text.toPlainText(), self.console.wallets
        return lambda: wallets.sign_request(text)

    def finished(self, result: str) -> None:
        self._answer = result
        self.answer.set_text(result)
        self.answer_field.show()
        self.out.show()
        self.panel.window_.notify("Signed. Carry the answer back to the other console.", "ok")

    def _save(self) -> None:
        name = f"{self._request.plan if self._request else 'plan'}-signed.json"

        def write(path: Path) -> None:
            try:
                path.write_text(self._answer, encoding="utf-8")
            except OSError as error:
                self.panel.window_.notify(f"The answer was not written: {error.strerror}.", "err")
            else:
                self.panel.window_.notify(f"The answer is written to {path}.", "ok")

        ask_save(self, "Save the answer", name, "JSON (*.json)", write)

    def first_field(self) -> QWidget | None:
        return self.text
