"""Secrets on the screen: asked for, shown for a while, and never left behind in a widget or in the clipboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPlainTextEdit, QWidget

from app.core.secret import Secret
from tests.ui.shell.desk import Shell, rest
from ui.panels.wallets.forms.form import write_private
from ui.panels.wallets.words import PhraseEntry, PhraseView
from ui.widgets import SecretView, secrets

pytestmark = pytest.mark.gui
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
PASSPHRASE = "a long walk by the river"


def texts(widget: QWidget) -> str:
    """Everything that a widget and its children hold: shown, typed, named, or one undo away."""
    found = []
    for part in [widget, *widget.findChildren(QWidget)]:
        found += [part.accessibleName(), part.accessibleDescription(), part.toolTip()]
        if isinstance(part, QLabel):
            found.append(part.text())
        elif isinstance(part, QLineEdit):
            found.append(part.text())
            if part.isUndoAvailable():
                part.undo()
                found.append(part.text())
        elif isinstance(part, QPlainTextEdit):
            found.append(part.toPlainText())
    return "\n".join(found)


def test_an_exported_key_is_its_owners_alone_also_where_a_file_was_before(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text("somebody's")
    file.chmod(0o644)
    write_private(file, "ours")
    assert file.read_text() == "ours" and file.stat().st_mode & 0o777 == 0o600
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError):
        write_private(folder, "ours")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "key.json"]


@pytest.fixture
def view(qtbot: Any) -> Iterator[SecretView]:
    made = SecretView("secret", "private key")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.set_secret(Secret(PHRASE))
    yield made
    secrets.clipboard_guard.clear()


def test_a_secret_is_behind_dots_until_it_is_asked_for_and_again_after_a_while(view: SecretView, monkeypatch: Any) -> None:
    assert PHRASE not in texts(view)
    monkeypatch.setattr(secrets, "SHOWN_MS", 400)
    view.show_button.click()
    assert view.text.text() == PHRASE
    while view.shown:
        rest(20)
    assert PHRASE not in texts(view)


@pytest.mark.parametrize("kind", [QEvent.Type.WindowDeactivate, QEvent.Type.Hide])
def test_it_is_hidden_when_the_window_is_left(view: SecretView, kind: QEvent.Type) -> None:
    view.toggle()
    if kind == QEvent.Type.Hide:
        view.hide()
    else:
        QApplication.sendEvent(view.window(), QEvent(kind))
    assert not view.shown and PHRASE not in texts(view)


def test_the_clipboard_loses_it_but_never_what_somebody_else_copied(view: SecretView, monkeypatch: Any) -> None:
    clipboard = QApplication.clipboard()
    monkeypatch.setattr(secrets, "CLIPBOARD_MS", 120)
    view.copy_button.click()
    assert clipboard.text() == PHRASE
    assert bytes(clipboard.mimeData().data("x-kde-passwordManagerHint").data()) == b"secret"  # histories leave it out
    while secrets.clipboard_guard.holds:
        rest(20)
    assert clipboard.text() == ""
    view.copy_button.click()
    clipboard.setText("a shopping list")
    while secrets.clipboard_guard.holds:
        rest(20)
    assert clipboard.text() == "a shopping list"


class Bridge:
    """Carries work out at once."""

    def run(self, work: Any, *, then: Any = None, **_: Any) -> None:
        import asyncio

        answer = asyncio.run(work())
        if then is not None:
            then(answer)


@pytest.fixture
def entry(qtbot: Any) -> PhraseEntry:
    made = PhraseEntry("phrase", Bridge())  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_words_are_judged_while_they_are_typed(entry: PhraseEntry) -> None:
    words = PHRASE.split()
    entry.first().setFocus()
    entry.first().setText("")
    QTest.keyClicks(entry.first(), "legalx ")
    assert entry.state.state == "err" and "Word 1 is not in the list" in entry.state.text()
    entry._paste(0, words[:-1])
    assert entry.state.state == "idle" and "11 of 12 words; 128 words can be the last" in entry.state.text()
    entry._paste(0, [*words[:-1], "winner"])
    assert entry.state.state == "err" and "checksum is wrong" in entry.state.text()
    assert not entry.complete()
    entry._paste(0, words)
    assert entry.state.state == "ok" and entry.complete()
    assert entry.phrase().reveal() == PHRASE


def test_a_whole_phrase_can_be_pasted_and_sets_the_number_of_words(entry: PhraseEntry) -> None:
    whole = " ".join(["abandon"] * 23 + ["art"])
    QApplication.clipboard().setText(whole)
    entry.first().setFocus()
    entry.first().paste()
    assert entry.counts.value() == "24" and entry.words() == whole.split()
    assert entry.complete()
    QApplication.clipboard().clear()


@pytest.mark.parametrize(
    ("words", "begun", "whole"),
    [(["abaisser", "cérébral"], "céré", "cérébral"), (["あいこくしん"] * 2, "がっこ", "がっこう"), ([], "zvuk", "zvukovod")],
)
def test_words_of_every_language_are_completed_as_they_are_typed(
    entry: PhraseEntry, words: list[str], begun: str, whole: str
) -> None:
    entry._paste(0, words)
    edit = entry._edits[len(words)]
    edit.setFocus()
    edit.insert(begun)
    edit.textEdited.emit(edit.text())  # what an input method commits comes without keys
    completer = edit.completer()
    completer.setCompletionPrefix(begun)
    offered = [completer.completionModel().index(row, 0).data() for row in range(completer.completionCount())]
    assert whole in offered


def test_only_the_word_being_typed_is_readable_and_none_stays_when_the_fields_are_left(entry: PhraseEntry) -> None:
    entry._paste(0, PHRASE.split())
    shown = [edit for edit in entry._edits if edit.echoMode() == QLineEdit.EchoMode.Normal]
    assert all(edit.hasFocus() for edit in shown) and len(shown) <= 1
    entry.hide()
    assert not any(word in texts(entry) for word in PHRASE.split())


def test_the_words_of_a_new_phrase_are_hidden_by_the_loss_of_focus(qtbot: Any) -> None:
    made = PhraseView("new")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.set_phrase(Secret(PHRASE))
    assert not any(word in texts(made) for word in PHRASE.split())
    made.reveal.click()
    assert all(word in texts(made) for word in PHRASE.split())
    QApplication.sendEvent(made.window(), QEvent(QEvent.Type.WindowDeactivate))
    assert not any(word in texts(made) for word in PHRASE.split())


# In the window, with a real keyring


def open_form(shell: Shell, name: str, **arguments: str) -> Any:
    shell.window.registry.run(f"wallets.{name}", **arguments)
    shell.until(lambda: shell.window.sheet is not None and shell.window.sheet._form is not None)
    form = shell.window.sheet._form
    shell.until(form.isVisible)
    return form


def create(shell: Shell, label: str) -> Any:
    """A wallet through the form, as a person makes it."""
    form = open_form(shell, "new")
    shell.until(lambda: form._check is not None)
    words = form._phrase.reveal().split()
    form.label.setText(label)
    for place, edit in zip(form._check.places, form._asked, strict=True):
        edit.setText(words[place - 1])
    shell.window.sheet.preview.click()
    shell.until(lambda: not shell.window.dock.isVisible(), 20_000)  # keys are quick: no sheet
    shell.until(lambda: any(account.label == label for account in shell.panel.snapshot.accounts), 20_000)
    return form, words


def test_a_new_wallet_is_refused_until_the_right_words_come_back_and_leaves_none_behind(shell: Shell) -> None:
    form = open_form(shell, "new")
    shell.until(lambda: form._check is not None)
    words = form._phrase.reveal().split()
    form.label.setText("Payroll")
    asked = form._check.places
    wrong = next(word for word in words if word != words[asked[1] - 1])
    for number, place in enumerate(asked):
        form._asked[number].setText(wrong if number == 1 else words[place - 1])
    shell.window.sheet.preview.click()
    from ui.widgets import Field

    said = {field.widget.objectName(): field.error() for field in form.findChildren(Field) if field.error()}
    assert list(said) == ["wallets.new.check.1"] and f"not word {asked[1]}" in said["wallets.new.check.1"]
    assert all(account.label != "Payroll" for account in shell.ask(lambda: shell.console.wallets.list()))
    form, words = create(shell, "Payroll")
    held = texts(shell.window)
    assert not any(f". {word}" in held for word in words)


def test_while_the_words_can_be_read_they_cannot_be_given_back(shell: Shell) -> None:
    form = open_form(shell, "new")
    shell.until(lambda: form._check is not None)
    form.words.reveal.click()
    assert not any(edit.isEnabled() for edit in form._asked)
    form.words.reveal.click()
    assert all(edit.isEnabled() for edit in form._asked)


def test_of_all_phrases_that_were_made_one_is_left(shell: Shell) -> None:
    """Two may be made at once, since a change of access makes one where none is held: the other must not stay in memory."""
    form = open_form(shell, "new")
    shell.until(lambda: form._check is not None)
    made, hold = [form._phrase], form._hold

    def told(answer: Any) -> None:
        made.append(answer[0])
        hold(answer)

    form._hold = told
    form._make()
    form._make()
    shell.until(lambda: len(made) == 3)
    assert [phrase for phrase in made if phrase] == [form._phrase]


def test_the_lock_wipes_a_phrase_that_nobody_has_used_and_empties_every_field(shell: Shell) -> None:
    access = shell.console.access
    if not access.passphrase_set:
        shell.ask(lambda: access.set_passphrase(None, Secret(PASSPHRASE)))
    form = open_form(shell, "new")
    shell.until(lambda: form._check is not None)
    phrase, words = form._phrase, form._phrase.reveal().split()
    form.words.reveal.click()
    shell.window.trigger("console.lock")
    shell.until(lambda: shell.window.covered)
    shell.until(lambda: not phrase)
    assert not any(f". {word}" in texts(shell.window) for word in words)
    shell.ask(lambda: access.unlock(Secret(PASSPHRASE)))
    shell.until(lambda: not shell.window.covered)
    shell.until(lambda: form._check is not None)  # another phrase, never the old one
    assert form._phrase.reveal().split() != words
    shell.ask(lambda: access.set_passphrase(Secret(PASSPHRASE), None))


def test_a_reveal_asks_for_the_passphrase_each_time_and_ends_with_the_lock(shell: Shell) -> None:
    access = shell.console.access
    if not any(account.label == "Payroll" for account in shell.panel.snapshot.accounts):
        create(shell, "Payroll")
    if not access.passphrase_set:
        shell.ask(lambda: access.set_passphrase(None, Secret(PASSPHRASE)))
    account = next(account for account in shell.panel.snapshot.accounts if account.label == "Payroll")
    form = open_form(shell, "reveal", account=account.address)
    form.passphrase.setText("not this one")
    shell.window.sheet.preview.click()
    shell.until(lambda: form.passphrase_field.error(), 20_000)
    assert form._secret is None and form.passphrase.text() == ""
    form.passphrase.setText(PASSPHRASE)
    shell.window.sheet.preview.click()
    shell.until(lambda: form._secret is not None, 20_000)
    words = form._secret.reveal()
    assert len(words.split()) == 12 and words not in texts(form)
    form.view.show_button.click()
    assert words in texts(form)
    form.view.copy_button.click()
    shell.window.trigger("console.lock")
    shell.until(lambda: shell.window.covered)
    shell.until(lambda: form._secret is None)
    assert words not in texts(shell.window) and QApplication.clipboard().text() != words
    shell.ask(lambda: access.unlock(Secret(PASSPHRASE)))
    shell.until(lambda: not shell.window.covered)
    shell.ask(lambda: access.set_passphrase(Secret(PASSPHRASE), None))


def test_a_key_that_was_typed_is_gone_when_the_form_is_left(shell: Shell) -> None:
    form = open_form(shell, "import")
    QTest.keyClicks(form.key, "11" * 32)
    shell.window.toggle_sheet()
    assert "11" * 32 not in texts(form)
    assert Qt.InputMethodHint.ImhSensitiveData & form.key.inputMethodHints()
