"""Contacts: the list, one contact, and files of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QSizePolicy, QWidget

from app.core.errors import Invalid
from app.core.events import ContactsChanged
from ui.panels.wallets.forms.form import WalletForm, ask_file, ask_save, line, read_file
from ui.widgets import AddressCell, Column, EmptyState, Note, Row, StatusCell, Table, button, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets.contacts import Contact, ImportReport
    from ui.shell.panel import Panel


class ContactsForm(WalletForm):
    """Everybody who has a name here without being an account."""

    title = "Contacts"
    context = "Names for addresses, kept on this computer"
    primary = "Done"
    planned = False

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._contacts: dict[str, Contact] = {}
        self.filter = line_edit("wallets.contacts.search", "Filter the contacts")
        self.filter.setPlaceholderText("Filter by label or address")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(lambda _: self._fill())
        self.add(self.filter)
        self.table = Table([Column("label", "Contact", 190, kind="address"), Column("note", "Note", 150)])
        self.table.setObjectName("wallets.contacts")
        self.table.setAccessibleName("Contacts")
        self.table.setMinimumHeight(280)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.table.selected.connect(lambda _: self._enable())
        self.table.activated.connect(lambda _: self._edit())
        self.empty = EmptyState("address-book", "No contact yet", "A contact gives an address a name, in lists and in every check.")
        self.add(self.table, self.empty)
        self.add_button = self._button("Add contact…", "plus", "add", lambda: self._open(ContactForm(self.panel)))
        self.edit_button = self._button("Edit…", "pencil-simple", "edit", self._edit)
        self.send_button = self._button("Send…", "paper-plane-tilt", "send", self._send)
        self.remove_button = self._button("Remove", "trash", "remove", self._remove)
        self.add(line(self.add_button, self.edit_button, self.remove_button))
        load = self._button("Import file…", "upload-simple", "import", self._import)
        self.export_button = self._button("Export file…", "export", "export", self._export)
        self.add(line(self.send_button, load, self.export_button))
        self.end()
        self.bridge.on(ContactsChanged, lambda _: self._read(), self)
        self._read()

    def _button(self, words: str, symbol: str, name: str, slot: Callable[[], object]) -> Any:
        made = button(words, icon=symbol)
        made.setObjectName(f"wallets.contacts.{name}")
        made.clicked.connect(lambda _=False: slot())
        return made

    def _read(self) -> None:
        self.bridge.run(lambda: self.console.wallets.contacts(), then=self._show, owner=self)

    def _show(self, contacts: list[Contact]) -> None:
        self._contacts = {contact.id: contact for contact in contacts}
        self._fill()

    def _fill(self) -> None:
        wanted = self.filter.text().strip().lower()
        rows = [
            Row(one.id, {"label": AddressCell(one.address, one.label), "note": " ".join(filter(None, (one.note, one.network)))})
            for one in self._contacts.values()
            if not wanted or wanted in f"{one.label} {one.address} {one.note}".lower()
        ]
        self.table.set_rows(rows)
        if rows and not self.table.selected_id():
            self.table.select(rows[0].id)
        self.table.setVisible(bool(self._contacts))
        self.filter.setVisible(bool(self._contacts))
        self.empty.setVisible(not self._contacts)
        self._enable()

    def _enable(self) -> None:
        chosen = self.table.selected_id() in self._contacts
        for part in (self.edit_button, self.send_button, self.remove_button):
            part.setEnabled(chosen)
        self.export_button.setEnabled(bool(self._contacts))

    def _current(self) -> Contact | None:
        return self._contacts.get(self.table.selected_id())

    def _open(self, form: WalletForm) -> None:
        self.panel.window_.open_form(form)

    def _edit(self) -> None:
        contact = self._current()
        if contact is not None:
            self._open(ContactForm(self.panel, contact))

    def _send(self) -> None:
        contact = self._current()
        if contact is not None:
            self.panel.window_.registry.run("wallets.send", to=contact.address)

    def _remove(self) -> None:
        contact, wallets, window = self._current(), self.console.wallets, self.panel.window_
        if contact is None:
            return

        def removed(gone: Contact) -> None:
            def back() -> None:
                self.bridge.run(lambda: wallets.add_contact(gone.label, gone.address, gone.note, gone.network))

            window.notify(f"The contact {gone.label} is removed.", "ok", action=("Undo", back))

        self.bridge.run(lambda: wallets.remove_contact(contact.id), then=removed, owner=self)

    def _import(self) -> None:
        ask_file(self, "Contacts to import", "Tables (*.csv);;All files (*)", self.load)

    def load(self, path: Path) -> None:
        """Show what importing a file would do."""
        try:
            data = read_file(path, "file")
        except Invalid as error:
            self.panel.window_.tell_error(error)
            return
        wallets = self.console.wallets
        self.bridge.run(
            lambda: wallets.check_contacts(data),
            then=lambda report: self._open(ImportContactsForm(self.panel, path.name, report)),
            owner=self,
        )

    def _export(self) -> None:
        ask_save(self, "Export the contacts", "contacts.csv", "Tables (*.csv)", self.export_to)

    def export_to(self, path: Path) -> None:
        """Write all contacts as CSV."""

        def write(text: str) -> None:
            try:
                path.write_text(text, encoding="utf-8")
            except OSError as error:
                self.panel.window_.notify(f"The contacts were not written: {error.strerror}.", "err")
            else:
                self.panel.window_.notify(f"The contacts are written to {path}.", "ok")

        self.bridge.run(lambda: self.console.wallets.export_contacts(), then=write, owner=self)

    def work(self) -> Callable[[], Awaitable[Any]]:
        async def nothing() -> None:
            return None

        return nothing


class ContactForm(WalletForm):
    """One contact, new or to be edited."""

    title = "Add a contact"
    context = "An edit: it changes nothing on a chain"
    primary = "Add contact"
    planned = False

    def __init__(self, panel: Panel, contact: Contact | None = None, address: str = "") -> None:
        super().__init__(panel)
        self._contact = contact
        if contact is not None:
            self.title, self.primary = "Edit the contact", "Save contact"
        self.label = line_edit("wallets.contact.label", "Label of the contact")
        self.field("Label", self.label, "What the contact is called here")
        self.address = line_edit("wallets.contact.address", "Address of the contact")
        self.field("Address", self.address, "0x and 40 digits, from the contact itself; capital letters must satisfy EIP-55")
        self.note = line_edit("wallets.contact.note", "Note")
        self.field("Note", self.note).set_aside("optional")
        self.where = QComboBox()
        self.where.setObjectName("wallets.contact.network")
        self.where.setAccessibleName("Network")
        self.where.addItem("Every network", "")
        for network in self.console.networks.list():
            self.where.addItem(f"Only {network.name}", network.id)
        self.field("Network", self.where, "Some addresses belong to a contact on one network only")
        self.end()
        if contact is not None:
            self.label.setText(contact.label)
            self.address.setText(contact.address)
            self.note.setText(contact.note)
            self.where.setCurrentIndex(max(0, self.where.findData(contact.network)))
        elif address:
            self.address.setText(address)

    def work(self) -> Callable[[], Awaitable[Any]]:
        label, address, note = self.label.text(), self.address.text().strip(), self.note.text()
        network, wallets, contact = str(self.where.currentData()), self.console.wallets, self._contact
        if contact is None:
            return lambda: wallets.add_contact(label, address, note, network)
        return lambda: wallets.edit_contact(contact.id, label=label, address=address, note=note, network=network)

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"{result.label} is in your contacts.", "ok")


class ImportContactsForm(WalletForm):
    """What a file would add, line by line, before anything is kept."""

    title = "Import contacts"
    planned = False

    def __init__(self, panel: Panel, name: str, report: ImportReport) -> None:
        super().__init__(panel)
        self._report = report
        new, wrong = len(report.new), len(report.problems)
        known = len(report.rows) - new - wrong
        self.context = name
        self.primary = f"Import {new:,} contact{'s' if new != 1 else ''}"
        parts = [f"{new:,} new", f"{known:,} known already", f"{wrong:,} cannot be taken"]
        self.add(Note("err" if wrong else "info", ", ".join(parts) + ". Nothing is kept yet."))
        table = Table(
            [
                Column("line", "Line", 52, align="right"),
                Column("label", "Contact", 190, kind="address"),
                Column("state", "Check", 190),
            ]
        )
        table.setObjectName("wallets.contacts.check")
        table.setAccessibleName("Lines of the file")
        table.setMinimumHeight(300)
        table.set_rows(
            [
                Row(
                    str(row.line),
                    {
                        "line": row.line,
                        "label": AddressCell(row.address, row.label),
                        "state": StatusCell("err", row.problem)
                        if row.problem
                        else StatusCell("idle", "Known already")
                        if row.known
                        else StatusCell("ok", "New"),
                    },
                )
                for row in sorted(report.rows, key=lambda row: (not row.problem, row.line))
            ]
        )
        self.add(table)
        self.leave_out = QCheckBox(f"Leave out the {wrong:,} line{'s' if wrong != 1 else ''} that cannot be taken")
        self.leave_out.setObjectName("wallets.contacts.leave_out")
        self.leave_out.setVisible(bool(wrong))
        self.add(self.leave_out)
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        report, wallets = self._report, self.console.wallets
        if not report.new:
            raise Invalid("The file adds no contact. Nothing was kept.", "Choose another file.")
        if report.problems and self.leave_out.isChecked():
            report = report.without_problems()
        return lambda: wallets.import_contacts(report)

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"{len(result):,} contacts are kept.", "ok")
        self.panel.window_.registry.run("wallets.contacts")

    def first_field(self) -> QWidget | None:
        self.leave_out.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return self.leave_out if self.leave_out.isVisibleTo(self) else None
