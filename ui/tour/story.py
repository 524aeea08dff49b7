"""What the tour does, in the order in which a person would."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QDialogButtonBox, QLabel, QLineEdit, QWidget

from ui.theme import theme
from ui.tour.driver import Hands, Heartbeat, Script, TourFailed, Wait

CHAIN = "demo"
LABELS = ("Demo treasury", "Demo contributor", "Demo attester", "Demo officer")
SECRETS = frozenset(
    [
        *(f"wallets.new.word.{place}" for place in range(1, 25)),
        *(f"wallets.new.check.{place}" for place in range(3)),
        "wallets.import.key",
        "wallets.drill.key",
        "wallets.reveal.secret.text",
        *(f"wallets.{form}.words.{place}" for form in ("restore", "drill") for place in range(1, 25)),
    ]
)
STRANGER = "0x71AA00000000000000000000000000000000c0De".lower()
HIDDEN = "•"


@dataclass
class Notes:
    """What the tour saw: pictures, texts, durations."""

    out: Path
    pictures: list[str] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    plans: list[dict[str, str]] = field(default_factory=list)
    bundle: str = ""


class Story:
    """The script over one window."""

    def __init__(self, window: Any, notes: Notes, heartbeat: Heartbeat, themes: tuple[str, ...]) -> None:
        self.window = window
        self.hands = Hands(window)
        self.notes = notes
        self.heartbeat = heartbeat
        self.themes = themes

    def script(self) -> Script:
        """From first run to verified journal."""
        chapters: tuple[tuple[str, Callable[[], Script]], ...] = (
            ("first run", self.first_run),
            ("local chain", self.local_chain),
            ("HD wallet", self.wallet),
            ("funds", self.funds),
            ("compile", self.compile),
            ("deploy", self.deploy),
            ("value proof", self.proof),
            ("mint", self.mint),
            ("transfer", self.transfer),
            ("accounts", self.accounts),
            ("redemption", self.redemption),
            ("ledger", self.ledger),
            ("bundle", self.bundle),
            ("journal", self.journal),
            ("the other panels", self.others),
        )
        for name, chapter in chapters:
            began = time.monotonic()
            print(f"  {name}", flush=True)
            yield from chapter()
            self.notes.durations[name] = round(time.monotonic() - began, 3)

    # pictures

    def picture(self, name: str) -> None:
        """The window in each theme. Never while a secret is on the screen."""
        secret = self.secret()
        if secret:
            raise TourFailed(f"“{secret}” is on the screen; no picture is taken of secrets")
        for mode in self.themes:
            theme.set_mode(mode)
            file = f"{len(self.notes.pictures) // len(self.themes) + 1:02d}-{name}-{mode}.png"
            self.window.grab().save(str(self.notes.out / file), "PNG")
            self.notes.pictures.append(file)
        self.heartbeat.skip()

    def secret(self) -> str:
        """The name of a widget that shows a secret now, or empty."""
        for shown in self.window.findChildren(QWidget):
            if shown.objectName() not in SECRETS or not shown.isVisible():
                continue
            if isinstance(shown, QLabel) and HIDDEN not in shown.text():
                return shown.objectName()
            if isinstance(shown, QLineEdit) and shown.text() and shown.echoMode() == QLineEdit.EchoMode.Normal:
                return shown.objectName()
        return ""

    # what recurs

    def go(self, panel: str) -> Script:
        """Open a panel by its entry in the navigation."""
        self.hands.click(f"nav.{panel}")
        yield self.until(f"the panel {panel}", lambda: self.window.current_panel_id == panel)
        yield self.pause()

    def until(self, what: str, over: Callable[[], bool], seconds: float = 60.0) -> Wait:
        """A wait with words."""
        return Wait(what, over, seconds)

    def filled(self, name: str) -> Wait:
        """Until a combo box has its entries."""
        return Wait(f"the entries of {name}", lambda: self.hands.need(name, QComboBox).count() > 0)

    def pause(self, seconds: float = 0.25) -> Wait:
        """Let data arrive and be painted."""
        end = time.monotonic() + seconds
        return Wait("a moment", lambda: time.monotonic() >= end, seconds + 60)

    def run_plan(self, name: str, *, pictures: bool = True) -> Script:
        """From a filled form to its receipt; quick plans need no more than the form."""
        hands = self.hands
        if pictures:
            self.picture(f"{name}-1-plan")
        yield self.until("the form's button", lambda: hands.ready("plan.preview"))
        hands.click("plan.preview")
        yield self.until(f"the preview of {name}", self._previewed, 90)
        self._no_problem()
        if hands.find("plan.sheet") is None:  # a form whose answer is no plan, or a quick plan
            yield self.pause(0.5)
            return
        yield self.pause()
        if pictures:
            self.picture(f"{name}-2-preview")
        hands.click("plan.continue")
        yield self.until("the confirm step", lambda: hands.ready("plan.confirm"))
        yield self.pause()
        if pictures:
            self.picture(f"{name}-3-confirm")
        hands.click("plan.confirm")
        yield self.pause(0.15)
        if pictures:
            self.picture(f"{name}-4-progress")
        yield self.until(f"the end of {name}", self._ended, 120)
        self._no_problem()
        yield self.until(f"the receipt of {name}", lambda: hands.ready("plan.done"), 120)
        yield self.pause()
        if pictures:
            self.picture(f"{name}-5-receipt")
        self.notes.plans.append({"name": name, "title": hands.text("plan.title"), "subtitle": hands.text("plan.subtitle")})
        hands.click("plan.done")
        yield self.until("the sheet closed", lambda: hands.find("plan.sheet") is None)
        yield self.pause()

    def _previewed(self) -> bool:
        return self.hands.ready("plan.continue") or self.hands.find("plan.sheet") is None or self._problem() != ""

    def _ended(self) -> bool:
        return self.hands.ready("plan.done") or self.hands.ready("plan.leave") or self._problem() != ""

    def _problem(self) -> str:
        note = self.hands.find("plan.problem")
        if note is None:
            return ""
        return " ".join(label.text() for label in note.findChildren(QLabel)) or "a problem is shown"

    def _no_problem(self) -> None:
        if self._problem():
            raise TourFailed(f"the sheet says: {self._problem()}")

    def palette(self, words: str) -> Script:
        """Run a command by Ctrl+K."""
        self.hands.key(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        yield self.until("the palette", lambda: self.hands.find("palette.input") is not None)
        self.hands.type("palette.input", words)
        yield self.pause(0.4)
        self.hands.key(Qt.Key.Key_Return)
        yield self.pause()

    # chapters

    def first_run(self) -> Script:
        """The first screen of all."""
        yield self.until("the console", lambda: self.window.console_ready, 60)
        yield self.until("the first-run screen", lambda: self.hands.ready("overview.demo"), 30)
        yield self.pause()
        self.picture("first-run")

    def local_chain(self) -> Script:
        """A chain of its own."""
        yield from self.go("chains")
        self.picture("chains-empty")
        self.hands.click("header.chains.new")
        yield self.until("the form", lambda: self.hands.ready("chains.new.name"))
        self.hands.type("chains.new.name", CHAIN)
        yield from self.run_plan("chain")
        yield self.until("the chain running", lambda: self.hands.find(f"chains.card.{CHAIN}.stop") is not None, 30)
        yield self.pause()
        self.picture("chains")

    def wallet(self) -> Script:
        """A new phrase, its backup checked, four accounts."""
        hands = self.hands
        yield from self.go("wallets")
        self.picture("wallets-empty")
        hands.click("header.wallets.new")
        yield self.until("the form", lambda: hands.ready("wallets.new.label"))
        hands.type("wallets.new.label", "Demo")
        hands.type("wallets.new.accounts", "4")
        hands.click("wallets.new.more")
        yield self.until("the labels", lambda: hands.ready("wallets.new.labels"))
        hands.type("wallets.new.labels", ", ".join(LABELS))
        yield self.until("the phrase", lambda: hands.ready("wallets.new.reveal"))
        hands.click("wallets.new.reveal")
        yield self.until("its words", lambda: HIDDEN not in hands.text("wallets.new.word.1"))
        checks = [hands.need(f"wallets.new.check.{i}") for i in range(3)]
        asked = [int(check.property("word")) for check in checks]
        # Only what the check asks for is read, and forgotten with this turn.
        words = [hands.text(f"wallets.new.word.{number}").split(".")[-1].strip() for number in asked]
        hands.click("wallets.new.reveal")
        for i, word in enumerate(words):
            hands.type(f"wallets.new.check.{i}", word)
        del words
        yield self.until("the words hidden", lambda: HIDDEN in hands.text("wallets.new.word.1"))
        yield from self.run_plan("wallet", pictures=False)
        yield self.pause(0.5)
        self.picture("wallets")

    def funds(self) -> Script:
        """Coins for the network fees, from nowhere: only local chains can."""
        yield from self.go("chains")
        for label in (LABELS[0], LABELS[1], LABELS[3]):
            yield self.until("the button", lambda: self.hands.ready("chains.fund"))
            self.hands.click("chains.fund")
            yield self.until("the form", lambda: self.hands.ready("chains.fund.amount"))
            yield self.filled("chains.fund.account")
            self.hands.choose("chains.fund.account", label)
            yield from self.run_plan(f"fund-{label.split()[-1]}", pictures=False)

    def compile(self) -> Script:
        """solc 0.8.20 over the bundled sources."""
        yield from self.go("contracts")
        self.hands.click("header.contracts.compile")
        yield self.until("the contracts", lambda: self.hands.find("contracts.artifacts") is not None, 90)
        self.notes.seen["compiler"] = self.hands.text("contracts.build.context")
        yield self.pause()
        self.picture("contracts-compiled")

    def deploy(self) -> Script:
        """Four contracts and their roles."""
        self.hands.click("header.contracts.deploy")
        yield self.until("the form", lambda: self.hands.ready("contracts.deploy.admin"))
        for name, label in (("admin", LABELS[0]), ("attester", LABELS[2]), ("officer", LABELS[3])):
            yield self.filled(f"contracts.deploy.{name}")
            self.hands.choose(f"contracts.deploy.{name}", label)
        yield from self.run_plan("deploy")
        yield self.until("the deployments", lambda: self.hands.find("contracts.deployments") is not None)
        self.picture("contracts")

    def proof(self) -> Script:
        """A value proof with evidence."""
        evidence = self.notes.out / "demo-evidence.txt"
        evidence.write_text("Demo evidence: a reviewed change in the demo economy.\n", encoding="utf-8")
        yield from self.go("mining")
        self.picture("mining-empty")
        self.hands.click("header.mining.submit")
        yield self.until("the form", lambda: self.hands.ready("mining.submit.evidence"))
        yield self.pause()
        yield self.filled("mining.submit.contributor")
        self.hands.choose("mining.submit.contributor", LABELS[1])
        self.hands.choose("mining.submit.activity", "Code review")
        self.hands.type("mining.submit.score", "85")
        self.hands.type("mining.submit.evidence", str(evidence))
        yield from self.run_plan("proof", pictures=False)
        yield self.pause(0.5)
        if self.hands.ready("mining.review.accept"):
            self.hands.click("mining.review.accept")
            yield self.pause(0.5)
        self.picture("mining-proof")

    def mint(self) -> Script:
        """AZR against the proof."""
        if self.hands.ready("mining.select_all"):
            self.hands.click("mining.select_all")
        yield self.until("the batch bar", lambda: self.hands.ready("mining.mint"))
        self.hands.click("mining.mint")
        yield self.until("the form", lambda: self.hands.ready("mining.mint.submitter"))
        yield self.pause()
        yield self.filled("mining.mint.submitter")
        self.hands.choose("mining.mint.submitter", LABELS[0])
        yield self.filled("mining.mint.attester")
        self.hands.choose("mining.mint.attester", LABELS[2])
        yield from self.run_plan("mint")
        self.picture("mining")

    def transfer(self) -> Script:
        """AZR from the contributor to the treasury."""
        yield from self.go("wallets")
        yield from self.palette("Send")
        yield self.until("the form", lambda: self.hands.ready("wallets.send.amount"))
        yield self.pause(0.5)
        yield self.filled("wallets.send.sender")
        self.hands.choose("wallets.send.sender", LABELS[1])
        yield self.pause()
        yield self.filled("wallets.send.recipient")
        self.hands.choose("wallets.send.recipient", LABELS[0])
        self.hands.choose("wallets.send.asset", "AZR")
        self.hands.type("wallets.send.amount", "5")
        yield from self.run_plan("transfer")
        yield self.pause(0.5)
        self.picture("wallets-after-transfer")

    def accounts(self) -> Script:
        """What else a person does with accounts: ask for money, name people, pay many, be warned, look, hide."""
        hands = self.hands
        yield from self.go("wallets")
        hands.click("wallets.receive")
        yield self.until("the code", lambda: hands.ready("wallets.receive.qr"))
        yield self.pause(0.5)
        self.picture("receive")
        hands.click("plan.preview")
        yield self.pause()
        yield from self.palette("Add contact")
        yield self.until("the form", lambda: hands.ready("wallets.contact.label"))
        hands.type("wallets.contact.label", "Demo supplier")
        hands.type("wallets.contact.address", STRANGER.replace("c0de", "c0df"))
        hands.click("plan.preview")
        yield self.until("the contact", lambda: hands.find("plan.sheet") is None)
        yield from self.palette("Contacts")
        yield self.until("the contacts", lambda: hands.ready("wallets.contacts.edit"))
        self.picture("contacts")
        hands.click("plan.preview")
        yield self.pause()
        yield from self.warned()
        yield from self.many()
        for place, name in ((1, "assets"), (2, "allowances"), (3, "queue"), (4, "keys")):
            hands.click_tab("wallets.tabs", place)
            yield self.pause(0.8)
            self.picture(f"wallets-{name}")
        hands.click_tab("wallets.tabs", 0)
        hands.key(Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        yield self.pause(0.6)
        self.picture("wallets-hidden-amounts")
        hands.key(Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        yield self.pause()

    def warned(self) -> Script:
        """A recipient that nobody knows: said in the form, and again by the preview."""
        hands = self.hands
        yield from self.palette("Send")
        yield self.until("the form", lambda: hands.ready("wallets.send.amount"))
        yield self.filled("wallets.send.sender")
        yield self.filled("wallets.send.asset")
        hands.type("wallets.send.recipient", STRANGER)
        hands.type("wallets.send.amount", "1")
        yield self.until("the warning", lambda: hands.find("wallets.send.judged") is not None)
        self.picture("send-warning-1-form")
        yield self.until("the form's button", lambda: hands.ready("plan.preview"))
        hands.click("plan.preview")
        yield self.until("the preview", self._previewed, 60)
        yield self.pause()
        self.picture("send-warning-2-preview")
        hands.click("plan.back")
        yield self.pause()
        hands.click("plan.discard")
        yield self.pause()

    def many(self) -> Script:
        """A table of payments, checked row by row; nothing is paid."""
        hands = self.hands
        yield from self.palette("Pay out a table")
        yield self.until("the form", lambda: hands.ready("wallets.payout.file"))
        yield self.filled("wallets.payout.sender")
        yield self.filled("wallets.payout.token")
        hands.type("wallets.payout.file", f"address,amount,memo\n{STRANGER.replace('c0de', 'c0df')},1.5,demo\n0x12,1,short\n")
        yield self.until("the check", lambda: hands.find("wallets.payout.rows") is not None)
        yield self.pause()
        self.picture("payout-check")
        hands.click("plan.discard")
        yield self.pause()

    def redemption(self) -> Script:
        """AZR for fiat: asked for, paid, burned."""
        yield from self.go("mining")
        self._choose_tab(self.hands.need("mining.tabs"), "redemption")
        yield self.pause()
        self.hands.click("header.mining.redeem")
        yield self.until("the form", lambda: self.hands.ready("mining.redeem.amount"))
        yield self.pause()
        yield self.filled("mining.redeem.account")
        self.hands.choose("mining.redeem.account", LABELS[1])
        self.hands.type("mining.redeem.amount", "2")
        self.hands.type("mining.redeem.reference", "DEMO-0001")
        yield from self.run_plan("redemption-request")
        table: Any = self.hands.need("mining.redemptions")
        yield self.until("the request", lambda: len(table.rows()) > 0)
        self.hands.click_row("mining.redemptions", 0)
        yield self.until("the button", lambda: self.hands.ready("mining.complete"))
        self.hands.click("mining.complete")
        yield self.until("the form", lambda: self.hands.ready("mining.complete.bank_reference"))
        yield self.pause()
        yield self.filled("mining.complete.officer")
        self.hands.choose("mining.complete.officer", LABELS[3])
        self.hands.type("mining.complete.bank_reference", "DEMO-BANK-0001")
        yield from self.run_plan("redemption-complete")
        self.picture("redemptions")

    def _choose_tab(self, tabs: QWidget, wanted: str) -> None:
        tab = next(b for b in tabs.findChildren(QAbstractButton) if wanted in b.text().lower())
        QTest.mouseClick(tab, Qt.MouseButton.LeftButton)

    def ledger(self) -> Script:
        """Read, reconcile, prove."""
        hands = self.hands
        yield from self.go("ledger")
        hands.click("header.ledger.index")
        table: Any = self.window.findChild(QWidget, "ledger.table")
        yield self.until("the rows", lambda: len(table.rows()) > 0, 60)
        yield self.pause()
        hands.click("header.ledger.reconcile")
        yield self.until("the reconciliation", lambda: hands.text("ledger.verdict").startswith("Reconciled at"), 60)
        self.notes.seen["reconciliation"] = hands.text("ledger.verdict")
        self.notes.seen["complete"] = hands.text("ledger.complete")
        hands.click_row("ledger.table", 0)
        yield self.pause()
        self.picture("ledger")
        yield from self.palette("Prove the total supply")
        yield self.until("the proof", lambda: hands.find("ledger.proven") is not None, 30)
        self.notes.seen["supply"] = hands.text("ledger.proven")
        self.picture("ledger-supply-proven")
        hands.click_row("ledger.table", -1)
        yield self.pause()
        button = next(
            w for w in self.window.findChildren(QWidget) if w.objectName().startswith("ledger.prove.0x") and w.isVisible()
        )
        hands.click(button.objectName())
        yield self.until("the proof", lambda: hands.find("ledger.proven") is not None, 30)
        self.notes.seen["balance"] = hands.text("ledger.proven")
        self.picture("ledger-balance-proven")

    def bundle(self) -> Script:
        """The evidence, for anyone to verify."""
        target = self.notes.out / "demo-evidence-bundle.zip"
        target.unlink(missing_ok=True)
        self.hands.click("header.ledger.bundle")
        yield self.until("the file dialog", lambda: self._dialog_field() is not None)
        field = self._dialog_field()
        assert field is not None
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, str(target))
        yield self.pause()
        for _ in range(4):
            completions = QApplication.activePopupWidget()
            box = field.window().findChild(QDialogButtonBox) if self._dialog_field() is not None else None
            if completions is not None:
                QTest.keyClick(completions, Qt.Key.Key_Escape)
            elif box is not None:
                QTest.mouseClick(box.button(QDialogButtonBox.StandardButton.Save), Qt.MouseButton.LeftButton)
            yield self.pause()
        yield self.until("the bundle", target.exists, 30)
        self.notes.bundle = str(target)

    def _dialog_field(self) -> QLineEdit | None:
        for top in QApplication.topLevelWidgets():
            if top.isVisible() and top.inherits("QFileDialog"):
                return top.findChild(QLineEdit, "fileNameEdit")
        return None

    def journal(self) -> Script:
        """Verified from the palette."""
        yield from self.palette("Verify the journal")
        yield self.until("the verdict", lambda: "journal" in self.window.last_notice.lower(), 30)
        self.notes.seen["journal"] = self.window.last_notice
        yield from self.go("overview")
        yield self.pause(1.0)
        self.picture("overview")

    def others(self) -> Script:
        """Jobs and settings, and the way back."""
        yield from self.go("jobs")
        self.picture("jobs")
        yield from self.go("settings")
        yield self.pause(0.8)
        self.picture("settings")
