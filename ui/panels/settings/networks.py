"""The networks: who they are, where they answer, and whether they are still the chain they were."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QSplitter, QVBoxLayout, QWidget

from app.core.errors import ConsoleError
from ui.widgets import (
    AddressEdit,
    Column,
    Field,
    KeyValue,
    Note,
    Pane,
    Row,
    Segmented,
    StatusCell,
    Table,
    button,
    empty,
    line_edit,
    primary_button,
)

if TYPE_CHECKING:
    from pathlib import Path

    from app.contracts.hardhat import ProjectNetwork
    from ui.panels.settings.panel import SettingsPanel

_PINNED = "Its genesis is pinned at the first connection and compared at each later one"
_ENVIRONMENTS = (("local", "LOCAL"), ("test", "TEST"), ("production", "PRODUCTION"))


class NetworksSection(QWidget):
    """List, state, pin; add one by URL; make one the current."""

    def __init__(self, panel: SettingsPanel) -> None:
        super().__init__()
        self._panel = panel
        self._networks: dict[str, Any] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        split = QSplitter()
        split.setChildrenCollapsible(False)
        outer.addWidget(split)
        left = Pane("Networks")
        self.table = Table(
            [
                Column("name", "Name", 130),
                Column("chain", "Chain id", 70, align="right"),
                Column("environment", "Environment", 100),
                Column("state", "State", 150, kind="status"),
            ]
        )
        self.table.setObjectName("settings.networks.table")
        self.table.setAccessibleName("Networks")
        self.table.selected.connect(self._choose)
        left.body.addWidget(self.table)
        split.addWidget(left)
        self.detail = Pane("Network")
        self._detail = QWidget()
        self._detail_layout = QVBoxLayout(self._detail)
        self._detail_layout.setContentsMargins(16, 12, 16, 12)
        self.detail.body.addWidget(self._detail)
        self.detail.body.addWidget(self._build_add())
        split.addWidget(self.detail)
        split.setSizes([460, 520])

    def _build_add(self) -> QWidget:
        pane = QWidget()
        layout = QVBoxLayout(pane)
        layout.setContentsMargins(16, 12, 16, 12)
        heading = QLabel("Add a network")
        heading.setProperty("role", "heading")
        layout.addWidget(heading)
        self.name = line_edit("settings.networks.name", "Name of the network")
        self.url = AddressEdit("settings.networks.url", "RPC address")
        self.url.setPlaceholderText("https://…")
        self.chain_id = QSpinBox()
        self.chain_id.setRange(1, 2**31 - 1)
        self.chain_id.setObjectName("settings.networks.chain_id")
        self.chain_id.setAccessibleName("Chain id")
        self.environment = Segmented(_ENVIRONMENTS)
        self.environment.setObjectName("settings.networks.environment")
        self.environment.setAccessibleName("Environment")
        self.url_field = Field("RPC address", self.url, _PINNED)
        layout.addWidget(Field("Name", self.name, ""))
        layout.addWidget(self.url_field)
        row = QHBoxLayout()
        row.addWidget(Field("Chain id", self.chain_id, ""))
        row.addWidget(Field("Environment", self.environment, ""))
        row.addStretch(1)
        layout.addLayout(row)
        add = primary_button("Add network")
        add.setObjectName("settings.networks.add")
        add.clicked.connect(self._add)
        layout.addWidget(add)
        layout.addStretch(1)
        return pane

    def take_over(self, folder: Path, name: str) -> None:
        """Fill the form with a network that a project's configuration names; nothing is added yet."""
        projects = self._panel.bridge.console.contracts.projects
        self.url_field.set_error("")

        async def read() -> tuple[ProjectNetwork, str]:
            from app.chain.adding import environment_of

            found = await asyncio.to_thread(projects.network, folder, name)
            return found, environment_of(found.url)

        def fill(answer: tuple[ProjectNetwork, str]) -> None:
            found, environment = answer
            self.name.setText(found.name)
            self.url.set_address(found.url)
            self.chain_id.setValue(found.chain_id or self.chain_id.minimum())
            self.environment.set_value(environment)
            said = f"From {folder.name}. " + ("" if found.chain_id else "It does not say the chain id: enter it. ")
            self.url_field.set_hint(f"{said}Nothing is added yet")
            self.name.setFocus()

        self._panel.bridge.run(read, then=fill, owner=self)

    def refresh(self) -> None:
        """Read the networks and ask each that has an address."""

        async def read() -> list[Any]:
            console = self._panel.bridge.console
            known = console.networks.list()
            statuses = await asyncio.gather(*(console.networks.status(network.id) for network in known if network.rpc_url))
            by_id = {status.network.id: status for status in statuses}
            return [(network, by_id.get(network.id), console.networks.collisions(network.chain_id)) for network in known]

        self._panel.bridge.run(read, then=self._show, owner=self)

    def _show(self, found: list[Any]) -> None:
        current = self._panel.bridge.console.networks.current
        self._networks = {network.id: (network, status, collision) for network, status, collision in found}
        rows = []
        for network, status, _ in found:
            if status is None:
                cell = StatusCell("idle", "No address")
            elif status.problem:
                cell = StatusCell("err", "Refused" if status.reachable else "Not reachable")
            else:
                cell = StatusCell("ok", f"{status.latency_ms:.0f} ms, block {status.block:,}")
            name = network.name + (" (current)" if current is not None and current.id == network.id else "")
            rows.append(
                Row(
                    network.id,
                    {"name": name, "chain": str(network.chain_id), "environment": network.environment.upper(), "state": cell},
                )
            )
        self.table.set_rows(rows)
        chosen = self.table.selected_id() or (current.id if current is not None else "")
        if chosen in self._networks:
            self._choose(chosen)

    def _choose(self, network_id: str) -> None:
        if network_id not in self._networks:
            return
        network, status, collision = self._networks[network_id]
        empty(self._detail_layout)
        self.detail.set_title(network.name)
        if collision:
            self._detail_layout.addWidget(Note("warn", collision))
        if status is not None and status.problem:
            self._detail_layout.addWidget(Note("err", status.problem))
        self._detail_layout.addWidget(
            KeyValue(
                [
                    ("Chain id", str(network.chain_id)),
                    ("Genesis pin", network.genesis or "set at the first connection"),
                    ("Environment", network.environment.upper()),
                    ("RPC address", network.shown_url or ("AZORA_RPC_URL is not set" if network.chain_id == 195 else "not set")),
                    ("Confirmations", str(network.confirmations)),
                    ("Started here", "yes" if network.own else "no"),
                ]
            )
        )
        self._detail_layout.addWidget(self._build_ceiling(network))
        use = button("Use this network")
        use.setObjectName(f"settings.networks.use.{network.id}")
        use.setEnabled(bool(network.rpc_url))
        use.setToolTip("" if network.rpc_url else "It has no address yet.")
        use.clicked.connect(lambda: self._select(network.id))
        self._detail_layout.addWidget(use)
        remove = button("Remove this network")
        remove.setObjectName(f"settings.networks.remove.{network.id}")
        current = self._panel.bridge.console.networks.current
        why_not = "It belongs to a local chain: delete the chain." if network.own else ""
        if current is not None and current.id == network.id:
            why_not = "It is the current network: make another the current one first."
        remove.setEnabled(not why_not)
        remove.setToolTip(why_not or "Its ledger stays; add it again to see it.")
        remove.clicked.connect(lambda: self._remove(network.id))
        self._detail_layout.addWidget(remove)
        if status is not None and status.problem and network.environment == "local" and status.reachable:
            accept = button("Accept the reset chain")
            accept.setObjectName(f"settings.networks.accept.{network.id}")
            accept.clicked.connect(lambda: self._accept(network.id))
            self._detail_layout.addWidget(accept)

    def _build_ceiling(self, network: Any) -> Field:
        """The price above which nothing is signed on this network; kept as soon as it is changed."""
        ceiling = QSpinBox()
        ceiling.setMaximumWidth(220)
        ceiling.setRange(1, 1_000_000)
        ceiling.setGroupSeparatorShown(True)
        ceiling.setSuffix(" gwei per gas")
        ceiling.setValue(network.fee_ceiling_gwei)
        ceiling.setKeyboardTracking(False)
        ceiling.setObjectName(f"settings.networks.fee_ceiling.{network.id}")
        ceiling.setAccessibleName("Fee ceiling in gwei per gas")
        field = Field("Fee ceiling", ceiling, "Nothing is signed that could cost more per gas")
        networks = self._panel.bridge.console.networks

        def failed(error: ConsoleError) -> bool:
            field.set_error(str(error))
            return True

        def changed() -> None:
            gwei = ceiling.value()
            field.set_error("")
            if gwei != networks.get(network.id).fee_ceiling_gwei:
                self._panel.bridge.run(lambda: networks.set_fee_ceiling(network.id, gwei), fail=failed, owner=self)

        ceiling.editingFinished.connect(changed)
        return field

    def _select(self, network_id: str) -> None:
        networks = self._panel.bridge.console.networks
        self._panel.bridge.run(lambda: networks.select(network_id), then=lambda _: self.refresh(), owner=self)

    def _remove(self, network_id: str) -> None:
        networks = self._panel.bridge.console.networks

        def removed(_: object) -> None:
            empty(self._detail_layout)
            self.detail.set_title("Network")
            self.refresh()

        self._panel.bridge.run(lambda: networks.remove(network_id), then=removed, owner=self)

    def _accept(self, network_id: str) -> None:
        networks = self._panel.bridge.console.networks
        self._panel.bridge.run(lambda: networks.accept_reset(network_id), then=lambda _: self.refresh(), owner=self)

    def _add(self) -> None:
        name, url = self.name.text().strip(), self.url.address()
        chain_id, environment = self.chain_id.value(), self.environment.value()
        self.url_field.set_error("")
        networks = self._panel.bridge.console.networks

        async def add() -> None:
            from app.chain.adding import described

            await networks.add(described(name, url, chain_id, environment))

        def failed(error: ConsoleError) -> bool:
            self.url_field.set_error(str(error))
            return True

        def done(_: object) -> None:
            self.name.clear()
            self.url.set_address("")
            self.url_field.set_hint(_PINNED)
            self.refresh()

        self._panel.bridge.run(add, then=done, fail=failed, label="Adding the network", owner=self)
