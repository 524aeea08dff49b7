"""Roles: who may do what on every contract of the network, since when, and where that key lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout

from app.core.errors import ConsoleError, Invalid, NotFound
from ui.panels.contracts.page import Page
from ui.plan_sheet import PlanForm
from ui.widgets import (
    AccountCombo,
    AddressCell,
    Column,
    EmptyState,
    EvidenceCell,
    Field,
    Note,
    Pane,
    Row,
    StatusCell,
    Table,
    button,
    danger_button,
    line_edit,
)
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.contracts.interfaces import Interface
    from app.contracts.roles import RoleRow
    from app.operations import Plan
    from ui.panels.contracts.panel import ContractsPanel

VERBS = {"grant": "Grant a role", "revoke": "Revoke a role", "rotate": "Rotate a role"}


class RolesPage(Page):
    """Every holder of every role; changes are plans."""

    name = "roles"
    title = "Roles"

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__(panel)
        self.rows: dict[str, RoleRow] = {}
        pane = Pane("Roles")
        self.about = QLabel("")
        self.about.setObjectName("contracts.roles.about")
        self.about.setProperty("role", "hint")
        self.about.setMinimumWidth(1)
        pane.add_header(self.about)
        for verb, word in (("grant", "Grant…"), ("revoke", "Revoke…"), ("rotate", "Rotate…")):
            made = button(word)
            made.setObjectName(f"contracts.roles.{verb}")
            made.clicked.connect(lambda _=False, action=f"contracts.{verb}": panel.window_.trigger(action))
            pane.add_header(made, right=True)
        self.pause = danger_button("Pause…", icon="pause")
        self.pause.setObjectName("contracts.roles.pause")
        self.pause.setToolTip("Emergency pause of a contract (Ctrl+Shift+P)")
        self.pause.clicked.connect(lambda: panel.window_.trigger("contracts.pause"))
        pane.add_header(self.pause, right=True)
        self.table = Table(
            [
                Column("contract", "Contract", 116),
                Column("role", "Role", 176, mono=True),
                Column("holder", "Holder", 172, kind="address"),
                Column("key", "Key", 140),
                Column("since", "Block", 70, align="right"),
                Column("admin", "Granted by", 150, mono=True),
                Column("state", "hasRole", 112, kind="status"),
                Column("evidence", "Evidence", 130, kind="evidence"),
            ]
        )
        self.table.setObjectName("contracts.roles")
        self.table.setAccessibleName("Holders of roles")
        self.none = EmptyState("shield-check", "No roles here", "No contract of this network's address book has roles or an owner.")
        self.note = Note("err", "")
        self.note.hide()
        pane.body.addWidget(self.note)
        pane.body.addWidget(self.none, 1)
        pane.body.addWidget(self.table, 1)
        self.table.hide()
        self.column.addWidget(pane, 1)

    def refresh(self) -> None:
        console = self.bridge.console
        network, book = console.networks.current, self.panel.book

        async def read() -> tuple[list[RoleRow], list[str]]:
            found: list[RoleRow] = []
            failed: list[str] = []
            for entry in book:
                try:
                    found += await console.contracts.roles.holders(network.id, entry.address) if network else []
                except NotFound:
                    continue  # nobody knows its functions, or its chain forgot it: the list at the left says so
                except ConsoleError as error:
                    failed.append(f"{entry.name}: {error}")
            return found, failed

        self.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[list[RoleRow], list[str]]) -> None:
        found, failed = answer
        self.rows = {f"{row.address}/{row.role}/{row.holder}": row for row in found}
        self.note.set_text(" ".join(failed))
        self.note.setVisible(bool(failed))
        self.table.set_rows([Row(key, self._cells(row)) for key, row in self.rows.items()])
        self.table.setVisible(bool(found))
        self.none.setVisible(not found)
        wrong = sum(not row.agrees for row in found)
        self.about.setText(f"{len(found)} holders" + (f", {wrong} not as their events say" if wrong else ""))

    def _cells(self, row: RoleRow) -> dict[str, object]:
        return {
            "contract": row.contract,
            "role": row.role,
            "holder": AddressCell(row.holder, row.party.label),
            "key": row.party.where,
            "since": f"{row.since:,}" if row.since else "unknown",
            "admin": row.admin,
            "state": StatusCell("ok", "Agrees") if row.agrees else StatusCell("err", "Differs"),
            "evidence": EvidenceCell(row.evidence[0]),
        }

    @property
    def selected(self) -> RoleRow | None:
        """The row that is chosen."""
        return self.rows.get(self.table.selected_id())


class RoleForm(PlanForm):
    """Grant, revoke or rotate: contract, role, holder, and who signs."""

    def __init__(self, panel: ContractsPanel, verb: str, row: RoleRow | None) -> None:
        super().__init__()
        self.title = VERBS[verb]
        self._panel, self._verb = panel, verb
        name = f"contracts.{verb}"
        self.contract = QComboBox()
        self.contract.setObjectName(f"{name}.contract")
        for entry in panel.book:
            self.contract.addItem(entry.name, entry.address)
        self.role = line_edit(f"{name}.role", "Role")
        self.role.setPlaceholderText("MINTER_ROLE")
        self.holder = AccountCombo(f"{name}.holder", panel.bridge, editable=True)
        self.new = AccountCombo(f"{name}.new", panel.bridge, editable=True)
        self.sender = AccountCombo(f"{name}.sender", panel.bridge)
        holder = {"grant": "Who gets it", "revoke": "Who loses it", "rotate": "Who holds it now"}[verb]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(Field("Contract", self.contract))
        column.addWidget(Field("Role", self.role, "As the contract calls it; owner of an Ownable contract"))
        column.addWidget(Field(holder, self.holder))
        if verb == "rotate":
            column.addWidget(Field("Who gets it", self.new))
            column.addWidget(Note("info", "The role is granted to the new holder first and then taken from the old one."))
        column.addWidget(Field("Signed by", self.sender, "Must hold the role that administers it"))
        column.addStretch(1)
        if row is not None:
            self.contract.setCurrentIndex(self.contract.findData(row.address))
            self.role.setText(row.role)
            if verb != "grant":
                self.holder.set_address(row.holder)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        console = self._panel.bridge.console
        network, ref, role = console.networks.current, self.contract.currentData(), self.role.text().strip()
        if network is None or not ref:
            raise Invalid("No contract is chosen. Nothing was planned.", "Deploy or import one first.", field="contract")
        if not role:
            raise Invalid("No role is named. Nothing was planned.", "Enter its name.", field="role")
        holder, sender, roles = self.holder.address(), self.sender.address(), console.contracts.roles
        if self._verb == "grant":
            return lambda: roles.plan_grant(network.id, ref, role, holder, sender)
        if self._verb == "revoke":
            return lambda: roles.plan_revoke(network.id, ref, role, holder, sender)
        new = self.new.address()
        return lambda: roles.plan_rotate(network.id, ref, role, holder, new, sender)


class PauseForm(PlanForm):
    """Which of several contracts is paused, or goes on."""

    def __init__(self, panel: ContractsPanel, network_id: str, found: Sequence[Interface], *, resume: bool) -> None:
        super().__init__()
        self.title = "Let a contract go on" if resume else "Pause a contract"
        self._panel, self._network, self._resume = panel, network_id, resume
        self.contract = QComboBox()
        self.contract.setObjectName("contracts.pause.contract")
        for each in found:
            self.contract.addItem(f"{each.name}  {short_hex(each.address)}", each.address)
        self.contract.setCurrentIndex(max(self.contract.findData(panel.deployed.table.selected_id()), 0))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(Field("Contract", self.contract, "Those of the address book that can be paused; the newest first"))
        column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        roles, ref = self._panel.bridge.console.contracts.roles, str(self.contract.currentData())
        return lambda: roles.plan_pause(self._network, ref, resume=self._resume)


def pause(panel: ContractsPanel, arguments: dict[str, Any]) -> None:
    """Plan the emergency pause of the contract that is named, or of the only one that has it, and show what it does.

    Confirm is the next key then. Where several have it, a form asks which; the one chosen at the left is in front.
    """
    console = panel.bridge.console
    network, named = console.networks.current, str(arguments.get("contract") or "")
    if network is None:
        raise NotFound("No network is selected. Nothing was planned.", "Select one first.")
    resume = arguments.get("do") == "resume"
    roles = console.contracts.roles

    async def found() -> Plan | list[Interface]:
        several = [] if named else await roles.pausable(network.id, resume=resume)
        if len(several) > 1:
            return several
        return await roles.plan_pause(network.id, named or several[0].address, resume=resume)

    def show(answer: Plan | list[Interface]) -> None:
        if isinstance(answer, list):
            panel.window_.open_form(PauseForm(panel, network.id, answer, resume=resume))
        else:
            panel.window_.open_plan(answer.id)

    panel.bridge.run(found, then=show, label="Simulating the pause", owner=panel)
