"""Tests: what a project's tests say, and of one that failed why, with which arguments, through which calls, at which line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from app.contracts.testing import TestCase, TestFilter, TestReport, TestStatus, TestSuite, junit
from app.core.errors import Cancelled, ConsoleError, Unavailable
from ui.panels.contracts.page import Page
from ui.panels.contracts.tests_detail import TestDetail, table
from ui.panels.contracts.watching import Start, Watching
from ui.theme import icon, theme
from ui.widgets import EmptyState, ErrorState, Note, Pane, Row, Segmented, Skeleton, ask_save, button, line_edit, primary_button

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.contracts.testing import Coverage
    from ui.bridge import Handle
    from ui.panels.contracts.panel import ContractsPanel

T = TypeVar("T")
_TEST = Qt.ItemDataRole.UserRole
_ICONS = {
    TestStatus.PASSED: ("check-circle-fill", "ok"),
    TestStatus.FAILED: ("x-square-fill", "err"),
    TestStatus.SKIPPED: ("minus", "text-3"),
    TestStatus.LISTED: ("circle", "text-3"),
}


class TestsPage(Page):
    """The tests of the project in front; running them never holds the window up."""

    __test__ = False
    name = "tests"
    title = "Tests"
    _told = Signal(object)  # from the service thread: what Qt's thread is to do

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__(panel)
        self.suites: dict[str, TestSuite] = {}
        self.report: TestReport | None = None
        self._what: Path | None = None  # the project that is shown; None: our own contracts
        self._of: Path | None = None  # its root, once it is read
        self._running: Handle | None = None
        self._told.connect(lambda call: call())
        self.column.addWidget(self._bar())
        self.note = Note("err", "")
        self.note.hide()
        self.column.addWidget(self.note)
        self.none = EmptyState("flask", "No tests here", "This project has no contract whose functions begin with test.")
        self.failure = ErrorState("", self._list)
        self.stack = QStackedWidget()
        for part in (Skeleton(8, "Reading the tests"), self.none, self.failure, self._content()):
            self.stack.addWidget(part)
        self.column.addWidget(self.stack, 1)
        panel.sources.project_chosen.connect(self._project_chosen)
        self._show_state()

    def _bar(self) -> QFrame:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        self.run_button = primary_button("Run", icon="play")
        self.failed_button = button("Run failed")
        self.stop_button = button("Stop", icon="stop")
        self.watch_button = button("Watch", icon="eye")
        self.figures_button = button("Coverage, gas")
        self.export_button = button("Export JUnit…")
        for name, made, slot, tip in (
            ("run", self.run_button, lambda: self.run(), "Run all tests of the project"),
            ("failed", self.failed_button, self.run_failed, "Run exactly the tests that failed when they ran last"),
            ("stop", self.stop_button, self.stop, "Stop the run, and forge with it"),
            ("figures", self.figures_button, self._toggle_figures, "Gas of each test, and which lines the tests reach"),
            ("export", self.export_button, self._ask_export, "Write the last run as JUnit XML"),
        ):
            made.setObjectName(f"contracts.tests.{name}")
            made.setToolTip(tip)
            made.clicked.connect(lambda _=False, slot=slot: slot())
        figures = self.figures_button
        figures.setCheckable(True)
        figures.toggled.connect(lambda held: figures.setText("Hide figures" if held else "Coverage, gas"))
        self.watch_button.setObjectName("contracts.tests.watch")
        self.watch_button.setToolTip("Run them whenever a source changes")
        self.watching = Watching(self.bridge, self.watch_button, self._watch, self)
        self.watching.heard.connect(self._watched)
        left: list[QPushButton] = [self.run_button, self.failed_button, self.stop_button, self.watch_button]
        for made in left:
            row.addWidget(made)
        row.addStretch(1)
        row.addWidget(self.figures_button)
        row.addWidget(self.export_button)
        return bar

    def _content(self) -> QWidget:
        left = Pane("Tests")
        self.count = QLabel("")
        self.count.setObjectName("contracts.tests.count")
        self.count.setProperty("role", "hint")
        self.count.setMinimumWidth(1)
        left.add_header(self.count)
        self.filter = line_edit("contracts.tests.filter", "Filter tests")
        self.filter.setPlaceholderText("Filter tests")
        self.filter.textChanged.connect(lambda _: self._sift())
        self.which = Segmented([("all", "All"), ("failed", "Failed")])
        self.which.setObjectName("contracts.tests.which")
        self.which.changed.connect(lambda _: self._sift())
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(self.filter, 1)
        row.addWidget(self.which)
        left.body.addLayout(row)
        self.tree = _tree("contracts.tests.tree", "Suites and tests")
        self.tree.currentItemChanged.connect(lambda now, _: self._choose(now))
        left.body.addWidget(self.tree, 1)
        left.setMinimumWidth(210)
        self.detail = TestDetail(self)
        self.detail.again.connect(lambda test: self.run(TestFilter.of([test])))
        self.figures = self._figures()
        self.figures.hide()
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        for part in (left, self.detail, self.figures):
            split.addWidget(part)
        split.setStretchFactor(1, 1)
        split.setSizes([290, 460, 250])
        return split

    def _figures(self) -> Pane:
        pane = Pane("Of this run")
        self.figure = Segmented([("gas", "Gas"), ("coverage", "Coverage")])
        self.figure.setObjectName("contracts.tests.figure")
        self.figure.changed.connect(self._show_figure)
        pane.add_header(self.figure, right=True)
        self.gas = table("contracts.tests.gas", "Gas of each test", ("test", "Test", 130), ("gas", "Gas", 80))
        self.reached = table(
            "contracts.tests.coverage", "Coverage", ("file", "Source", 84), ("lines", "Lines", 60), ("paths", "Branches", 84)
        )
        self.covered = Note("info", "")
        self.covered.hide()
        self.figure_stack = QStackedWidget()
        self.figure_stack.addWidget(self.gas)
        self.figure_stack.addWidget(self.reached)
        pane.body.addWidget(self.covered)
        pane.body.addWidget(self.figure_stack, 1)
        pane.setMinimumWidth(220)
        return pane

    # reading

    def refresh(self) -> None:
        if self._of != self._root():
            self._list()

    def _root(self) -> Path:
        return self.panel.sources.project() or self.bridge.console.contracts.toolchain.contracts

    def _project_chosen(self, _root: object) -> None:
        if self.isVisible() and self.bridge.is_ready:
            self.refresh()

    def _list(self) -> None:
        """Which tests there are; nothing runs."""
        self.stop()
        self.watching.stop()
        self._what, self._of = self.panel.sources.project(), self._root()
        what = self._what
        self.suites, self.report = {}, None
        self.note.hide()
        self.stack.setCurrentIndex(0)
        tests = self.bridge.console.contracts.tests
        self._begin(lambda: tests.tree(what), self._listed, self._not_listed, "Reading the tests")

    def _listed(self, found: tuple[TestSuite, ...]) -> None:
        self.suites = {suite.id: suite for suite in found}
        self.stack.setCurrentIndex(3 if found else 1)
        self._fill()

    def _not_listed(self, error: ConsoleError) -> None:
        self.failure.set_text(str(error))
        self.stack.setCurrentIndex(2)

    # running

    def _begin(
        self, work: Callable[[], Awaitable[T]], then: Callable[[T], object], fail: Callable[[ConsoleError], object], label: str
    ) -> None:
        def ended(call: Callable[[], object]) -> None:
            self._running = None
            call()
            self._show_state()

        def failed(error: ConsoleError) -> bool:
            ended(lambda: fail(error))
            return True

        self._running = self.bridge.run(work, then=lambda answer: ended(lambda: then(answer)), fail=failed, label=label, owner=self)
        self._show_state(label)

    def run(self, wanted: TestFilter | None = None) -> None:
        """Run all tests of the project, or those that are meant."""
        if self._running is None:
            self._run(wanted)

    def run_failed(self) -> None:
        """Run what failed when it ran last."""
        tests, what = self.bridge.console.contracts.tests, self._what
        if self._running is None:
            self._begin(lambda: tests.failed(what), self._run, self._refused, "Looking for what failed")

    def _run(self, wanted: TestFilter | None = None) -> None:
        tests, what, root = self.bridge.console.contracts.tests, self._what, self._of
        self.note.hide()

        def told(text: str) -> None:
            self._told.emit(lambda: self._running and self.count.setText(text))

        def each(suite: TestSuite) -> None:
            self._told.emit(lambda: self._running and self._of == root and self._take(suite))

        meant = wanted or TestFilter()
        self._begin(lambda: tests.run(what, meant, report=told, each=each), self._ran, self._refused, "Running the tests")

    def _ran(self, report: TestReport) -> None:
        self.report = report
        for suite in report.suites:
            self._take(suite, fill=False)
        self.stack.setCurrentIndex(3 if self.suites else 1)
        self._fill()

    def _take(self, suite: TestSuite, *, fill: bool = True) -> None:
        """Put what ran in the place of what was known; the other tests of the suite stay."""
        self.suites[suite.id] = merged(self.suites.get(suite.id), suite)
        if fill:
            self._fill()

    def _refused(self, error: ConsoleError) -> None:
        self.note.set_text(str(error))
        self.note.show()

    def stop(self) -> None:
        """Stop what runs; forge and what it started end."""
        if self._running is not None:
            self._running.cancel()
            self._running = None
            if self.stack.currentIndex() == 0:
                self._not_listed(Cancelled("Reading the tests was stopped. None is known yet.", "Try again."))
            self._show_state()

    # watching

    def _watch(self) -> Start:
        tests, what = self.bridge.console.contracts.tests, self._what
        return lambda tell: tests.watch(what, TestFilter(), tell)

    def _watched(self, answer: TestReport | ConsoleError) -> None:
        if isinstance(answer, TestReport):
            self.note.hide()
            self._ran(answer)
        else:
            self._refused(answer)
        self._show_state()

    # figures and files

    def _toggle_figures(self) -> None:
        self.figures.setVisible(self.figures_button.isChecked())
        self._show_figure(self.figure.value())

    def _show_figure(self, which: str) -> None:
        self.figure_stack.setCurrentIndex(1 if which == "coverage" else 0)
        self.covered.hide()
        if which == "gas":
            used = [test for suite in self.suites.values() for test in suite.tests if test.gas]
            self.gas.set_rows([Row(test.id, {"test": bare(test), "gas": f"{test.gas:,}"}) for test in used])
        elif not self.figures.isHidden() and self._running is None:
            tests, what = self.bridge.console.contracts.tests, self._what
            self.covered.set_text("Measuring: everything compiles and runs anew, without the optimizer…")
            self.covered.show()
            self._begin(lambda: tests.coverage(what), self._show_coverage, self._no_coverage, "Measuring the coverage")

    def _show_coverage(self, found: Coverage) -> None:
        self.covered.setVisible(found.approximate)
        self.covered.set_text("The sources are too deep to compile without the optimizer: lines may be off.")
        rows = []
        for file in found.files:
            lines, paths = share(file.lines_hit, len(file.lines)), share(file.branches_hit, len(file.branches))
            rows.append(Row(file.file, {"file": Path(file.file).name, "lines": lines, "paths": paths}))
        self.reached.set_rows(rows)

    def _no_coverage(self, error: ConsoleError) -> None:
        self.covered.set_text(str(error))

    def _ask_export(self) -> None:
        ask_save(self, "Export the run", "tests.xml", "JUnit (*.xml)", self.export)

    def export(self, path: Path) -> None:
        """Write the last run as JUnit XML."""
        report = self.report
        if report is None:
            return

        async def write() -> None:
            try:
                await asyncio.to_thread(path.write_text, junit(report), encoding="utf-8")
            except OSError as error:
                raise Unavailable(f"{path.name} was not written ({error.strerror}).", "Choose another folder.") from error

        said = f"{len(report.results)} tests are written to {path}."
        self.bridge.run(write, then=lambda _: self.panel.window_.notify(said, "ok"), owner=self)

    def open_place(self, file: str, line: int) -> None:
        """Show a line of the project in the Build page."""
        if self._of is not None:
            self.panel.show_page("build")
            self.panel.build.show_file(self._of / file, line)

    @property
    def root(self) -> Path | None:
        """The project that is shown."""
        return self._of

    # showing

    def _tests(self) -> list[TestCase]:
        return [test for suite in self.suites.values() for test in suite.tests]

    def _show_state(self, busy: str = "") -> None:
        running, tests = self._running is not None, self._tests()
        failed = sum(test.status is TestStatus.FAILED for test in tests)
        self.run_button.setEnabled(not running)
        fresh = any(test.status is TestStatus.LISTED for test in tests)  # what failed in an earlier session is kept
        self.failed_button.setEnabled(not running and (failed > 0 or fresh))
        self.stop_button.setEnabled(running)
        self.export_button.setEnabled(self.report is not None)
        self.which.set_text("all", f"All {len(tests)}")
        self.which.set_text("failed", f"Failed {failed}")
        passed, skipped = (sum(t.status is s for t in tests) for s in (TestStatus.PASSED, TestStatus.SKIPPED))
        parts = [(failed, "failed"), (passed, "passed"), (skipped, "skipped")]
        self.count.setText(busy + "…" if busy else ", ".join(f"{n} {word}" for n, word in parts if n) or "not run yet")

    def _fill(self) -> None:
        chosen = self._chosen_id()
        self.tree.blockSignals(True)
        self.tree.clear()
        again: QTreeWidgetItem | None = None
        for suite in self.suites.values():
            top = QTreeWidgetItem([suite.name, f"{sum(t.passed for t in suite.tests)} / {len(suite.tests)}"])
            top.setIcon(0, icon(*_ICONS[worst(suite)]))
            top.setToolTip(0, suite.id)
            top.setTextAlignment(1, Qt.AlignmentFlag.AlignRight)
            self.tree.addTopLevelItem(top)
            for test in suite.tests:
                item = QTreeWidgetItem([bare(test), f"{test.runs} runs" if test.runs else ""])
                item.setIcon(0, icon(*_ICONS[test.status]))
                item.setData(0, _TEST, test)
                item.setToolTip(0, f"{test.name}: {test.status}" + (f"\n{test.reason}" if test.reason else ""))
                item.setFont(0, theme.font("mono"))
                item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight)
                top.addChild(item)
                bad = test.status is TestStatus.FAILED
                again = item if test.id == chosen or (again is None and bad and not chosen) else again
            top.setExpanded(bool(suite.failed) or len(self.suites) < 4)
        self.tree.blockSignals(False)
        self._sift()
        self.tree.setCurrentItem(again) if again is not None else self._choose(None)
        if not self.figures.isHidden() and self.figure.value() == "gas":
            self._show_figure("gas")

    def _chosen_id(self) -> str:
        item = self.tree.currentItem()
        test = item.data(0, _TEST) if item is not None else None
        return test.id if isinstance(test, TestCase) else ""

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        test = item.data(0, _TEST) if item is not None else None
        self.detail.show_test(test if isinstance(test, TestCase) else None)

    def _sift(self) -> None:
        """Show only what the filter means."""
        text, failed = self.filter.text().strip().lower(), self.which.value() == "failed"
        for at in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(at)
            assert top is not None
            left = 0
            for under in range(top.childCount()):
                item = top.child(under)
                test: TestCase = item.data(0, _TEST)
                fits = text in test.id.lower() and (not failed or test.status is TestStatus.FAILED)
                item.setHidden(not fits)
                left += fits
            top.setHidden(not left)


def merged(known: TestSuite | None, ran: TestSuite) -> TestSuite:
    """A suite after some of its tests ran: those as they ended, in the order that was known; the others as they were.

    forge lists a test without the types of its arguments. A set-up that failed stands for all tests; one that holds is none.
    """
    new = {bare(test): test for test in ran.tests}
    before = [test for test in known.tests if bare(test) != "setUp"] if known else []
    kept = tuple(new.pop(bare(test), test) for test in before)
    return TestSuite(ran.id, (*new.values(), *kept), ran.seconds, ran.warnings)


def bare(test: TestCase) -> str:
    """The name without the types of arguments."""
    return test.name.partition("(")[0]


def worst(suite: TestSuite) -> TestStatus:
    """How a suite stands: as its worst test."""
    order = (TestStatus.FAILED, TestStatus.LISTED, TestStatus.PASSED, TestStatus.SKIPPED)
    return next((status for status in order if any(test.status is status for test in suite.tests)), TestStatus.LISTED)


def share(hit: int, of: int) -> str:
    """``97 %``, rounded down so that only all is 100; a dash where there is nothing to reach."""
    return f"{hit * 100 // of} %" if of else "–"


def _tree(name: str, called: str) -> QTreeWidget:
    made = QTreeWidget()
    made.setObjectName(name)
    made.setAccessibleName(called)
    made.setHeaderHidden(True)
    made.setIndentation(14)
    made.setColumnCount(2)
    made.header().setStretchLastSection(False)
    made.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    made.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    return made
