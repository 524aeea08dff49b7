"""The page of review: proofs of one state at the left, the chosen one in the middle, the answer at the right; all of it by keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.mining.evidence_file import GONE_MEANS
from ui.panels.mining.answer import OPEN, AnswerPane
from ui.panels.mining.examined import ExaminedPane
from ui.panels.mining.paging import Asked, ProofPages
from ui.panels.mining.proof_words import STATES, Counts, proof_row, proofs
from ui.widgets import Column, EmptyState, ErrorState, IconCell, Pane, Row, Table, button, line_edit
from ui.widgets.basics import letter_key
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from app.mining import Examination, ProofFilter, ProofRow
    from app.mining.evidence_file import EvidenceLook
    from ui.panels.mining.panel import MiningPanel

TYPING_MS = 250
KEYS = "J K next, previous   A accept   R reject   Q ask   Space mark   U take back"
Was = tuple[str, str, str]  # a proof before it was answered: id, status, reason
Answered = tuple[int, str]  # how many proofs had the answer, and what its giver should know


class ReviewPage(QWidget):
    """Triage. The marked proofs are answered together; without marks, the chosen one."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self.panel = panel
        self._labels: Mapping[str, str] = {}
        self._marked: set[str] = set()
        self._undo: list[list[Was]] = []
        self._asked = ""
        self._wanted = ""
        self._filling = False
        self._count = 0  # proofs that the filters let through
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self._build_list())
        self.examined = ExaminedPane()
        self.examined.fetch.clicked.connect(self.fetch)
        self.middle = QStackedWidget()
        self.none = EmptyState(
            "seal-check", "No proof waits for an answer", "Proofs whose score or reward asks for a person come here."
        )
        self.error = ErrorState("", self.refresh)
        for widget in (self.none, self.examined, self.error):
            self.middle.addWidget(widget)
        self.middle.setMinimumWidth(220)
        split.addWidget(self.middle)
        self.answer = AnswerPane(self)
        self.answer.setMinimumWidth(248)
        split.addWidget(self.answer)
        for at, stretch in enumerate((0, 1, 0)):
            split.setStretchFactor(at, stretch)
        split.setSizes([330, 540, 320])
        column.addWidget(split, 1)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self.refresh)
        self._acts: dict[str, Callable[[], object]] = {
            "next": lambda: self.step(1),
            "previous": lambda: self.step(-1),
            "accept": lambda: self.decide(True),
            "reject": lambda: self.decide(False),
            "ask": self.ask,
            "revoke": self.revoke,
            "mark": self.mark,
            "undo": self.undo,
        }
        for keys, act in zip("JKARQU", ("next", "previous", "accept", "reject", "ask", "undo"), strict=True):
            letter_key(self, keys, lambda act=act: self.act(act))
        letter_key(self, "Space", self.mark)

    def act(self, name: str) -> None:
        """Do what a key or a command asks; the names are those above."""
        self._acts[name]()

    def _build_list(self) -> QWidget:
        pane = Pane("Proofs")
        pane.setMinimumWidth(200)
        self.order = QLabel("oldest first")
        self.order.setProperty("role", "hint")
        pane.add_header(self.order)
        bar = QWidget()
        rows = QVBoxLayout(bar)
        rows.setContentsMargins(12, 8, 12, 8)
        rows.setSpacing(6)
        self.text = line_edit("mining.review.filter", "Filter by number, name, reason or hash")
        self.text.setPlaceholderText("Number, name, reason or 0x…")
        self.text.setClearButtonEnabled(True)
        self.text.textChanged.connect(lambda _: self._typing.start())
        rows.addWidget(self.text)
        self.state = _choice("mining.review.state", "State", self.refresh)
        for key, (_, word) in STATES.items():
            self.state.addItem(word, key)
        self.state.addItem("All states", "")
        self.activity = _choice("mining.review.activity", "Activity", self.refresh)
        self.contributor = _choice("mining.review.contributor", "Contributor", self.refresh)
        self.activity.addItem("Every activity", "")
        self.contributor.addItem("Everybody", "")
        for box in (self.state, self.activity, self.contributor):
            rows.addWidget(box)
        pane.body.addWidget(bar)
        self.table = Table(
            [
                Column("mark", "", 48),
                Column("number", "Proof", 60),
                Column("contributor", "Contributor", 112, kind="address"),
                Column("reward", "AZR", 92, align="right", kind="amount"),
            ],
            remote_sort=True,
        )
        self.pages = ProofPages(self.table, self.panel.bridge, self._cells, self.wanted, self.refresh)
        self.table.setObjectName("mining.review.list")
        self.table.setAccessibleName("Proofs to answer")
        self.table.selected.connect(lambda _: self._chosen())
        self.table.activated.connect(lambda _: self.answer.reason.setFocus())
        pane.body.addWidget(self.table, 1)
        self.marks = QLabel("")
        self.marks.setObjectName("mining.review.marks")
        self.keys = QLabel(KEYS)
        self.keys.setProperty("role", "hint")
        self.keys.setWordWrap(True)
        foot = QFrame()
        foot.setProperty("role", "bar")
        lines = QVBoxLayout(foot)
        lines.setContentsMargins(12, 8, 12, 8)
        lines.setSpacing(4)
        head = QHBoxLayout()
        head.addWidget(self.marks)
        head.addStretch(1)
        self.back = button("Take back", icon="arrow-counter-clockwise")
        self.back.setObjectName("mining.review.undo")
        self.back.setAccessibleName("Take the last answer back")
        self.back.setToolTip("U")
        self.back.clicked.connect(self.undo)
        self.back.hide()
        head.addWidget(self.back)
        lines.addLayout(head)
        lines.addWidget(self.keys)
        pane.body.addWidget(foot)
        return pane

    # Reading

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.refresh()
        self.table.setFocus()

    def wanted(self) -> ProofFilter:
        """What is asked of the store."""
        from app.mining import ProofFilter, ProofStatus

        state = str(self.state.currentData() or "")
        return ProofFilter(
            (ProofStatus(state),) if state else None,
            str(self.activity.currentData() or ""),
            str(self.contributor.currentData() or ""),
            self.text.text(),
        )

    def refresh(self) -> None:
        """Ask the store for what the filters want."""
        bridge = self.panel.bridge
        network = bridge.console.networks.current if bridge.is_ready else None
        if network is None or not self.isVisible() or self._filling:
            return
        at = self._wanted
        asked = self.pages.request()
        question = asked.question

        async def read() -> tuple[list[ProofRow], Counts, Any, dict[str, str], Asked, ProofRow | None]:
            console = bridge.console
            reviewing = console.mining.reviewing
            labels = {account.address: account.label for account in await console.wallets.list()}
            rows = await reviewing.page(network.id, question.wanted, asked.size, by=question.by, descending=question.descending)
            beside = await console.mining.get(at) if at and all(row.id != at for row in rows) else None
            return (
                rows,
                await reviewing.counts(network.id, question.wanted),
                await reviewing.choices(network.id),
                labels,
                asked,
                beside if beside is not None and beside.network == network.key.text else None,
            )

        bridge.run(read, then=lambda answer: self.show_rows(*answer), fail=self._failed, owner=self)

    def _failed(self, error: Any) -> bool:
        self.error.set_text(str(error))
        self.middle.setCurrentWidget(self.error)
        return True

    def show_rows(
        self,
        rows: Sequence[ProofRow],
        counts: Counts,
        choices: Any,
        labels: Mapping[str, str],
        asked: Asked | None = None,
        beside: ProofRow | None = None,
    ) -> None:
        """Show what the store gave, and one that is looked at on a later page."""
        self._labels = labels
        self.pages.show(rows, asked, beside)
        self._marked &= set(self.pages.rows)
        self._fill_choices(counts, choices)
        chosen = self._wanted or self.table.selected_id()
        self._wanted = ""
        self._tell_marks()
        if rows and chosen not in self.pages.rows:
            chosen = rows[0].id
        if rows and chosen != self.table.selected_id():  # else it stays selected, and the reader where they are
            self.table.select(chosen)
        self._asked = ""
        self._chosen()

    def _fill_choices(self, counts: Counts, choices: Any) -> None:
        """The words of the filters, with the counts by state; what was chosen stays chosen."""
        activities, people = choices
        numbers = {str(status): count for status, (count, _) in counts.items()}
        state = str(self.state.currentData() or "")
        self._count = max(numbers.get(state, 0) if state else sum(numbers.values()), len(self.pages.rows))
        self._filling = True
        try:
            for at in range(self.state.count()):
                key = str(self.state.itemData(at))
                word = STATES[key][1] if key else "All states"
                self.state.setItemText(at, f"{word}  {numbers.get(key, 0) if key else sum(numbers.values()):,}")
            people = [(each, self._labels.get(each) or short_hex(each)) for each in people]
            for box, first, some in (
                (self.activity, "Every activity", activities),
                (self.contributor, "Everybody", sorted(people, key=lambda each: each[1].casefold())),
            ):
                kept = box.currentData()
                box.clear()
                box.addItem(first, "")
                for key, word in some:
                    box.addItem(word, key)
                box.setCurrentIndex(max(0, box.findData(kept)))
        finally:
            self._filling = False

    def _cells(self, row: ProofRow) -> Row:
        mark = IconCell("check-square", "", "accent") if row.id in self._marked else ""
        return Row(row.id, {**proof_row(row, self._labels).cells, "mark": mark})

    def _fill(self) -> None:
        self.pages.paint()
        self._tell_marks()

    def _tell_marks(self) -> None:
        count = len(self._marked)
        self.marks.setText(f"{proofs(count)} marked" if count else f"{proofs(self._count)} here")

    # Choosing

    def current(self) -> ProofRow | None:
        """The chosen proof."""
        return self.pages.rows.get(self.table.selected_id())

    def chosen(self) -> list[ProofRow]:
        """The marked proofs, else the chosen one."""
        if self._marked:
            return [row for row in self.pages.rows.values() if row.id in self._marked]
        row = self.current()
        return [row] if row is not None else []

    def look_at(self, proof_id: str) -> None:
        """Bring one proof into sight, whatever the filters say."""
        self._filling = True
        try:
            self.text.clear()
            self._typing.stop()
            for box in (self.activity, self.contributor):
                box.setCurrentIndex(0)
            self.state.setCurrentIndex(self.state.findData(""))
        finally:
            self._filling = False
        self._wanted = proof_id
        self.refresh()

    def step(self, by: int) -> None:
        """Choose the next or previous proof."""
        ids = [row.id for row in self.table.rows()]
        here = self.table.selected_id()
        if ids:
            place = ids.index(here) + by if here in ids else 0
            there = ids[max(0, min(place, len(ids) - 1))]
            self.table.select(there)
            self._chosen()
            self.pages.near_end(there)

    def mark(self) -> None:
        """Mark the chosen proof for an answer together with others, or take the mark back; then the next one is chosen."""
        row = self.current()
        if row is not None:
            self._marked ^= {row.id}
            self._fill()
            self.step(1)
            self._show_answer()

    def _chosen(self) -> None:
        row = self.current()
        self._show_answer()
        if row is None:
            self.middle.setCurrentWidget(self.none)
            state = str(self.state.currentData() or "")
            if state == "in_review" and not self.text.text():
                self.none.set_text("No proof waits for an answer", "Proofs whose score or reward asks for a person come here.")
            else:
                self.none.set_text("No proof is found", "No proof of this state fits the filters.")
            return
        if row.id == self._asked:
            return
        self._asked = row.id
        bridge = self.panel.bridge
        network = bridge.console.networks.current
        if network is None:
            return

        def show(told: Examination) -> None:
            now = self.current()
            if now is not None and now.id == told.row.id:
                self.show_examined(told)

        bridge.run(lambda: bridge.console.mining.reviewing.examine(network.id, row.id), then=show, fail=self._failed, owner=self)

    def show_examined(self, told: Examination) -> None:
        """Show what was found about the chosen proof."""
        self.examined.show_examined(told, self._labels)
        self.middle.setCurrentWidget(self.examined)
        self.answer.show_priced(told)

    def fetch(self) -> None:
        """Fetch the address of the chosen proof: one that waits gets its hash, any other is compared."""
        row, bridge = self.current(), self.panel.bridge
        if row is None:
            return
        self.examined.fetch.setEnabled(False)

        async def read() -> tuple[Examination, EvidenceLook]:
            look = await bridge.console.mining.fetch(row.id)
            return await bridge.console.mining.reviewing.examine(row.network, row.id), look

        def show(answer: tuple[Examination, EvidenceLook]) -> None:
            told, look = answer
            self.examined.fetch.setEnabled(True)
            now = self.current()
            if now is not None and now.id == told.row.id:
                self.show_examined(told)
                self.examined.show_fetched(look)

        def failed(error: Any) -> bool:
            self.examined.fetch.setEnabled(True)
            self.panel.window_.notify(str(error), "warn")
            return True

        bridge.run(read, then=show, fail=failed, owner=self, label="Fetching the evidence")

    def _show_answer(self) -> None:
        self.answer.show_rows(self.current(), self.chosen())
        self.back.setVisible(bool(self._undo))

    # Answering

    def decide(self, accept: bool) -> None:
        """Accept or reject the marked proofs, else the chosen one; a rejection needs its reason first."""
        some = [row for row in self.chosen() if str(row.status) in OPEN and not (accept and str(row.status) == "ready")]
        if not some:
            self.panel.window_.notify("None of the chosen proofs waits for this answer. Nothing was changed.", "warn")
            return
        reason = self.answer.reason.text().strip()
        if not accept and not reason:
            self.answer.ask_reason()
            return
        mining, ids = self.panel.bridge.console.mining, [row.id for row in some]

        async def answer() -> Answered:
            count = int(await mining.review_many(ids, accept, reason))
            told = [await mining.get(each) for each in ids] if accept else []
            named = ", ".join(f"#{row.number:,}" for row in [row for row in told if GONE_MEANS in row.reason][:5])
            return count, f" The evidence of {named} cannot be read now. {GONE_MEANS}" if named else ""

        self._send(some, answer, "ready to mint" if accept else "rejected", "Answering the review")

    def revoke(self) -> None:
        """Ask why the marked proofs, else the chosen one, are to be taken out for good; Enter then does it."""
        if self._ready():
            said = "Say why, then press Enter: what is revoked does not come back. Nothing was changed yet."
            self.answer.ask_reason(said, self._revoke)
        else:
            self.panel.window_.notify("Only proofs that are ready are revoked, and none is chosen. Nothing was changed.", "warn")

    def _ready(self) -> list[ProofRow]:
        return [row for row in self.chosen() if str(row.status) == "ready"]

    def _revoke(self) -> None:
        some, reason = self._ready(), self.answer.reason.text().strip()
        if not some or not reason:
            self.revoke()
            return
        mining, ids = self.panel.bridge.console.mining, [row.id for row in some]

        async def write() -> Answered:
            return int(await mining.revoke_many(ids, reason)), ""

        self._send(some, write, "revoked", "Revoking proofs", final=True)

    def ask(self) -> None:
        """Send the chosen proofs back with a question; of one that is asked already, write down the answer."""
        some = [row for row in self.chosen() if str(row.status) in OPEN]
        asked = len(some) == 1 and str(some[0].status) == "asked"
        if not some:
            self.panel.window_.notify("None of the chosen proofs can be asked about. Nothing was changed.", "warn")
            return
        text = self.answer.reason.text().strip()
        if not text:
            what = "what the contributor answered" if asked else "what is missing"
            self.answer.ask_reason(f"Write down {what}, then press Enter. Nothing was changed yet.", self.ask)
            return
        mining, ids = self.panel.bridge.console.mining, [row.id for row in some]

        async def write() -> Answered:
            if not asked:
                return int(await mining.ask(ids, text)), ""
            await mining.answered(ids[0], text)
            return 1, ""

        self._send(some, write, "waiting for a review again" if asked else "sent back with a question", "Asking for more")

    def _send(
        self, some: Sequence[ProofRow], work: Callable[[], Awaitable[Answered]], word: str, label: str, *, final: bool = False
    ) -> None:
        """Answer some proofs, choose the next one, and offer to take it back where it is not ``final``."""
        was = [(row.id, str(row.status), row.reason) for row in some]
        ids = [row.id for row in some]
        left = [row.id for row in self.table.rows() if row.id not in ids]
        after = [row.id for row in self.table.rows()]
        place = min(after.index(each) for each in ids)
        self._wanted = next((each for each in after[place:] if each in left), left[-1] if left else "")

        def answered(told: Answered) -> None:
            count, warning = told
            if not final:
                self._undo.append(was)
            self._marked -= set(ids)
            self.answer.reason.clear()
            text = f"Proof #{some[0].number:,} is {word}." if len(some) == 1 else f"{proofs(count)} are {word}."
            if count < len(some):
                text += f" {len(some) - count} had another answer already."
            back = None if final else ("Take back", self.undo)
            self.panel.window_.notify(text + warning, "warn" if warning else "ok", action=back)
            self.refresh()
            self.table.setFocus()

        self._run(work, answered, label)

    def undo(self) -> None:
        """Take the last answer back, where no plan has acted on it."""
        if not self._undo:
            self.panel.window_.notify("Nothing was answered here that could be taken back.", "info")
            return
        was = self._undo.pop()
        self._wanted = was[0][0]
        self.take_back(was)

    def take_back(self, was: Sequence[Was]) -> None:
        """Let these proofs be as they were before they were answered."""
        mining = self.panel.bridge.console.mining

        async def back() -> int:
            for proof_id, status, reason in was:
                if status != "asked" or str((await mining.get(proof_id)).status) == "rejected":
                    await mining.reviewing.reopen(proof_id, reason)
                if status == "ready":
                    await mining.review(proof_id, True)
                elif status == "asked":
                    await mining.ask([proof_id], reason)
            return len(was)

        def done(count: int) -> None:
            word = "waits" if count == 1 else "wait"
            again = "for its contributor" if was[0][1] == "asked" else "for an answer"
            self.panel.window_.notify(f"{proofs(count)} {word} {again} again.", "ok")
            self.refresh()

        self._run(back, done, "Taking the answer back")

    def _run(self, work: Callable[[], Any], then: Callable[[Any], object], label: str) -> None:
        def refused(error: Any) -> bool:
            if getattr(error, "field", "") == "reason":
                self.answer.ask_reason(str(error))
                return True
            self.refresh()
            return False

        self.panel.bridge.run(work, then=then, fail=refused, label=label, owner=self)


def _choice(name: str, spoken: str, changed: Callable[[], object]) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(spoken)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.currentIndexChanged.connect(lambda _: changed())
    return box
