"""Gas: what functions and deployments cost, how large the code is, and what grew against the kept baseline."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QStackedWidget, QWidget

from app.core.errors import Cancelled, Invalid, NotFound
from ui.panels.contracts.page import Page, under
from ui.widgets import Column, EmptyState, ErrorState, Note, Pane, Row, Skeleton, StatusCell, Table, ask_file, ask_save, button
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from app.contracts.gas import Change, ContractGas, GasReport
    from app.contracts.projects import Project
    from app.core.errors import ConsoleError
    from ui.bridge import Handle
    from ui.panels.contracts.panel import ContractsPanel

FULL = 0.9  # the part of 24 KiB from which a size is shown as a warning
MEANS = {
    "tests": "calls within tests, as forge reports them",
    "chain": "whole transactions that succeeded: their 21,000 and call data are in it",
}
WORDS = {"tests": "Measured by tests", "chain": "Measured on the chain"}
NO_BASELINE = "no baseline is kept"


@dataclass(frozen=True, slots=True)
class Measured:
    """A report, what it belongs to, and what differs from the baseline.

    Attributes:
        place: project or network; a chosen baseline is remembered for it.
        said: why nothing was compared, or with what it was.
    """

    report: GasReport
    project: Project
    place: str
    changes: tuple[Change, ...] = ()
    compared: bool = False
    said: str = NO_BASELINE


class GasPage(Page):
    """The last report, until something else is measured."""

    name = "gas"
    title = "Gas"

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__(panel)
        self.measured: Measured | None = None
        self._files: dict[str, Path] = {}  # baselines that were chosen, by place
        self._again: Callable[[], None] = self.by_tests
        self._running: Handle | None = None
        pane = Pane("Gas")
        self.tests = button("Measure by tests")
        self.tests.setToolTip("Run the tests of the project that is chosen at the left, with a gas report")
        self.chain = button("Measure on the chain")
        self.chain.setToolTip("Read what transactions to the network's deployed contracts used")
        self.stop_ = button("Stop", icon="stop")
        self.stop_.setToolTip("Stop measuring, and forge with it")
        self.compare = button("Compare with…")
        self.compare.setToolTip("Choose the file of a baseline")
        self.keep = button("Keep as baseline")
        self.export = button("Export…", icon="export")
        actions = {
            "tests": (self.tests, self.by_tests),
            "chain": (self.chain, self.on_chain),
            "stop": (self.stop_, self.stop),
            "compare": (self.compare, lambda: ask_file(self, "Baseline", "Gas reports (*.json)", self.compare_with)),
            "keep": (self.keep, self.keep_baseline),
            "export": (self.export, self._ask_export),
        }
        for name, (made, act) in actions.items():
            made.setObjectName(f"contracts.gas.{name}")
            made.clicked.connect(lambda _=False, act=act: act())
            pane.add_header(made, right=True)
        self.none = EmptyState(
            "gauge",
            "Nothing is measured yet",
            "Measure the calls in the tests of the project at the left, or the transactions to what is deployed on the network.",
        )
        self.loading = Skeleton(8, "Measuring gas")
        self.failed = ErrorState("", lambda: self._again())
        self.stack = QStackedWidget()
        for part in (self.none, self.loading, self.failed, self._content()):
            self.stack.addWidget(part)
        pane.body.addWidget(self.stack, 1)
        self.column.addWidget(pane, 1)
        self._ready(True)

    def _content(self) -> QWidget:
        self.note = Note("info", "")
        self.note.setObjectName("contracts.gas.note")
        self.content, column = under(self.note)
        self.contracts = Table(
            [
                Column("contract", "Contract", 130),
                Column("source", "Source", 170, mono=True),
                Column("deployment", "Deployment", 100, align="right"),
                Column("deployed", "Change", 90, align="right"),
                Column("size", "Bytes", 76, align="right"),
                Column("grown", "Change", 90, align="right"),
                Column("share", "Of 24 KiB", 100, kind="status"),
            ]
        )
        self.contracts.setObjectName("contracts.gas.contracts")
        self.contracts.setAccessibleName("Deployment gas and code size per contract")
        self.functions = Table(
            [
                Column("contract", "Contract", 120),
                Column("function", "Function", 230, mono=True),
                Column("calls", "Calls", 64, align="right"),
                Column("least", "Min", 76, align="right"),
                Column("mean", "Mean", 76, align="right"),
                Column("median", "Median", 76, align="right"),
                Column("most", "Max", 80, align="right"),
                Column("before", "Baseline", 80, align="right"),
                Column("change", "Change", 80, align="right"),
            ]
        )
        self.functions.setObjectName("contracts.gas.functions")
        self.functions.setAccessibleName("Gas per function")
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        for title, table in (("Contracts", self.contracts), ("Functions", self.functions)):
            part = Pane(title)
            part.body.addWidget(table, 1)
            split.addWidget(part)
        split.setSizes([230, 420])
        column.addWidget(split, 1)
        return self.content

    # measuring

    def by_tests(self) -> None:
        """Run the tests of the project at the left with a gas report."""
        contracts, folder = self.bridge.console.contracts, self.panel.sources.project()

        async def work() -> Measured:
            project = await asyncio.to_thread(self._project, folder)
            return Measured(await contracts.gas.of_tests(project), project, str(project.root))

        self._measure(work, "Running the tests with a gas report", self.by_tests)

    def on_chain(self) -> None:
        """Measure the transactions to the contracts of the network's address book."""
        contracts, network = self.bridge.console.contracts, self.bridge.console.networks.current

        async def work() -> Measured:
            if network is None:
                raise NotFound("No network is selected. Nothing was measured.", "Select one first.")
            report = await contracts.gas.on_chain(network.id)
            if not report.contracts:
                raise NotFound(f"The address book of {network.name} is empty. Nothing was measured.", "Deploy a system first.")
            return Measured(report, self._project(None), network.key.text)

        self._measure(work, "Reading what transactions used", self.on_chain)

    def _project(self, folder: Path | None) -> Project:
        from app.contracts.projects import ours

        contracts = self.bridge.console.contracts
        return contracts.projects.open(folder) if folder else ours(contracts.toolchain.modules)

    def _measure(self, work: Callable[[], Awaitable[Measured]], label: str, again: Callable[[], None]) -> None:
        self._again = again
        self.measured = None
        self.stack.setCurrentWidget(self.loading)

        async def measure() -> Measured:
            found = await work()
            file = self._files.get(found.place)
            return await self._compared(found, file)

        self._running = self.bridge.run(measure, then=self._show, fail=self._failed, label=label, owner=self)
        self._ready(False)

    def stop(self) -> None:
        """Stop measuring; forge and what it started end."""
        if self._running is not None:
            self._running.cancel()
            self._failed(Cancelled("Measuring was stopped. Nothing was measured.", "Begin it again."))

    async def _compared(self, measured: Measured, file: Path | None) -> Measured:
        """The same with what differs from the baseline; where there is none to compare with, it says so."""
        report, project = measured.report, measured.project
        if file is None and report.origin == "chain":
            said, changes = "a baseline of the chain is a file of your choice", None
        else:
            try:
                changes = await self.bridge.console.contracts.gas.compare(report, project, file)
                said = f"{len(changes)} figures differ from the baseline" if changes else "every figure is as in the baseline"
            except NotFound:
                said, changes = NO_BASELINE, None
            except Invalid as error:
                said, changes = str(error), None
        return Measured(report, project, measured.place, tuple(changes or ()), changes is not None, said)

    def _failed(self, error: ConsoleError) -> bool:
        self._running = None
        self.failed.set_text(str(error))
        self.stack.setCurrentWidget(self.failed)
        self._ready(True)
        return True

    def _ready(self, ready: bool) -> None:
        for each in (self.tests, self.chain):
            each.setEnabled(ready)
        self.stop_.setEnabled(not ready)
        for each in (self.compare, self.keep, self.export):
            each.setEnabled(ready and self.measured is not None)

    # keeping

    def keep_baseline(self) -> None:
        """Keep what is shown as the baseline: of a project in its own file, of a chain where the person says."""
        if self.measured is None:
            return
        if self.measured.report.origin == "chain":
            ask_save(self, "Keep as baseline", "gas-baseline-chain.json", "Gas reports (*.json)", self.keep_in)
        else:
            self.keep_in(self._files.get(self.measured.place))

    def keep_in(self, file: Path | None) -> None:
        """Keep what is shown as the baseline in a file; None: that of its project."""
        measured, gas = self.measured, self.bridge.console.contracts.gas
        if measured is None:
            return

        async def save() -> tuple[Path, Measured]:
            place = await gas.save(measured.report, measured.project, file)
            return place, await self._compared(measured, place)

        def kept(answer: tuple[Path, Measured]) -> None:
            self._files[measured.place] = answer[0]
            self._show(answer[1])
            self.panel.window_.notify(f"Baseline kept: {answer[0]}", "ok")

        self.bridge.run(save, then=kept, owner=self)

    def compare_with(self, file: Path) -> None:
        """Compare what is shown with the baseline in a file."""
        measured = self.measured
        if measured is None:
            return
        self._files[measured.place] = file
        self.bridge.run(lambda: self._compared(measured, file), then=self._show, owner=self)

    def _ask_export(self) -> None:
        ask_save(self, "Export the gas report", "gas.csv", "CSV (*.csv);;JSON (*.json)", self.export_to)

    def export_to(self, file: Path) -> None:
        """Write the report as CSV where the name ends so, else as JSON."""
        if (measured := self.measured) is None:
            return
        self.bridge.run(
            lambda: asyncio.to_thread(measured.report.save, file),
            then=lambda place: self.panel.window_.notify(f"Gas report written: {place}", "ok"),
            owner=self,
        )

    # showing

    def _show(self, measured: Measured) -> None:
        self.measured = measured
        self._ready(True)
        report = measured.report
        self.stack.setCurrentWidget(self.content)
        grown = report.grown(measured.changes, 0)
        said = f"{measured.said}, {len(grown)} of them grew" if grown else measured.said
        self.note.set_level("warn" if grown else "ok" if measured.compared else "info")
        self.note.set_text(
            f"{WORDS[report.origin]} ({report.about}): {MEANS[report.origin]}. {said[:1].upper()}{said[1:].rstrip('.')}."
        )
        changes = {(each.contract, each.figure): each for each in measured.changes}
        self.contracts.set_rows([Row(each.key, _contract(each, changes)) for each in report.contracts])
        rows = []
        for each in report.contracts:
            for function in each.functions:
                change = changes.get((each.key, function.signature))
                before = change.before if change else function.median if measured.compared else None
                cells: dict[str, object] = {
                    "contract": each.name,
                    "function": function.signature,
                    "calls": function.calls,
                    "least": function.least,
                    "mean": function.mean,
                    "median": function.median,
                    "most": function.most,
                    "before": before,
                    "change": _grown(change),
                }
                rows.append(Row(f"{each.key}/{function.signature}", cells))
        gone = [each for each in measured.changes if each.after is None]
        rows += [Row(f"{each.contract}/{each.figure}", _gone(each)) for each in gone]
        self.functions.set_rows(rows)


def _contract(each: ContractGas, changes: dict[tuple[str, str], Change]) -> dict[str, object]:
    state = "err" if each.share > 1 else "warn" if each.share > FULL else "ok"
    share = StatusCell(state, f"{each.share:.0%}") if each.size else StatusCell("idle", "Not known")
    return {
        "contract": each.name,
        "source": short_hex(each.source),
        "deployment": each.deployment or None,
        "deployed": _grown(changes.get((each.key, "deployment"))),
        "size": each.size or None,
        "grown": _grown(changes.get((each.key, "size"))),
        "share": share,
    }


def _gone(change: Change) -> dict[str, object]:
    """A figure that only the baseline has."""
    name = change.contract.rpartition(":")[2]
    return {"contract": name, "function": change.figure, "before": change.before, "change": "gone"}


def _grown(change: Change | None) -> str:
    if change is None:
        return ""
    if change.percent is None:
        return "new" if change.before is None else "gone"
    return f"{change.percent:+.2f} %".replace("-", "−")
