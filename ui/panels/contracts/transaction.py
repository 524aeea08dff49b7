"""The transaction inspector: calls and events as a tree, what changed by the names of variables, and the lines that ran."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.core.money import exact_units
from ui.panels.contracts.page import Page, evidence_line
from ui.theme import icon, theme
from ui.widgets import (
    AddressCell,
    Column,
    EmptyState,
    Field,
    KeyValue,
    Note,
    Pane,
    Row,
    Segmented,
    StatusLabel,
    Table,
    button,
    empty,
    line_edit,
    scrolled,
)
from ui.widgets.containers import breakable
from ui.widgets.values import moment, short_hex

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.contracts.inspector import CallNode, Inspection, Log, SourceStep
    from app.core.errors import ConsoleError
    from ui.panels.contracts.panel import ContractsPanel

VIEWS = (("state", "State"), ("logs", "Logs"), ("coin", "Coin"), ("lines", "Lines"))
_STEP = Qt.ItemDataRole.UserRole


class TransactionPage(Page):
    """One transaction of the network, looked into."""

    name = "transaction"
    title = "Transaction"

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__(panel)
        self.found: Inspection | None = None
        self._native = "ETH"
        self._steps: dict[str, SourceStep] = {}
        self.hash = line_edit("contracts.transaction.hash", "Hash of the transaction")
        self.hash.setPlaceholderText("0x…")
        self.hash.returnPressed.connect(self.inspect)
        self.hash_field = Field("Transaction", self.hash)
        self.look = button("Inspect", icon="magnifying-glass")
        self.look.setObjectName("contracts.transaction.inspect")
        self.look.clicked.connect(self.inspect)
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(10)
        row.addWidget(self.hash_field, 1)
        row.addWidget(Field("\u00a0", self.look))  # beside the field, below the level of its label
        self.column.addWidget(bar)
        self.none = EmptyState("arrows-left-right", "No transaction is open", "Enter a hash, or open one from its evidence.")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.none)
        self.stack.addWidget(self._content())
        self.column.addWidget(self.stack, 1)

    def _content(self) -> QWidget:
        left = QSplitter(Qt.Orientation.Vertical)
        left.setChildrenCollapsible(False)
        calls = Pane("Calls and events")
        self.tree = QTreeWidget()
        self.tree.setObjectName("contracts.transaction.calls")
        self.tree.setAccessibleName("Calls and events")
        self.tree.setHeaderLabels(["Call", "Gas"])
        self.tree.setIndentation(16)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        calls.body.addWidget(self.tree, 1)
        left.addWidget(calls)
        left.addWidget(self._details())
        left.setSizes([420, 300])
        self.summary = Pane("Summary")
        self.state = StatusLabel("idle", "")
        self.summary.add_header(self.state, right=True)
        inner = QWidget()
        self._facts = QVBoxLayout(inner)
        self._facts.setContentsMargins(16, 10, 16, 12)
        self._facts.setSpacing(10)
        self._facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.summary.body.addWidget(scrolled(inner, "Summary of the transaction"), 1)
        self.summary.setMinimumWidth(240)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(self.summary)
        split.setStretchFactor(0, 1)
        split.setSizes([640, 300])
        return split

    def _details(self) -> QWidget:
        pane = Pane("What changed")
        self.views = Segmented(list(VIEWS))
        self.views.setObjectName("contracts.transaction.views")
        self.views.changed.connect(self._show_view)
        pane.add_header(self.views, right=True)
        self.tables = {
            "state": _table("Changed variables", ("variable", "Variable", 320), ("before", "Before", 150), ("after", "After", 150)),
            "logs": _table("Logs", ("contract", "Contract", 130), ("event", "Event", 130), ("values", "Values", 420)),
            "coin": Table(
                [
                    Column("account", "Account", 220, kind="address"),
                    Column("change", "Change", 220, align="right", mono=True),
                    Column("after", "After", 220, align="right", mono=True),
                ]
            ),
            "lines": _table("Lines of source", ("place", "Place", 200), ("text", "Source", 380), ("gas", "Gas", 90)),
        }
        self.tables["coin"].setAccessibleName("Native coin")
        self.detail = QStackedWidget()
        for name, table in self.tables.items():
            table.setObjectName(f"contracts.transaction.{name}")
            self.detail.addWidget(table)
        self.tables["lines"].activated.connect(self._open_line)
        self.said = Note("info", "")
        self.said.hide()
        pane.body.addWidget(self.said)
        pane.body.addWidget(self.detail, 1)
        return pane

    # asking

    def follow(self, **arguments: Any) -> None:
        if arguments.get("ref"):
            self.hash.setText(str(arguments["ref"]))
            self.inspect()
        else:
            self.hash.setFocus()

    def inspect(self) -> None:
        """Look into the transaction whose hash is entered."""
        console, tx = self.bridge.console, self.hash.text()
        network = console.networks.current
        if network is None:
            self.hash_field.set_error("No network is selected. Nothing was read.")
            return
        self.hash_field.set_error("")
        self._native = network.symbol
        self.bridge.run(
            lambda: console.contracts.inspector.inspect(network.id, tx),
            then=self._show,
            fail=self._failed,
            label="Reading the transaction",
            owner=self,
        )

    def _failed(self, error: ConsoleError) -> bool:
        self.hash_field.set_error(str(error))
        return True

    # showing

    def _show(self, found: Inspection) -> None:
        self.found = found
        self.hash.setText(found.hash)
        self.stack.setCurrentIndex(1)
        self.tree.clear()
        if found.call is not None:
            self.tree.addTopLevelItem(_item(found.call, root=True))
            self.tree.expandToDepth(2)
        self.tables["state"].set_rows(
            [
                Row(
                    str(at),
                    {
                        "variable": f"{change.contract or short_hex(change.address)}.{change.variable or short_hex(change.slot)}",
                        "before": change.before,
                        "after": change.after,
                    },
                )
                for at, change in enumerate(found.storage)
            ]
        )
        self.tables["logs"].set_rows([Row(str(at), _log_cells(log)) for at, log in enumerate(found.logs)])
        self.tables["coin"].set_rows(
            [
                Row(
                    balance.address,
                    {
                        "account": AddressCell(balance.address, found.contracts.get(balance.address, "")),
                        "change": _signed(balance.after - balance.before),
                        "after": exact_units(balance.after, 18),
                    },
                )
                for balance in found.balances
            ]
        )
        self.tables["lines"].set_rows([])
        self._show_summary(found)
        self._show_view(self.views.value())

    def _show_summary(self, found: Inspection) -> None:
        state, word = ("pend", "In no block yet") if found.pending else ("ok", "Succeeded") if found.ok else ("err", "Failed")
        self.state.set_state(state, word)
        empty(self._facts)
        if found.reason:
            self._facts.addWidget(Note("err", breakable(found.reason)))
        price = f"{exact_units(found.gas_price, 9)} gwei"
        facts = [
            ("From", found.sender),
            ("To", found.to or found.created),
            ("Contract", found.contracts.get(found.to or found.created, "")),
            ("Value", f"{exact_units(found.value, 18)} {self._native}"),
            ("Nonce", f"{found.nonce:,}"),
            ("Block", f"{found.block:,}, position {found.index}" if found.block_hash else ""),
            ("Time", f"{moment(found.time * 1000)} UTC" if found.time else ""),
            ("Gas used", f"{found.gas_used:,} of {found.gas_limit:,}" if not found.pending else f"at most {found.gas_limit:,}"),
            ("Price per gas" if not found.pending else "At most per gas", price),
            ("Fee", f"{exact_units(found.fee, 18)} {self._native}" if not found.pending else ""),
        ]
        self._facts.addWidget(KeyValue([(name, value) for name, value in facts if value]))
        for evidence in found.evidence:
            self._facts.addWidget(evidence_line(evidence))
        for sentence in found.missing:
            self._facts.addWidget(Note("warn", sentence))

    def _show_view(self, name: str) -> None:
        self.detail.setCurrentWidget(self.tables[name])
        self.said.hide()
        found = self.found
        if name == "lines" and found is not None and not self.tables["lines"].rows():
            if found.pending:
                self._say("It is in no block yet: it has not run.")
                return
            console, network = self.bridge.console, self.bridge.console.networks.current
            if network is not None:
                self.bridge.run(
                    lambda: console.contracts.inspector.steps(network.id, found),
                    then=lambda steps: self._show_lines(found, steps),
                    fail=self._no_lines,
                    label="Following the transaction by lines",
                    owner=self,
                )
        elif found is not None and not self.tables[name].rows():
            self._say({"state": "No variable changed.", "logs": "No event was written.", "coin": "No balance changed."}[name])

    def _no_lines(self, error: ConsoleError) -> bool:
        self._say(str(error))
        return True

    def _say(self, text: str) -> None:
        self.said.set_text(text)
        self.said.show()

    def _show_lines(self, found: Inspection, steps: Sequence[SourceStep]) -> None:
        from app.contracts.inspector import failure

        if found is not self.found:
            return
        known = [step for step in steps if step.file]
        self._steps = {str(step.first): step for step in known}
        self.tables["lines"].set_rows(
            [
                Row(
                    str(step.first),
                    {
                        "place": f"{PurePosixPath(step.file).name}:{step.line}",
                        "text": "  " * step.depth + step.text,
                        "gas": f"{step.gas:,}",
                    },
                )
                for step in known
            ]
        )
        failed = failure(found.call, steps) if found.call is not None else None
        if failed is not None and failed.file:
            self.tables["lines"].select(str(failed.first))
            self._say(f"It failed at {failed.file}:{failed.line}: {failed.text}")
        elif not known:
            self._say("No source of the code that ran is known here.")

    def _open_line(self, row_id: str) -> None:
        """Show the source of a line, when it is of a project of the list."""
        step, projects = self._steps.get(row_id), self.bridge.console.contracts.projects
        if step is None:
            return

        async def place() -> Path | None:
            for known in projects.list():
                if known.project is not None:
                    places = (await projects.compile(known.project)).places
                    if step.file in places:
                        return places[step.file]
            return None

        def show(path: Path | None) -> None:
            if path is None:
                self._say(f"{step.file} is of no project in the list at the left.")
                return
            self.panel.show_page("build")
            self.panel.build.show_file(path, step.line)

        self.bridge.run(place, then=show, owner=self)


def _table(called: str, *columns: tuple[str, str, int]) -> Table:
    made = Table([Column(key, title, width, mono=True) for key, title, width in columns])
    made.setAccessibleName(called)
    return made


def _signed(change: int) -> str:
    return f"{'+' if change > 0 else '−'}{exact_units(abs(change), 18)}"


def _log_cells(log: Log) -> dict[str, object]:
    values = ", ".join(f"{name}: {text}" for name, text in log.arguments) if log.event else " ".join((*log.topics, log.data))
    return {"contract": log.contract or short_hex(log.address), "event": log.event or "unknown", "values": values}


def _item(call: CallNode, *, root: bool = False) -> QTreeWidgetItem:
    """A call with its events and the calls below it."""
    arguments = ", ".join(f"{name}: {_short(text)}" for name, text in call.arguments)
    answer = " → " + ", ".join(_short(text) for _, text in call.outputs) if call.outputs else ""
    function = call.function.partition("(")[0] if "(" in call.function else call.function
    failed = f"  {call.reason}" if call.error else ""
    text = f"{call.kind}  {call.contract or short_hex(call.to)}.{function}({arguments}){answer}{failed}"
    item = QTreeWidgetItem([text, f"{call.gas_used:,}"])
    item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight)
    item.setFont(0, theme.font("mono"))
    exact = ", ".join(f"{name}: {value}" for name, value in call.arguments)
    item.setToolTip(0, f"{call.to} {call.function}\n{exact}" + (f"\n{call.reason}" if call.reason else ""))
    if call.error:
        item.setIcon(0, icon("x-square-fill", "err"))
    for log in call.logs:
        cells = _log_cells(log)
        event = QTreeWidgetItem([f"EVENT  {cells['event']}({', '.join(f'{n}: {_short(t)}' for n, t in log.arguments)})", ""])
        event.setFont(0, theme.font("mono"))
        event.setToolTip(0, str(cells["values"]))
        item.addChild(event)
    for below in call.calls:
        item.addChild(_item(below))
    return item


def _short(text: str) -> str:
    return short_hex(text) if text.startswith("0x") and len(text) > 20 else text
