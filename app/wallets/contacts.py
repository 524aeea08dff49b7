"""People and places that money goes to: a name for an address, kept here, entered by hand or from a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.core.clock import now_ms, uuid7
from app.core.errors import Conflict, Invalid, NotFound
from app.core.events import ContactsChanged
from app.wallets import csvfile
from app.wallets.accounts import Account, clean_label
from app.wallets.keys import checksum, parse_address

if TYPE_CHECKING:
    import sqlalchemy as sa

    from app.core.events import Bus
    from app.database import Database

MOST_ROWS = 10_000
NOTE_LENGTH = 500
_LINE = "line "  # id of a contact that so far is only a line of a file
COLUMNS: Mapping[str, Sequence[str]] = {
    "label": ("label", "name", "contact"),
    "address": ("address", "account", "wallet"),
    "note": ("note", "memo", "comment"),
    "network": ("network", "chain"),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """A name for an address.

    Attributes:
        id: UUIDv7 as text.
        label: unique among contacts and accounts, whatever its letters' case.
        address: EIP-55 spelling.
        note: what the operator wants to remember.
        network: id of the only network on which the address is this contact's, or empty: on every network.
        created_at: UTC milliseconds.
    """

    id: str
    label: str
    address: str
    note: str = ""
    network: str = ""
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One line of a file. ``problem`` is a sentence when it cannot be taken; ``known`` when just this contact is here already."""

    line: int
    label: str
    address: str
    note: str = ""
    network: str = ""
    problem: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What importing a file would do. Nothing is stored until the report is confirmed by :meth:`Contacts.take`."""

    rows: tuple[ImportRow, ...]

    @property
    def new(self) -> tuple[ImportRow, ...]:
        """The contacts that would be added."""
        return tuple(row for row in self.rows if not row.problem and not row.known)

    @property
    def problems(self) -> tuple[ImportRow, ...]:
        """The lines that cannot be taken."""
        return tuple(row for row in self.rows if row.problem)

    def without_problems(self) -> ImportReport:
        """The same report without the lines that cannot be taken: confirming it is the operator's decision to leave them."""
        return ImportReport(tuple(row for row in self.rows if not row.problem))


Record = Callable[[str, Mapping[str, Any], Callable[["sa.Connection"], object]], Awaitable[None]]
ContactList = list[Contact]  # the verb `list` below hides the type of the same name


class Contacts:
    """The contacts of this console. Changes are edits: no plan, but an entry in the journal where others use the store too.

    Args:
        accounts: the accounts, whose labels contacts must not have.
        networks: ids of the networks that are known.
        record: journals an edit in one transaction with the change itself.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        accounts: Callable[[], Awaitable[list[Account]]],
        networks: Callable[[], Iterable[str]],
        record: Record,
    ) -> None:
        self._record = record
        self._database = database
        self._bus = bus
        self._accounts = accounts
        self._networks = networks

    async def list(self) -> list[Contact]:
        """All contacts by label."""
        from app.wallets.tables import contacts

        def read(connection: sa.Connection) -> list[Contact]:
            return [_contact(row) for row in connection.execute(contacts.select().order_by(contacts.c.label_key))]

        return await self._database.read(read)

    async def get(self, contact_id: str) -> Contact:
        """One contact by id or label.

        Raises:
            NotFound: there is none.
        """
        wanted = contact_id.strip()
        for contact in await self.list():
            if wanted == contact.id or wanted.casefold() == contact.label.casefold():
                return contact
        raise NotFound(f"There is no contact “{wanted}”. Nothing was changed.", "Look at the list of contacts.", field="contact")

    async def add(self, label: str, address: str, note: str = "", network: str = "") -> Contact:
        """Keep a contact.

        Raises:
            Invalid: the address or its checksum, the label, the note or the network cannot be right.
            Conflict: an account or a contact has this label, or a contact this address.
        """
        made = Contact(str(uuid7()), *self._checked(label, address, note, network), now_ms())
        await self._write([made])
        return made

    async def edit(
        self,
        contact_id: str,
        *,
        label: str | None = None,
        address: str | None = None,
        note: str | None = None,
        network: str | None = None,
    ) -> Contact:
        """Change what is given; raises as :meth:`add`, and NotFound."""
        from app.wallets.tables import contacts

        kept = await self.get(contact_id)
        changed = {"label": label, "address": address, "note": note, "network": network}
        values = {name: getattr(kept, name) if value is None else value for name, value in changed.items()}
        new = Contact(kept.id, *self._checked(**values), kept.created_at)
        accounts = await self._accounts()

        def write(connection: sa.Connection) -> None:
            _Taken(accounts, map(_contact, connection.execute(contacts.select()))).require_free(new)
            connection.execute(contacts.update().where(contacts.c.id == new.id).values(_values(new)))

        await self._change("contact.changed", [new], write)
        return new

    async def remove(self, contact_id: str) -> Contact:
        """Forget a contact and return it, so that it can be added again.

        Raises:
            NotFound: there is none.
        """
        from app.wallets.tables import contacts

        kept = await self.get(contact_id)
        gone = contacts.delete().where(contacts.c.id == kept.id)
        await self._change("contact.removed", [kept], lambda connection: connection.execute(gone))
        return kept

    # Files

    async def check(self, data: bytes | str) -> ImportReport:
        """What importing a CSV file (label, address, note, network; in any order) would do. Nothing is stored.

        Raises:
            Invalid: the file cannot be read for sure.
        """
        table = csvfile.read(data, COLUMNS, ("label", "address"), MOST_ROWS)
        taken = _Taken(await self._accounts(), await self.list())
        rows: list[ImportRow] = []
        for row in table.rows:
            found = self._row(row, taken)
            rows.append(found)
            if not found.problem and not found.known:
                taken.add(Contact(f"{_LINE}{found.line}", found.label, found.address, found.note, found.network))
        return ImportReport(tuple(rows))

    async def take(self, report: ImportReport) -> ContactList:
        """Add the new contacts of a report, all or none.

        Raises:
            Invalid: the report has problems; see :meth:`ImportReport.without_problems`.
            Conflict: a label or an address was taken since.
        """
        if report.problems:
            first = report.problems[0]
            raise Invalid(
                f"Line {first.line}: {first.problem} {len(report.problems)} of {len(report.rows)} lines cannot be taken. "
                "No contact was added.",
                "Correct the file, or leave those lines out.",
                field="file",
            )
        made = [Contact(str(uuid7()), row.label, row.address, row.note, row.network, now_ms()) for row in report.new]
        if made:
            await self._write(made)
        return made

    async def export(self) -> str:
        """All contacts as CSV; reading it back changes nothing."""
        rows = [(contact.label, contact.address, contact.network, contact.note) for contact in await self.list()]
        return csvfile.write(("label", "address", "network", "note"), rows)

    # Inside

    def _row(self, row: csvfile.Row, taken: _Taken) -> ImportRow:
        cells = {name: row.cells.get(name, "") for name in COLUMNS}
        found = ImportRow(row.line, cells["label"], cells["address"], cells["note"], cells["network"])
        if row.problem:
            return replace(found, problem=f"It {row.problem}.")
        try:
            made = Contact("", *self._checked(**cells))
            same = taken.same(made)
            if same is not None and not same.id.startswith(_LINE):
                return replace(found, label=made.label, address=made.address, known=True)
            taken.require_free(made)
        except (Invalid, Conflict) as error:
            return replace(found, problem=error.message.split(" Nothing was")[0])
        return ImportRow(row.line, made.label, made.address, made.note, made.network)

    def _checked(self, label: str, address: str, note: str, network: str) -> tuple[str, str, str, str]:
        text = note.replace("\r\n", "\n").strip()
        if len(text) > NOTE_LENGTH or not all(letter.isprintable() or letter == "\n" for letter in text):
            raise Invalid(f"A note has up to {NOTE_LENGTH} visible characters. Nothing was changed.", "Shorten it.", field="note")
        place = network.strip()
        if place and place not in set(self._networks()):
            raise Invalid(f"There is no network “{place[:60]}”. Nothing was changed.", "Add it, or leave it out.", field="network")
        return clean_label(label), parse_address(address), text, place

    async def _write(self, made: Sequence[Contact]) -> None:
        from app.wallets.tables import contacts

        accounts = await self._accounts()

        def write(connection: sa.Connection) -> None:
            taken = _Taken(accounts, map(_contact, connection.execute(contacts.select())))
            for contact in made:
                taken.require_free(contact)
                taken.add(contact)
            connection.execute(contacts.insert(), [_values(contact) for contact in made])

        await self._change("contact.added", made, write)

    async def _change(self, kind: str, what: Sequence[Contact], change: Callable[[sa.Connection], object]) -> None:
        """Carry out an edit. Contacts lift warnings about recipients, so who shares a store can see who made them."""
        if self._database.dialect == "postgresql":
            said = [{"label": contact.label, "address": contact.address, "network": contact.network} for contact in what]
            await self._record(kind, {"contacts": said}, change)
        else:
            await self._database.write(change)
        self._bus.publish(ContactsChanged())


class _Taken:
    """Labels and addresses that are in use, by a look-up: a file may have thousands."""

    def __init__(self, accounts: Iterable[Account], contacts: Iterable[Contact]) -> None:
        self._accounts = {account.label.casefold(): account for account in accounts}
        self._own = {account.address: account for account in self._accounts.values()}
        self._labels: dict[str, Contact] = {}
        self._addresses: dict[str, list[Contact]] = {}
        for contact in contacts:
            self.add(contact)

    def add(self, contact: Contact) -> None:
        """This one is in use from now on."""
        self._labels[contact.label.casefold()] = contact
        self._addresses.setdefault(contact.address, []).append(contact)

    def same(self, made: Contact) -> Contact | None:
        """The contact that says just the same."""
        kept = self._labels.get(made.label.casefold())
        return kept if kept is not None and replace(kept, id="", created_at=0) == made else None

    def require_free(self, new: Contact) -> None:
        """Raises Conflict when an account or another contact has its label or address."""
        key = new.label.casefold()
        if owner := self._accounts.get(key):
            raise Conflict(
                f"The label “{owner.label}” belongs to an account of this console. Nothing was changed.",
                "Choose another.",
                field="label",
            )
        if owner := self._own.get(new.address):
            raise Conflict(
                f"{new.address} is your own account “{owner.label}”. Nothing was changed.", "It needs no contact.", field="address"
            )
        other = self._labels.get(key)
        if other is not None and other.id != new.id:
            raise Conflict(
                f"The label “{other.label}” belongs to another contact. Nothing was changed.", "Choose another.", field="label"
            )
        for other in self._addresses.get(new.address, ()):
            if other.id != new.id and (other.network == new.network or not (other.network and new.network)):
                raise Conflict(
                    f"{new.address} is already the contact “{other.label}”. Nothing was changed.", "Use it.", field="address"
                )


def _contact(row: Any) -> Contact:
    return Contact(row.id, row.label, checksum(row.address), row.note, row.network, int(row.created_at))


def _values(contact: Contact) -> dict[str, object]:
    return {
        "id": contact.id,
        "label": contact.label,
        "label_key": contact.label.casefold(),
        "address": bytes.fromhex(contact.address[2:]),
        "note": contact.note,
        "network": contact.network,
        "created_at": contact.created_at,
    }
