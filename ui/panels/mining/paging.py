"""Proofs in pages of the store: filtered and sorted there, added where the reader comes to the end of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.mining import ProofFilter, ProofRow
    from ui.bridge import Bridge
    from ui.widgets import Row, Table

PAGE = 250
NEAR_END = 20  # rows before the end of what is loaded at which a step by key asks for more
SORTED = ("number", "contributor", "activity", "score", "reward", "state")  # the columns that the store sorts by


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the store, whatever the page."""

    wanted: ProofFilter
    by: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A reading from the beginning: a question, and how many rows."""

    question: Question
    size: int


class ProofPages:
    """What one table shows of the queue.

    A refresh reads as many rows again as the reader has come to, so that the place is kept.

    Args:
        cells: makes a proof a row of the table.
        wanted: what is asked of the store now.
        asked: everything is to be read again: the order was changed, or what was read does not fit together.
    """

    def __init__(
        self,
        table: Table,
        bridge: Bridge,
        cells: Callable[[ProofRow], Row],
        wanted: Callable[[], ProofFilter],
        asked: Callable[[], object],
        *,
        descending: bool = False,
    ) -> None:
        self.rows: dict[str, ProofRow] = {}
        self.complete = True
        self._table = table
        self._bridge = bridge
        self._cells = cells
        self._wanted = wanted
        self._asked = asked
        self._by, self._descending = "number", descending
        self._latest: Question | None = None  # of the reading that was asked for last
        self._shown: Question | None = None
        self._last: ProofRow | None = None
        self._loading = False
        table.load_more.connect(self.more)
        table.sort_asked.connect(self._sort)

    def request(self) -> Asked:
        """What a refresh asks."""
        self._latest = Question(self._wanted(), self._by, self._descending)
        return Asked(self._latest, max(PAGE, len(self.rows)) if self._latest == self._shown else PAGE)

    def show(self, rows: Sequence[ProofRow], asked: Asked | None = None, beside: ProofRow | None = None) -> None:
        """Show what a reading gave; one whose question is no longer asked is thrown away.

        Args:
            asked: what was asked; None: these rows are all there is.
            beside: a row that is looked at and lies on a later page.
        """
        if asked is not None and asked.question != self._latest:
            return
        if asked is not None and asked.question == self._shown and len(self.rows) > asked.size:
            # Pages came in while this was read. Where something moved they do not go on where this ends: all is read once more.
            self._asked()
        else:
            self.complete = asked is None or len(rows) < asked.size
            self._shown = asked.question if asked is not None else None
            self.rows = {row.id: row for row in rows}
            self._last = rows[-1] if rows else None
        if beside is not None:
            self.rows.setdefault(beside.id, beside)
        self.paint()

    def paint(self) -> None:
        """Make the table's rows again, as when something beside them has changed."""
        self._table.set_rows([self._cells(row) for row in self.rows.values()])

    def more(self) -> None:
        """Read the next page, once."""
        network = self._bridge.console.networks.current if self._bridge.is_ready else None
        question, last = self._shown, self._last
        if self.complete or self._loading or network is None or last is None or question is None:
            return
        self._loading = True
        reviewing = self._bridge.console.mining.reviewing

        def show(rows: list[ProofRow]) -> None:
            self._loading = False
            if question != self._shown or self._last is None:
                return
            if self._last.id == last.id:
                self._append(rows)
            else:  # everything was read again meanwhile and ends elsewhere now
                self.more()

        def failed(_error: Any) -> bool:
            self._loading = False
            return False

        self._bridge.run(
            lambda: reviewing.page(network.id, question.wanted, PAGE, last, by=question.by, descending=question.descending),
            then=show,
            fail=failed,
            owner=self._table,
        )

    def near_end(self, row_id: str) -> None:
        """A step by key came to this row: read on before the reader is at the end."""
        if row_id in list(self.rows)[-NEAR_END:]:
            self.more()

    def _append(self, rows: Sequence[ProofRow]) -> None:
        self.complete = len(rows) < PAGE
        self._last = rows[-1] if rows else self._last
        new = {row.id: row for row in rows if row.id not in self.rows}
        self.rows.update(new)
        self._table.append_rows([self._cells(row) for row in new.values()])

    def _sort(self, column: str, descending: bool) -> None:
        if column in SORTED:
            self._by, self._descending = column, descending
            self._asked()
