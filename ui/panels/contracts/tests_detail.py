"""One test of the Tests page: why it failed, with which arguments, what it said, its calls, and the lines where it failed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QLabel, QSplitter, QStackedWidget, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.contracts.testing import TestCase, TestStatus, TraceKind, TraceNode
from ui.theme import icon, theme
from ui.widgets import Column, EmptyState, LogView, Note, Pane, Row, StatusLabel, Table, button
from ui.widgets.containers import breakable
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from pathlib import Path

    from app.contracts.testing import Place
    from ui.panels.contracts.tests import TestsPage

_WORDS = {
    TestStatus.PASSED: ("ok", "Passed"),
    TestStatus.FAILED: ("err", "Failed"),
    TestStatus.SKIPPED: ("idle", "Skipped"),
    TestStatus.LISTED: ("idle", "Not run yet"),
}


class TestDetail(QStackedWidget):
    """What is known of the chosen test.

    Signals:
        again: run this test once more.
    """

    __test__ = False
    again = Signal(object)

    def __init__(self, page: TestsPage) -> None:
        super().__init__()
        self._page = page
        self.test: TestCase | None = None
        self.places: tuple[Place, ...] = ()
        self.addWidget(EmptyState("flask", "No test is chosen", "Run the tests, or choose one at the left."))
        self.addWidget(self._content())
        self.setMinimumWidth(280)

    def _content(self) -> QWidget:
        self.head = Pane("Test")
        self.state = StatusLabel("idle", "")
        self.head.add_header(self.state)
        run = button("Run again", icon="play")
        run.setObjectName("contracts.tests.again")
        run.clicked.connect(lambda: self.again.emit(self.test))
        self.head.add_header(run, right=True)
        self.called = QLabel("")
        self.called.setObjectName("contracts.tests.name")
        self.called.setProperty("role", "heading")
        self.called.setWordWrap(True)
        self.called.setContentsMargins(16, 8, 16, 0)
        self.facts = QLabel("")
        self.facts.setObjectName("contracts.tests.facts")
        self.facts.setProperty("role", "hint")
        self.facts.setWordWrap(True)
        self.facts.setContentsMargins(16, 2, 16, 8)
        self.reason = Note("err", "")
        self.head.body.addWidget(self.called)
        self.head.body.addWidget(self.facts)
        self.head.body.addWidget(self.reason)
        self.calls = table(
            "contracts.tests.counter",
            "Counter-example",
            ("call", "Call", 100),
            ("arguments", "Arguments", 110),
            ("sender", "Sender", 70),
        )
        self.counter = _pane("Counter-example", self.calls)
        self.lines = table("contracts.tests.lines", "Lines where it failed", ("place", "Place", 110), ("text", "Source", 170))
        self.lines.activated.connect(self._open)
        self.source = _pane("Where it failed", self.lines)
        self.tree = QTreeWidget()
        self.tree.setObjectName("contracts.tests.trace")
        self.tree.setAccessibleName("Call trace")
        self.tree.setHeaderLabels(["Call", "Gas"])
        self.tree.setIndentation(16)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.trace = _pane("Call trace", self.tree)
        self.log = LogView()
        self.log.setObjectName("contracts.tests.log")
        self.log.setAccessibleName("What the test said")
        self.logs = _pane("Logs", self.log)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        for part in (self.counter, self.source, self.trace, self.logs):
            split.addWidget(part)
        split.setStretchFactor(2, 1)
        split.setSizes([110, 120, 260, 90])
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(split, 1)
        column.addStretch(0)
        return whole

    def show_test(self, test: TestCase | None) -> None:
        """Show a test; None: none is chosen."""
        self.test = test
        self.setCurrentIndex(1 if test is not None else 0)
        if test is None:
            return
        self.called.setText(breakable(test.name))
        self.state.set_state(*_WORDS[test.status])
        said = [str(test.where), str(test.kind)]
        said += [f"{test.runs:,} runs"] if test.runs else []
        said += [f"{test.gas:,} gas"] if test.gas else []
        self.facts.setText(breakable(", ".join(said)))
        self.reason.setVisible(bool(test.reason))
        self.reason.set_level("err" if test.status is TestStatus.FAILED else "info")
        self.reason.set_text(breakable(test.reason))
        example = test.counter_example
        calls = example.calls if example else ()
        self.counter.setVisible(bool(calls))
        self.counter.set_title(
            f"Counter-example, shrunk from {example.original} calls"
            if example and example.original > len(calls)
            else "Counter-example"
        )
        self.calls.set_rows(
            [
                Row(
                    str(at),
                    {
                        "call": call.signature.partition("(")[0] or test.name.partition("(")[0],
                        "arguments": call.arguments or short_hex(call.calldata),
                        "sender": short_hex(call.sender) if call.sender else "",
                    },
                )
                for at, call in enumerate(calls)
            ]
        )
        self.tree.clear()
        self.tree.addTopLevelItems([_item(node) for node in test.traces])
        self.tree.expandToDepth(2)
        self.trace.setVisible(bool(test.traces))
        self.log.setPlainText("\n".join(test.logs))
        self.logs.setVisible(bool(test.logs))
        places = tuple(place for place in test.backtrace if place.line)
        self.places = places or ((test.where,) if test.where.line else ())
        self.source.setVisible(bool(self.places))
        self.source.set_title("Where it failed" if places else "Where it stands")
        self._show_lines(test, [""] * len(self.places))
        root = self._page.root
        if root is not None and self.places:
            wanted = self.places
            self._page.bridge.run(
                lambda: asyncio.to_thread(_texts, root, wanted), then=lambda texts: self._show_lines(test, texts), owner=self
            )

    def _show_lines(self, test: TestCase, texts: list[str]) -> None:
        if test is self.test:
            rows = zip(self.places, texts, strict=True)
            self.lines.set_rows(
                [
                    Row(str(at), {"place": f"{place.file.rpartition('/')[2]}:{place.line}", "text": text})
                    for at, (place, text) in enumerate(rows)
                ]
            )

    def _open(self, row_id: str) -> None:
        place = self.places[int(row_id)]
        self._page.open_place(place.file, place.line)


def table(name: str, called: str, *columns: tuple[str, str, int]) -> Table:
    """A table of words in the fixed font."""
    made = Table([Column(key, title, width, mono=True) for key, title, width in columns])
    made.setObjectName(name)
    made.setAccessibleName(called)
    return made


def _pane(title: str, inner: QWidget) -> Pane:
    made = Pane(title)
    made.setMinimumHeight(84)
    made.body.addWidget(inner, 1)
    return made


def _texts(root: Path, places: tuple[Place, ...]) -> list[str]:
    """The lines themselves; empty where a file cannot be read."""

    def line(place: Place) -> str:
        try:
            lines = (root / place.file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return lines[place.line - 1].strip() if place.line <= len(lines) else ""

    return [line(place) for place in places]


def _item(node: TraceNode) -> QTreeWidgetItem:
    """A line of the trace with what is below it."""
    word = {TraceKind.EVENT: "emit ", TraceKind.RESULT: "← "}.get(node.kind, "")
    item = QTreeWidgetItem([word + node.text.partition("\n")[0], f"{node.gas:,}" if node.gas else ""])
    item.setFont(0, theme.font("mono"))
    item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight)
    item.setToolTip(0, node.text)
    if not node.ok:
        item.setIcon(0, icon("x-square-fill", "err"))
    item.addChildren([_item(child) for child in node.children])
    return item
