"""Sign a message or typed data: every field before it, and the digest to compare with another screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHeaderView, QPlainTextEdit, QTreeWidget, QTreeWidgetItem, QWidget

from app.core.errors import ConsoleError, Invalid
from ui.panels.wallets.forms.form import WalletForm, ask_file, line, read_file
from ui.theme import theme
from ui.widgets import AccountCombo, Field, KeyValue, Note, Segmented, button

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.wallets import FieldNode, TypedData
    from ui.shell.panel import Panel

WAIT_MS = 350  # after the last letter, before typed data is read


class FieldTree(QTreeWidget):
    """The values of typed data as a tree: name, type, and the exact value on one line."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Fields of the typed data")
        self.setHeaderLabels(["Field", "Value"])
        self.setUniformRowHeights(True)
        self.setRootIsDecorated(True)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(190)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.header().resizeSection(0, 190)

    def show_nodes(self, groups: Sequence[tuple[str, Sequence[FieldNode]]]) -> None:
        """Show groups such as the domain and the message, all open."""
        self.clear()
        for heading, nodes in groups:
            top = QTreeWidgetItem([heading, ""])
            font = top.font(0)
            font.setWeight(font.Weight.DemiBold)
            top.setFont(0, font)
            self.addTopLevelItem(top)
            for node in nodes:
                top.addChild(self._item(node))
        self.expandAll()

    def _item(self, node: FieldNode) -> QTreeWidgetItem:
        from app.wallets.consent import visible

        made = QTreeWidgetItem([f"{visible(node.name)}  {visible(node.type)}", "" if node.parts else visible(node.value)])
        made.setFont(1, theme.font("mono"))
        made.setToolTip(0, node.path)
        made.setToolTip(1, visible(node.value))
        for part in node.parts:
            made.addChild(self._item(part))
        return made


class SignForm(WalletForm):
    """``personal_sign`` (EIP-191) or typed data (EIP-712)."""

    title = "Sign"
    context = "Nothing goes on a chain; a signature may still be worth money"

    def __init__(self, panel: Panel, sender: str = "", form: str = "message") -> None:
        super().__init__(panel)
        self._read: TypedData | None = None
        self.account = AccountCombo("wallets.sign.account", self.bridge)
        if sender:
            self.account.set_address(sender)
        self.field("Sign as", self.account)
        self.form = Segmented([("message", "Message"), ("typed", "Typed data (EIP-712)")])
        self.form.setObjectName("wallets.sign.form")
        self.form.setAccessibleName("What to sign")
        self.form.set_value(form)
        self.form.changed.connect(lambda _: self._choose())
        self.add(self.form)
        self.text = QPlainTextEdit()
        self.text.setObjectName("wallets.sign.typed")
        self.text.setTabChangesFocus(True)
        self.text.setFont(theme.font("mono"))  # of a message, too, every letter counts
        self.text.setMinimumHeight(110)
        self.text.setMaximumHeight(170)
        self.text_field = self.field("Message", self.text)
        load = button("From a file…", icon="folder-open")
        load.setObjectName("wallets.sign.load")
        load.clicked.connect(lambda: ask_file(self, "What to sign", "All files (*)", self.load))
        self.add(line(load))
        self.problems = Note("warn", "")
        self.problems.setObjectName("wallets.sign.problems")
        self.problems.hide()
        self.add(self.problems)
        self.tree = FieldTree("wallets.sign.fields")
        self.add(self.tree)
        self.digests = KeyValue([])
        self.digests.setObjectName("wallets.sign.digests")
        self.digest_field = Field("To compare with another screen", self.digests, "")
        self.add(self.digest_field)
        self.end()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._parse)
        self.text.textChanged.connect(self._typed)
        self._choose()

    def load(self, path: Path) -> None:
        """Take the text of a file."""
        try:
            text = read_file(path, "typed").decode("utf-8")
        except UnicodeDecodeError:
            self.text_field.set_error(f"{path.name} is not text (UTF-8). Nothing was taken.")
        except Invalid as error:
            self.text_field.set_error(str(error))
        else:
            self.text.setPlainText(text)

    def _choose(self) -> None:
        typed = self.form.value() == "typed"
        self.text_field.label.setText("Typed data, as JSON" if typed else "Message")
        self.text.setAccessibleName("Typed data as JSON" if typed else "Message")
        self.text_field.set_hint("types, primaryType, domain and message" if typed else "Exactly these characters are signed")
        self._forget()
        self._typed()

    def _forget(self) -> None:
        self._read = None
        for part in (self.tree, self.digest_field, self.problems):
            part.hide()

    def _typed(self) -> None:
        self.text_field.set_error("")
        if self.form.value() == "typed" and self.text.toPlainText().strip():
            self._timer.start()
        else:
            self._timer.stop()
            self._forget()

    def _parse(self) -> None:
        text, wallets = self.text.toPlainText(), self.console.wallets

        def failed(error: ConsoleError) -> bool:
            self._forget()
            if text == self.text.toPlainText():
                self.text_field.set_error(str(error))
            return True

        self.bridge.run(lambda: wallets.parse_typed(text), then=self._show, fail=failed, owner=self)

    def _show(self, read: TypedData) -> None:
        if read.text != self.text.toPlainText() or self.form.value() != "typed":
            return
        self._read = read
        self.tree.show_nodes((("Domain", read.domain_fields), (read.primary_type, read.fields)))
        self.tree.show()
        hashes = (("Digest", read.digest), ("Domain hash", read.domain_hash), ("Message hash", read.message_hash))
        self.digests.set_pairs((name, "0x" + value.hex()) for name, value in hashes)
        self.digest_field.show()
        said = [f"{problem.text} {problem.detail}".strip() for problem in read.problems]
        current = self.console.networks.current
        if read.chain_id is not None and current is not None and read.chain_id != current.chain_id:
            said.insert(0, f"It is meant for chain {read.chain_id}; {current.name} is {current.chain_id}. It will be refused here.")
        self.problems.setVisible(bool(said))
        self.problems.set_text(" ".join(said))

    def work(self) -> Callable[[], Awaitable[Any]]:
        account, text, wallets = self.account.address(), self.text.toPlainText(), self.console.wallets
        if self.form.value() == "typed":
            network = self.network("typed")
            return lambda: wallets.plan_sign_typed(account, text, network.id)
        if not text:
            raise Invalid("The message is empty. Nothing was planned.", "Enter it.", field="typed")
        return lambda: wallets.plan_sign_message(account, text)

    def show_error(self, error: Any) -> bool:
        if error.field in ("typed", "message", "content"):
            self.clear_errors()
            self.text_field.set_error(str(error))
            self.text.setFocus()
            return True
        return super().show_error(error)

    def first_field(self) -> QWidget | None:
        return self.text
