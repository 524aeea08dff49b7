"""The right of a review: how the reward was found, the answer, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.money import short_units
from ui.panels.mining.proof_words import STATES, proofs
from ui.panels.mining.signatures import SignaturesBox
from ui.widgets import (
    Field,
    KeyValue,
    Note,
    Pane,
    StatusLabel,
    button,
    danger_button,
    empty,
    line_edit,
    masked,
    primary_button,
    scrolled,
)

if TYPE_CHECKING:
    from app.mining import Examination, ProofRow
    from ui.panels.mining.review import ReviewPage

WAITS = ("in_review", "asked")
OPEN = (*WAITS, "ready")
FOLLOWS = {
    "in_review": (
        ("pend", "Accepted, it is ready"),
        ("pend", "An attester signs, no gas"),
        ("pend", "A batch mints the reward"),
    ),
    "asked": (
        ("warn", "The contributor is asked"),
        ("pend", "The answer is written down"),
        ("pend", "It is reviewed again"),
    ),
    "ready": (
        ("ok", "Accepted"),
        ("pend", "An attester signs, no gas"),
        ("pend", "A batch mints the reward"),
    ),
    "minting": (("ok", "Accepted"), ("run", "A plan has it")),
    "minted": (("ok", "Accepted"), ("ok", "Minted")),
}


class AnswerPane(Pane):
    """Shows the answer to the chosen proofs, or asks for it."""

    def __init__(self, page: ReviewPage) -> None:
        super().__init__("Answer")
        self._reject: Callable[[], object] = lambda: page.decide(False)
        self.then = self._reject
        self._shown: list[tuple[str, str]] = []  # id and status of what is chosen
        self.state = StatusLabel("idle", "")
        self.add_header(self.state, right=True)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(10)
        self.how = QLabel("How the reward was found")
        self.how.setProperty("role", "label")
        column.addWidget(self.how)
        self.priced = QVBoxLayout()
        column.addLayout(self.priced)
        self.note = Note("info", "")
        column.addWidget(self.note)
        self.reason = line_edit("mining.review.reason", "Reason")
        self.reason.returnPressed.connect(lambda: self.then())
        self.field = Field("Reason", self.reason, "Needed to reject and to ask; kept with the proof")
        column.addWidget(self.field)
        self.signatures = SignaturesBox(page.panel)
        column.addWidget(self.signatures)
        self.follows_title = QLabel("What follows")
        self.follows_title.setProperty("role", "label")
        column.addWidget(self.follows_title)
        self.follows = QVBoxLayout()
        self.follows.setSpacing(6)
        column.addLayout(self.follows)
        self.final = Note("info", "An answer can be taken back until a plan mints the proof; a revocation cannot.")
        column.addWidget(self.final)
        column.addStretch(1)
        self.body.addWidget(scrolled(inner, "Answer"), 1)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(16, 10, 16, 10)
        self.reject = danger_button("Reject")
        self.reject.setObjectName("mining.review.reject")
        self.reject.setToolTip("R")
        self.reject.clicked.connect(lambda: page.decide(False))
        self.ask = button("Ask…")
        self.ask.setObjectName("mining.review.ask")
        self.ask.clicked.connect(page.ask)
        self.revoke = button("Revoke…")
        self.revoke.setObjectName("mining.review.revoke")
        self.revoke.setToolTip("Takes a ready proof out for good; a rejection can be taken back")
        self.revoke.clicked.connect(page.revoke)
        self.accept = primary_button("Accept")
        self.accept.setObjectName("mining.review.accept")
        self.accept.setToolTip("A")
        self.accept.clicked.connect(lambda: page.decide(True))
        row.addStretch(1)
        row.addWidget(self.reject)
        row.addWidget(self.ask)
        row.addWidget(self.revoke)
        row.addWidget(self.accept)
        self.body.addWidget(foot)

    def ask_reason(self, error: str = "", then: Callable[[], object] | None = None) -> None:
        """Put the keyboard into the reason; Enter then rejects, or does what ``then`` says."""
        self.then = then or self._reject
        self.field.set_error(error or "Say why, then press Enter. Nothing was changed yet.")
        self.reason.setFocus()

    def _chosen_anew(self) -> None:
        """Enter was to do something with other proofs, or with these as they were: it is said before it rejects."""
        self.ask_reason("What is chosen has changed; Enter rejects it now. Nothing was changed yet.")

    def show_rows(self, row: ProofRow | None, some: Sequence[ProofRow]) -> None:
        """Show what can be answered. A reading that changes nothing of it leaves what Enter does, and what is said, as it is."""
        shown = [(each.id, str(each.status)) for each in some]
        if shown != self._shown:
            self._shown = shown
            self.field.set_error("")
            self.then = self._reject if self.then == self._reject else self._chosen_anew
        waits = [each for each in some if str(each.status) in WAITS]
        stops = [each for each in some if str(each.status) in OPEN]
        asked = row is not None and len(some) == 1 and str(row.status) == "asked"
        self.ask.setText("Answered…" if asked else "Ask…")
        self.ask.setToolTip("Q. Write down what the contributor answered" if asked else "Q. Send it back with a question")
        self.ask.setVisible(bool(stops))
        many = len(some) > 1
        self.revoke.setText(f"Revoke {len(stops)}…" if many else "Revoke…")
        self.revoke.setVisible(bool(stops) and all(str(each.status) == "ready" for each in stops))
        self.set_title(f"Answer to {proofs(len(some))}" if many else "Answer")
        self.state.setVisible(row is not None and not many)
        if row is not None:
            self.state.set_state(*STATES[str(row.status)])
        self.accept.setText(f"Accept {len(waits)}" if many else "Accept")
        self.reject.setText(f"Reject {len(stops)}" if many else "Reject")
        self.accept.setVisible(bool(waits))
        self.reject.setVisible(bool(stops))
        self.field.setVisible(bool(stops))
        said = row.reason if row is not None else ""
        if many:
            total = short_units(sum(each.reward for each in some), 18)
            people = len({each.contributor for each in some})
            who = "1 contributor" if people == 1 else f"{people} contributors"
            said = f"{total} AZR to {who}, answered together with one reason."
        self.note.set_level("warn" if waits and not many else "info")
        self.note.set_text(masked(said))
        self.note.setVisible(bool(said))
        for widget in (self.how, self.follows_title, self.final):
            widget.setVisible(row is not None)
        self.final.setVisible(bool(stops))
        self.signatures.ask(row, some)
        empty(self.follows)
        steps = FOLLOWS.get(str(row.status), ()) if row is not None else ()
        self.follows_title.setVisible(bool(steps))
        for level, words in steps:
            self.follows.addWidget(StatusLabel(level, words))
        if row is None:
            empty(self.priced)

    def show_priced(self, told: Examination) -> None:
        """Show how the policy found the reward."""
        empty(self.priced)
        facts = [("Policy", told.row.policy), *told.priced]
        self.priced.addWidget(KeyValue(facts))
        if not told.priced:
            self.priced.addWidget(Note("info", "This store has lost the version of the policy that priced it."))
        if told.row.tx_hash:
            self.priced.addWidget(KeyValue([("Minted by", told.row.tx_hash), ("In block", f"{told.row.block:,}")]))
