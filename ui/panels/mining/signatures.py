"""Signatures of attesters over proofs: how many there are and are needed, and the ways to collect them, here and by files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.events import PlanChanged
from ui.panels.mining.forms import NetworkForm, content
from ui.panels.mining.proof_words import proofs
from ui.widgets import AccountCombo, Column, Field, FileField, KeyValue, Note, Row, StatusLabel, Table, button
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.mining import ProofRow
    from app.mining.attesting import Taken
    from app.mining.signatures import Signature
    from ui.panels.mining.panel import MiningPanel


class SignaturesBox(QWidget):
    """The signatures over the chosen proof, and what can be done about those that are missing."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self._panel = panel
        self._some: list[ProofRow] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        head = QLabel("Signatures of attesters")
        head.setProperty("role", "label")
        column.addWidget(head)
        self.state = StatusLabel("idle", "")
        self.state.setObjectName("mining.signatures.state")
        column.addWidget(self.state)
        self.who = KeyValue([])
        column.addWidget(self.who)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.buttons = {}
        for name, word, spoken in (
            ("sign", "Sign…", "Sign as an attester"),
            ("export", "Export…", "Export for attesters on other machines"),
            ("import", "Import…", "Import signatures"),
        ):
            made = button(word)
            made.setObjectName(f"mining.signatures.{name}")
            made.setAccessibleName(spoken)
            made.setToolTip(spoken)
            self.buttons[name] = made
            row.addWidget(made)
        row.addStretch(1)
        column.addLayout(row)
        self.buttons["sign"].clicked.connect(lambda: panel.window_.open_form(AttestForm(panel, self._some)))
        self.buttons["export"].clicked.connect(lambda: save_as(self, "proofs-to-attest.json", self._exported, panel))
        self.buttons["import"].clicked.connect(lambda: panel.window_.open_form(ImportSignaturesForm(panel)))
        self.hide()

    def ask(self, row: ProofRow | None, some: Sequence[ProofRow]) -> None:
        """Read who has signed the chosen proof; ``some`` are those that are signed or exported together."""
        self._some = [each for each in some if str(each.status) in ("in_review", "ready")]
        self.setVisible(row is not None and bool(self._some))
        bridge = self._panel.bridge
        network = bridge.console.networks.current if bridge.is_ready else None
        if row is None or network is None or not network.genesis or not self._some:
            return

        async def read() -> tuple[str, list[Signature], int, dict[str, str]]:
            mining = bridge.console.mining
            held = await mining.signatures([row.id])
            needed = await mining.signatures_needed(network.id, [row.reward])
            labels = {account.address: account.label for account in await bridge.console.wallets.list()}
            return row.id, held.get(row.id, []), needed[0], labels

        def failed(error: Any) -> bool:
            self.state.set_state("idle", "The contract was not asked how many it needs")
            self.state.setToolTip(str(error))
            return True

        bridge.run(read, then=lambda answer: self.show_signed(*answer), fail=failed, owner=self)

    def show_signed(self, proof_id: str, held: Sequence[Signature], needed: int, labels: Mapping[str, str]) -> None:
        """Show who has signed a proof."""
        if proof_id not in [row.id for row in self._some]:
            return
        enough = len(held) >= needed
        words = f"{len(held)} of {needed} collected"
        if not held and needed == 1:
            words = "The mint's attester signs it"
        self.state.set_state("ok" if enough else "pend", words)
        self.who.set_pairs([(labels.get(each.attester) or short_hex(each.attester), each.source) for each in held])
        self.who.setVisible(bool(held))

    async def _exported(self) -> bytes:
        console = self._panel.bridge.console
        network = console.networks.current
        if network is None:
            raise Invalid("No network is selected. Nothing was written.", "Select or start one first.")
        data: bytes = await console.mining.export_attestations(network.id, [row.id for row in self._some])
        return data


class AttestForm(NetworkForm):
    """One account of this console signs proofs; nothing goes on chain."""

    context = "Signatures are kept with the proofs; nothing goes on chain"

    def __init__(self, panel: MiningPanel, rows: Sequence[ProofRow]) -> None:
        super().__init__(panel)
        self._ids = [row.id for row in rows]
        self.title = f"Attest {proofs(len(rows))}"
        self.attester = AccountCombo("mining.attest.attester", panel.bridge)
        self.column.addWidget(Field("Attest with", self.attester, "Holds the attester role; costs no gas"))
        self.column.addWidget(Note("info", "Whoever has enough signatures may mint the proof, once, before its deadline."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, attester, ids = self.network_id(), self.attester.address(), self._ids
        mining = self.panel.bridge.console.mining
        return lambda: mining.plan_attest(network, ids, attester)


class SignFileForm(NetworkForm):
    """Proofs of another console, signed here; what was signed goes back as a file."""

    title = "Attest the proofs of a file"
    context = "Of another console; its digests are computed again here"

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__(panel)
        self._panel = panel
        self.file = FileField(
            "mining.attest.file", "File", "As the other console exported it", "Path of the file of proofs",
            title="Proofs to attest", pattern="Attestations (*.json)",
        )  # fmt: skip
        self.attester = AccountCombo("mining.attest.account", panel.bridge)
        self.column.addWidget(self.file)
        self.column.addWidget(Field("Attest with", self.attester, "Holds the attester role there"))
        self.column.addWidget(Note("info", "Read what each proof says in the preview. Afterwards what was signed can be saved."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        path, attester, panel = self.file.path(), self.attester.address(), self._panel
        if path is None:
            raise Invalid("No file is named. Nothing was signed.", "Choose a file.", field="file")
        attesting = panel.bridge.console.mining.attesting

        async def plan() -> Any:
            made = await attesting.plan_file(await content(path, "signed"), attester)
            panel.signed_elsewhere.add(made.id)
            return made

        return plan


class ImportSignaturesForm(NetworkForm):
    """What attesters on other machines signed."""

    title = "Import signatures"
    context = "Each is checked: digest, key, role, and that the proof is open"
    primary = "Import signatures"
    planned = False
    stays = True

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__(panel)
        self.file = FileField(
            "mining.signatures.file", "File", "As the attester's console saved it", "Path of the file of signatures",
            title="Signatures of attesters", pattern="Attestations (*.json)",
        )  # fmt: skip
        self.note = Note("info", "Signatures are public: the file needs no protection, and can do nothing but mint these proofs.")
        self.table = Table([Column("who", "Attester", 110), Column("why", "Refused, because", 260)], dense=True)
        self.table.setObjectName("mining.signatures.refused")
        self.table.setAccessibleName("Signatures that were refused")
        self.table.hide()
        self.column.addWidget(self.file)
        self.column.addWidget(self.note)
        self.column.addWidget(self.table, 1)
        self.column.addStretch(0)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, path, mining = self.network_id(), self.file.path(), self.panel.bridge.console.mining
        if path is None:
            raise Invalid("No file is named. Nothing was imported.", "Choose a file.", field="file")

        async def take() -> Taken:
            return await mining.take_attestations(network, await content(path, "imported"), path.name)

        return take

    def finished(self, result: Any) -> None:
        self.note.set_level("warn" if result.refused else "ok")
        self.note.set_text(f"{result.added:,} new, {result.known:,} known before, {len(result.refused):,} refused.")
        self.table.set_rows(
            [
                Row(str(at), {"who": short_hex(each.attester), "why": f"{short_hex(each.digest)}: {each.why}"})
                for at, each in enumerate(result.refused)
            ]
        )
        self.table.setVisible(bool(result.refused))
        self.panel.refresh()


def offer_signed(panel: MiningPanel, event: PlanChanged) -> None:
    """When a plan that signed a file of another console is done, what it signed can be saved."""
    if event.plan_id not in panel.signed_elsewhere or str(event.state) != "done":
        return
    panel.signed_elsewhere.discard(event.plan_id)

    async def signed() -> bytes:
        console = panel.bridge.console
        data: bytes = console.mining.attesting.signed_file(await console.operations.get(event.plan_id))
        return data

    panel.window_.notify(
        "The proofs of the file are signed.",
        "ok",
        action=("Save signatures…", lambda: save_as(panel, "signed.json", signed, panel)),
    )


def save_as(owner: QWidget, name: str, made: Callable[[], Awaitable[bytes]], panel: MiningPanel) -> None:
    """Ask where, then make the bytes and write them."""
    dialog = QFileDialog(owner, "Save as", name, "Attestations (*.json)")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("json")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def save(chosen: str) -> None:
        path = Path(chosen)

        async def write() -> int:
            import asyncio

            data = await made()
            try:
                return await asyncio.to_thread(path.write_bytes, data)
            except OSError as error:
                raise Invalid(f"{path.name} cannot be written: {error.strerror}.", "Choose another place.") from None

        panel.bridge.run(
            write, then=lambda size: panel.window_.notify(f"{path.name} was written, {size:,} bytes.", "ok"), owner=panel
        )

    dialog.fileSelected.connect(save)
    dialog.open()
