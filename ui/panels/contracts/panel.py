"""Sources at the left, compiler messages and bytecode in the middle, deployments below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSplitter, QVBoxLayout, QWidget

from app.core.events import ContractsChanged, NetworkChanged
from ui.panels.contracts.deploy_form import DeployForm
from ui.shell.panel import Panel
from ui.widgets import AddressCell, Column, EmptyState, HashCell, Note, Pane, Row, StatusCell, Table, empty

if TYPE_CHECKING:
    from app.contracts import Compilation, Deployment

SIZE_LIMIT = 24_576  # bytes of runtime code, EIP-170


class ContractsPanel(Panel):
    """Compile and deploy; every message keeps the compiler's own words."""

    id = "contracts"
    title = "Contracts"
    stale_on = (ContractsChanged, NetworkChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._compiled: Compilation | None = None
        self.compile_button = self.header.add_action("contracts.compile")
        self.deploy_button = self.header.add_action("contracts.deploy", primary=True)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)

        built = Pane("Build")
        self.build_context = QLabel("Not compiled in this session")
        self.build_context.setProperty("role", "hint")
        self.build_context.setObjectName("contracts.build.context")
        built.add_header(self.build_context)
        self.artifacts = Table(
            [
                Column("name", "Contract", 180),
                Column("source", "Source", 220, mono=True),
                Column("size", "Runtime bytes", 120, align="right", kind="number"),
                Column("share", "Of the 24 KiB limit", 140, align="right"),
                Column("functions", "Functions", 90, align="right", kind="number"),
                Column("state", "State", 140, kind="status"),
            ]
        )
        self.artifacts.setObjectName("contracts.artifacts")
        self.artifacts.setAccessibleName("Compiled contracts")
        self.not_compiled = EmptyState(
            "hammer",
            "Nothing is compiled yet",
            "The bundled sources compile here with solc 0.8.20, offline.",
            ("Compile", lambda: self.window_.registry.run("contracts.compile")),
        )
        built.body.addWidget(self.not_compiled)
        built.body.addWidget(self.artifacts)
        self.artifacts.hide()
        self.messages = QWidget()
        self._messages_layout = QVBoxLayout(self.messages)
        self._messages_layout.setContentsMargins(16, 0, 16, 8)
        built.body.addWidget(self.messages)
        split.addWidget(built)

        deployed = Pane("Deployed")
        self.network_label = QLabel("")
        self.network_label.setProperty("role", "hint")
        deployed.add_header(self.network_label)
        self.deployments = Table(
            [
                Column("name", "Contract", 160),
                Column("address", "Address", 220, kind="address"),
                Column("block", "Block", 90, align="right", kind="number"),
                Column("tx", "Transaction", 140, kind="hash"),
                Column("code", "Runtime code", 200, kind="status"),
            ]
        )
        self.deployments.setObjectName("contracts.deployments")
        self.deployments.setAccessibleName("Deployed contracts")
        self.none_deployed = EmptyState(
            "file-code",
            "Nothing is deployed on this network",
            "Deploying puts token, emission, mint mine and redemption on the chain and grants their roles.",
            ("Deploy the AZR economy…", lambda: self.window_.registry.run("contracts.deploy")),
        )
        deployed.body.addWidget(self.none_deployed)
        deployed.body.addWidget(self.deployments)
        split.addWidget(deployed)
        self.body.addWidget(split, 1)

    def refresh(self) -> None:
        async def read() -> tuple[str, list[Deployment]]:
            console = self.bridge.console
            network = console.networks.current
            if network is None:
                return "", []
            found = await console.contracts.deployments(network.key.text) if network.genesis else []
            return f"{network.name} {network.chain_id}", found

        self.bridge.run(read, then=self._show_deployments, owner=self)

    def _show_deployments(self, answer: tuple[str, list[Deployment]]) -> None:
        network, found = answer
        self.header.set_context(network or "No network selected")
        self.network_label.setText(network)
        self.deployments.set_rows(
            [
                Row(
                    item.address,
                    {
                        "name": item.name,
                        "address": AddressCell(item.address, ""),
                        "block": item.block,
                        "tx": HashCell(item.tx_hash),
                        "code": StatusCell("ok", "Matches our build")
                        if item.runtime_matches
                        else StatusCell("err", "Different code"),
                    },
                )
                for item in found
            ]
        )
        self.deployments.setVisible(bool(found))
        self.none_deployed.setVisible(not found)

    def compile(self) -> None:
        """Compile the bundled sources; shows what the compiler said."""
        self.compile_button.setEnabled(False)
        self.build_context.setText("Compiling…")
        contracts = self.bridge.console.contracts

        def failed(_error: object) -> bool:
            self.compile_button.setEnabled(True)
            self.build_context.setText("The last compilation failed")
            return False

        self.bridge.run(lambda: contracts.compile(), then=self._show_compiled, fail=failed, label="Compiling", owner=self)

    def _show_compiled(self, result: Compilation) -> None:
        self._compiled = result
        self.compile_button.setEnabled(True)
        how = "unchanged, from the cache" if result.cached else f"{result.seconds:.2f} s"
        self.build_context.setText(f"solc {result.solc.split('+')[0]}, optimizer 200 runs, {how}")
        rows = []
        for artifact in sorted(result.contracts, key=lambda a: a.name):
            size = max(0, (len(artifact.runtime) - 2) // 2)
            state = StatusCell("err", "Too large") if size > SIZE_LIMIT else StatusCell("ok", "Built")
            rows.append(
                Row(
                    f"{artifact.source}:{artifact.name}",
                    {
                        "name": artifact.name,
                        "source": artifact.source,
                        "size": size,
                        "share": f"{size * 1000 // SIZE_LIMIT / 10:.1f} %",
                        "functions": sum(entry.get("type") == "function" for entry in artifact.abi),
                        "state": state,
                    },
                )
            )
        self.artifacts.set_rows(rows)
        self.artifacts.show()
        self.not_compiled.hide()
        empty(self._messages_layout)
        for level, messages in (("err", result.errors), ("warn", result.warnings)):
            for message in messages[:8]:
                self._messages_layout.addWidget(Note(level, str(message)))
        total, problems = len(rows), len(result.errors) + len(result.warnings)
        self.window_.notify(f"Compiled {total} contracts, {problems} messages", "err" if result.errors else "ok")

    def open(self, **arguments: Any) -> None:
        if arguments.get("do") == "compile":
            self.compile()
        elif arguments.get("form") == "deploy":
            self.window_.open_form(DeployForm(self, str(arguments.get("system") or "azr")))

    def state(self) -> dict[str, Any]:
        return {"deployment": self.deployments.selected_id()}

    def restore(self, state: dict[str, Any]) -> None:
        self.deployments.select(str(state.get("deployment") or ""))
