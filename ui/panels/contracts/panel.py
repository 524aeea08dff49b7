"""Projects and deployed contracts at the left; the pages of what one does with them at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QStackedWidget

from app.core.events import ContractsChanged, NetworkChanged
from ui.panels.contracts.build import BuildPage
from ui.panels.contracts.deploy_form import DeployForm
from ui.panels.contracts.deploy_one import DeployOneForm
from ui.panels.contracts.gas import GasPage
from ui.panels.contracts.import_form import ImportForm
from ui.panels.contracts.interact import InteractPage
from ui.panels.contracts.page import Page
from ui.panels.contracts.roles import VERBS, RoleForm, RolesPage, pause
from ui.panels.contracts.sources import DeployedPane, SourcesPane
from ui.panels.contracts.tests import TestsPage
from ui.panels.contracts.transaction import TransactionPage
from ui.panels.contracts.verify import VerifyPage
from ui.shell.panel import Panel
from ui.widgets import Segmented

if TYPE_CHECKING:
    from pathlib import Path

    from app.contracts import Deployment
    from app.contracts.books import Imported

PAGES: tuple[type[Page], ...] = (
    BuildPage,
    TestsPage,
    InteractPage,
    RolesPage,
    TransactionPage,
    VerifyPage,
    GasPage,
)  # in the order of the tabs


class ContractsPanel(Panel):
    """Compile, deploy, and use what is there."""

    id = "contracts"
    title = "Contracts"
    stale_on = (ContractsChanged, NetworkChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._deployed: dict[str, Deployment | Imported] = {}
        self._wanted = ""
        self.tabs = Segmented([(page.name, page.title) for page in PAGES])
        self.tabs.setObjectName("contracts.tabs")
        self.tabs.changed.connect(self.show_page)
        self.header.add_widget(self.tabs)
        self.compile_button = self.header.add_action("contracts.compile")
        self.deploy_button = self.header.add_action("contracts.deploy", primary=True)
        self.sources = SourcesPane(self)
        self.deployed = DeployedPane(self)
        left = QSplitter(Qt.Orientation.Vertical)
        left.setChildrenCollapsible(False)
        left.addWidget(self.sources)
        left.addWidget(self.deployed)
        left.setSizes([430, 300])
        left.setMinimumWidth(220)
        self.stack = QStackedWidget()
        self.pages: dict[str, Page] = {}
        for kind in PAGES:
            self.pages[kind.name] = page = kind(self)
            self.stack.addWidget(page)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(self.stack)
        split.setStretchFactor(1, 1)
        split.setSizes([276, 900])
        self.body.addWidget(split, 1)
        self.sources.asked.connect(self._open_source)
        self.deployed.chosen.connect(self._choose)

    @property
    def build(self) -> BuildPage:
        """The first page, which the sources open."""
        page = self.pages["build"]
        assert isinstance(page, BuildPage)
        return page

    @property
    def chosen(self) -> Deployment | Imported | None:
        """The deployed contract that is chosen at the left; without a choice, the first."""
        found = self._deployed.get(self.deployed.table.selected_id())
        return found or next(iter(self._deployed.values()), None)

    @property
    def book(self) -> list[Deployment | Imported]:
        """Every contract of the network's address book, then those of somebody else."""
        return list(self._deployed.values())

    def show_page(self, name: str) -> None:
        """Bring a page to the front."""
        page = self.pages.get(name)
        if page is not None:
            self.tabs.set_value(name)
            self.stack.setCurrentWidget(page)
            page.come()

    def _open_source(self, path: Path) -> None:
        self.show_page("build")
        self.build.show_file(path)

    def _choose(self, _address: str) -> None:
        self._freshen_pages()

    def _freshen_pages(self) -> None:
        for page in self.pages.values():
            page.mark()
        front = self.stack.currentWidget()
        if isinstance(front, Page):
            front.come()

    def refresh(self) -> None:
        self.sources.refresh()
        self.read_book()

    def read_book(self) -> None:
        """Read what is deployed, and what is known of it."""

        async def read() -> tuple[str, list[Deployment], list[Imported]]:
            contracts, network = self.bridge.console.contracts, self.bridge.console.networks.current
            if network is None:
                return "", [], []
            key = network.key.text
            found = await contracts.deployments(key) if network.genesis else []
            return f"{network.name} {network.chain_id}", found, list(await contracts.books.list(key))

        self.bridge.run(read, then=self._show_deployments, owner=self)

    def _show_deployments(self, answer: tuple[str, list[Deployment], list[Imported]]) -> None:
        network, found, imported = answer
        foreign = [item for item in imported if item.address not in {each.address for each in found}]
        self._deployed = {item.address: item for item in (*found, *foreign)}
        self.header.set_context(network or "No network selected")
        self.deployed.show_found(network, self.book)
        if self._wanted in self._deployed:
            self.deployed.table.select(self._wanted)
            self._wanted = ""
        self._freshen_pages()

    def open(self, **arguments: Any) -> None:
        contract = str(arguments.get("contract") or "")
        if contract in self._deployed:
            self.deployed.table.select(contract)
        else:
            self._wanted = contract
        page = self.pages.get(str(arguments.get("page") or ""))
        if page is not None:
            self.show_page(page.name)
            page.follow(**arguments)
        match arguments.get("do"), arguments.get("form"):
            case "compile", _:
                self.show_page("build")
                self.build.compile()
            case "watch", _:
                self.show_page("build")
                self.build.watch_button.click()
            case "watch_tests", _:
                self.show_page("tests")
                tests = self.pages["tests"]
                if isinstance(tests, TestsPage):
                    tests.watch_button.click()
            case "open", _:
                self.sources.ask_folder()
            case "network", _:
                self.sources.ask_network()
            case "editor", _:
                self.build.open_editor()
            case (("pause" | "resume"), _):
                pause(self, arguments)
            case _, "import":
                self.window_.open_form(ImportForm(self))
            case _, str(verb) if verb in VERBS:
                roles = self.pages["roles"]
                row = roles.selected if isinstance(roles, RolesPage) else None
                self.window_.open_form(RoleForm(self, verb, row))
            case _, "verify_source":
                self.show_page("verify")
                verify = self.pages["verify"]
                if isinstance(verify, VerifyPage):
                    verify.open_form()
            case _, "deploy_one":
                self.window_.open_form(DeployOneForm(self))
            case _, "deploy":
                self.window_.open_form(DeployForm(self, str(arguments.get("system") or "azr")))

    def state(self) -> dict[str, Any]:
        return {"deployment": self.deployed.table.selected_id(), "page": self.tabs.value()}

    def restore(self, state: dict[str, Any]) -> None:
        self.deployed.table.select(str(state.get("deployment") or ""))
        self.show_page(str(state.get("page") or "build"))
