"""Who is about to be paid: known or new, really meant or only alike, somebody or something.

Address poisoning: an attacker makes an address whose first and last characters are those of one that the victim pays often, and
gets it into the victim's history. So an address is compared with everything known here before money goes to it, and only whom this
console paid itself counts as known, never who paid it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.operations.plans import PlanState, Verdict, VerdictLevel

if TYPE_CHECKING:
    from app.chain import Economy
    from app.operations import Operations
    from app.wallets.accounts import Account
    from app.wallets.contacts import Contact, Contacts

ZERO = "0x" + "00" * 20
BURNED = frozenset(("0x000000000000000000000000000000000000dEaD",))
PRECOMPILES = 0x10000  # EIP-1352: addresses below are, or are kept for, what every client has built in
PAYING = ("wallets.transfer", "wallets.payout")
_CLOSE, _NEAR, _ONE_END = 4, 3, 8  # hex digits: people and programs show four at each end


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A known address that another could be taken for. ``close`` when four digits at both ends are the same."""

    address: str
    name: str
    close: bool


class Book:
    """Everything known here about addresses, at one moment.

    Args:
        own: labels of accounts by address.
        contacts: every contact.
        paid: name of the plan that paid an address, by address.
    """

    def __init__(self, own: Mapping[str, str], contacts: Iterable[Contact], paid: Mapping[str, str]) -> None:
        self.own = own
        self.paid = paid
        self.contacts: dict[str, list[Contact]] = {}
        for contact in contacts:
            self.contacts.setdefault(contact.address, []).append(contact)
        self._ends: dict[str, list[str]] = {}
        for address in dict.fromkeys((*own, *self.contacts, *paid)):
            for end in _ends(address):
                self._ends.setdefault(end, []).append(address)

    def contact(self, address: str, network: str = "") -> Contact | None:
        """The contact that an address is on a network, or the one that it is on another."""
        found = self.contacts.get(address, ())
        return next((one for one in found if one.network in ("", network)), next(iter(found), None))

    def name(self, address: str, network: str = "") -> str:
        """What people here call the address, or empty."""
        contact = self.contact(address, network)
        return self.own.get(address) or (contact.label if contact else "")

    def names(self, network: str) -> dict[str, str]:
        """Labels by address of every account and contact, as a network knows them."""
        return {address: self.name(address, network) for address in (*self.contacts, *self.own)}

    def words(self, address: str) -> str:
        """How a sentence names a known address."""
        if address in self.own:
            return f"your account “{self.own[address]}”"
        if address in self.contacts:
            return f"the contact “{self.contacts[address][0].label}”"
        return f"the recipient of {self.paid[address]}"

    def look_alikes(self, address: str) -> tuple[LookAlike, ...]:
        """Known addresses that this one, which is another, could be taken for; the closest first."""
        found = {other for end in _ends(address) for other in self._ends.get(end, ()) if other != address}
        alike = [LookAlike(other, self.words(other), _close(address, other)) for other in sorted(found)]
        return tuple(sorted(alike, key=lambda one: not one.close))

    def knows(self, address: str) -> bool:
        """Whether it is an account, a contact, or was paid from here."""
        return address in self.own or address in self.contacts or address in self.paid


class Recipients:
    """Makes the book, and the verdicts on one recipient."""

    def __init__(self, operations: Operations, accounts: Callable[[], Awaitable[list[Account]]], contacts: Contacts) -> None:
        self._operations = operations
        self._accounts = accounts
        self._contacts = contacts
        self._paid: dict[str, tuple[str, list[str]]] = {}  # by plan id: its name and whom it paid; what is done stays done

    async def book(self, without_plan: str = "") -> Book:
        """What is known now. ``without_plan``: the plan that asks, which must not vouch for itself."""
        for plan_id, name, _, params in await self._operations.params_of(PAYING, (PlanState.DONE,), known=self._paid):
            self._paid[plan_id] = (name, _recipients(params))
        paid: dict[str, str] = {}  # the first plan that paid them: what a verdict says must not change with the next
        for plan_id, (name, recipients) in sorted(self._paid.items()):
            for recipient in recipients if plan_id != without_plan else ():
                paid.setdefault(recipient, name)
        own = {account.address: account.label for account in await self._accounts()}
        return Book(own, await self._contacts.list(), paid)


def recipient_verdicts(
    book: Book, recipient: str, sender: str, token: str, symbol: str, network: str, economy: Economy | None, compared: str = ""
) -> list[Verdict]:
    """What can be said about a recipient without asking the chain.

    Args:
        network: id of the network.
        compared: the recipient's address as it was entered a second time, from its source; lifts the block of a look-alike.
    """
    return [
        _possible(recipient, sender, token, symbol, economy),
        _known(book, recipient, network),
        _alike(book, recipient, compared),
    ]


def contract_names(economy: Economy | None) -> dict[str, str]:
    """The economy's own contracts by address."""
    if economy is None:
        return {}
    return {
        economy.token: "AzoraToken",
        economy.redemption: "Redemption",
        economy.mint_mine: "MintMine",
        economy.emission: "Emission",
    }


def contract_verdict(code: str, recipient: str, economy: Economy | None) -> Verdict | None:
    """A note when the recipient is a contract, by its code (``0x…``); accounts that delegate (EIP-7702) are none."""
    if code in ("0x", "") or code.lower().startswith("0xef0100"):
        return None
    ours = contract_names(economy)
    if recipient in ours:
        return Verdict(
            "wallets.contract",
            VerdictLevel.WARNING,
            f"The recipient is the economy's own contract {ours[recipient]}",
            "It takes nothing by a plain transfer: what is sent there stays there.",
        )
    return Verdict(
        "wallets.contract",
        VerdictLevel.NOTE,
        "The recipient is a contract",
        "It must know how to pass tokens on, or they stay there.",
    )


def contract_notes(codes: Mapping[str, str], economy: Economy | None) -> dict[str, str]:
    """What there is to say of recipients that are contracts, by address; ``codes`` is what each address holds (``0x…``)."""
    found = {address: contract_verdict(code, address, economy) for address, code in codes.items()}
    return {address: f"{verdict.text}. {verdict.detail}" for address, verdict in found.items() if verdict is not None}


def _possible(recipient: str, sender: str, token: str, symbol: str, economy: Economy | None) -> Verdict:
    rule = "wallets.recipient"
    if recipient == ZERO:
        return Verdict(rule, VerdictLevel.BLOCK, "The recipient is the zero address", "Whatever is sent there is lost.")
    if recipient in BURNED:
        return Verdict(rule, VerdictLevel.WARNING, "The recipient is an address for burning", "Whatever is sent there is lost.")
    if int(recipient, 16) < PRECOMPILES:
        return Verdict(
            rule, VerdictLevel.BLOCK, "The recipient is a built-in contract of every chain", "Whatever is sent there is lost."
        )
    tokens = {token: symbol} if token else {}
    if economy is not None:
        tokens.setdefault(economy.token, economy.token_symbol)
    if recipient in tokens:
        return Verdict(
            rule,
            VerdictLevel.BLOCK,
            f"The recipient is the {tokens[recipient]} contract itself",
            "Tokens sent there stay there for good.",
        )
    if recipient == sender:
        return Verdict(
            rule, VerdictLevel.WARNING, "Sender and recipient are the same account", "Only the network fee would be spent."
        )
    return Verdict(rule, VerdictLevel.PASS, "The recipient's address is well formed")


def _known(book: Book, recipient: str, network: str) -> Verdict:
    rule = "wallets.seen"
    if recipient in book.own:
        return Verdict(rule, VerdictLevel.PASS, f"The recipient is {book.own[recipient]}, an account of this console")
    contact = book.contact(recipient, network)
    if contact is not None and contact.network not in ("", network):
        return Verdict(
            rule,
            VerdictLevel.WARNING,
            f"The recipient is the contact {contact.label}, but on another network",
            f"The contact is kept for {contact.network} only: on this network the address may belong to somebody else.",
        )
    if contact is not None:
        return Verdict(rule, VerdictLevel.PASS, f"The recipient is the contact {contact.label}")
    if recipient in book.paid:
        return Verdict(rule, VerdictLevel.PASS, f"The recipient was paid before, by {book.paid[recipient]}")
    return Verdict(
        rule,
        VerdictLevel.NOTE,
        "This console has never sent anything to the recipient",
        "Compare the whole address with its source: look-alikes share the first and last characters.",
    )


def _alike(book: Book, recipient: str, compared: str) -> Verdict:
    rule = "wallets.lookalike"
    alike = () if recipient in book.own else book.look_alikes(recipient)
    if not alike:
        return Verdict(rule, VerdictLevel.PASS, "No known address looks like the recipient's")
    first = alike[0]
    text = f"The recipient looks like {first.name}, but is another address"
    detail = f"{recipient} is not {first.address}. Compare the characters in the middle."
    if not first.close or book.knows(recipient):
        return Verdict(rule, VerdictLevel.WARNING, text, detail)
    if compared == recipient:
        return Verdict(rule, VerdictLevel.WARNING, f"{text}; it was entered a second time from its source", detail)
    return Verdict(
        rule,
        VerdictLevel.BLOCK,
        text,
        f"{detail} This is how address poisoning works. If it is really meant, enter the whole address again from its source.",
    )


def _ends(address: str) -> tuple[str, str, str]:
    digits = address[2:].lower()
    return f"{digits[:_NEAR]}…{digits[-_NEAR:]}", f"{digits[:_ONE_END]}…", f"…{digits[-_ONE_END:]}"


def _close(one: str, other: str) -> bool:
    a, b = one[2:].lower(), other[2:].lower()
    return a[:_CLOSE] == b[:_CLOSE] and a[-_CLOSE:] == b[-_CLOSE:]


def _recipients(params: Mapping[str, object]) -> list[str]:
    rows = params.get("rows")
    if isinstance(rows, list):  # a payout
        return [str(row["address"]) for row in rows]
    return [str(params["recipient"])] if params.get("recipient") else []
