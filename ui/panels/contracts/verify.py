"""Verify: whether the code on the chain is that of a source, what exactly is proven, and bundles with which others check it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import Invalid, NotFound
from ui.panels.contracts.page import Page, evidence_line, under
from ui.panels.contracts.verify_form import VerifyForm
from ui.widgets import (
    Column,
    EmptyState,
    ErrorState,
    KeyValue,
    Note,
    Pane,
    Row,
    Skeleton,
    StatusLabel,
    Table,
    ask_folder,
    button,
    empty,
    primary_button,
    scrolled,
)
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from app.chain import Network
    from app.contracts import Artifact
    from app.contracts.verification import Verified
    from app.core.errors import ConsoleError
    from ui.panels.contracts.panel import ContractsPanel

VERDICTS = {  # by the value of the verdict: level of the note, and its word
    "exact": ("ok", "Exact."),
    "runtime": ("info", "Runtime code only."),
    "partial": ("warn", "Metadata differs."),
    "differs": ("err", "Another code."),
}
ANSWERS = {"matches": "ok", "only the metadata differs": "warn", "differs": "err", "not known": "idle"}
CHECKS = (("creation", "Creation code"), ("runtime", "Runtime code"), ("replay", "Constructor run again"))


@dataclass(frozen=True, slots=True)
class Result:
    """What was verified, what it was compared with, and on which chain."""

    found: Verified
    artifact: Artifact
    chain_id: int


class VerifyPage(Page):
    """The verdict on the chosen contract. It stays shown until another contract is chosen, or it is verified again."""

    name = "verify"
    title = "Verify"

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__(panel)
        self._results: dict[tuple[str, str], Result] = {}  # by network and address
        self._errors: dict[tuple[str, str], tuple[str, Callable[[], None]]] = {}  # and how to try again
        self._running: tuple[str, str] | None = None
        self._of = self._at = ("", "")  # what is chosen at the left, and what is shown: a bundle may be of another contract
        pane = Pane("Verification")
        self.about = QLabel("")
        self.about.setObjectName("contracts.verify.about")
        self.about.setProperty("role", "hint")
        self.about.setMinimumWidth(1)
        pane.add_header(self.about)
        self.import_ = button("Verify a bundle…", icon="folder-open")
        self.import_.setObjectName("contracts.verify.import")
        self.import_.setToolTip("Compile the sources of a bundle (Sourcify's or ours) and compare them with the chain")
        self.import_.clicked.connect(lambda: ask_folder(self, "Folder of a bundle (with metadata.json)", self.verify_bundle))
        self.against = button("Against a source…", icon="file-code")
        self.against.setObjectName("contracts.verify.against")
        self.against.setToolTip("Compile a contract of any project and compare it with the chain, with arguments of your own")
        self.against.clicked.connect(lambda: panel.window_.trigger("contracts.verify_source"))
        self.export = button("Export bundle…", icon="export")
        self.export.setObjectName("contracts.verify.export")
        self.export.setToolTip("Write sources, metadata and verdict in the layout of Sourcify")
        self.export.clicked.connect(lambda: ask_folder(self, "Folder below which the bundle is written", self.export_to))
        self.go = primary_button("Verify", icon="seal-check")
        self.go.setObjectName("contracts.verify.go")
        self.go.clicked.connect(self.verify)
        for each in (self.against, self.import_, self.export, self.go):
            pane.add_header(each, right=True)
        self.none = EmptyState("seal-check", "Nothing is chosen", "")
        self.loading = Skeleton(6, "Compiling and comparing with the chain")
        self.failed = ErrorState("", self._try_again)
        self.stack = QStackedWidget()
        for part in (self.none, self.loading, self.failed, self._content()):
            self.stack.addWidget(part)
        pane.body.addWidget(self.stack, 1)
        self.column.addWidget(pane, 1)

    def _content(self) -> QWidget:
        self.verdict = Note("info", "")
        self.verdict.setObjectName("contracts.verify.verdict")
        self.content, column = under(self.verdict)
        self.checks: dict[str, tuple[StatusLabel, QLabel]] = {}
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(16, 8, 16, 10)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(2, 1)
        for at, (key, title) in enumerate(CHECKS):
            state, text = StatusLabel("idle", ""), QLabel("")
            text.setProperty("role", "hint")
            text.setWordWrap(True)
            text.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            text.setTextFormat(Qt.TextFormat.PlainText)
            for column_, part in enumerate((QLabel(title), state, text)):
                grid.addWidget(part, at, column_, Qt.AlignmentFlag.AlignTop if column_ < 2 else Qt.AlignmentFlag(0))
            self.checks[key] = (state, text)
        self.differences = Table(
            [
                Column("kind", "Kind", 140),
                Column("where", "Where", 170),
                Column("expected", "By the source", 190, mono=True),
                Column("found", "On the chain", 190, mono=True),
            ]
        )
        self.differences.setObjectName("contracts.verify.differences")
        self.differences.setAccessibleName("Differences")
        self.alike = EmptyState("check", "No difference", "Nothing was found that differs.")
        self.values = Table([Column("kind", "Kind", 124), Column("name", "Name", 150), Column("value", "Value", 420, mono=True)])
        self.values.setObjectName("contracts.verify.values")
        self.values.setAccessibleName("Arguments, immutables and libraries as the chain has them")
        checks, differences, values = Pane("Checks"), Pane("Differences"), Pane("Values on the chain")
        checks.body.addWidget(rows)
        differences.body.addWidget(self.alike, 1)
        differences.body.addWidget(self.differences, 1)
        values.body.addWidget(self.values, 1)
        below = QSplitter(Qt.Orientation.Vertical)
        below.setChildrenCollapsible(False)
        below.addWidget(differences)
        below.addWidget(values)
        below.setSizes([230, 210])
        left = QWidget()
        parts = QVBoxLayout(left)
        parts.setContentsMargins(0, 0, 0, 0)
        parts.setSpacing(0)
        parts.addWidget(checks)
        parts.addWidget(below, 1)
        inner = QWidget()
        self._facts = QVBoxLayout(inner)
        self._facts.setContentsMargins(16, 10, 16, 12)
        self._facts.setSpacing(10)
        facts = Pane("Evidence")
        facts.body.addWidget(scrolled(inner, "Contract and evidence"), 1)
        facts.setMinimumWidth(240)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(facts)
        split.setStretchFactor(0, 1)
        split.setSizes([640, 300])
        column.addWidget(split, 1)
        return self.content

    @property
    def result(self) -> Result | None:
        """What is shown."""
        return self._results.get(self._at)

    # asking

    def verify(self) -> None:
        """Verify the chosen contract against what the address book knows of its source."""
        chosen, network = self.chosen, self.bridge.console.networks.current
        if chosen is None or network is None:
            return
        contracts = self.bridge.console.contracts

        async def work() -> tuple[Verified, Artifact]:
            return await contracts.verify(network.key.text, chosen.address)

        self._run(network, chosen.address, work, self.verify)

    def verify_bundle(self, folder: Path) -> None:
        """Compile what a bundle has and compare it with the chain: at the bundle's address, else at the chosen contract's."""
        chosen, network = self.chosen, self.bridge.console.networks.current
        contracts = self.bridge.console.contracts
        if network is None:
            return

        async def work() -> tuple[Verified, Artifact]:
            from app.contracts.verification import read_bundle

            bundle = await asyncio.to_thread(read_bundle, folder)
            if bundle.chain_id not in (0, network.chain_id):
                raise Invalid(
                    f"The bundle is of chain {bundle.chain_id}, {network.name} is chain {network.chain_id}. Nothing was compared.",
                    "Select the network of the bundle first.",
                )
            address = bundle.address or (chosen.address if chosen else "")
            if not address:
                raise NotFound("The bundle names no address. Nothing was compared.", "Choose the deployed contract first.")
            artifact = await bundle.compile(contracts.compiler)
            return await contracts.verification.verify(network.key.text, address, artifact, tx=bundle.tx), artifact

        self._run(network, chosen.address if chosen else "", work, lambda: self.verify_bundle(folder))

    def _try_again(self) -> None:
        if self._at in self._errors:
            self._errors[self._at][1]()

    def _run(
        self,
        network: Network,
        address: str,
        work: Callable[[], Awaitable[tuple[Verified, Artifact]]],
        again: Callable[[], None],
    ) -> None:
        began = (network.key.text, address)
        self._running = began
        self._errors.pop(began, None)
        self._at = began
        self._show()

        def done(answer: tuple[Verified, Artifact]) -> None:
            self._running = None
            found, artifact = answer
            at = (network.key.text, found.address)
            self._results[at] = Result(found, artifact, network.chain_id)
            self._errors.pop(at, None)
            if self._of == began:
                self._at = at
            self._show()
            self.panel.read_book()  # the list names the verdict

        def failed(error: ConsoleError) -> bool:
            self._running = None
            self._errors[began] = (str(error), again)
            self._show()
            return True

        self.bridge.run(work, then=done, fail=failed, label="Verifying the contract", owner=self)

    def open_form(self) -> None:
        """Ask for the source against which a contract is verified."""
        chosen = self.chosen
        self.panel.window_.open_form(VerifyForm(self, chosen.address if chosen else "", chosen.name if chosen else ""))

    def show_found(self, found: Verified, artifact: Artifact, network: Network) -> None:
        """Show a verdict that a form asked for."""
        at = (network.key.text, found.address)
        self._results[at] = Result(found, artifact, network.chain_id)
        self._errors.pop(at, None)
        self._at = at
        self._show()
        self.panel.read_book()

    def export_to(self, folder: Path) -> None:
        """Write the bundle of what is shown below a folder."""
        result, compiler = self.result, self.bridge.console.contracts.compiler
        if result is None:
            return

        async def write() -> Path:
            from app.contracts.verification import write_bundle

            return await write_bundle(result.found, result.artifact, compiler, result.chain_id, folder)

        self.bridge.run(
            write,
            then=lambda place: self.panel.window_.notify(f"Bundle written: {place}", "ok"),
            label="Writing the bundle",
            owner=self,
        )

    # showing

    def refresh(self) -> None:
        chosen, network = self.chosen, self.bridge.console.networks.current
        of = (network.key.text if network else "", chosen.address if chosen else "")
        if of != self._of:
            self._of = self._at = of
        self._show()

    def _show(self) -> None:
        from app.contracts import Deployment

        chosen, result, error = self.chosen, self.result, self._errors.get(self._at)
        running = self._running is not None
        ours = isinstance(chosen, Deployment)
        self.go.setEnabled(ours and not running)
        self.import_.setEnabled(self.bridge.console.networks.current is not None and not running)
        self.export.setEnabled(result is not None and error is None and result.found.verdict != "differs" and not running)
        self.about.setText(f"{chosen.name} at {short_hex(chosen.address)}" if chosen else "")
        if self._running == self._at:
            self.stack.setCurrentWidget(self.loading)
        elif error is not None:
            self.failed.set_text(error[0])
            self.stack.setCurrentWidget(self.failed)
        elif result is not None:
            self._show_result(result)
        else:
            self._say_none(chosen.name if chosen else "", ours)

    def _say_none(self, name: str, ours: bool) -> None:
        self.stack.setCurrentWidget(self.none)
        if not name:
            self.none.set_text(
                "No contract is deployed here", "Deploy a system, import a contract, or verify a bundle by its own address."
            )
        elif ours:
            self.none.set_text(
                f"{name} is not verified yet",
                "Verify compiles its source again, compares every byte with the chain and runs its constructor again.",
            )
        else:
            self.none.set_text(
                f"The source of {name} is not known here", "It was imported. Verify it against a source or a bundle."
            )

    def _show_result(self, result: Result) -> None:
        found = result.found
        self.stack.setCurrentWidget(self.content)
        self.about.setText(f"{found.name} at {short_hex(found.address)}")
        level, word = VERDICTS[found.verdict.value]
        self.verdict.set_level(level)
        self.verdict.set_text(f"{word} {found.statement}")
        checks = {"creation": found.creation, "runtime": found.runtime, "replay": found.replay}
        for key, (state, text) in self.checks.items():
            check = checks[key]
            state.set_state(ANSWERS[check.answer.value], check.answer.value.capitalize())
            text.setText(check.text)
        self.differences.set_rows(
            [
                Row(
                    str(at),
                    {
                        "kind": each.kind.value.capitalize(),
                        "where": each.where,
                        "expected": each.expected,
                        "found": each.found,
                    },
                )
                for at, each in enumerate(found.differences)
            ]
        )
        self.differences.setVisible(bool(found.differences))
        self.alike.setVisible(not found.differences)
        self._show_facts(found)

    def _show_facts(self, found: Verified) -> None:
        from app.contracts.inspector.values import text_of
        from app.contracts.verification import Answer

        values = [("Address", found.name, found.address)]
        values += [("Transaction", "creation", found.tx)] if found.tx else []
        values += [("Argument", name or str(at), text_of(value, name)) for at, (name, _, value) in enumerate(found.arguments, 1)]
        if found.runtime.answer is not Answer.DIFFERS:  # in other code nothing is where the source has its immutables
            values += [("Immutable", name, value) for name, value in found.immutables]
        values += [("Library", name.rpartition(":")[2], address) for name, address in found.libraries.items()]
        self.values.set_rows(
            [Row(str(at), {"kind": kind, "name": name, "value": value}) for at, (kind, name, value) in enumerate(values)]
        )
        empty(self._facts)
        created = short_hex(found.tx) if found.tx else "not known"
        facts = [("Contract", found.name), ("Address", short_hex(found.address)), ("Created by", created)]
        self._facts.addWidget(KeyValue(facts))
        source = QLabel(f"Source: {found.source}")
        source.setProperty("role", "hint")
        source.setWordWrap(True)
        self._facts.addWidget(source)
        for evidence in found.evidence:
            self._facts.addWidget(evidence_line(evidence))
        self._facts.addStretch(1)  # an alignment would give lines that break no more height than unbroken ones
