"""The middle of a review: the evidence as it is now, what would be signed, and what other proofs and the chain say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QImage, QPixmap
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.money import exact_units
from app.mining.evidence_file import GONE_MEANS
from ui.widgets import (
    Amount,
    AmountLabel,
    CodeBlock,
    EvidenceChip,
    Identicon,
    KeyValue,
    Note,
    Pane,
    StatusLabel,
    button,
    empty,
    scrolled,
)
from ui.widgets.values import breakable, moment, short_hex

if TYPE_CHECKING:
    from app.mining import Examination
    from app.mining.evidence_file import EvidenceLook

WIDEST, HIGHEST = 460, 300  # pixels of a picture
FOUND = {
    "same": ("ok", "Its hash equals the one that is signed"),
    "changed": ("err", "It was changed after it was submitted"),
    "gone": ("warn", "It is no longer where it was"),
    "unknown": ("idle", "It was not a file of this machine"),
    "address": ("idle", "The hash binds the text of the address, not what is found there"),
    "kept": ("ok", "The hash is that of the content, as it was fetched"),
    "unreachable": ("warn", "Its address gives nothing now"),
    "waiting": ("warn", "Its address was not fetched yet"),
}
SAID = {"accepted": "ok", "rejected": "err", "asked": "warn", "answered": "ok", "reopened": "idle", "revoked": "idle"}


class ExaminedPane(QWidget):
    """Shows one :class:`Examination`."""

    def __init__(self) -> None:
        super().__init__()
        self._path = ""
        self._told: Examination | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        inner = QWidget()
        rows = QVBoxLayout(inner)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self._build_head())
        self.evidence = Pane("Evidence")
        self.open_file = button("Open", icon="arrow-square-out")
        self.open_file.setObjectName("mining.review.open")
        self.open_file.setAccessibleName("Open the evidence file")
        self.open_file.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self._path)))
        self.evidence.add_header(self.open_file, right=True)
        self.fetch = button("Fetch", icon="download-simple")
        self.fetch.setObjectName("mining.review.fetch")
        self.fetch.setAccessibleName("Fetch what the address gives now")
        self.evidence.add_header(self.fetch, right=True)
        self.typed = Pane("Typed data to sign")
        said = QLabel("EIP-712")
        said.setProperty("role", "hint")
        self.typed.add_header(said)
        self.copy = button("Copy digest", icon="copy")
        self.copy.setObjectName("mining.review.copy")
        self.copy.clicked.connect(lambda: QApplication.clipboard().setText(self._digest))
        self.typed.add_header(self.copy, right=True)
        self.checks = Pane("Duplicates and limits")
        self.remarks = Pane("Answers so far")
        self._digest = ""
        self._parts = {}
        for name, pane in (("evidence", self.evidence), ("typed", self.typed), ("checks", self.checks), ("remarks", self.remarks)):
            box = QWidget()
            part = QVBoxLayout(box)
            part.setContentsMargins(16, 10, 16, 12)
            part.setSpacing(8)
            pane.body.addWidget(box)
            self._parts[name] = part
            rows.addWidget(pane)
        rows.addStretch(1)
        column.addWidget(scrolled(inner, "The proof under review"), 1)

    def _build_head(self) -> QWidget:
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 10, 16, 10)
        row.setSpacing(12)
        self.face = Identicon("0x" + "00" * 20, 32)
        row.addWidget(self.face, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.title = QLabel("")
        self.title.setProperty("role", "title")
        self.title.setObjectName("mining.review.title")
        self.title.setWordWrap(True)
        self.whose = QLabel("")
        self.whose.setProperty("role", "hint")
        self.whose.setWordWrap(True)
        words.addWidget(self.title)
        words.addWidget(self.whose)
        row.addLayout(words, 1)
        self.reward = AmountLabel(0, 18, "AZR", kind="figure")
        row.addWidget(self.reward, 0, Qt.AlignmentFlag.AlignTop)
        return head

    def show_examined(self, told: Examination, labels: Mapping[str, str]) -> None:
        """Show a proof."""
        row = told.row
        self._told = told
        self._digest, self._path = row.digest, told.evidence.path
        self.face.set_address(row.contributor)
        self.title.setText(f"Proof #{row.number:,}, {row.activity_name or row.activity}")
        at = datetime.fromtimestamp(row.created_at / 1000, UTC).strftime("%d %b %H:%M:%S UTC")
        who = labels.get(row.contributor, "")
        self.whose.setText(f"{who} {short_hex(row.contributor)}, submitted {at}".strip())
        self.whose.setToolTip(row.contributor)
        self.reward.set_value(Amount(row.reward, 18, "AZR"))
        self._show_evidence(told)
        self._show_typed(told, who)
        self._show_checks(told)
        self._show_remarks(told)

    def show_fetched(self, found: EvidenceLook) -> None:
        """Show what the address of the proof on show gives now."""
        if self._told is not None:
            self._show_evidence(replace(self._told, evidence=found))

    def _show_evidence(self, told: Examination) -> None:
        part, found, row = self._parts["evidence"], told.evidence, told.row
        empty(part)
        state = str(found.state)
        level, words = FOUND[state]
        part.addWidget(StatusLabel(level, words))
        waits = row.evidence_kind == "waiting"
        facts = [("Name", row.evidence_name or row.evidence_kind)]
        if row.evidence_url and row.evidence_url != row.evidence_name:
            facts.append(("Came from", row.evidence_url))
        if not waits:
            facts.append(("Submitted as", f"{row.evidence_size:,} bytes"))
        if row.fetched_at:
            facts.append(("Content type", row.evidence_type or "not said by its server"))
            facts.append(("Fetched", f"{moment(row.fetched_at)} UTC"))
        if state == "changed":
            facts.append(("It has now", f"{found.size:,} bytes"))
            facts.append(("SHA-256 now", found.sha256))
        if not waits:
            facts.append(("SHA-256, signed", row.evidence_hash))
        if found.path:
            facts.append(("Where", str(Path(found.path).parent)))
        part.addWidget(KeyValue(facts))
        self.open_file.setVisible(bool(found.path) and state in ("same", "changed"))
        self.fetch.setVisible(row.evidence_kind in ("waiting", "content"))
        if state == "changed":
            part.addWidget(
                Note("err", "What is shown is not what was submitted. The proof signs the content as it was: ask for it again.")
            )
        elif state == "kept":
            part.addWidget(
                Note("info", "It is fetched anew and compared when you accept the proof, and again before it is minted.")
            )
        elif state == "unreachable":
            part.addWidget(Note("warn", f"{found.why} {GONE_MEANS} Fetch it again later to have it compared."))
        elif state == "waiting":
            why = "Its content is not known, so the proof cannot be accepted. Fetch it, ask for a file, or reject it."
            part.addWidget(Note("warn", why))
        elif state == "gone":
            part.addWidget(Note("warn", f"{Path(found.path).name}: {found.why}. {GONE_MEANS}"))
        elif state == "unknown":
            part.addWidget(Note("info", "It was submitted elsewhere, or before places were kept. Only its hash is known here."))
        if found.image:
            part.addWidget(_picture(found.image))
        elif found.text and state != "address":
            text = CodeBlock(found.text, max_lines=14)
            text.setAccessibleName("Beginning of the evidence file" if found.cut else "The evidence file")
            part.addWidget(text)
            if found.cut:
                more = QLabel("The beginning; all of it was hashed.")
                more.setProperty("role", "hint")
                part.addWidget(more)
        elif state in ("same", "changed"):
            part.addWidget(Note("info", "It is neither text nor a picture that can be shown here."))

    def _show_typed(self, told: Examination, who: str) -> None:
        part = self._parts["typed"]
        empty(part)
        waits = told.row.evidence_kind == "waiting"
        self.copy.setVisible(not waits)
        if waits:
            part.addWidget(Note("info", "What is signed binds the content, so it is known once the address was fetched."))
            return
        message = [
            (name, f"{value} ({who})" if name == "contributor" and who else _meant(name, value)) for name, value in told.message
        ]
        for title, facts in (
            ("Domain", [*told.domain, ("Domain separator", told.separator)]),
            ("ValueProof", [*message, ("Struct hash", told.struct)]),
        ):
            label = QLabel(title)
            label.setProperty("role", "label")
            part.addWidget(label)
            part.addWidget(KeyValue(facts))
        digest = KeyValue([("Digest to sign", told.row.digest)])
        digest.setObjectName("mining.review.digest")
        part.addWidget(digest)

    def _show_checks(self, told: Examination) -> None:
        part = self._parts["checks"]
        empty(part)
        for check in told.checks:
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            words = QVBoxLayout()
            words.setSpacing(1)
            words.addWidget(StatusLabel(check.level, check.title))
            detail = QLabel(check.detail)
            detail.setProperty("role", "hint")
            detail.setWordWrap(True)
            detail.setContentsMargins(20, 0, 0, 0)
            words.addWidget(detail)
            row.addLayout(words, 1)
            if check.evidence is not None:
                row.addWidget(EvidenceChip(check.evidence), 0, Qt.AlignmentFlag.AlignTop)
            part.addWidget(line)

    def _show_remarks(self, told: Examination) -> None:
        part = self._parts["remarks"]
        empty(part)
        self.remarks.setVisible(bool(told.remarks))
        for remark in told.remarks:
            part.addWidget(StatusLabel(SAID[str(remark.said)], f"{str(remark.said).capitalize()} by {remark.author}"))
            words = QLabel(breakable(f"{moment(remark.at)} UTC: {remark.text or 'no reason given'}"))
            words.setTextFormat(Qt.TextFormat.PlainText)
            words.setProperty("role", "hint")
            words.setWordWrap(True)
            words.setContentsMargins(20, 0, 0, 0)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            part.addWidget(words)


def _meant(name: str, value: str) -> str:
    """A signed number with what it means to a person."""
    if name == "deadline":
        return f"{value} ({datetime.fromtimestamp(int(value), UTC):%d %b %Y %H:%M:%S} UTC)"
    if name == "reward":
        return f"{value} ({exact_units(int(value), 18)} AZR)"
    return value


def _picture(data: bytes) -> QLabel:
    label = QLabel()
    image = QImage.fromData(QByteArray(data))
    if image.isNull():
        label.setText("A picture that cannot be decoded")
        label.setProperty("role", "hint")
        return label
    told = f"Picture, {image.width():,} × {image.height():,}"
    if image.width() > WIDEST or image.height() > HIGHEST:
        image = image.scaled(QSize(WIDEST, HIGHEST), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
    label.setPixmap(QPixmap.fromImage(image))
    label.setAccessibleName(told)
    label.setToolTip(told)
    return label
