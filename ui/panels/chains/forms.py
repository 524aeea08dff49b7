"""What a local chain is asked for in the sheet. Plans on local chains are quick: the form is all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QComboBox, QSpinBox, QVBoxLayout

from app.core.errors import Invalid
from app.core.events import AccessChanged
from app.core.money import parse_units
from app.core.secret import Secret
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, FileField, Note, forget, line_edit, password_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.chain import Network, Snapshot
    from app.operations import Plan
    from ui.panels.chains.panel import ChainsPanel


def spin(name: str, called: str, least: int, most: int, value: int) -> QSpinBox:
    """A field for a whole number."""
    made = QSpinBox()
    made.setRange(least, most)
    made.setValue(value)
    made.setObjectName(name)
    made.setAccessibleName(called)
    return made


def choice(name: str, called: str, options: Sequence[tuple[str, str]]) -> QComboBox:
    """A field for one of a few values, each with its words."""
    made = QComboBox()
    for value, word in options:
        made.addItem(word, value)
    made.setObjectName(name)
    made.setAccessibleName(called)
    return made


class NewChainForm(PlanForm):
    """A chain of its own, or with ``fork`` one that goes on from another network."""

    primary = "Create"

    def __init__(self, panel: ChainsPanel, *, fork: bool = False) -> None:
        super().__init__()
        self.title = "Fork a network" if fork else "New local chain"
        self._panel, self._fork = panel, fork
        self.name = line_edit("chains.new.name", "Name of the chain")
        self.name.setText(panel.free_name("fork" if fork else "local"))
        self.chain_id = spin("chains.new.chain_id", "Chain id", 1, 2**31 - 1, 1338 if fork else 1337)
        self.accounts = spin("chains.new.accounts", "Test accounts", 0, 100, 10)
        self.phrase = password_edit("chains.new.phrase", "Recovery phrase of the test accounts")
        self.phrase.setPlaceholderText("The published test phrase")
        self.balance = line_edit("chains.new.balance", "Coins of each test account")
        self.balance.setText("10000")
        self.block_time = spin("chains.new.block_time", "Seconds between blocks", 0, 86_400, 0)
        self.block_time.setSpecialValueText("With each transaction")
        forks = [(name, name.capitalize()) for name in ("shanghai", "paris", "cancun", "prague")]
        self.hard_fork = choice("chains.new.hard_fork", "Hard fork", forks)
        self.network = choice("chains.new.fork", "Network to fork", [])
        self.block = spin("chains.new.fork_block", "Block to fork at", -1, 2**31 - 1, -1)
        self.block.setSpecialValueText("Newest")
        layout = QVBoxLayout(self)
        if fork:
            layout.addWidget(Field("Network", self.network, "Its address must hold no key: the node's command line shows it"))
            layout.addWidget(Field("Block", self.block, "From here on the chain is this computer's own"))
            self._panel.bridge.run(self._networks, then=self._offer, owner=self)
        layout.addWidget(Field("Name", self.name, "Small letters, digits and dashes; it names the folder of the chain"))
        layout.addWidget(Field("Chain id", self.chain_id, "1337 is what development chains use"))
        layout.addWidget(Field("Test accounts", self.accounts, "Of the published test phrase everybody has the keys"))
        kept = "Only its addresses are taken; it is kept nowhere. Their keys: restore it under Wallets"
        layout.addWidget(Field("A phrase of your own", self.phrase, kept))
        layout.addWidget(Field("Coins each, ETH", self.balance))
        layout.addWidget(Field("Seconds between blocks", self.block_time))
        layout.addWidget(Field("Hard fork", self.hard_fork))
        layout.addWidget(
            Note("info", "The chain runs on this computer only and listens on 127.0.0.1. It is labelled LOCAL everywhere.")
        )
        layout.addStretch(1)
        panel.bridge.on(AccessChanged, lambda _: self._access_changed(), self)

    def _access_changed(self) -> None:
        if self._panel.bridge.is_ready and self._panel.bridge.console.access.locked:
            forget(self.phrase)

    def hideEvent(self, event: QHideEvent) -> None:
        """No phrase stays in a field that nobody sees."""
        forget(self.phrase)
        super().hideEvent(event)

    async def _networks(self) -> Sequence[Network]:
        return [network for network in self._panel.bridge.console.networks.list() if network.rpc_url]

    def _offer(self, networks: Sequence[Network]) -> None:
        for network in networks:
            self.network.addItem(f"{network.name}, chain id {network.chain_id}", network.id)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        name, count = self.name.text().strip(), self.accounts.value()
        balance = parse_units(self.balance.text(), 18, unit="ETH", field="balance")
        chain_id, block_time, hard_fork = self.chain_id.value(), self.block_time.value(), str(self.hard_fork.currentData())
        fork_of = str(self.network.currentData() or "")
        if self._fork and not fork_of:
            raise Invalid("No network was chosen. Nothing was started.", "Choose one.", field="fork")
        at = self.block.value() if self.block.value() >= 0 else None
        nodes = self._panel.bridge.console.nodes
        own = Secret(self.phrase.text().strip()) if self.phrase.text().strip() else None

        async def plan() -> Plan:
            from app.wallets.published import addresses_of

            return await nodes.plan_create(
                name,
                chain_id,
                accounts=await addresses_of(count, own),
                balance=balance,
                block_time=block_time,
                hard_fork=hard_fork,
                fork_of=fork_of if self._fork else "",
                fork_block=at,
            )

        return plan


class FundForm(PlanForm):
    """Account and amount of native coin."""

    title = "Fund an account"
    primary = "Fund"

    def __init__(self, panel: ChainsPanel, chain: str, address: str = "") -> None:
        super().__init__()
        self._panel, self._chain = panel, chain
        self.account = AccountCombo("chains.fund.account", panel.bridge, editable=True)
        if address:
            self.account.set_address(address)
        self.amount = line_edit("chains.fund.amount", "Amount in ETH")
        self.amount.setText("10")
        self.how = choice("chains.fund.how", "How", [("add", "Add to the balance"), ("set", "Set the balance")])
        layout = QVBoxLayout(self)
        layout.addWidget(Field("Account", self.account, "One of yours, or any address"))
        layout.addWidget(Field("Amount", self.amount, "ETH, from nowhere: only local chains can do this"))
        layout.addWidget(Field("How", self.how))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        address = self.account.address()
        amount = parse_units(self.amount.text(), 18, unit="ETH")
        nodes, chain, exact = self._panel.bridge.console.nodes, self._chain, self.how.currentData() == "set"
        return lambda: nodes.plan_fund(chain, address, amount, exact=exact)


class ImpersonateForm(PlanForm):
    """A transaction in the name of any account."""

    title = "Send as any account"
    primary = "Send"

    def __init__(self, panel: ChainsPanel, chain: str, address: str = "") -> None:
        super().__init__()
        self._panel, self._chain = panel, chain
        self.sender = AccountCombo("chains.impersonate.sender", panel.bridge, editable=True)
        if address:
            self.sender.set_address(address)
        self.to = AccountCombo("chains.impersonate.to", panel.bridge, editable=True)
        self.amount = line_edit("chains.impersonate.amount", "Amount in ETH")
        self.amount.setText("0")
        self.data = line_edit("chains.impersonate.data", "Call data")
        self.data.setText("0x")
        layout = QVBoxLayout(self)
        layout.addWidget(
            Note("warn", "No key signs this. Only a local chain takes it, and the receipt says that it was impersonated.")
        )
        layout.addWidget(Field("In the name of", self.sender, "Any address; it needs coins for the fee"))
        layout.addWidget(Field("To", self.to))
        layout.addWidget(Field("Amount", self.amount, "ETH"))
        layout.addWidget(Field("Call data", self.data, "0x and hex digits"))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        sender, to = self.sender.address(), self.to.address()
        amount, data = parse_units(self.amount.text(), 18, unit="ETH"), self.data.text().strip() or "0x"
        nodes, chain = self._panel.bridge.console.nodes, self._chain
        return lambda: nodes.plan_impersonate(chain, sender, to, amount, data)


class SnapshotForm(PlanForm):
    """The name of a new snapshot."""

    title = "Take a snapshot"
    primary = "Take"

    def __init__(self, panel: ChainsPanel, chain: str, free: str) -> None:
        super().__init__()
        self._panel, self._chain = panel, chain
        self.name = line_edit("chains.take.snapshot", "Name of the snapshot")
        self.name.setText(free)
        layout = QVBoxLayout(self)
        layout.addWidget(Field("Name", self.name, f"Of {chain}: letters, digits, dots, dashes and underscores"))
        layout.addWidget(Note("info", "It holds every block and balance. What waits in the pool is not in it."))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        nodes, chain, name = self._panel.bridge.console.nodes, self._chain, self.name.text().strip()
        return lambda: nodes.plan_snapshot(chain, name)


class ReturnForm(PlanForm):
    """Which snapshot to return to, or with ``forget`` to delete."""

    def __init__(self, panel: ChainsPanel, chain: str, snapshots: Sequence[Snapshot], chosen: str, *, forget: bool) -> None:
        super().__init__()
        self.title = "Delete a snapshot" if forget else "Return to a snapshot"
        self.primary = "Delete" if forget else "Return"
        self._panel, self._chain, self._forget = panel, chain, forget
        offered = [(each.id, f"{each.name}, block {each.height:,}, {each.size / 1000:,.0f} kB") for each in reversed(snapshots)]
        self.snapshot = choice("chains.return.snapshot", "Snapshot", offered)
        self.snapshot.setCurrentIndex(max(self.snapshot.findData(chosen), 0))
        layout = QVBoxLayout(self)
        layout.addWidget(Field("Snapshot", self.snapshot))
        said = (
            "The snapshot does not come back. Those that descend from it stay."
            if forget
            else "The chain has the blocks of that snapshot again. What this console sent after it is not sent again. "
            "The present state is kept as a snapshot, for Undo."
        )
        layout.addWidget(Note("warn" if forget else "info", said))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        nodes, chain, chosen = self._panel.bridge.console.nodes, self._chain, str(self.snapshot.currentData() or "")
        return lambda: nodes.plan_forget(chain, chosen) if self._forget else nodes.plan_restore(chain, chosen)


class ImportForm(PlanForm):
    """A snapshot's file, and the chain that takes it in or is made of it."""

    title = "Import a snapshot"
    primary = "Import"

    def __init__(self, panel: ChainsPanel, chain: str) -> None:
        super().__init__()
        self._panel = panel
        said = "What Export… of a snapshot wrote, here or at another console"
        pattern = "Snapshots of local chains (*.azsnap)"
        self.file = FileField("chains.import.file", "File", said, "Snapshot file", title="Choose a snapshot", pattern=pattern)
        self.chain = line_edit("chains.import.name", "Name of the chain")
        self.chain.setText(chain)
        self.snapshot = line_edit("chains.import.snapshot", "Name of the snapshot here")
        self.snapshot.setPlaceholderText("As in the file")
        layout = QVBoxLayout(self)
        layout.addWidget(self.file)
        layout.addWidget(Field("Chain", self.chain, "The one it is of; a name that is not there yet makes a chain of the file"))
        layout.addWidget(Field("Called", self.snapshot, "Letters, digits, dots, dashes and underscores"))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        file, nodes = self.file.path(), self._panel.bridge.console.nodes
        if file is None:
            raise Invalid("No file was named. Nothing was planned.", "Choose one.", field="file")
        chain, label = self.chain.text().strip(), self.snapshot.text().strip()
        return lambda: nodes.plan_import(file, chain, label)


class DeleteForm(PlanForm):
    """The chain's name, typed, before it goes."""

    title = "Delete a local chain"
    primary = "Delete"

    def __init__(self, panel: ChainsPanel, chain: str) -> None:
        super().__init__()
        self._panel, self._chain = panel, chain
        self.typed = line_edit("chains.delete.typed", "Name of the chain")
        self._note = Note("warn", f"Deletes {chain}. It does not come back.")
        layout = QVBoxLayout(self)
        layout.addWidget(self._note)
        layout.addWidget(Field(f"Type {chain}", self.typed))
        layout.addStretch(1)
        nodes = panel.bridge.console.nodes

        async def lost() -> str:
            return nodes.lost_with(chain)

        panel.bridge.run(
            lost, then=lambda what: self._note.set_text(f"Deletes {chain} with {what}. It does not come back."), owner=self
        )

    def work(self) -> Callable[[], Awaitable[Plan]]:
        nodes, chain, typed = self._panel.bridge.console.nodes, self._chain, self.typed.text().strip()
        return lambda: nodes.plan_delete(chain, typed)
