"""The wallets panel: the list over the detail, and the way from a verb to its form."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMenu, QSplitter

from app.core.errors import ConsoleError
from app.core.events import AccountsChanged, ContactsChanged, HeadChanged, LedgerChanged, NetworkChanged, TransactionsChanged
from ui.panels.wallets.accounts_list import AccountsList, MenuEntry, may_send, may_sign
from ui.panels.wallets.detail import Detail
from ui.panels.wallets.reading import Snapshot, read
from ui.panels.wallets.tabs.activity import ActivityTab
from ui.panels.wallets.tabs.allowances import AllowancesTab
from ui.panels.wallets.tabs.assets import AssetsTab
from ui.panels.wallets.tabs.keys import KeysTab
from ui.panels.wallets.tabs.notes import NotesTab
from ui.panels.wallets.tabs.queue import QueueTab
from ui.shell.panel import Panel
from ui.theme import icon, theme
from ui.widgets import EmptyState, button

if TYPE_CHECKING:
    from app.wallets import Account

# verb: module and class of its form; those below need an account
FORMS: dict[str, tuple[str, str]] = {
    "new": ("new", "NewWalletForm"),
    "import": ("importing", "ImportForm"),
    "watch": ("edits", "WatchForm"),
    "restore": ("restore", "RestoreForm"),
    "contacts": ("contacts", "ContactsForm"),
    "contact": ("contacts", "ContactForm"),
    "token": ("tokens", "TokenForm"),
    "verify": ("verify", "VerifyForm"),
    "external": ("external", "ExternalForm"),
    "hand": ("byhand", "HandForm"),
}
OF_ACCOUNT: dict[str, tuple[str, str]] = {
    "receive": ("receive", "ReceiveForm"),
    "rename": ("edits", "RenameForm"),
    "group": ("edits", "GroupForm"),
    "approve": ("approve", "ApproveForm"),
    "signer": ("external", "SignerForm"),
    "reveal": ("secret", "RevealForm"),
    "export": ("secret", "ExportForm"),
    "delete": ("secret", "DeleteForm"),
    "drill": ("drill", "DrillForm"),
    "adding": ("adding", "AddAccountsForm"),
}
REST_MS = 400  # between two readings while changes pour in
MORE = (
    "wallets.restore",
    "wallets.external",
    "",
    "wallets.payout",
    "wallets.contacts",
    "",
    "wallets.sign",
    "wallets.verify",
    "wallets.hand",
)
KEYED = ("hd", "imported")
# what can be done with a key: verb, icon, words, kinds of account
VERBS = (
    ("drill", "first-aid-kit", "Drill the backup…", KEYED),
    ("adding", "plus", "Add accounts…", ("hd",)),
    ("signer", "plugs-connected", "Change signer…", ("external",)),
    ("reveal", "eye", "Reveal…", KEYED),
    ("export", "export", "Export keystore…", KEYED),
    ("delete", "trash", "Delete…", ("hd", "imported", "watch", "external")),
)


class WalletsPanel(Panel):
    """Accounts with key state and balances; every change opens the plan sheet."""

    id = "wallets"
    title = "Wallets"
    stale_on = (AccountsChanged, ContactsChanged, NetworkChanged, HeadChanged, LedgerChanged, TransactionsChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self.snapshot = Snapshot()
        self._waiting: dict[str, Any] | None = None
        self._read_once = False
        self._reading = self._again = False
        for action in ("wallets.import", "wallets.watch", "wallets.new"):
            self.header.add_action(action)
        self.more = button("", icon="dots-three")
        self.more.setObjectName("header.wallets.more")
        self.more.setAccessibleName("More of wallets")
        self.more.setToolTip("Restore, external signer, payout, contacts, sign, verify")
        self.more.clicked.connect(self._open_more)
        self.header.add_widget(self.more)
        self.empty = EmptyState(
            "wallet",
            "No account yet",
            "A wallet is a recovery phrase whose keys live in the system keyring. You can also watch an address without a key.",
            ("New wallet…", lambda: self.window_.registry.run("wallets.new")),
            [
                ("Restore…", lambda: self.window_.registry.run("wallets.restore")),
                ("Watch address…", lambda: self.window_.registry.run("wallets.watch")),
            ],
        )
        self.empty.setObjectName("wallets.empty")
        self.body.addWidget(self.empty, 1)
        self.list = AccountsList(self.entries)
        self.list.chosen.connect(self._show_account)
        self.list.asked.connect(self.act)
        self.list.moved.connect(self._move)
        self.list.hide_asked.connect(lambda: self.window_.trigger("window.amounts"))
        keys = KeysTab(self, VERBS)
        keys.asked.connect(lambda verb: self.act(verb, self.detail.account.address if self.detail.account else ""))
        keys.account_asked.connect(self.list.choose)
        tabs = [ActivityTab(self), AssetsTab(self), AllowancesTab(self), QueueTab(self), keys, NotesTab(self)]
        self.detail = Detail(self.entries, tabs)
        self.detail.asked.connect(self.act)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setObjectName("wallets.split")
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.list)
        self.split.addWidget(self.detail)
        self.split.setStretchFactor(0, 1)
        self.split.setStretchFactor(1, 1)
        self.body.addWidget(self.split, 1)
        self.split.hide()
        self._shared, self._by_hand = -1, False
        self.split.splitterMoved.connect(self._moved_by_hand)

    @property
    def table(self) -> Any:
        """The table of accounts."""
        return self.list.table

    @property
    def kinds(self) -> Any:
        """Which kind of accounts is shown."""
        return self.list.kinds

    @property
    def filter(self) -> Any:
        """What the accounts are filtered by."""
        return self.list.filter

    def _open_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName("Wallets")
        for action_id in MORE:
            if not action_id:
                menu.addSeparator()
                continue
            action = self.window_.registry.get(action_id)
            made = menu.addAction(icon(action.icon), f"{action.title}…")
            made.triggered.connect(lambda _=False, action_id=action_id: self.window_.trigger(action_id))
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    # Reading

    def refresh(self) -> None:
        """Read once at a time: a payout tells of a thousand changes in a second."""
        if self._reading:
            self._again = True
            return
        self._reading, self._again = True, False
        self.bridge.run(lambda: read(self.bridge.console), then=self._read_through, fail=self._failed, owner=self)

    def _read_through(self, snapshot: Snapshot) -> None:
        self._through()
        self._show(snapshot)

    def _failed(self, _: ConsoleError) -> bool:
        self._through()
        return False

    def _through(self) -> None:
        self._reading = False
        if self._again:
            QTimer.singleShot(REST_MS, self, self.refresh)

    def _show(self, snapshot: Snapshot) -> None:
        self.snapshot, self._read_once = snapshot, True
        count = sum(str(account.key_state) == "inKeyring" for account in snapshot.accounts)
        context = f"{count} {'key' if count == 1 else 'keys'} in the system keyring" if snapshot.accounts else ""
        self.header.set_context(", ".join(part for part in (context, snapshot.problem) if part))
        self.empty.setVisible(not snapshot.accounts)
        self.split.setVisible(bool(snapshot.accounts))
        self._share(len(snapshot.accounts))
        self.list.show_snapshot(snapshot)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.open(**waiting)

    def _share(self, rows: int) -> None:
        """The list gets the rows it has, up to half of the page, until the reader moves the line between them."""
        if self._shared == rows or self._by_hand:
            return
        self._shared = rows
        height = max(self.split.height(), self.height() - 100)
        wanted = (rows + 1) * theme.metric("row") + 48
        first = min(wanted, height * 52 // 100)
        self.split.setSizes([first, height - first])

    def _moved_by_hand(self) -> None:
        self._by_hand = True

    def _show_account(self, address: str) -> None:
        account = self.snapshot.account(address)
        if account is not None:
            self.detail.show_account(account, self.snapshot)

    # Acting

    def entries(self, account: Account) -> list[MenuEntry | None]:
        """What can be done with an account: the menu of its row and of its head."""
        why, stuck = may_sign(account), may_send(account)
        order = "" if self.table.own_order else "The list is sorted by a column; press its heading until it is not."
        return [
            ("send", "paper-plane-tilt", "Send…", "Return", stuck),
            ("payout", "file-csv", "Pay out a table…", "", stuck),
            ("receive", "qr-code", "Receive", "", ""),
            ("sign", "signature", "Sign a message…", "", why),
            ("approve", "hand-coins", "Approve a spender…", "", stuck),
            None,
            ("copy", "copy", "Copy address", "Ctrl+C", ""),
            ("rename", "tag", "Edit label…", "F2", ""),
            ("group", "folder-simple", "Move to group…", "", ""),
            ("up", "caret-up", "Move up", "Alt+Up", order),
            ("down", "caret-down", "Move down", "Alt+Down", order),
            None,
            *((verb, symbol, words, "", "") for verb, symbol, words, kinds in VERBS if str(account.kind) in kinds),
        ]

    def act(self, verb: str, address: str = "") -> None:
        """Do what a menu, a button or a link asks."""
        try:
            self._act(verb, address, {})
        except ConsoleError as error:
            self.window_.tell_error(error)

    def _act(self, verb: str, address: str, given: dict[str, Any]) -> None:
        account = self.snapshot.account(address) if address else self.list.current()
        if verb == "send":
            from ui.panels.wallets.forms.send import SendForm

            sender = account.address if account is not None and (address or not may_send(account)) else ""
            self.window_.open_form(SendForm(self, str(given.get("sender") or sender), str(given.get("to", ""))))
        elif verb == "sign":
            from ui.panels.wallets.forms.signing import SignForm

            signer = account.address if account is not None and not may_sign(account) else ""
            self.window_.open_form(SignForm(self, signer))
        elif verb == "payout":
            from ui.panels.wallets.forms.payout import PayoutForm

            self.window_.open_form(PayoutForm(self, account.address if account is not None and not may_send(account) else ""))
        elif verb == "copy" and account is not None:
            QApplication.clipboard().setText(account.address)
            self.window_.notify(f"The address of {account.label} is copied.", "ok")
        elif verb in ("up", "down"):
            self.table.move_selected(-1 if verb == "up" else 1)
        elif verb == "group" and account is not None:
            self.window_.open_form(self._form(OF_ACCOUNT[verb])(self, account, self.snapshot.groups()))
        elif verb in OF_ACCOUNT and account is not None:
            self.window_.open_form(self._form(OF_ACCOUNT[verb])(self, account))
        elif verb in FORMS:
            self.window_.open_form(self._form(FORMS[verb])(self))

    def _form(self, where: tuple[str, str]) -> Any:
        return getattr(importlib.import_module(f"ui.panels.wallets.forms.{where[0]}"), where[1])

    def _move(self, account_id: str, takes: str) -> None:
        """Put an account where another one stands."""
        place = next((at for at, one in enumerate(self.snapshot.accounts) if one.address == takes), -1)
        if place >= 0:
            console = self.bridge.console
            self.bridge.run(lambda: console.wallets.move(account_id, place), owner=self)

    # Links and history

    def open(self, **arguments: Any) -> None:
        """Follow a link: ``ref`` chooses an account, ``tab`` a tab, ``form`` opens a form. A link never does more than that."""
        if not self._read_once and str(arguments.get("form", "")) in (*OF_ACCOUNT, "send"):
            self._waiting = arguments  # which account is chosen is not known yet
            return
        if arguments.get("ref"):
            self.list.choose(str(arguments["ref"]))
        if arguments.get("tab"):
            self.detail.show_tab(str(arguments["tab"]))
        if arguments.get("form"):
            self._act(str(arguments["form"]), str(arguments.get("account", "")), arguments)

    def state(self) -> dict[str, Any]:
        return {**self.list.state(), "tab": self.detail.tab}

    def restore(self, state: dict[str, Any]) -> None:
        self.list.restore(state)
        self.detail.show_tab(str(state.get("tab") or ""))
